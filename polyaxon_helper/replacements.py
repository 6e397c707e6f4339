"""THE TABLE: every name that a release of polyaxon-helper had, what replaces it, and the variables behind it.

Pure data. The warnings, the delegation, the fallback, the rewriter and MIGRATION.md all read it.
"""
from typing import Dict, NamedTuple, Optional, Tuple

VERSION = "0.6.0"
DEPRECATED_IN = "0.6.0"
REMOVED_IN = "1.0.0"

TRACKING = "polyaxon_client.tracking"
EXCEPTIONS = "polyaxon_client.exceptions"

TRACEML_AFTER = "from traceml import tracking; tracking.get_or_create_run()"

MIGRATE = "python -m polyaxon_helper.migrate"
MIGRATE_TO_TRACEML = MIGRATE + " --to traceml"

RUN_INSTANCE = "POLYAXON_RUN_INSTANCE"
"""The one sure sign of a pod of Polyaxon 1.x or 2.x: OWNER.PROJECT.runs.UUID."""


class Traceml(NamedTuple):
    """What a legacy name became on Polyaxon 1.x and 2.x, behind TRACEML_AFTER."""

    write: str
    """The expression to write in place of the legacy one; "" where there is none."""
    moves: bool = True
    """Whether that is sure enough to be written without asking."""
    note: str = ""
    """What then is not as it was, or what to do by hand."""


class Replacement(NamedTuple):
    """What a legacy name became."""

    write: str
    """The expression to write in place of the legacy one."""
    after: str
    """What has to stand above it, once a module."""
    traceml: Traceml
    """The same for traceml."""
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
_INPUTS = Traceml("tracking.TRACKING_RUN.get_inputs()", note="answers {} where there are none, not None")
_INFO = Traceml(
    '{"owner": tracking.TRACKING_RUN.owner, "project": tracking.TRACKING_RUN.project, '
    '"uuid": tracking.TRACKING_RUN.run_uuid, "name": tracking.TRACKING_RUN.run_data.name}',
    moves=False, note="its keys are others",
)
_RUN = Traceml("tracking.get_or_create_run()", note="of the old methods it has log_metrics alone for sure")
_TF_CONFIG = 'json.loads(os.environ["TF_CONFIG"])'
_TF_NOTE = "a TFJob has it, with `chief` in place of `master`; needs import json, os"

FUNCTIONS: Dict[str, Replacement] = {
    "get_cluster_def": Replacement(
        "Experiment.get_cluster_def()", _EXPERIMENT,
        Traceml(_TF_CONFIG + '["cluster"]', moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_cluster_def",
        variables=("POLYAXON_CLUSTER",),
    ),
    "get_declarations": Replacement(
        "Experiment.get_params()", _EXPERIMENT, _INPUTS, TRACKING, "Experiment.get_params",
        asks="Experiment.get_declarations", variables=_PARAMS,
    ),
    "get_params": Replacement(
        "Experiment.get_params()", _EXPERIMENT, _INPUTS, TRACKING, "Experiment.get_params",
        asks="Experiment.get_declarations", variables=_PARAMS,
    ),
    "get_experiment_info": Replacement(
        "Experiment.get_experiment_info()", _EXPERIMENT, _INFO, TRACKING, "Experiment.get_experiment_info",
        variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "get_task_info": Replacement(
        "Experiment.get_task_info()", _EXPERIMENT,
        Traceml(_TF_CONFIG + '["task"]', moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_task_info",
        variables=("POLYAXON_TASK_INFO",),
    ),
    "get_job_info": Replacement(
        "Job.get_job_info()", "from polyaxon_client.tracking import Job", _INFO, TRACKING, "Job.get_job_info",
        variables=("POLYAXON_JOB_INFO",),
    ),
    "get_tf_config": Replacement(
        "Experiment.get_tf_config()", _EXPERIMENT,
        Traceml(_TF_CONFIG, moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_tf_config",
        variables=("POLYAXON_CLUSTER", "POLYAXON_TASK_INFO") + _OUTPUTS,
    ),
    "get_outputs_path": Replacement(
        "get_outputs_path()", "from polyaxon_client.tracking import get_outputs_path",
        Traceml("tracking.get_outputs_path()"), TRACKING, "get_outputs_path", variables=_OUTPUTS,
    ),
    "get_outputs_refs_paths": Replacement(
        "get_outputs_refs_paths()", "from polyaxon_client.tracking import get_outputs_refs_paths",
        Traceml("", moves=False, note="use `init: artifacts` in the polyaxonfile, or params with `ref`"),
        TRACKING, "get_outputs_refs_paths", variables=("POLYAXON_REFS_OUTPUTS_PATHS",),
    ),
    "get_data_paths": Replacement(
        "get_data_paths()", "from polyaxon_client.tracking import get_data_paths",
        Traceml(
            "{c.name: c.store_path for c in (tracking.get_connections_catalog() or []) if c.store_path}",
            note="the keys are the connections' names",
        ),
        TRACKING, "get_data_paths",
        variables=("POLYAXON_RUN_DATA_PATHS", "POLYAXON_DATA_PATHS"),
    ),
    "get_data_path": Replacement(
        "next(iter(get_data_paths().values()))", "from polyaxon_client.tracking import get_data_paths",
        Traceml(
            "next(c.store_path for c in tracking.get_connections_catalog() if c.store_path)", moves=False,
            note="the first connection's",
        ),
        variables=("POLYAXON_DATA_PATH",),
    ),
    "get_log_level": Replacement(
        "get_log_level()", "from polyaxon_client.tracking import get_log_level",
        Traceml("tracking.get_log_level()"), TRACKING, "get_log_level",
        variables=("POLYAXON_LOG_LEVEL",),
    ),
    "get_api": Replacement(
        'os.environ["POLYAXON_API_HTTP_HOST"] + "/api/v1"', "import os",
        Traceml('os.environ["POLYAXON_HOST"] + "/api/v1"', moves=False, note="another API; needs import os"),
        variables=("POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
    "get_user_token": Replacement(
        "PolyaxonClient().token", "from polyaxon_client import PolyaxonClient",
        Traceml("tracking.TRACKING_RUN.client.config.token", moves=False, note="a token for another API"),
        variables=("POLYAXON_SECRET_USER_TOKEN", "POLYAXON_USER_TOKEN"),
    ),
    "get_internal_token": Replacement(
        'os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")', "import os",
        Traceml("", moves=False, note="there is none any more"),
        variables=("POLYAXON_INTERNAL_SECRET_TOKEN",),
    ),
    "send_metrics": Replacement(
        "experiment.log_metrics(...)", _EXPERIMENT_ONCE,
        Traceml("tracking.log_metrics(...)"), TRACKING, "Experiment.log_metrics",
        variables=("POLYAXON_EXPERIMENT_INFO", "POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
}

ATTRIBUTES: Dict[str, Replacement] = {
    "experiment": Replacement(
        "experiment", _EXPERIMENT_ONCE, _RUN, TRACKING, "Experiment", variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "Experiment": Replacement("Experiment", _EXPERIMENT, _RUN, TRACKING, "Experiment"),
    "Job": Replacement(
        "Job", "from polyaxon_client.tracking import Job", _RUN._replace(moves=False), TRACKING, "Job",
    ),
    "PolyaxonClientException": Replacement(
        "PolyaxonClientException", "from polyaxon_client.exceptions import PolyaxonClientException",
        Traceml("polyaxon.exceptions.PolyaxonClientException", note="another class, a click.ClickException"),
        EXCEPTIONS, "PolyaxonClientException",
    ),
}
"""Names that are made when a script asks for them, not on import (PEP 562)."""

REPLACEMENTS: Dict[str, Replacement] = {**FUNCTIONS, **ATTRIBUTES}


def snippet(name: str) -> str:
    """What to type for traceml in place of `name`."""
    row = REPLACEMENTS[name].traceml
    after = " after `{}`".format(TRACEML_AFTER) if "tracking." in row.write else ""
    write = "write `{}`{}".format(row.write, after) if row.write else "nothing gives it"
    return write + ("; " + row.note if row.note else "")


def advice(name: str, in_pod: bool = False) -> str:
    """What the warning about `name` tells to type, on Polyaxon 0.x or in the pod of a later one."""
    row = REPLACEMENTS[name]
    if in_pod:
        told = snippet(name)
        return "{}{}. All at once: {} PATH".format(told[0].upper(), told[1:], MIGRATE_TO_TRACEML)
    return "Write `{}` after `{}`. All at once: {} PATH".format(row.write, row.after, MIGRATE)
