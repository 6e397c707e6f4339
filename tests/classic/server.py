"""Polyaxon's API as its releases were seen to answer, with faults on request; told what to do on a second port.

    python server.py        prints the port of the API, of the controls and of another host's

Controls, POST with JSON in and out: /reset {era, ...}, /fault [{...}, ...], /away, /back, /wait {stored}, /seen
"""
import json
import math
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Optional, Set

PATH = "/api/v1/u/p/experiments/7/"
WAIT = 50
"""Seconds in which what a test waits for has to come."""

ERAS: Dict[str, Dict[str, Any]] = {
    # lists: taken at all; exchange: the endpoint of ephemeral tokens; bad: status for a bad token
    "0.1.8": {"lists": False, "exchange": None, "bad": 403},
    "0.2.9": {"lists": True, "exchange": "token/", "bad": 403},
    "0.4.4": {"lists": True, "exchange": "ephemeraltoken/", "bad": 403},
    "0.5.6": {"lists": True, "exchange": "ephemeraltoken/", "bad": 401},
}


class State:
    def __init__(self, era: str = "0.5.6", token: str = "t", ephemeral: str = "", poison: str = "", most: int = 0,
                 throttle: bool = False) -> None:
        self.rules = ERAS[era]
        self.authorizations = {"InternalToken " + token} if era == "0.1.8" else {"Token " + token}
        self.ephemeral, self.token = ephemeral, token
        self.poison = poison  # a metric whose entry is refused, and with it its batch
        self.most = most  # entries in a list, else 413
        self.throttle = throttle
        self.faults: List[Dict[str, Any]] = []
        self.requests: List[Dict[str, Any]] = []
        self.stored: List[Any] = []
        self.lost = 0
        self.elsewhere = 0
        self.connections = 0
        self.over = threading.Event()


state = State()
changed = threading.Condition()
connections: Set[Any] = set()
api: Optional[Any] = None


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, text: str = "", kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())


class Api(Handler):
    def setup(self) -> None:
        super().setup()
        state.connections += 1
        connections.add(self.connection)

    def finish(self) -> None:
        connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        now = state
        body = self.body()
        with changed:
            now.requests.append({"path": self.path, "body": body.decode(), "at": time.monotonic(),
                                 "headers": {k.lower(): v for k, v in self.headers.items()}})
            fault = self.next_fault(now)
            changed.notify_all()
        kind = fault.get("kind")
        if kind == "mute":
            now.over.wait()
            self.close_connection = True
        elif kind == "status":
            self.answer(fault["status"], fault.get("body", ""), fault.get("type", "application/json"),
                        **fault.get("headers", {}))
        elif kind == "error":
            self.answer(405, "", "text/html")
        elif kind == "redirect":
            self.answer(307, Location="http://localhost:{}{}".format(other.server_port, self.path))
        elif kind == "cut":  # stored, and the connection closed in the middle of the answer
            self.take(now, body)
            self.wfile.write(b"HTTP/1.1 201 Cre")
            self.close_connection = True
        elif kind == "drip":
            self.take(now, body)
            for byte in b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}":
                self.wfile.write(bytes([byte]))
                now.over.wait(fault.get("pace", 0.002))
        elif kind == "junk":
            self.take(now, body)
            self.answer(200 if "token" in self.path else 201, "]{not json")
        else:
            self.answer(*self.take(now, body))

    def next_fault(self, now: State) -> Dict[str, Any]:
        for fault in now.faults:
            if fault.get("path", "") in self.path and fault.get("times", 1) != 0:
                fault["times"] = fault.get("times", 1) - 1  # negative: for ever
                return fault
        return {}

    def take(self, now: State, body: bytes) -> Any:
        if now.throttle and len(now.requests) > 120 and now.requests[-1]["at"] - now.requests[-121]["at"] < 60:
            return 429, '{"detail": "Request was throttled."}', "application/json"
        authorization = self.headers.get("Authorization", "")
        if now.rules["exchange"] and self.path == PATH + now.rules["exchange"]:
            good = now.ephemeral and authorization == "EphemeralToken " + now.ephemeral
            now.ephemeral = ""  # any attempt burns it
            return (200, json.dumps({"token": now.token})) if good else (401, '{"detail": "Invalid token."}')
        if self.path != PATH + "metrics/":
            return 404, '{"detail": "Not found."}'
        if authorization not in now.authorizations:
            return now.rules["bad"], '{"detail": "Invalid token."}'
        if self.headers.get("Content-Type") != "application/json":
            return 415, '{"detail": "Unsupported media type."}'
        return store(now, body)


def store(now: State, body: bytes) -> Any:
    """Keep the entries of a request's body, or refuse it."""
    if len(body) > 2621440:
        return 400, "<h1>Bad Request</h1>", "text/html"
    try:
        found = json.loads(body.decode(), parse_constant=refuse)
    except ValueError:
        return 400, '{"detail": "JSON parse error"}'
    entries = found if isinstance(found, list) else [found]
    if entries is found and not now.rules["lists"]:
        return 400, '{"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}'
    if now.most and len(entries) > now.most:
        return 413, "", "text/html"
    if any(now.poison and now.poison in entry["values"] for entry in entries):
        return 400, '{"values": ["Not this one."]}'
    with changed:
        if all(map(is_valid, entries)):
            now.stored.extend(entries)
        elif entries is found:
            now.lost += len(entries)  # and 201 all the same
        else:
            return 400, '{"values": ["Not valid."]}'
        changed.notify_all()
    return 201, ""


def refuse(constant: str) -> None:
    raise ValueError(constant)


def is_valid(entry: Any) -> bool:
    return (
        set(entry) == {"values", "created_at"} and isinstance(entry["created_at"], str)
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in entry["values"].values())
        and "\\u0000" not in json.dumps(entry)
    )


class Elsewhere(Handler):
    def do_POST(self) -> None:
        self.body()
        state.elsewhere += 1
        self.answer(201)


class Controls(Handler):
    def do_POST(self) -> None:
        asked = json.loads(self.body().decode() or "null")
        self.answer(200, json.dumps(getattr(self, self.path.strip("/"))(asked)))

    def reset(self, asked: Any) -> None:
        global state
        state.over.set()
        state = State(**asked)
        self.back(None)

    def fault(self, asked: Any) -> None:
        with changed:
            state.faults = asked

    def away(self, asked: Any) -> None:
        global api
        if api:
            api.shutdown()
            api.server_close()
        for connection in list(connections):
            connection.shutdown(socket.SHUT_RDWR)
        api = None

    def back(self, asked: Any) -> None:
        global api
        if not api:
            api = serve(Api, api_port)

    def wait(self, asked: Any) -> bool:
        with changed:
            return changed.wait_for(
                lambda: all(len(getattr(state, what)) >= number for what, number in asked.items()), timeout=WAIT)

    def seen(self, asked: Any) -> Dict[str, Any]:
        with changed:
            return {name: getattr(state, name) for name in ("requests", "stored", "lost", "elsewhere", "connections")}


def serve(handler: Any, port: int = 0) -> Quiet:
    server = Quiet(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


if __name__ == "__main__":
    api = serve(Api)
    api_port = api.server_port
    other = serve(Elsewhere)
    controls = serve(Controls)
    sys.stdout.write("{} {} {}\n".format(api_port, controls.server_port, other.server_port))
    sys.stdout.flush()
    sys.stdin.read()  # until the tests are over
