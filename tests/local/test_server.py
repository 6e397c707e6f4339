"""The loopback API answers as the real one was seen to."""
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import requests

from polyaxon_helper.local import server
from polyaxon_helper.local.server import serve

TOKEN = "0123abcd"
AUTHORISED = {"Authorization": "Token " + TOKEN}
ENTRY = {"values": {"loss": 0.5}, "created_at": "2026-11-22 00:37:16.310707+00:00"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Tuple[str, Dict[str, int], Path]]:
    path = tmp_path / "metrics.jsonl"
    with serve("/u/p/experiments/7", {}, TOKEN, str(path)) as (host, troubles):
        yield host + "/api/v1/u/p/experiments/7", troubles, path


def post(url: str, body: Any, **headers: str) -> "requests.Response":
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(url, data=data, headers={**AUTHORISED, "Content-Type": "application/json", **headers},
                         timeout=10)


# (body of the request, status, values that are kept)
BODIES: List[Any] = [
    pytest.param([], 201, [], id="an empty list"),
    pytest.param({"values": {}}, 201, [{}], id="no values"),
    pytest.param(ENTRY, 201, [ENTRY["values"]], id="a dict"),
    pytest.param([ENTRY, ENTRY], 201, [ENTRY["values"]] * 2, id="a list"),
    pytest.param({"values": {"a": True, "b": 2}, "unknown": 1}, 201, [{"a": True, "b": 2}], id="an unknown field"),
    pytest.param({"values": {"a": "text", "b": None}}, 201, [{"a": "text", "b": None}], id="a text and a null"),
    pytest.param({"values": None}, 400, [], id="values null"),
    pytest.param({}, 400, [], id="values missing"),
    pytest.param("7", 400, [], id="no object"),
    pytest.param('{"values": {"a": NaN}}', 400, [], id="NaN"),
    pytest.param('{"values": {"a": 1e400}}', 400, [], id="beyond a double"),
    pytest.param({"values": {"a\0": 1}}, 400, [], id="a NUL"),
    pytest.param('[{"values": {"a": 1e400}}]', 201, [], id="beyond a double, in a list"),
    pytest.param({"values": {"a": 1}, "created_at": None}, 400, [], id="created_at null"),
    pytest.param({"values": {"a": 1}, "created_at": 1574382000}, 400, [], id="created_at an epoch"),
    pytest.param({"values": {"a": 1}, "created_at": "today"}, 400, [], id="created_at junk"),
    pytest.param("{", 400, [], id="no JSON"),
    pytest.param(b"\xff", 400, [], id="no UTF-8"),
    pytest.param(b" " * 2621441, 400, [], id="too large"),
]


@pytest.mark.parametrize("body, status, kept", BODIES)
def test_metrics(body: Any, status: int, kept: List[Dict[str, Any]], api: Any) -> None:
    url, _, path = api
    assert post(url + "/metrics/", body).status_code == status
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["values"] for entry in entries] == kept
    assert all(entry["created_at"] for entry in entries)


def test_a_list_with_one_bad_entry_is_lost_as_a_whole_and_that_is_told(api: Any) -> None:
    url, troubles, path = api
    answer = post(url + "/metrics/", [ENTRY, {"values": None}])
    assert (answer.status_code, answer.content, path.read_text()) == (201, b"", "")
    assert troubles == {"{} entries would be lost on Polyaxon: one of a batch was not valid": 2}


def test_what_is_refused_is_told(api: Any) -> None:
    url, troubles, _ = api
    post(url + "/metrics/", '[{"values": {"loss": NaN}}]')
    assert troubles == {"{} requests with metrics were refused, as Polyaxon would": 1}


REQUESTS: List[Any] = [
    pytest.param("POST", "/_heartbeat/", {}, 201, "", id="heartbeat"),
    pytest.param("PATCH", "/", {}, 200, "{}", id="run_env"),
    pytest.param("POST", "/metrics/", {"Content-Type": "text/plain"}, 415, "Unsupported", id="another content type"),
    pytest.param("POST", "/metrics/", {"Authorization": "Bearer " + TOKEN}, 201, "", id="another scheme"),
    pytest.param("POST", "/metrics/", {"Authorization": ""}, 401, "credentials", id="no token"),
    pytest.param("POST", "/metrics/", {"Authorization": "Token of another run"}, 401, "credentials",
                 id="another token"),
    pytest.param("GET", "/", {"Authorization": "Token " + TOKEN[:-1]}, 401, "credentials", id="a part of the token"),
    pytest.param("POST", "/../8/metrics/", {}, 404, "Not found.", id="another experiment"),
]


@pytest.mark.parametrize("method, path, headers, status, text", REQUESTS)
def test_other_requests(method: str, path: str, headers: Dict[str, str], status: int, text: str, api: Any) -> None:
    answer = requests.request(method, api[0] + path, data='{"values": {}}', timeout=10,
                              headers={**AUTHORISED, "Content-Type": "application/json", **headers})
    assert answer.status_code == status
    assert text in answer.text


def test_a_request_that_comes_when_the_script_has_ended_is_answered(tmp_path: Path, monkeypatch: Any) -> None:
    import socket

    connections: List[socket.socket] = []
    shut_down = server._Server.shutdown

    def late(self: Any) -> None:
        shut_down(self)
        connections.append(socket.create_connection(self.server_address))
        body = json.dumps(ENTRY).encode()
        connections[0].sendall(b"POST /api/v1/u/p/experiments/7/metrics/ HTTP/1.1\r\nAuthorization: Token %s\r\n"
                               b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (TOKEN.encode(), len(body), body))

    monkeypatch.setattr(server._Server, "shutdown", late)
    with serve("/u/p/experiments/7", {}, TOKEN, str(tmp_path / "metrics.jsonl")):
        pass
    with connections[0] as connection:
        assert connection.recv(100).startswith(b"HTTP/1.0 201 ")
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == ENTRY


def test_a_connection_that_is_cut_is_no_news(api: Any, capfd: Any) -> None:
    import socket
    import struct
    from urllib.parse import urlsplit

    host = urlsplit(api[0])
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not closed
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    assert post(api[0] + "/metrics/", ENTRY).status_code == 201
    assert capfd.readouterr().err == ""
