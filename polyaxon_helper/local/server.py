"""Serves what an experiment wants of Polyaxon's API on a loopback port, as the real one does, and keeps its metrics."""
import hmac
import json
import os
import re
import select
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, Tuple

from ..files import write
from .values import loads

MAX_BODY_BYTES = 2621440
SHUTDOWN_POLL = 0.02  # seconds after which the server sees that it is to stop
REQUEST_TIMEOUT = 5  # seconds in which a part of a request has to arrive; at the end it is waited for


@contextmanager
def serve(url_path: str, about: Dict[str, Any], token: str, path: str) -> Iterator[Tuple[str, Dict[str, int]]]:
    """Serve the API of the run at this path of a URL while the context lasts, and add its metrics to a file.

    That is JSON Lines, each `{"created_at": TIME, "values": {NAME: NUMBER, ...}}`. `about` answers who asks about the
    run; other tokens are refused. Gives the URL, and how many metrics are not kept, by the text to say so.
    """
    troubles: Dict[str, int] = Counter()
    write(path, os.O_APPEND | os.O_CREAT, b"", 0o666)  # so that it is there; an earlier run's metrics stay
    server = _Server(("127.0.0.1", 0), _Handler)
    given = {"url_path": url_path, "about": about, "token": token, "path": path, "troubles": troubles}
    vars(server).update(given, lock=threading.Lock())
    thread = threading.Thread(target=server.serve_forever, args=[SHUTDOWN_POLL], daemon=True)
    thread.start()
    try:
        yield "http://127.0.0.1:{}".format(server.server_port), troubles
    finally:
        server.shutdown()
        thread.join()
        while select.select([server], [], [], 0)[0]:  # a process that was killed may have sent its last
            server.handle_request()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for what is being answered

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that a dying script cut."""


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT
    server: Any  # with what serve() gives it

    def answer(self) -> None:
        status, answer = self.answer_to(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PATCH = do_POST = answer

    def answer_to(self, body: bytes) -> Tuple[int, Any]:
        """Return the status, and what becomes JSON, of None an empty body."""
        match = re.match("/api/v1{}(/[a-z_/]*)?$".format(re.escape(self.server.url_path)), self.path)
        if match is None:
            return 404, {"detail": "Not found."}
        token = (self.headers.get("Authorization") or "").rpartition(" ")[2]
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            return 401, {"detail": "Authentication credentials were not provided."}
        if self.command != "POST":
            return 200, {} if match.group(1) else self.server.about
        if match.group(1) != "/metrics/":
            return 201, None  # run_env, statuses, heartbeat, tags, ...: taken and forgotten
        answer = self.take(body)
        if answer[0] != 201:
            with self.server.lock:
                self.server.troubles["{} requests with metrics were refused, as Polyaxon would"] += 1
        return answer

    def take(self, body: bytes) -> Tuple[int, Any]:
        """Keep entries, a dict or a list of them. A bad dict is refused; a list with a bad one is lost, unsaid."""
        if self.headers.get_content_type() != "application/json" or "Content-Type" not in self.headers:
            return 415, {"detail": "Unsupported media type in request."}
        if len(body) > MAX_BODY_BYTES:
            return 400, {"detail": "The request is too large."}
        try:
            entries = loads(body.decode("utf-8"))
        except ValueError as error:
            return 400, {"detail": "JSON parse error - {}".format(error)}
        many = entries if isinstance(entries, list) else [entries]
        if all(map(_is_valid, many)):
            now = str(datetime.now(timezone.utc))
            lines = "".join(json.dumps({"created_at": now, **entry}) + "\n" for entry in many)
            with self.server.lock:  # on a full disk the request fails, and is sent again
                write(self.server.path, os.O_APPEND, lines.encode(), 0o666)
        elif many is entries:
            with self.server.lock:
                self.server.troubles["{} entries would be lost on Polyaxon: one of a batch was not valid"] += len(many)
        else:
            return 400, {"values": ["Not valid."]}
        return 201, None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: stderr is the script's."""


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6}\d*)?)?(Z|[+-]\d{2}:?\d{2})?$")


def _is_valid(entry: Any) -> bool:
    try:
        text = json.dumps(entry, allow_nan=False)  # 1e400 parses as an infinity
        is_dated = _TIME.match(entry.get("created_at", "2026-11-22 00:37:16"))
        return bool(is_dated) and isinstance(entry["values"], dict) and "\\u0000" not in text
    except (ValueError, TypeError, LookupError, AttributeError):
        return False
