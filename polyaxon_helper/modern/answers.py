"""Gives the legacy getters' answers in a run of Polyaxon 1.x or 2.x."""
import os
from contextlib import suppress
from functools import lru_cache
from typing import Any, Callable, Dict, Optional

from ..request import Unsent
from ..variables import OFFLINE, flag, parsed
from ..warn import warn_once
from .run import artifacts, ask, host, is_here, run, tf_config, token


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


def _cluster_def() -> Any:
    cluster = tf_config().get("cluster")
    return cluster and {_legacy_role(role): addresses for role, addresses in cluster.items()}


def _task_info() -> Any:
    task = tf_config().get("task")
    return task and {**task, "type": _legacy_role(task.get("type"))}


def _legacy_role(role: Any) -> Any:
    return "master" if role == "chief" else role


@lru_cache(maxsize=None)
def _params() -> Any:
    """Return the run's inputs, of which the API is asked once."""
    if flag(OFFLINE):
        return None
    try:
        return ask("GET").get("inputs") or None
    except Exception as error:
        reason = error if isinstance(error, Unsent) or type(error) is LookupError else type(error).__name__
        warn_once("the run's parameters could not be had from its API, and are taken as not set ({}); "
                  "the polyaxonfile can set POLYAXON_PARAMS".format(reason))
        return None


_ANSWERS: Dict[str, Callable[[], Any]] = {
    "get_outputs_path": _outputs_path,
    "get_data_paths": _data_paths,
    "get_experiment_info": _experiment_info,
    "get_job_info": _job_info,
    "get_cluster_def": _cluster_def,
    "get_task_info": _task_info,
    "get_params": _params,
    "get_api": host,
    "get_user_token": token,
}
