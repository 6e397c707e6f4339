"""Tells which run of Polyaxon 1.x or 2.x this process is in, and where its files and its API are."""
import json
import os
import re
from functools import lru_cache
from typing import Any, Dict, NamedTuple, Optional

from ..files import token_in
from ..replacements import RUN_INSTANCE
from ..request import request
from ..variables import OFFLINE, flag
from ..warn import warn_once

CONTEXT_ROOT = "/plx-context"
OFFLINE_ROOT = "/tmp/plx/offline"
EVENTS = "events/metric"  # where the metrics' files are in the run's folder
SECONDS = 5.0  # that the API may take to answer

_PARTS = re.compile(r"([\w@+-]+)\.([\w@+-]+)\.runs\.([\w-]+)$", re.ASCII)


class Run(NamedTuple):
    owner: str
    project: str
    uuid: str


def is_here() -> bool:
    return bool(os.environ.get(RUN_INSTANCE))


def run() -> Optional[Run]:
    this = _run(os.environ.get(RUN_INSTANCE, ""))
    if this is None:
        warn_once("{} is not OWNER.PROJECT.runs.UUID: which run this is can't be told".format(RUN_INSTANCE))
    return this


@lru_cache(maxsize=None)
def _run(instance: str) -> Optional[Run]:
    match = _PARTS.match(instance)
    return match and Run(*match.groups())


def artifacts() -> Optional[str]:
    """Return the run's own folder, which a sidecar uploads; offline, where the platform's tools look for it."""
    this = run()
    if this is None:
        return None
    if flag(OFFLINE):
        return os.path.join(os.environ.get("POLYAXON_OFFLINE_ROOT") or OFFLINE_ROOT, "runs", this.uuid)
    return os.path.join(_context(), "artifacts", this.uuid)


def lineage(metric: str) -> Dict[str, Any]:
    """Return what the API has of a metric's file, NAME.plx, for the dashboard to list it."""
    return {"name": metric, "kind": "metric", "path": "{}/{}.plx".format(EVENTS, metric), "is_input": False,
            "summary": {"is_event": True}}


class Api(NamedTuple):
    """Says where the API is that knows of this run, and what authorises a request."""

    host: str
    run: Run
    headers: Dict[str, str]

    def url(self, path: str) -> str:
        """Return the URL of this path, with the run's owner, project and UUID in it."""
        return "{}/{}".format(self.host, path.format(*self.run))

    def ask(self, method: str, body: Any = None, path: str = "") -> Any:
        """Return the answer to one request about the run, as JSON. Raises LookupError, or request's Unsent."""
        answer = request(method, self.url("api/v1/{}/{}/runs/{}" + path), self.headers, SECONDS,
                         None if body is None else json.dumps(body).encode())
        if answer.status not in (200, 201):
            raise LookupError("status {}".format(answer.status))
        return json.loads(answer.body.decode() or "null")


def api() -> Api:
    """Return the API that this run is told to use. Raises LookupError where it is told of none."""
    this, host = run(), os.environ.get("POLYAXON_HOST")
    if not this or not host:
        raise LookupError("POLYAXON_HOST is not set" if this else RUN_INSTANCE + " names no run")
    held, name, service = token(), os.environ.get("POLYAXON_HEADER"), os.environ.get("POLYAXON_HEADER_SERVICE")
    return Api(host.rstrip("/"), this, {**({"Authorization": "Token {}".format(held)} if held else {}),
                                        **({name: service} if name and service else {})})


def token() -> Optional[str]:
    return token_in(os.path.join(_context(), ".configs", ".auth"), "POLYAXON_AUTH_TOKEN", "token") \
        or os.environ.get("POLYAXON_AUTH_TOKEN")


def _context() -> str:
    return os.environ.get("POLYAXON_CONTEXT_ROOT") or CONTEXT_ROOT
