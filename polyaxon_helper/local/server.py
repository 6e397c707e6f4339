"""The part of Polyaxon's API that an experiment talks to, on a loopback port, answering as the real one was seen to."""
import json
import math
import re
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional

from .metrics import Metrics

MAX_BODY_BYTES = 2621440
SHUTDOWN_POLL = 0.02
"""Seconds after which the server sees that it is to stop."""
LAST_REQUESTS_TIMEOUT = 2
"""Seconds that requests under way at the script's end are given."""


class Answer(NamedTuple):
    status: int
    body: Optional[Any] = None  # as JSON; None: an empty body


class _Refused(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.answer = Answer(status, body)


@contextmanager
def serve(run: str, about: Dict[str, Any], metrics: Metrics) -> Iterator[str]:
    """Serve the API of the run at this path while the context lasts; gives its URL, http://127.0.0.1:PORT.

    `about` is the answer to who asks about the run.
    """
    server = _Server(("127.0.0.1", 0), partial(_Handler, run, about, metrics))
    thread = threading.Thread(target=server.serve_forever, args=[SHUTDOWN_POLL], daemon=True)
    thread.start()
    try:
        yield "http://127.0.0.1:{}".format(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.finish()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a process that the script left behind may hold its connection for ever

    def __init__(self, address: Any, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open = 0
        self._closed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._closed:
            self._open += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        with self._closed:
            self._open -= 1
            self._closed.notify_all()

    def finish(self) -> None:
        """Take what still waits, and give it time to be answered: a process that was killed may have sent its last."""
        self.timeout = 0
        self._waiting = True
        while self._waiting:
            self.handle_request()
        with self._closed:
            self._closed.wait_for(lambda: self._open == 0, LAST_REQUESTS_TIMEOUT)
        self.server_close()

    def handle_timeout(self) -> None:
        self._waiting = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that a dying script cut is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, run: str, about: Dict[str, Any], metrics: Metrics, *connection: Any) -> None:
        self.run, self.about, self.metrics = run, about, metrics
        super().__init__(*connection)  # which answers all its requests

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.answer_to(body)
        except _Refused as refused:
            answer = refused.answer
        text = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PATCH = do_POST = answer

    def answer_to(self, body: bytes) -> Answer:
        match = re.match("/api/v1{}(/[a-z_/]*)?$".format(re.escape(self.run)), self.path)
        if match is None:
            raise _Refused(404, {"detail": "Not found."})
        if not self.headers.get("Authorization"):
            raise _Refused(401, {"detail": "Authentication credentials were not provided."})
        if self.command == "POST" and match.group(1) == "/metrics/":
            try:
                return take(_parsed(self.headers, body), self.metrics)
            except _Refused:
                self.metrics.refuse()
                raise
        # run_env, statuses, heartbeat, tags, ...: taken and forgotten
        return Answer(201) if self.command == "POST" else Answer(200, {} if match.group(1) else self.about)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: stderr is the script's."""


def _parsed(headers: Any, body: bytes) -> Any:
    if headers.get_content_type() != "application/json" or "Content-Type" not in headers:
        raise _Refused(415, {"detail": "Unsupported media type in request."})
    if len(body) > MAX_BODY_BYTES:
        raise _Refused(400, {"detail": "The request is too large."})
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except ValueError as error:
        raise _Refused(400, {"detail": "JSON parse error - {}".format(error)}) from None


def _refuse_constant(constant: str) -> None:
    raise ValueError("{} is not JSON".format(constant))


def take(body: Any, metrics: Metrics) -> Answer:
    """Keep the entries of a request's body, a dict or a list of them, as the platform does.

    A dict that is not valid is refused with 400. A list is answered with 201 at once, and lost as a whole where one of
    its entries is not valid.
    """
    if isinstance(body, list):
        if all(map(_is_valid, body)):
            for entry in body:
                metrics.add(entry)
        else:
            metrics.lose(len(body))
        return Answer(201)
    if not _is_valid(body):
        raise _Refused(400, {"values": ["Not valid."]})
    metrics.add(body)
    return Answer(201)


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6}\d*)?)?(Z|[+-]\d{2}:?\d{2})?$")


def _is_valid(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("values"), dict):
        return False
    created_at = entry.get("created_at", "2026-11-22 00:37:16")
    return (
        isinstance(created_at, str)
        and _TIME.match(created_at) is not None
        and "\\u0000" not in json.dumps(entry)
        # 1e400 parses as an infinity
        and all(math.isfinite(value) for value in entry["values"].values() if isinstance(value, float))
    )
