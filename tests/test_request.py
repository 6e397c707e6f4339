"""One request: what it takes in time and memory is bounded, whatever the server does, and what failed is named."""
import gzip
import time
import tracemalloc
from typing import Any, List

import pytest

from polyaxon_helper import late
from polyaxon_helper.request import MAX_ANSWER_BYTES, Slow, Unsent, Unset, request

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n"


def test_an_answer(serve: Any) -> None:
    answer = request("POST", serve([HEAD % (2, b"X-Y: z\r\n"), b"{}"]), {"A": "b"}, 10, b"{}")
    assert (answer.status, answer.headers["x-y"], answer.body) == (200, "z", b"{}")


BYTES = [HEAD % (1000, b"")] + [b"x"] * 1000
NEVER: List[Any] = [
    pytest.param([b""], 0, id="nothing"),
    pytest.param([bytes([byte]) for byte in HEAD % (0, b"")], 0.1, id="its head by the byte"),
    pytest.param([b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n"] * 1000, 0.1, id="headers without end"),
    pytest.param(BYTES, 0.1, id="its body by the byte"),
]


@pytest.mark.parametrize("chunks, seconds", NEVER)
def test_who_never_answers_is_given_up_in_time(serve: Any, chunks: List[bytes], seconds: float) -> None:
    began = time.monotonic()
    with pytest.raises(Slow):
        request("GET", serve(chunks, seconds, wait=True), {}, 0.5)
    assert 0.4 < time.monotonic() - began < 5


ZEROS = gzip.compress(gzip.compress(b"\0" * 50000000, 1), 1)
LARGE: List[Any] = [
    pytest.param(b"", b"x" * (MAX_ANSWER_BYTES + 1), id="more than the limit"),
    pytest.param(b"Content-Encoding: gzip, gzip\r\n", ZEROS, id="compressed twice, though nobody asked for it"),
]


@pytest.mark.parametrize("headers, body", LARGE)
def test_a_large_answer_is_read_up_to_the_limit_and_not_unpacked(serve: Any, headers: bytes, body: bytes) -> None:
    request("GET", serve([HEAD % (2, b""), b"{}"]), {}, 10)  # what is imported does not count
    url = serve([HEAD % (len(body), headers), body])
    tracemalloc.start()
    try:
        assert request("GET", url, {}, 10).body == body[:MAX_ANSWER_BYTES]
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_ANSWER_BYTES
    finally:
        tracemalloc.stop()


FAILS: List[Any] = [
    pytest.param("nowhere", {}, Unset, "MissingSchema: the API's host is no URL", id="no URL"),
    pytest.param("http://127.0.0.1:9/", {"A": "a secret\n"}, Unset, "what no header can have", id="no header"),
    pytest.param("http://127.0.0.1:9/", {"A": "a secret \u4e2d"}, Unset, "what no header can have", id="other letters"),
    pytest.param("http://127.0.0.1:9/", {}, Unsent, "^ConnectionError$", id="nobody there"),
    pytest.param("http://a secret@127.0.0.1:9/", {}, Unsent, "^ConnectionError$", id="nobody there, with a password"),
]


@pytest.mark.parametrize("url, headers, kind, text", FAILS)
def test_what_fails_is_named_and_no_secret_told(url: str, headers: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        request("GET", url, headers, 10)
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None


def test_a_redirect_is_not_followed(serve: Any) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    assert request("GET", serve([head]), {}, 10).status == 302


def test_where_no_thread_can_be_started_it_is_done_in_the_callers(serve: Any, monkeypatch: Any) -> None:
    url = serve([HEAD % (2, b""), b"{}"])

    def refuse(thread: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert request("GET", url, {}, 10).body == b"{}"


def test_in_the_midst_of_an_import_nothing_is_sent(monkeypatch: Any) -> None:
    def under_way() -> None:
        raise late.UnderWay

    monkeypatch.setattr(late, "requests", under_way)
    with pytest.raises(Unsent, match="while something else is"):
        request("GET", "http://127.0.0.1:9/", {}, 10)
