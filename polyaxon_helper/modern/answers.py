"""Gives the legacy getters' answers in a run of Polyaxon 1.x or 2.x."""
import json
import os
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Callable, Dict, Optional

from .. import late
from ..replicas import tf_config
from ..request import Unsent
from ..variables import OFFLINE, flag, parsed
from ..warn import warn_once
from .run import api, artifacts, is_here, run, token

CATALOG = "POLYAXON_CONNECTIONS_CATALOG"
SCHEMA = "POLYAXON_CONNECTION_SCHEMA_"  # and a name in capitals: 1.x has such a variable each, and no catalog


def answer(name: str) -> Any:
    """Return what the run knows for the legacy name; None outside of one, and where it knows nothing."""
    return _ANSWERS[name]() if name in _ANSWERS and is_here() else None


def _outputs_path() -> Optional[str]:
    folder = artifacts()
    if folder is None:
        return None
    path = os.path.join(folder, "outputs")
    with suppress(OSError):
        os.makedirs(path, exist_ok=True)  # on 0.x it was there, and scripts count on it
    return path


def _data_paths() -> Optional[Dict[str, str]]:
    paths = {}
    for variable in list(os.environ):
        if variable == CATALOG or variable.startswith(SCHEMA):
            paths.update(_paths_in(variable))
    return paths or None


def _paths_in(variable: str) -> Dict[str, str]:
    """Return the mount paths and buckets of the connections that this variable tells of, by their names."""
    found, paths = parsed(variable), {}
    listed = found.get("connections") if variable == CATALOG and isinstance(found, dict) else found
    for each in listed if isinstance(listed, list) else [listed] if listed is not None else []:
        try:
            name, schema = each["name"], each.get("schema") or {}
            path = schema.get("mountPath") or schema.get("bucket")
            paths.update({name: path.rstrip("/")} if path else {})
        except (LookupError, TypeError, AttributeError):
            warn_once("{} has a connection that can't be read: it is left out".format(variable))
    return paths


def _info(kind: str, name: str, *unknown: str) -> Optional[Dict[str, Any]]:
    """Return the names of the run as an experiment or a job of 0.x has them; None where the platform has no such."""
    this = run()
    return this and {
        "project_name": "{}.{}".format(*this[:2]), kind + "_name": name.format(*this), kind + "_uuid": this.uuid,
        **dict.fromkeys(("project_uuid", "role", "type", "app", *unknown)),
    }


def _cluster_def() -> Any:
    cluster = tf_config().get("cluster")
    return cluster and {"master" if role == "chief" else role: addresses for role, addresses in cluster.items()}


def _task_info() -> Any:
    task = tf_config().get("task")
    return task and {**task, "type": "master" if task.get("type") == "chief" else task.get("type")}


def _params() -> Any:
    """Return the run's inputs, each time new objects, which the script may change."""
    try:
        return None if flag(OFFLINE) else json.loads(_inputs())
    except late.UnderWay:
        return None


@lru_cache(maxsize=None)
def _inputs() -> str:
    """Ask the API, once, for the run's inputs, as JSON. Raises late.UnderWay in the midst of an import."""
    try:
        late.requests()
        return json.dumps(api().ask("GET").get("inputs") or None)
    except late.UnderWay:
        raise
    except Exception as error:
        reason = error if isinstance(error, (Unsent, ImportError)) or type(error) is LookupError \
            else type(error).__name__
        warn_once("the run's parameters could not be had from its API, and are taken as not set ({}); "
                  "the polyaxonfile can set POLYAXON_PARAMS".format(reason))
        return "null"


_ANSWERS: Dict[str, Callable[[], Any]] = {
    "get_outputs_path": _outputs_path,
    "get_data_paths": _data_paths,
    "get_experiment_info": partial(
        _info, "experiment", "{}.{}.{}", "experiment_group_name", "experiment_group_uuid"),
    "get_job_info": partial(_info, "job", "{}.{}.jobs.{}"),
    "get_cluster_def": _cluster_def,
    "get_task_info": _task_info,
    "get_params": _params,
    "get_api": partial(os.getenv, "POLYAXON_HOST"),
    "get_user_token": token,
}
