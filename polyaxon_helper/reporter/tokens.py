"""Where the token is, in the client's order: what a file has beats the environment.

    /plx-context/.authtoken             written by Polyaxon 0.3.9 and later
    POLYAXON_SECRET_EPHEMERAL_TOKEN     good for one exchange, whose answer is kept in the next one
    /tmp/.polyaxon/.authtoken           kept there for child processes, which find the ephemeral token burned
    POLYAXON_SECRET_USER_TOKEN, POLYAXON_USER_TOKEN
    POLYAXON_INTERNAL_SECRET_TOKEN      the cluster's own, at 0.1
"""
import json
import os
import stat
from typing import Dict, Optional

from ..notices import warn_once
from ..replacements import FUNCTIONS

CONTEXT_FILE = "/plx-context/.authtoken"
KEPT_FILE = "/tmp/.polyaxon/.authtoken"
KEY = "POLYAXON_SECRET_USER_TOKEN"
EPHEMERAL = "POLYAXON_SECRET_EPHEMERAL_TOKEN"


def user_token() -> Optional[str]:
    """The token of a file, else of the environment; without exchanging an ephemeral one."""
    variables = FUNCTIONS["get_user_token"].variables
    return _token_in(CONTEXT_FILE) or _token_in(KEPT_FILE) or next(filter(None, map(os.environ.get, variables)), None)


def headers() -> Optional[Dict[str, str]]:
    """The request headers that authorise this process; None where there is no token."""
    token = user_token()
    if token:
        return {"Authorization": "Token " + token, **service_header()}
    secret = os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")
    if secret:
        return {"Authorization": "InternalToken " + secret, "X-POLYAXON-INTERNAL": "helper"}
    return None


def service_header() -> Dict[str, str]:
    """The header by which a request from within the cluster is told."""
    name, service = os.environ.get("POLYAXON_INTERNAL_HEADER"), os.environ.get("POLYAXON_INTERNAL_HEADER_SERVICE")
    return {name: service} if name and service else {}


def ephemeral() -> Optional[str]:
    """The single-use token, if it is to be exchanged: the platform's own file makes that needless."""
    return None if _token_in(CONTEXT_FILE) else os.environ.get(EPHEMERAL) or None


def keep(token: str) -> None:
    """Keep an exchanged token where this process, its children and the client look for it, for our eyes only."""
    os.environ[KEY] = token
    import tempfile  # slow to import, and seldom needed

    folder = os.path.dirname(KEPT_FILE)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, path = tempfile.mkstemp(dir=folder)  # mode 600
        with os.fdopen(handle, "w") as file:
            json.dump({KEY: token}, file)
        os.replace(path, KEPT_FILE)
    except OSError as error:
        warn_once("the token can't be kept in {} ({}), where other processes look".format(KEPT_FILE, error.strerror))


def _token_in(path: str) -> Optional[str]:
    """The token in a file that is plain and its owner's, root's or ours; None where there is no such file."""
    try:
        # a pipe put there must not block us, nor a link lead us elsewhere
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and _is_trusted(status.st_uid):
                token = json.load(file).get(KEY)
                return token if isinstance(token, str) and token else None
    except (OSError, ValueError, AttributeError):  # not there, not JSON, not an object
        pass
    return None


def _is_trusted(owner: int) -> bool:
    return not hasattr(os, "geteuid") or owner in (0, os.geteuid())
