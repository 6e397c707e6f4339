"""Makes one HTTP request, which takes no longer than the caller says, whatever the server does."""
import re
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

from . import late
from .threads import TooLong, aside

CONNECT_SECONDS = 3.05
_IN_HEADERS = re.compile(r"[ -~\x80-\xff]*\Z")
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class Unsent(Exception):
    """No answer came; another attempt may have one. The text says why, and quotes no secret."""


class Slow(Unsent):
    """No answer came in time."""


class Unset(Unsent):
    """A setting has to change, or a package to be installed, before there can be an answer."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes  # the first MAX_ANSWER_BYTES


def request(method: str, url: str, headers: Mapping[str, str], seconds: float, body: Optional[bytes] = None) -> Answer:
    """Send a request, of a JSON body if any, to this host and no other, and return the answer.

    Raises Unsent where none comes within so many seconds.
    """
    arguments = _arguments(method, url, {"Content-Type": "application/json", **headers}, body)
    try:  # a socket's timeout is one of each read
        timeout = min(CONNECT_SECONDS, seconds), seconds
        return aside(lambda: _request(timeout=timeout, **arguments), seconds, "request")
    except TooLong:
        raise Slow("no answer within {:.3g} s".format(seconds)) from None


def stream(
    method: str, url: str, headers: Mapping[str, str], part_seconds: float, answer_seconds: float, length: int,
    parts: Iterator[bytes]
) -> Answer:
    """Do what `request` does with a body in parts, which together are so many bytes, however long that takes.

    Raises Unsent where a part, or the answer, takes longer than it may.
    """
    return _request(timeout=(part_seconds, answer_seconds), **_arguments(method, url, headers, _Body(length, parts)))


class _Body:
    """Gives requests a body in parts, of a known length: only then it neither keeps them nor sends them as chunks."""

    def __init__(self, length: int, parts: Iterator[bytes]) -> None:
        self._length, self._parts = length, parts

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


def _arguments(method: str, url: str, headers: Mapping[str, str], body: Any) -> Dict[str, Any]:
    try:
        library = late.requests()
    except late.UnderWay:
        raise Unsent("requests can't be imported while something else is, or at the very end") from None
    except Exception as error:
        raise Unset("requests can't be imported: {}".format(type(error).__name__)) from None
    if not all(map(_IN_HEADERS.match, [*headers, *headers.values()])):
        raise Unset("the token, or a header that a variable names, has what no header can have")
    # `auth` keeps requests from putting a .netrc's Authorization in place of ours
    return dict(library=library, method=method, url=url, data=body, auth=lambda prepared: prepared,
                allow_redirects=False, stream=True, headers={"Accept-Encoding": "identity", **headers})


def _request(library: Any, **arguments: Any) -> Answer:
    # A connection a request: a script that closes descriptors that it does not know, or forks, finds none of ours
    try:
        with library.Session() as session, session.request(**arguments) as response:
            answer = Answer(response.status_code, response.headers, response.raw.read(MAX_ANSWER_BYTES))
            # at exit the session itself leaves its connection to be collected, with a ResourceWarning
            (getattr(response.raw, "_pool", None) or session).close()
            return answer
    except Exception as error:  # a library's text may quote a header: the name of its class must do
        name, errors = type(error).__name__, library.exceptions
        if isinstance(error, errors.InvalidProxyURL):
            raise Unset(name + ": a proxy's variable, such as HTTP_PROXY, is no URL") from None
        if isinstance(error, ValueError):
            raise Unset(name + ": the API's host is no URL") from None
        raise (Slow if isinstance(error, errors.ReadTimeout) else Unsent)(name) from None
