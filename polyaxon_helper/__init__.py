"""Runs each function of polyaxon_helper 0.0.3 to 0.5.0, and says what to write instead.

Where polyaxon-client can be imported and can read this container, polyaxon_client.tracking answers; else the
environment does, also in a pod of Polyaxon 1.x or 2.x, which has other variables. Importing this package does nothing
else. Outside Polyaxon, unless its docstring says more, a function raises PolyaxonClientException with the client, and
returns None without it.
"""
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from . import backend
from .deprecations import warn_of
from .replacements import ATTRIBUTES, FUNCTIONS, VERSION

if TYPE_CHECKING:  # pragma: no cover - it never runs
    from typing_extensions import deprecated

    from .environment import Experiment as Experiment, Job as Job
    from .exceptions import PolyaxonClientException as PolyaxonClientException

    experiment: Optional[Experiment]
else:
    from .deprecations import deprecated

__version__ = VERSION

__all__ = ["get_cluster_def", "get_declarations", "get_params", "get_experiment_info", "get_task_info", "get_job_info",
           "get_tf_config", "get_outputs_path", "get_outputs_refs_paths", "get_data_paths", "get_data_path",
           "get_log_level", "get_api", "get_user_token", "get_internal_token", "send_metrics", "experiment",
           "Experiment", "Job", "PolyaxonClientException"]


@deprecated("Write `Experiment.get_cluster_def()` after `from polyaxon_client.tracking import Experiment`.")
def get_cluster_def() -> Optional[Dict[str, List[str]]]:
    """Return the addresses of a distributed experiment's replicas, by role.

    Shape: {"master": ["plx-UUID-master-0:2222"], "worker": ["HOST:PORT", ...], "ps": ["HOST:PORT", ...]}.
    Variable: POLYAXON_CLUSTER (JSON); on Polyaxon 1.x and 2.x TF_CONFIG, its `chief` as `master`.
    """
    return backend.find("get_cluster_def")()


@deprecated("Write `Experiment.get_params()` after `from polyaxon_client.tracking import Experiment`.")
def get_declarations() -> Optional[Dict[str, Any]]:
    """Return what get_params does, by its name up to 0.4: from POLYAXON_PARAMS or POLYAXON_DECLARATIONS (JSON)."""
    return backend.find("get_declarations")()


@deprecated("Write `Experiment.get_params()` after `from polyaxon_client.tracking import Experiment`.")
def get_params() -> Optional[Dict[str, Any]]:
    """Return the experiment's parameters, those of a group's matrix among them.

    Shape: {"lr": 0.1, "layers": [1, 2]}, the values being any JSON. Variables: POLYAXON_PARAMS, before Polyaxon 0.5
    POLYAXON_DECLARATIONS (JSON); where neither is set on 1.x and 2.x, the API is asked once for the run's inputs.
    """
    return backend.find("get_params")()


@deprecated("Write `Experiment.get_experiment_info()` after `from polyaxon_client.tracking import Experiment`.")
def get_experiment_info() -> Optional[Dict[str, Any]]:
    """Tell which experiment this is.

    Shape: {"project_name": "USER.PROJECT", "experiment_name": "USER.PROJECT.ID" or "USER.PROJECT.GROUP.ID",
    "experiment_group_name": a text, or None outside a group, "project_uuid", "experiment_uuid", ...}; each replica has
    the same. Variable: POLYAXON_EXPERIMENT_INFO (JSON); on Polyaxon 1.x and 2.x POLYAXON_RUN_INSTANCE: the ID is the
    run's UUID, and what it does not say is None.
    """
    return backend.find("get_experiment_info")()


@deprecated("Write `Experiment.get_task_info()` after `from polyaxon_client.tracking import Experiment`.")
def get_task_info() -> Optional[Dict[str, Any]]:
    """Tell which replica of a distributed experiment this is.

    Shape: {"type": "master", "worker" or "ps", "index": from 0}.
    Variable: POLYAXON_TASK_INFO (JSON); on Polyaxon 1.x and 2.x TF_CONFIG, its `chief` as `master`.
    """
    return backend.find("get_task_info")()


@deprecated("Write `Job.get_job_info()` after `from polyaxon_client.tracking import Job`.")
def get_job_info() -> Optional[Dict[str, Any]]:
    """Tell which job this is; None in an experiment of Polyaxon 0.x.

    Shape: {"project_name": "USER.PROJECT", "job_name": "USER.PROJECT.jobs.ID", "project_uuid", "job_uuid", "role",
    "type", "app"}. Variable: POLYAXON_JOB_INFO (JSON); on 1.x and 2.x POLYAXON_RUN_INSTANCE, as in get_experiment_info.
    """
    return backend.find("get_job_info")()


@deprecated("Write `Experiment.get_tf_config()` after `from polyaxon_client.tracking import Experiment`.")
def get_tf_config(envvar: Optional[str] = "TF_CONFIG") -> Optional[Dict[str, Any]]:
    """Return the cluster and this replica's task for TensorFlow; set os.environ[envvar] too, unless envvar is None.

    Shape: {"cluster": get_cluster_def(), "task": get_task_info(), "model_dir": get_outputs_path(), "environment":
    "cloud"}. Variables: POLYAXON_CLUSTER, POLYAXON_TASK_INFO, POLYAXON_RUN_OUTPUTS_PATH, in 0.0 POLYAXON_OUTPUTS_PATH.
    Without the client it sets nothing where there is no cluster. On Polyaxon 1.x and 2.x it replaces nothing.
    """
    return backend.find("get_tf_config")(envvar)


@deprecated("Write `get_outputs_path()` after `from polyaxon_client.tracking import get_outputs_path`; where it is in"
            " a bucket, make an Experiment first: that gets its credentials.")
def get_outputs_path() -> Optional[str]:
    """Tell where the run keeps its outputs: a folder, or the URL of a bucket.

    Shape: "/OUTPUTS/USER/PROJECT/experiments/7", or ".../groups/1/7". Variables: POLYAXON_RUN_OUTPUTS_PATH, in 0.0
    POLYAXON_OUTPUTS_PATH; else on 1.x and 2.x "/plx-context/artifacts/UUID/outputs" (POLYAXON_CONTEXT_ROOT).
    """
    return backend.find("get_outputs_path")()


@deprecated("Write `get_outputs_refs_paths()` after `from polyaxon_client.tracking import get_outputs_refs_paths`.")
def get_outputs_refs_paths() -> Optional[Dict[str, List[str]]]:
    """Return the outputs of the runs that this one refers to, in the order it names them.

    Shape: {"experiments": ["/OUTPUTS/.../3"], "jobs": ["/OUTPUTS/.../jobs/1"]}; None where it names none.
    Variable: POLYAXON_REFS_OUTPUTS_PATHS (JSON).
    """
    return backend.find("get_outputs_refs_paths")()


@deprecated("Write `get_data_paths()` after `from polyaxon_client.tracking import get_data_paths`.")
def get_data_paths() -> Optional[Dict[str, str]]:
    """Tell where the data volumes of the run are mounted, by their names.

    Shape: {"data": "/data"}. Variables: POLYAXON_RUN_DATA_PATHS, before Polyaxon 0.2.3 POLYAXON_DATA_PATHS (JSON); on
    Polyaxon 2.x POLYAXON_CONNECTIONS_CATALOG, on 1.x POLYAXON_CONNECTION_SCHEMA_ and a connection's name: the mount
    paths and buckets of the run's connections.
    """
    return backend.find("get_data_paths")()


@deprecated("Write `next(iter((get_data_paths() or {}).values()), None)` after `from polyaxon_client.tracking import"
            " get_data_paths`; the first volume's; better name the one that you mean.")
def get_data_path() -> Optional[str]:
    """Tell where the data is: POLYAXON_DATA_PATH, a path that 0.0 and 0.1.0 set, else the first of get_data_paths()."""
    return backend.find("get_data_path")()


@deprecated("Write `get_log_level()` after `from polyaxon_client.tracking import get_log_level`.")
def get_log_level() -> Optional[str]:
    """Return the log level that the polyaxonfile sets.

    Shape: "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL". Variable: POLYAXON_LOG_LEVEL.
    """
    return backend.find("get_log_level")()


@deprecated('Write `os.environ["POLYAXON_API_HTTP_HOST"] + "/api/v1"` after `import os`.')
def get_api(version: str = "v1") -> Optional[str]:
    """Return the URL of the Polyaxon API, read from the environment also where the client is; None outside Polyaxon.

    Shape: "http://HOST:80/api/v1".
    Variables: POLYAXON_API_HTTP_HOST, before Polyaxon 0.2 POLYAXON_API; on Polyaxon 1.x and 2.x POLYAXON_HOST.
    """
    return backend.find("get_api")(version)


@deprecated("Write `Experiment().client.token` after `from polyaxon_client.tracking import Experiment`.")
def get_user_token() -> Optional[str]:
    """Return the token that the API takes from this run, a secret; None where there is none. The client is not asked.

    Files: /plx-context/.authtoken, /tmp/.polyaxon/.authtoken; on Polyaxon 1.x and 2.x none but
    /plx-context/.configs/.auth. Variables: POLYAXON_SECRET_USER_TOKEN, in 0.0 POLYAXON_USER_TOKEN; on Polyaxon 1.x and
    2.x also POLYAXON_AUTH_TOKEN.
    """
    return backend.find("get_user_token")()


@deprecated('Write `os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")` after `import os`.')
def get_internal_token() -> Optional[str]:
    """Return the cluster's own token, a secret, from POLYAXON_INTERNAL_SECRET_TOKEN, which 0.1 alone set; else None."""
    return backend.find("get_internal_token")()


@deprecated("Write `get_experiment().log_metrics(...)`; MIGRATION.md has get_experiment, and migrate writes it.")
def send_metrics(**metrics: Any) -> None:
    """Report one point of each metric: finite numbers, also numpy's, torch's and tensorflow's scalars, by name.

    With the client this is log_metrics of one Experiment a process, made at the first call. Without it, the point is in
    a file when this returns, and sent within about a second; what is left at exit is sent then, or told. NaN,
    infinities and None are left out, with a RuntimeWarning. On Polyaxon 1.x and 2.x the point is in the platform's
    event file when this returns; NaN and infinities are kept; an integer `step` is the step of the other metrics.
    Raises PolyaxonClientException for what is no number. Outside an experiment: one RuntimeWarning, nothing is sent.
    Variables: POLYAXON_EXPERIMENT_INFO (JSON), POLYAXON_API_HTTP_HOST, before Polyaxon 0.2 POLYAXON_API.
    """
    backend.send_metrics(**metrics)


if not TYPE_CHECKING:  # pragma: no branch - a checker would take any name for an attribute

    def __getattr__(name: str) -> Any:
        """Give what is made when a script asks for it: experiment, Experiment, Job, PolyaxonClientException.

        These names are in __all__ but not in dir(), so that nothing is made or warned of by who only looks around.
        """
        if name not in ATTRIBUTES:
            raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
        # `from package import name` asks twice: importlib does first, the user's own line does after it
        if not sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
            warn_of(name)
        return backend.experiment() if name == "experiment" else backend.find(name)


def __dir__() -> List[str]:
    return [name for name in globals() if name.startswith("__")] + list(FUNCTIONS)
