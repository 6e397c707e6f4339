"""One request to the Polyaxon API, and what its answer means."""
import json
import time
from collections import deque
from typing import Deque, Dict, List, Optional, Set, Tuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from . import tokens
from .journal import Experiment
from .sending import Later, Refused, Stopped

TIMEOUT = (3.05, 10)
"""Seconds to connect, and to wait for an answer."""

REQUESTS_A_MINUTE = 100  # the server's limit is 120, and others may send as the same user
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER = 3600.0


class Answer:
    """Status, kind, first bytes and Retry-After of a response."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.reason = "{} answered with status {}".format(urlsplit(response.url).hostname, self.status)
        self.body: bytes = response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
        try:
            seconds = Retry().get_retry_after(response.raw) or 0.0
        except HTTPError:  # neither seconds nor a date
            seconds = 0.0
        self.retry_after = max(0.0, min(seconds, MAX_RETRY_AFTER))
        # what is really an error of the server comes as a 405, but not as its JSON
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        self.is_passing = self.status in (408, 429) or self.status >= 500 or self.status == 405 and is_html


class Api:
    """The connection of one process."""

    def __init__(self) -> None:
        self.takes_lists = True
        self._session = requests.Session()
        self._refused: Set[str] = set()
        self._headers: Dict[str, str] = {}
        self._token = ""
        self._times: Deque[float] = deque(maxlen=REQUESTS_A_MINUTE)

    def ready_at(self) -> float:
        """The time.monotonic() from which a request is within the limit."""
        return self._times[0] + 60 if len(self._times) == REQUESTS_A_MINUTE else 0.0

    def post(self, api: Optional[str], experiment: Experiment, lines: List[bytes], seconds: float) -> int:
        """Send the entries within about so many seconds, or the first alone to a server of 0.1; how many it stored."""
        if not api:
            raise Stopped("POLYAXON_API_HTTP_HOST is not set")
        url = "{}/{}/{}/experiments/{}/".format(api, *experiment[:3])
        while True:
            self._authorise(url, seconds)
            body = b"[" + b",".join(lines) + b"]" if self.takes_lists else lines[0]
            answer = self._request(url + "metrics/", self._headers, seconds, body)
            if answer.status == 201:
                return len(lines) if self.takes_lists else 1
            if answer.status in (401, 403):
                self._refused.add(self._token)
                self._headers = {}
            elif answer.status == 400 and self.takes_lists and b"Expected a dictionary" in answer.body:
                self.takes_lists = False
            elif answer.status in (400, 413, 415):
                raise Refused(answer.reason)
            elif answer.is_passing:
                raise Later(answer.reason, answer.retry_after)
            else:
                raise Stopped(answer.reason)

    def _authorise(self, url: str, seconds: float) -> None:
        """Have the headers of the best token that was not refused."""
        while not self._headers:
            left = [source for source in tokens.candidates() if source[1] not in self._refused]
            if not left:
                raise Stopped("every token was refused" if self._refused else "there is no token in the environment")
            scheme, self._token = left[0]
            if scheme == tokens.EPHEMERAL:
                self._exchange(url, self._token, seconds)
            else:
                self._headers = tokens.headers(scheme, self._token)

    def _exchange(self, url: str, token: str, seconds: float) -> None:
        """Exchange the token, once: any attempt that the server sees burns it."""
        with tokens.exchanging() as alone:
            if not alone:
                raise Later("another process exchanges the ephemeral token")
            if tokens.kept() not in self._refused | {None}:
                return  # another process did
            for endpoint in ("ephemeraltoken/", "token/"):  # since 0.3.9, and before
                answer = self._request(url + endpoint, tokens.headers(tokens.EPHEMERAL, token), seconds)
                if answer.status != 404:
                    break
            if answer.is_passing:
                raise Later(answer.reason, answer.retry_after)
            self._refused.add(token)
            try:
                tokens.keep(str(json.loads(answer.body.decode())["token"]))
            except (ValueError, LookupError, TypeError):  # burnt by another; there may be one more source
                pass

    def _request(self, url: str, headers: Dict[str, str], seconds: float, body: bytes = b"") -> Answer:
        def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(headers)
            return request

        self._times.append(time.monotonic())
        timeout: Tuple[float, float] = (min(TIMEOUT[0], seconds), min(TIMEOUT[1], seconds))
        try:
            # As `auth`, because a .netrc would replace a plain Authorization header; to no other host, so no redirects
            with self._session.post(
                url, data=body, headers={"Content-Type": "application/json"}, auth=authorise, timeout=timeout,
                allow_redirects=False, stream=True,
            ) as response:
                return Answer(response)
        except ValueError as error:  # such as a URL that is none
            raise Stopped("{} for POLYAXON_API_HTTP_HOST".format(type(error).__name__)) from None
        except Exception as error:  # the network's; a library's text may quote a header: its name must do
            raise Later(type(error).__name__, slow=isinstance(error, requests.ReadTimeout)) from None
