"""Reads the pod of a run on Polyaxon 1.x or 2.x: gives the legacy getters' answers there.

A variable of 0.x that the polyaxonfile sets decides before this does. Seen with polyaxon 2.18.0, of which nothing is
imported.
"""
import os
import re
from contextlib import suppress
from functools import lru_cache
from typing import Any, Callable, Dict, NamedTuple, Optional

from .notices import warn_once
from .replacements import RUN_INSTANCE
from .reporter import tokens
from .variables import OFFLINE, flag, parsed

CONTEXT_ROOT = "/plx-context"
OFFLINE_ROOT = "/tmp/plx/offline"

TIMEOUT = (3.05, 5)  # seconds to connect to the API, and to wait for an answer

_PARTS = re.compile(r"([\w@+-]+)\.([\w@+-]+)\.runs\.([\w-]+)$", re.ASCII)


class Run(NamedTuple):
    owner: str
    project: str
    uuid: str


def is_here() -> bool:
    return bool(os.environ.get(RUN_INSTANCE))


def answer(name: str) -> Any:
    """Return what the pod knows for the legacy name; None outside of one, and where it knows nothing."""
    return _ANSWERS[name]() if name in _ANSWERS and is_here() else None


def run() -> Optional[Run]:
    match = _PARTS.match(os.environ.get(RUN_INSTANCE, ""))
    if match is None:
        warn_once("{} is not OWNER.PROJECT.runs.UUID: which run this is can't be told".format(RUN_INSTANCE))
        return None
    return Run(*match.groups())


def artifacts() -> Optional[str]:
    """The run's own folder, whose contents a sidecar uploads; offline, where the platform's tools look for it."""
    this = run()
    if this is None:
        return None
    if flag(OFFLINE):
        return os.path.join(os.environ.get("POLYAXON_OFFLINE_ROOT") or OFFLINE_ROOT, "runs", this.uuid)
    return os.path.join(_context(), "artifacts", this.uuid)


def is_first_replica() -> bool:
    """Tell whether this is the replica whose files are kept: one in a distributed run, the only one in another."""
    config = _tf_config()
    task, cluster = config.get("task", {}), config.get("cluster", {})
    if task.get("type"):
        chief = next((role for role in ("chief", "master") if cluster.get(role)), "worker")
        return task["type"] == chief and str(task.get("index") or 0) == "0"
    return os.environ.get("RANK", "0") in ("0", "")


def request(method: str, body: Any = None) -> Any:
    """The answer to one request about this run, as JSON. Any exception; its text may quote a token."""
    import requests  # with the first call that needs it

    this, host = run(), _host()
    if not this or not host:
        raise LookupError("POLYAXON_HOST is not set")
    token, name, service = _token(), os.environ.get("POLYAXON_HEADER"), os.environ.get("POLYAXON_HEADER_SERVICE")
    headers = {"Authorization": "Token {}".format(token)} if token else {}
    headers.update({name: service} if name and service else {})
    with requests.Session() as session:
        response = session.request(
            method, "{}/api/v1/{}/{}/runs/{}".format(host.rstrip("/"), *this), json=body,
            auth=tokens.authorising(headers), allow_redirects=False, timeout=TIMEOUT)
    if response.status_code != 200:
        raise LookupError("status {}".format(response.status_code))
    return response.json()


# The answers

def _outputs_path() -> Optional[str]:
    folder = artifacts()
    if folder is None:
        return None
    path = os.path.join(folder, "outputs")
    with suppress(OSError):
        os.makedirs(path, exist_ok=True)  # on 0.x it was there, and scripts count on it
    return path


def _data_paths() -> Optional[Dict[str, str]]:
    catalog = parsed("POLYAXON_CONNECTIONS_CATALOG")
    try:
        schemas = {each["name"]: each.get("schema") or {} for each in (catalog or {}).get("connections") or []}
        paths = {name: schema.get("mountPath") or schema.get("bucket") for name, schema in schemas.items()}
        return {name: path.rstrip("/") for name, path in paths.items() if path} or None
    except (LookupError, TypeError, AttributeError):
        warn_once("POLYAXON_CONNECTIONS_CATALOG lists no connections, and is taken as not set")
        return None


def _experiment_info() -> Optional[Dict[str, Any]]:
    this = run()
    return this and {
        "project_name": "{}.{}".format(*this[:2]), "experiment_group_name": None,
        "experiment_name": "{}.{}.{}".format(*this), "project_uuid": None, "experiment_uuid": this.uuid,
        "experiment_group_uuid": None, "role": None, "type": None, "app": None,
    }


def _job_info() -> Optional[Dict[str, Any]]:
    this = run()
    return this and {
        "project_name": "{}.{}".format(*this[:2]), "project_uuid": None, "job_name": "{}.{}.jobs.{}".format(*this),
        "job_uuid": this.uuid, "role": None, "type": None, "app": None,
    }


def _tf_config() -> Dict[str, Any]:
    """The objects in it, as Kubeflow's operator sets it; empty where it does not."""
    config = parsed("TF_CONFIG")
    return {name: part for name, part in config.items() if isinstance(part, dict)} if isinstance(config, dict) else {}


def _cluster_def() -> Any:
    cluster = _tf_config().get("cluster")
    return cluster and {_legacy_role(role): addresses for role, addresses in cluster.items()}


def _task_info() -> Any:
    task = _tf_config().get("task")
    return task and {**task, "type": _legacy_role(task.get("type"))}


def _legacy_role(role: Any) -> Any:
    return "master" if role == "chief" else role


@lru_cache(maxsize=None)
def _params() -> Any:
    """The run's inputs, from the API, asked once."""
    if flag(OFFLINE):
        return None
    try:
        return request("GET").get("inputs") or None
    except Exception as error:
        reason = error if type(error) is LookupError else type(error).__name__
        warn_once("the run's parameters could not be had from its API, and are taken as not set ({}); "
                  "the polyaxonfile can set POLYAXON_PARAMS".format(reason))
        return None


def _host() -> Optional[str]:
    return os.environ.get("POLYAXON_HOST")


def _token() -> Optional[str]:
    return tokens.token_in(os.path.join(_context(), ".configs", ".auth"), "POLYAXON_AUTH_TOKEN", "token") \
        or os.environ.get("POLYAXON_AUTH_TOKEN")


def _context() -> str:
    return os.environ.get("POLYAXON_CONTEXT_ROOT") or CONTEXT_ROOT


_ANSWERS: Dict[str, Callable[[], Any]] = {
    "get_outputs_path": _outputs_path,
    "get_data_paths": _data_paths,
    "get_experiment_info": _experiment_info,
    "get_job_info": _job_info,
    "get_cluster_def": _cluster_def,
    "get_task_info": _task_info,
    "get_params": _params,
    "get_api": _host,
    "get_user_token": _token,
}
