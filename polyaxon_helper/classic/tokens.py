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
from typing import Dict, Iterator, NamedTuple, Optional

from ..files import is_ours_alone, lock, place, token_in, unlock
from ..replacements import FUNCTIONS

CONTEXT_FILE = "/plx-context/.authtoken"
KEPT_FILE = "/tmp/.polyaxon/.authtoken"
KEY = "POLYAXON_SECRET_USER_TOKEN"
EPHEMERAL = "EphemeralToken"  # the scheme of a token that is no use but to be exchanged

_exchanged: Optional[str] = None  # where it could not be kept in the file


class Source(NamedTuple):
    """A token, and the request headers that authorise with it, as a request from within the cluster."""

    scheme: str
    token: str
    headers: Dict[str, str]


def user_token() -> Optional[str]:
    """Return the token of a file, else of the environment; without exchanging an ephemeral one."""
    return next((found.token for found in candidates() if found.scheme == "Token"), None)


def candidates() -> Iterator[Source]:
    """Give every token that there is, best first."""
    found = [
        ("Token", token_in(CONTEXT_FILE, KEY)),
        ("Token", kept()),
        (EPHEMERAL, os.environ.get("POLYAXON_SECRET_EPHEMERAL_TOKEN")),
        *(("Token", os.environ.get(variable)) for variable in FUNCTIONS["get_user_token"].variables),
        ("InternalToken", os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")),
    ]
    for scheme, token in found:
        if token and token.strip():
            yield source(scheme, token.strip())


def source(scheme: str, token: str) -> Source:
    """Return the token with its headers."""
    name, service = map(os.environ.get, ("POLYAXON_INTERNAL_HEADER", "POLYAXON_INTERNAL_HEADER_SERVICE"))
    if scheme == "InternalToken":
        name, service = "X-POLYAXON-INTERNAL", "helper"
    headers = {"Authorization": "{} {}".format(scheme, token), **({name: service} if name and service else {})}
    return Source(scheme, token, headers)


def kept() -> Optional[str]:
    """Return the token that an ephemeral one was exchanged for."""
    return token_in(KEPT_FILE, KEY) or _exchanged


@contextmanager
def exchanging() -> Iterator[bool]:
    """Tell whether no other process exchanges the ephemeral token; none will while the context lasts."""
    handle = _open_folder()
    if handle is None:  # then nothing keeps two apart
        yield True
        return
    try:
        yield lock(handle) is not False
    finally:
        unlock(handle)  # closing alone would not, where a child was forked meanwhile
        os.close(handle)


def _open_folder() -> Optional[int]:
    """Open the folder of the kept token, made if need be; None where another user may write in it, or on Windows."""
    with suppress(OSError):
        folder = os.path.dirname(KEPT_FILE)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
        if stat.S_ISDIR(status.st_mode) and is_ours_alone(status):
            return os.open(folder, os.O_RDONLY)
    return None


def keep(token: str) -> Source:
    """Keep an exchanged token where this process, its children and the client look for it."""
    global _exchanged
    _exchanged = token
    folder = _open_folder()
    if folder is not None:  # else only this process and its forks have it
        os.close(folder)
        with suppress(OSError):
            place(KEPT_FILE, json.dumps({KEY: token}).encode(), 0o600)
    return source("Token", token)
