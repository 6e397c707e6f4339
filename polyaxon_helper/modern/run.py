"""Tells which run of Polyaxon 1.x or 2.x this process is in, and where its files and its API are."""
import json
import os
import re
from functools import lru_cache
from typing import Any, NamedTuple, Optional

from ..files import token_in
from ..replacements import RUN_INSTANCE
from ..request import request
from ..variables import OFFLINE, flag, parsed
from ..warn import warn_once

CONTEXT_ROOT = "/plx-context"
OFFLINE_ROOT = "/tmp/plx/offline"
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


def tf_config() -> Any:
    """Return the objects in TF_CONFIG, as Kubeflow's operator sets it; {} where it does not."""
    config = parsed("TF_CONFIG")
    return {name: part for name, part in config.items() if isinstance(part, dict)} if isinstance(config, dict) else {}


def is_first_replica() -> bool:
    """Tell whether this is the replica whose files are kept: one in a distributed run, the only one in another."""
    config = tf_config()
    task, cluster = config.get("task", {}), config.get("cluster", {})
    if task.get("type"):
        chief = next((role for role in ("chief", "master") if cluster.get(role)), "worker")
        return task["type"] == chief and str(task.get("index") or 0) == "0"
    return os.environ.get("RANK", "0") in ("0", "")


def ask(method: str, body: Any = None) -> Any:
    """Return the API's answer to one request about this run, as JSON. Raises LookupError, or request's Unsent."""
    this, url = run(), os.environ.get("POLYAXON_HOST")
    if not this or not url:
        raise LookupError("POLYAXON_HOST is not set")
    held, name, service = token(), os.environ.get("POLYAXON_HEADER"), os.environ.get("POLYAXON_HEADER_SERVICE")
    headers = {"Authorization": "Token {}".format(held)} if held else {}
    headers.update({name: service} if name and service else {})
    answer = request(method, "{}/api/v1/{}/{}/runs/{}".format(url.rstrip("/"), *this), headers, SECONDS,
                     None if body is None else json.dumps(body).encode())
    if answer.status != 200:
        raise LookupError("status {}".format(answer.status))
    return json.loads(answer.body.decode())


def token() -> Optional[str]:
    return token_in(os.path.join(_context(), ".configs", ".auth"), "POLYAXON_AUTH_TOKEN", "token") \
        or os.environ.get("POLYAXON_AUTH_TOKEN")


def _context() -> str:
    return os.environ.get("POLYAXON_CONTEXT_ROOT") or CONTEXT_ROOT
