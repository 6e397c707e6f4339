"""Finds the token, in the client's order: what a file has beats the environment.

    /plx-context/.authtoken             written by Polyaxon 0.3.9 and later
    /tmp/.polyaxon/.authtoken           what the next one was exchanged for, by us or the client, in any process
    POLYAXON_SECRET_EPHEMERAL_TOKEN     good for one exchange, whoever makes it
    POLYAXON_SECRET_USER_TOKEN, POLYAXON_USER_TOKEN
    POLYAXON_INTERNAL_SECRET_TOKEN      the cluster's own, at 0.1
"""
import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from ..replacements import FUNCTIONS
from .journal import lock

CONTEXT_FILE = "/plx-context/.authtoken"
KEPT_FILE = "/tmp/.polyaxon/.authtoken"
KEY = "POLYAXON_SECRET_USER_TOKEN"
EPHEMERAL = "EphemeralToken"  # the scheme of a token that is no use but to be exchanged

_exchanged: Optional[str] = None  # where it could not be kept in the file


def user_token() -> Optional[str]:
    """The token of a file, else of the environment; without exchanging an ephemeral one."""
    return next((token for scheme, token in candidates() if scheme == "Token"), None)


def candidates() -> Iterator[Tuple[str, str]]:
    """Scheme and token of every source that has one, best first."""
    sources = [
        ("Token", token_in(CONTEXT_FILE, KEY)),
        ("Token", kept()),
        (EPHEMERAL, os.environ.get("POLYAXON_SECRET_EPHEMERAL_TOKEN")),
        *(("Token", os.environ.get(variable)) for variable in FUNCTIONS["get_user_token"].variables),
        ("InternalToken", os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")),
    ]
    for scheme, token in sources:
        if token and token.strip():
            yield scheme, token.strip()


def headers(scheme: str, token: str) -> Dict[str, str]:
    """The request headers that authorise with this token, as a request from within the cluster."""
    name, service = os.environ.get("POLYAXON_INTERNAL_HEADER"), os.environ.get("POLYAXON_INTERNAL_HEADER_SERVICE")
    if scheme == "InternalToken":
        name, service = "X-POLYAXON-INTERNAL", "helper"
    return {"Authorization": "{} {}".format(scheme, token), **({name: service} if name and service else {})}


def authorising(headers: Dict[str, str]) -> Callable[[Any], Any]:
    """For requests' `auth`: a .netrc would replace a plain Authorization header."""
    def authorise(request: Any) -> Any:
        request.headers.update(headers)
        return request

    return authorise


def kept() -> Optional[str]:
    """Return the token that an ephemeral one was exchanged for."""
    return token_in(KEPT_FILE, KEY) or _exchanged


@contextmanager
def exchanging() -> Iterator[bool]:
    """Tell whether no other process exchanges the ephemeral token; none will while the context lasts."""
    folder = os.path.dirname(KEPT_FILE)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # also where a folder can't be opened, on Windows: then nothing keeps two apart
        yield True
        return
    try:
        yield lock(handle) is not False
    finally:
        lock(handle, "LOCK_UN")  # closing alone would not, where a child was forked meanwhile
        os.close(handle)


def keep(token: str) -> None:
    """Keep an exchanged token where this process, its children and the client look for it, for our eyes only."""
    global _exchanged
    _exchanged = token
    import tempfile  # slow to import, and seldom needed

    folder = os.path.dirname(KEPT_FILE)
    with suppress(OSError):  # then only this process and its forks have it
        status = os.lstat(folder)
        if stat.S_ISDIR(status.st_mode) and _is_trusted(status.st_uid):
            handle, path = tempfile.mkstemp(dir=folder)  # mode 600
            with os.fdopen(handle, "w") as file:
                json.dump({KEY: token}, file)
            os.replace(path, KEPT_FILE)


def token_in(path: str, *keys: str) -> Optional[str]:
    """The token in a file that is plain and root's or ours, under the first of these keys; None where there is none."""
    with suppress(OSError, ValueError, AttributeError):  # not there, not JSON, not an object
        # a pipe put there must not block us, nor a link lead us elsewhere
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and _is_trusted(status.st_uid):
                found = json.load(file)
                return next((found[key] for key in keys if isinstance(found.get(key), str) and found[key]), None)
    return None


def _is_trusted(owner: int) -> bool:
    return not hasattr(os, "geteuid") or owner in (0, os.geteuid())
