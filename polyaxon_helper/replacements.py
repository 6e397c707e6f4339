"""THE TABLE: every name that a release of polyaxon-helper had, what replaces it, and the variables behind it.

Pure data. The warnings, the delegation, the fallback, the rewriter and MIGRATION.md all read it.
"""
from typing import Dict, FrozenSet, NamedTuple, Optional, Tuple

VERSION = "0.6.0"
DEPRECATED_IN = "0.6.0"
REMOVED_IN = "1.0.0"

TRACKING = "polyaxon_client.tracking"
EXCEPTIONS = "polyaxon_client.exceptions"

CLIENT = "polyaxon_helper.client"  # has the client's names where polyaxon_client can't be imported by itself
CLIENT_BREAKS = (3, 10)  # the first Python where it can't

MIGRATE = "python -m polyaxon_helper.migrate"
RUN_INSTANCE = "POLYAXON_RUN_INSTANCE"  # the one sure sign of a pod of Polyaxon 1.x or 2.x: OWNER.PROJECT.runs.UUID


class Written(NamedTuple):
    """Says what to write in place of a legacy name."""

    write: str  # the expression; "" where there is none. Of a call `...` stands for the arguments
    needs: str = ""  # the name that has to be there first: one of the target's homes, or of its functions
    moves: bool = True  # whether that is sure enough to be written without asking
    note: str = ""  # what then is not as it was, or what to do by hand
    function: bool = False  # True where a module gets it as a function, once


class Replacement(NamedTuple):
    """Says what a legacy name became."""

    client: Written
    traceml: Written
    home: Optional[str] = None  # the client's module that has the successor; None where there is no successor
    path: Optional[str] = None  # the successor in that module, dotted
    asks: Optional[str] = None  # asked in place of `path`, where that does not work on every release of the client
    variables: Tuple[str, ...] = ()  # of the environment, newest first: the first that is set decides the answer


class Method(NamedTuple):
    """Says what a method of the client's Experiment became in a run of traceml's."""

    name: str
    keywords: Optional[Dict[str, str]] = {}  # what each is called there; None where any is taken as it is
    positional: int = 0  # how many arguments may be given by position
    required: int = 0  # how many keywords must be given


class Function(NamedTuple):
    """A function that a module gets once, where what is written calls it."""

    text: str
    needs: str


class Target(NamedTuple):
    """Says what a script is moved to."""

    column: str  # the field of a Replacement that says what to write
    homes: Dict[str, str]  # the module that each name is imported from
    functions: Dict[str, Function]
    sources: FrozenSet[str]  # the modules that are left, the legacy package aside
    requires: str  # what pip has to install for it


_OUTPUTS = ("POLYAXON_RUN_OUTPUTS_PATH", "POLYAXON_OUTPUTS_PATH")
_RUN = "tracking.get_or_create_run()"
_PARAMS = Replacement(
    Written("Experiment.get_params()", "Experiment"),
    Written(_RUN + ".get_inputs()", "tracking", note="answers {} where there are none, not None"),
    TRACKING, "Experiment.get_params",
    asks="Experiment.get_declarations", variables=("POLYAXON_PARAMS", "POLYAXON_DECLARATIONS"),
)
_INFO = Written(
    '{{"owner": {0}.owner, "project": {0}.project, "uuid": {0}.run_uuid, "name": {0}.run_data.name}}'.format(_RUN),
    "tracking", moves=False, note="its keys are others",
)
_TF_CONFIG = 'json.loads(os.environ["TF_CONFIG"])'
_TF_NOTE = "a TFJob has it, with `chief` in place of `master`; needs import json, os"
_STORES = "c.store_path for c in {}.get_connections_catalog() or [] if c.store_path".format(_RUN)

FUNCTIONS: Dict[str, Replacement] = {
    "get_cluster_def": Replacement(
        Written("Experiment.get_cluster_def()", "Experiment"),
        Written(_TF_CONFIG + '["cluster"]', moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_cluster_def",
        variables=("POLYAXON_CLUSTER",),
    ),
    "get_declarations": _PARAMS,
    "get_params": _PARAMS,
    "get_experiment_info": Replacement(
        Written("Experiment.get_experiment_info()", "Experiment"), _INFO, TRACKING, "Experiment.get_experiment_info",
        variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "get_task_info": Replacement(
        Written("Experiment.get_task_info()", "Experiment"),
        Written(_TF_CONFIG + '["task"]', moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_task_info",
        variables=("POLYAXON_TASK_INFO",),
    ),
    "get_job_info": Replacement(
        Written("Job.get_job_info()", "Job"), _INFO, TRACKING, "Job.get_job_info", variables=("POLYAXON_JOB_INFO",),
    ),
    "get_tf_config": Replacement(
        Written("Experiment.get_tf_config()", "Experiment"),
        Written(_TF_CONFIG, moves=False, note=_TF_NOTE), TRACKING, "Experiment.get_tf_config",
        variables=("POLYAXON_CLUSTER", "POLYAXON_TASK_INFO") + _OUTPUTS,
    ),
    "get_outputs_path": Replacement(
        Written("get_outputs_path()", "get_outputs_path",
                note="a bucket's credentials are in os.environ only once an Experiment is made: make one before"),
        Written(_RUN + ".get_outputs_path()", "tracking"), TRACKING, "get_outputs_path", variables=_OUTPUTS,
    ),
    "get_outputs_refs_paths": Replacement(
        Written("get_outputs_refs_paths()", "get_outputs_refs_paths"),
        Written("", moves=False, note="use `init: artifacts` in the polyaxonfile, or params with `ref`"),
        TRACKING, "get_outputs_refs_paths", variables=("POLYAXON_REFS_OUTPUTS_PATHS",),
    ),
    "get_data_paths": Replacement(
        Written("get_data_paths()", "get_data_paths"),
        Written("{c.name: " + _STORES + "}", "tracking", note="the keys are the connections' names", function=True),
        TRACKING, "get_data_paths", variables=("POLYAXON_RUN_DATA_PATHS", "POLYAXON_DATA_PATHS"),
    ),
    "get_data_path": Replacement(
        Written("next(iter((get_data_paths() or {}).values()), None)", "get_data_paths",
                note='the first volume\'s; better name the one that you mean: get_data_paths()["NAME"]'),
        Written("next((" + _STORES + "), None)", "tracking",
                note="the first connection's; better name the one that you mean"),
        variables=("POLYAXON_DATA_PATH",),
    ),
    "get_log_level": Replacement(
        Written("get_log_level()", "get_log_level"), Written(_RUN + ".get_log_level()", "tracking"),
        TRACKING, "get_log_level", variables=("POLYAXON_LOG_LEVEL",),
    ),
    "get_api": Replacement(
        Written('os.environ["POLYAXON_API_HTTP_HOST"] + "/api/v1"', "os", moves=False),
        Written('os.environ["POLYAXON_HOST"] + "/api/v1"', "os", moves=False, note="another API"),
        variables=("POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
    "get_user_token": Replacement(
        Written("Experiment().client.token", "Experiment", moves=False, note="an Experiment that is there has it too"),
        Written(_RUN + ".client.config.token", "tracking", moves=False, note="a token for another API"),
        variables=("POLYAXON_SECRET_USER_TOKEN", "POLYAXON_USER_TOKEN"),
    ),
    "get_internal_token": Replacement(
        Written('os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")', "os", moves=False),
        Written("", moves=False, note="there is none any more"),
        variables=("POLYAXON_INTERNAL_SECRET_TOKEN",),
    ),
    "send_metrics": Replacement(
        Written("get_experiment().log_metrics(...)", "get_experiment"),
        Written(_RUN + ".log_metrics(...)", "tracking"), TRACKING, "Experiment.log_metrics",
        variables=("POLYAXON_EXPERIMENT_INFO", "POLYAXON_API_HTTP_HOST", "POLYAXON_API"),
    ),
}

ATTRIBUTES: Dict[str, Replacement] = {
    "experiment": Replacement(
        Written("get_experiment()", "get_experiment"), Written(_RUN, "tracking"), TRACKING, "Experiment",
        variables=("POLYAXON_EXPERIMENT_INFO",),
    ),
    "Experiment": Replacement(Written("Experiment", "Experiment"), Written(_RUN, "tracking"), TRACKING, "Experiment"),
    "Job": Replacement(Written("Job", "Job"), Written(_RUN, "tracking", moves=False), TRACKING, "Job"),
    "PolyaxonClientException": Replacement(
        Written("PolyaxonClientException", "PolyaxonClientException"),
        Written("PolyaxonClientException", "PolyaxonClientException", note="another class, a click.ClickException"),
        EXCEPTIONS, "PolyaxonClientException",
    ),
}
"""Names that are made when a script asks for them, not on import (PEP 562)."""

REPLACEMENTS: Dict[str, Replacement] = {**FUNCTIONS, **ATTRIBUTES}

SIGNATURES: Dict[str, Tuple[str, str]] = {
    "send_metrics": ("**metrics", "**metrics"),
    "get_tf_config": ('envvar="TF_CONFIG"', "envvar"),
}
"""The parameters of the legacy functions that move, and how they are handed on; others have none."""

METHODS: Dict[str, Method] = {
    "log_metrics": Method("log_metrics", None),
    "log_params": Method("log_inputs", None, 1),
    "log_tags": Method("log_tags", {"tags": "tags", "reset": "reset"}, 2),
    "log_data_ref": Method("log_data_ref", {"data": "content", "data_name": "name"}, required=2),
    "log_artifact": Method("log_artifact", {"file_path": "path"}, 1),
    "log_output": Method("log_artifact", {"filename": "path"}, 1),
    "log_code_ref": Method("log_code_ref"),
    "log_run_env": Method("log_env"),
    "set_name": Method("set_name", {"name": "name"}, 1),
    "set_description": Method("set_description", {"description": "description"}, 1),
    "failed": Method("log_failed", {"message": "message"}),
    "log_failed": Method("log_failed", {"message": "message"}),
    "stop": Method("log_stopped"),
    "log_stopped": Method("log_stopped"),
    "get_outputs_path": Method("get_outputs_path"),
    "get_log_level": Method("get_log_level"),
    "get_params": Method("get_inputs"),
    "get_declarations": Method("get_inputs"),
}
"""The methods of an Experiment of polyaxon-client 0.6.1 that a run of traceml 1.5.0 has too, by their signatures."""

_LEFT_OUT = frozenset("""
    create end failed get_entity_data get_notebook_job_info log_artifact log_artifacts log_backend log_build
    log_code_ref log_data_ref log_failed log_output log_outputs log_params log_run_env log_status log_stopped
    log_succeeded log_tags send_logs set_description set_name set_outputs_store start stop succeeded
""".split())
LEFT_OUT: Dict[str, FrozenSet[str]] = {"Experiment": _LEFT_OUT | {"log_framework"}, "Job": _LEFT_OUT}
"""The methods of the client's classes that only the client can do: without it each call does nothing."""

GET_EXPERIMENT = Function("""\
_experiment = None


def get_experiment():
    global _experiment
    if _experiment is None:
        _experiment = Experiment()
    return _experiment
""", "Experiment")

_TRACKED = ("Experiment", "Job", "get_data_paths", "get_log_level", "get_outputs_path", "get_outputs_refs_paths")


def client(python: Tuple[int, int]) -> Target:
    """Give the target polyaxon-client, for code that runs on this Python."""
    breaks = python >= CLIENT_BREAKS
    homes = {name: CLIENT if breaks else TRACKING for name in _TRACKED}
    homes["PolyaxonClientException"] = CLIENT if breaks else EXCEPTIONS
    homes["os"] = ""
    requires = "'polyaxon-helper[client]'" if breaks else "'polyaxon-client>=0.5,<0.7' 'markupsafe<2.1' 'setuptools<81'"
    return Target("client", homes, {"get_experiment": GET_EXPERIMENT}, frozenset(), requires)


TRACEML = Target(
    "traceml", {"tracking": "traceml", "PolyaxonClientException": "polyaxon.exceptions", "os": ""}, {},
    frozenset((TRACKING, TRACKING + ".experiment", TRACKING + ".job", EXCEPTIONS, CLIENT)),
    "'polyaxon>=2.7' 'jinja2>=3' numpy pandas",
)


def written(name: str, target: Target) -> Written:
    """Give what to write for this target in place of a legacy name."""
    found: Written = getattr(REPLACEMENTS[name], target.column)
    return found


def after(needs: str, target: Target) -> str:
    """Give the lines that have to stand above what needs this name; "" where nothing has to."""
    if needs in target.functions:
        function = target.functions[needs]
        return after(function.needs, target) + "\n\n" + function.text.rstrip("\n")
    home = target.homes.get(needs)
    return "" if home is None else "from {} import {}".format(home, needs) if home else "import " + needs


def snippet(name: str, target: Target) -> str:
    """Give what to type for this target in place of a legacy name, as a sentence goes on with it.

    One line, but where a function is needed: that stands behind it, as it is pasted.
    """
    row = written(name, target)
    note = "; " + row.note if row.note else ""
    above = after(row.needs, target)
    if not row.write:
        return "nothing gives it" + note
    if "\n" in above:
        return "write `{}`{}, with this once in the module:\n\n{}\n\n".format(row.write, note, above)
    return "write `{}`{}{}".format(row.write, " after `{}`".format(above) if above else "", note)


def command(target: Target) -> str:
    """Give the command that moves files to this target."""
    return MIGRATE + (" --to traceml" if target is TRACEML else "")


def advice(name: str, target: Target) -> str:
    """Give what the warning about a legacy name tells to type."""
    told = snippet(name, target)
    end = "" if told.endswith("\n") else ". "
    return "{}{}{}All at once: {} PATH".format(told[0].upper(), told[1:], end, command(target))
