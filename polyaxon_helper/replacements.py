"""THE TABLE: every name that a release of polyaxon-helper had, what replaces it, and the variables behind it.

Pure data. The warnings, the delegation, the fallback, the rewriter and MIGRATION.md all read it.
"""
from typing import Dict, NamedTuple, Optional, Tuple

VERSION = "0.6.0"
DEPRECATED_IN = "0.6.0"
REMOVED_IN = "1.0.0"

TRACKING = "polyaxon_client.tracking"
EXCEPTIONS = "polyaxon_client.exceptions"

MIGRATE = "python -m polyaxon_helper.migrate"


class Replacement(NamedTuple):
    """What a legacy name became."""

    write: str
    """The expression to write in place of the legacy one."""
    after: str
    """What has to stand above it, once a module."""
    home: Optional[str] = None
    """The client's module that has the successor; None where there is no successor."""
    path: Optional[str] = None
    """The successor in that module, dotted."""
    asks: Optional[str] = None
    """What is asked in place of `path`, where that one does not work on every release of the client."""
    variables: Tuple[str, ...] = ()
    """The environment variables that hold the answer, newest first: the first that is set decides."""


_EXPERIMENT = "from polyaxon_client.tracking import Experiment"
_EXPERIMENT_ONCE = _EXPERIMENT + "; experiment = Experiment()"
_PARAMS = ("POLYAXON_PARAMS", "POLYAXON_DECLARATIONS")
_OUTPUTS = ("POLYAXON_RUN_OUTPUTS_PATH", "POLYAXON_OUTPUTS_PATH")

FUNCTIONS: Dict[str, Replacement] = {
    "get_cluster_def": Replacement(
        "Experiment.get_cluster_def()", _EXPERIMENT, TRACKING, "Experiment.get_cluster_def",
        variables=("POLYAXON_CLUSTER",),
    ),
    "get_declarations": Replacement(
        "Experiment.get_params()", _EXPERIMENT, TRACKING, "Experiment.get_params",
        asks="Experiment.get_declarations", variables=_PARAMS,
    ),
    "get_params": Replacement(
        "Experiment.get_params()", _EXPERIMENT, TRACKING, "Experiment.get_params",
        asks="Experiment.get_declarations", variables=_PARAMS,
    ),
    "get_experiment_info": Replacement(
        "Experiment.get_experiment_info()", _EXPERIMENT, TRACKING, "Experiment.get_experiment_info",
        variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "get_task_info": Replacement(
        "Experiment.get_task_info()", _EXPERIMENT, TRACKING, "Experiment.get_task_info",
        variables=("POLYAXON_TASK_INFO",),
    ),
    "get_job_info": Replacement(
        "Job.get_job_info()", "from polyaxon_client.tracking import Job", TRACKING, "Job.get_job_info",
        variables=("POLYAXON_JOB_INFO",),
    ),
    "get_tf_config": Replacement(
        "Experiment.get_tf_config()", _EXPERIMENT, TRACKING, "Experiment.get_tf_config",
        variables=("POLYAXON_CLUSTER", "POLYAXON_TASK_INFO") + _OUTPUTS,
    ),
    "get_outputs_path": Replacement(
        "get_outputs_path()", "from polyaxon_client.tracking import get_outputs_path", TRACKING, "get_outputs_path",
        variables=_OUTPUTS,
    ),
    "get_outputs_refs_paths": Replacement(
        "get_outputs_refs_paths()", "from polyaxon_client.tracking import get_outputs_refs_paths",
        TRACKING, "get_outputs_refs_paths", variables=("POLYAXON_REFS_OUTPUTS_PATHS",),
    ),
    "get_data_paths": Replacement(
        "get_data_paths()", "from polyaxon_client.tracking import get_data_paths", TRACKING, "get_data_paths",
        variables=("POLYAXON_RUN_DATA_PATHS", "POLYAXON_DATA_PATHS"),
    ),
    "get_data_path": Replacement(
        "next(iter(get_data_paths().values()))", "from polyaxon_client.tracking import get_data_paths",
        variables=("POLYAXON_DATA_PATH",),
    ),
    "get_log_level": Replacement(
        "get_log_level()", "from polyaxon_client.tracking import get_log_level", TRACKING, "get_log_level",
        variables=("POLYAXON_LOG_LEVEL",),
    ),
    "get_api": Replacement(
        'os.environ["POLYAXON_API_HTTP_HOST"] + "/api/v1"', "import os",
        variables=("POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
    "get_user_token": Replacement(
        "PolyaxonClient().token", "from polyaxon_client import PolyaxonClient",
        variables=("POLYAXON_SECRET_USER_TOKEN", "POLYAXON_USER_TOKEN"),
    ),
    "get_internal_token": Replacement(
        'os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")', "import os",
        variables=("POLYAXON_INTERNAL_SECRET_TOKEN",),
    ),
    "send_metrics": Replacement(
        "experiment.log_metrics(...)", _EXPERIMENT_ONCE, TRACKING, "Experiment.log_metrics",
        variables=("POLYAXON_EXPERIMENT_INFO", "POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
}

ATTRIBUTES: Dict[str, Replacement] = {
    "experiment": Replacement(
        "experiment", _EXPERIMENT_ONCE, TRACKING, "Experiment", variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "Experiment": Replacement("Experiment", _EXPERIMENT, TRACKING, "Experiment"),
    "Job": Replacement("Job", "from polyaxon_client.tracking import Job", TRACKING, "Job"),
    "PolyaxonClientException": Replacement(
        "PolyaxonClientException", "from polyaxon_client.exceptions import PolyaxonClientException",
        EXCEPTIONS, "PolyaxonClientException",
    ),
}
"""Names that are made when a script asks for them, not on import (PEP 562)."""

REPLACEMENTS: Dict[str, Replacement] = {**FUNCTIONS, **ATTRIBUTES}


def advice(name: str) -> str:
    """What the warning about `name` tells to type."""
    row = REPLACEMENTS[name]
    return "Write `{}` after `{}`. All at once: {} PATH".format(row.write, row.after, MIGRATE)
