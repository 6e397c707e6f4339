"""The requests to the API of a 0.x, and what its answers mean."""
import json
import os
import time
from collections import deque
from contextlib import suppress
from typing import Deque, Dict, List, Optional, Sequence
from urllib.parse import urlsplit

from ..replacements import FUNCTIONS
from ..request import Answer, Unsent, Unset, request
from . import tokens
from .journal import Experiment
from .tokens import Source

REQUESTS_A_MINUTE = 100  # the server's limit is 120, and others may send as the same user
MAX_RETRY_AFTER = 3600.0
REFUSALS, REFUSED_SECONDS = 3, 60  # how often, and over how long, a token has to be refused to be no good


class Refused(Exception):
    """The server takes the rest, perhaps, but not this batch."""


def url() -> Optional[str]:
    """Return the URL of the API's version that this run is told to use; None where no host is set."""
    host = next(filter(None, map(os.environ.get, FUNCTIONS["get_api"].variables)), None)
    return host and "{}/api/{}".format(host.rstrip("/"), os.environ.get("POLYAXON_API_VERSION") or "v1")


class Api:
    """Keeps what one process has learnt of the API."""

    def __init__(self) -> None:
        self.takes_lists = True
        self._refusals: Dict[str, List[float]] = {}
        self._burnt: Dict[str, Optional[Source]] = {}  # what became of ephemeral tokens
        self._times: Deque[float] = deque(maxlen=REQUESTS_A_MINUTE)
        self._retry_at = 0.0

    def ready_at(self) -> float:
        """Return the time.monotonic() from which a request is within the limit, and the server's Retry-After over."""
        return max(self._retry_at, self._times[0] + 60 if len(self._times) == REQUESTS_A_MINUTE else 0.0)

    def post(
        self, api: Optional[str], sources: Sequence[Source], experiment: Experiment, lines: List[bytes], seconds: float
    ) -> bool:
        """Send the entries, each request within so many seconds; False where the server, of 0.1, wants each alone."""
        if not api:
            raise Unset("POLYAXON_API_HTTP_HOST is not set")
        url = "{}/{}/{}/experiments/{}/".format(api, *experiment[:3])
        body = b"[" + b",".join(lines) + b"]" if self.takes_lists else lines[0]
        trouble: Unsent = Unset("every token was refused" if sources else "there is no token in the environment")
        for each in sorted(sources, key=lambda source: len(self._refusals.get(source.token, ()))):
            source = self._exchange(each, url, seconds) if each.scheme == tokens.EPHEMERAL else each
            if source is None or self._is_refused(source.token):
                continue
            answer = self._request(url + "metrics/", source, seconds, body)
            if answer.status == 201:
                self._refusals.pop(source.token, None)
                return True
            trouble = _failed(url, answer)
            if answer.status in (401, 403):
                self._refusals.setdefault(source.token, []).append(time.monotonic())
                continue
            if answer.status == 400 and self.takes_lists and b"Expected a dictionary" in answer.body:
                self.takes_lists = False
                return False
            if answer.status in (400, 413, 415):
                raise Refused(str(trouble))
            break
        raise trouble

    def _is_refused(self, token: str) -> bool:
        times = self._refusals.get(token, [])
        return len(times) >= REFUSALS and times[-1] - times[0] >= REFUSED_SECONDS

    def _exchange(self, source: Source, url: str, seconds: float) -> Optional[Source]:
        """Exchange the token, once: any attempt that the server sees burns it."""
        if source.token in self._burnt:
            return self._burnt[source.token]
        with tokens.exchanging() as alone:
            if not alone:
                raise Unsent("another process exchanges the ephemeral token")
            kept = tokens.kept()
            if kept and kept not in self._refusals:  # another process did
                return tokens.source("Token", kept)
            for endpoint in ("ephemeraltoken/", "token/"):  # since 0.3.9, and before
                answer = self._request(url + endpoint, source, seconds)
                if answer.status != 404:
                    break
            self._burnt[source.token] = None
            with suppress(ValueError, LookupError, TypeError):  # burnt by another; there may be one more source
                self._burnt[source.token] = tokens.keep(str(json.loads(answer.body.decode())["token"]))
        return self._burnt[source.token]

    def _request(self, url: str, source: Source, seconds: float, body: bytes = b"") -> Answer:
        """Return the answer; raise Unsent where another attempt may have a better one."""
        self._times.append(time.monotonic())
        answer = request("POST", url, source.headers, seconds, body)
        # what is really an error of the server comes as a 405, but not as its JSON
        is_html = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status in (408, 429) or answer.status >= 500 or answer.status == 405 and is_html:
            with suppress(ValueError):  # no number of seconds
                wait = max(0.0, min(float(answer.headers.get("Retry-After", 0)), MAX_RETRY_AFTER))
                self._retry_at = time.monotonic() + wait
            raise _failed(url, answer)
        return answer


def _failed(url: str, answer: Answer) -> Unsent:
    return Unsent("{} answered with status {}".format(urlsplit(url).hostname, answer.status))
