"""One request to the Polyaxon API, and what its answer means."""
import json
import time
from collections import deque
from contextlib import suppress
from typing import Deque, Dict, List, Optional, Set, Tuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from . import tokens
from .journal import Experiment
from .sending import Later, Refused, Slow, Stopped

TIMEOUT = (3.05, 10)  # seconds to connect, and to wait for an answer
REQUESTS_A_MINUTE = 100  # the server's limit is 120, and others may send as the same user
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER = 3600.0


class Api:
    """The connection of one process."""

    def __init__(self) -> None:
        self.takes_lists = True
        self._session = requests.Session()
        self._refused: Set[str] = set()
        self._headers: Dict[str, str] = {}
        self._token = ""
        self._times: Deque[float] = deque(maxlen=REQUESTS_A_MINUTE)
        self._retry_at = 0.0
        self.close = self._session.close

    def ready_at(self) -> float:
        """The time.monotonic() from which a request is within the limit, and the server's Retry-After over."""
        return max(self._retry_at, self._times[0] + 60 if len(self._times) == REQUESTS_A_MINUTE else 0.0)

    def post(self, api: Optional[str], experiment: Experiment, lines: List[bytes], seconds: float) -> bool:
        """Send the entries within about so many seconds; False where the server, of 0.1, wants each of them alone."""
        if not api:
            raise Stopped("POLYAXON_API_HTTP_HOST is not set")
        url = "{}/{}/{}/experiments/{}/".format(api, *experiment[:3])
        body = b"[" + b",".join(lines) + b"]" if self.takes_lists else lines[0]
        while True:
            self._authorise(url, seconds)
            status, answer = self._request(url + "metrics/", self._headers, seconds, body)
            if status == 201:
                return True
            if status in (401, 403):
                self._refused.add(self._token)
                self._headers = {}
            elif status == 400 and self.takes_lists and b"Expected a dictionary" in answer:
                self.takes_lists = False
                return False
            else:
                reason = "{} answered with status {}".format(urlsplit(url).hostname, status)
                raise Refused(reason) if status in (400, 413, 415) else Stopped(reason)

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
                status, answer = self._request(url + endpoint, tokens.headers(tokens.EPHEMERAL, token), seconds)
                if status != 404:
                    break
            self._refused.add(token)
            with suppress(ValueError, LookupError, TypeError):  # burnt by another; there may be one more source
                tokens.keep(str(json.loads(answer.decode())["token"]))

    def _request(self, url: str, headers: Dict[str, str], seconds: float, body: bytes = b"") -> Tuple[int, bytes]:
        """Status and first bytes of the answer; Later where another attempt may have a better one."""
        self._times.append(time.monotonic())
        try:
            # to no other host, so no redirects
            with self._session.post(
                url, data=body, headers={"Content-Type": "application/json"}, auth=tokens.authorising(headers),
                allow_redirects=False, stream=True, timeout=(min(TIMEOUT[0], seconds), min(TIMEOUT[1], seconds)),
            ) as response:
                status, answer = response.status_code, response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
        except ValueError as error:  # such as a URL that is none
            raise Stopped("{} for POLYAXON_API_HTTP_HOST".format(type(error).__name__)) from None
        except Exception as error:  # the network's; a library's text may quote a header: its name must do
            raise (Slow if isinstance(error, requests.ReadTimeout) else Later)(type(error).__name__) from None
        # what is really an error of the server comes as a 405, but not as its JSON
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        if status in (408, 429) or status >= 500 or status == 405 and is_html:
            self._retry_at = time.monotonic() + _retry_after(response)
            raise Later("{} answered with status {}".format(urlsplit(url).hostname, status))
        return status, answer


def _retry_after(response: requests.Response) -> float:
    try:
        return max(0.0, min(Retry().get_retry_after(response.raw) or 0.0, MAX_RETRY_AFTER))
    except HTTPError:  # neither seconds nor a date
        return 0.0
