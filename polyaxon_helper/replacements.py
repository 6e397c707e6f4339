"""THE TABLE, which all else reads: every name that a release had, what replaces it, and the variables behind it."""
from typing import Dict, FrozenSet, Mapping, NamedTuple, Optional, Tuple, cast

VERSION = "0.6.0"
DEPRECATED_IN = "0.6.0"
REMOVED_IN = "1.0.0"

TRACKING = "polyaxon_client.tracking"
EXCEPTIONS = "polyaxon_client.exceptions"
CLIENT = "polyaxon_helper.client"  # has the client's names where polyaxon_client can't be imported by itself

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
    path: Optional[str] = None  # what is asked there, dotted: the successor, or what every release of the client has
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
    command: str  # what moves files to it
    homes: Dict[str, str]  # the module that each name is imported from
    functions: Dict[str, Function]
    sources: FrozenSet[str]  # the modules that are left, the legacy package aside
    requires: str  # what pip has to install for it
    unset: Mapping[str, str] = {}  # variables that its platform does not set, and what to know of each


def _asked(path: str, traceml: Written, *variables: str, note: str = "") -> Replacement:
    """Give the row of what the client answers at this path, to a call without arguments."""
    write = Written(path + "()", path.partition(".")[0], note=note)
    return Replacement(write, traceml, TRACKING, path, variables)


_RUN = "tracking.get_or_create_run()"
_TF_CONFIG, _TF_CLUSTER, _TF_TASK = (
    Written('json.loads(os.environ["TF_CONFIG"])' + key, moves=False,
            note="only a TFJob has it, with `chief` in place of `master`; needs import json, os")
    for key in ("", '["cluster"]', '["task"]'))
_INFO = Written(
    '{{"owner": {0}.owner, "project": {0}.project, "uuid": {0}.run_uuid, "name": {0}.run_data.name}}'.format(_RUN),
    "tracking", moves=False, note="its keys are others")
_INPUTS = Written(_RUN + ".get_inputs()", "tracking", note="answers {} where there are none, not None")
_PARAMS = Replacement(
    Written("Experiment.get_params()", "Experiment"), _INPUTS, TRACKING, "Experiment.get_declarations",
    ("POLYAXON_PARAMS", "POLYAXON_DECLARATIONS"))
_STORES = "c.store_path for c in {}.get_connections_catalog() or [] if c.store_path".format(_RUN)
_OUTPUTS = ("POLYAXON_RUN_OUTPUTS_PATH", "POLYAXON_OUTPUTS_PATH")

FUNCTIONS: Dict[str, Replacement] = {
    "get_cluster_def": _asked("Experiment.get_cluster_def", _TF_CLUSTER, "POLYAXON_CLUSTER"),
    "get_declarations": _PARAMS,
    "get_params": _PARAMS,
    "get_experiment_info": _asked("Experiment.get_experiment_info", _INFO, "POLYAXON_EXPERIMENT_INFO"),
    "get_task_info": _asked("Experiment.get_task_info", _TF_TASK, "POLYAXON_TASK_INFO"),
    "get_job_info": _asked("Job.get_job_info", _INFO, "POLYAXON_JOB_INFO"),
    "get_tf_config": _asked(
        "Experiment.get_tf_config", _TF_CONFIG, "POLYAXON_CLUSTER", "POLYAXON_TASK_INFO", *_OUTPUTS),
    "get_outputs_path": _asked(
        "get_outputs_path", Written(_RUN + ".get_outputs_path()", "tracking"), *_OUTPUTS,
        note="where it is in a bucket, make an Experiment first: that gets its credentials"),
    "get_outputs_refs_paths": _asked(
        "get_outputs_refs_paths",
        Written("", moves=False, note="use `init: artifacts` in the polyaxonfile, or params with `ref`"),
        "POLYAXON_REFS_OUTPUTS_PATHS"),
    "get_data_paths": _asked(
        "get_data_paths",
        Written("{c.name: " + _STORES + "}", "tracking", note="the keys are the connections' names", function=True),
        "POLYAXON_RUN_DATA_PATHS", "POLYAXON_DATA_PATHS"),
    "get_data_path": Replacement(
        Written("next(iter((get_data_paths() or {}).values()), None)", "get_data_paths",
                note="the first volume's; better name the one that you mean"),
        Written("next((" + _STORES + "), None)", "tracking", note="the first's; better name the one that you mean"),
        variables=("POLYAXON_DATA_PATH",)),
    "get_log_level": _asked("get_log_level", Written(_RUN + ".get_log_level()", "tracking"), "POLYAXON_LOG_LEVEL"),
    "get_api": Replacement(
        Written('os.environ["POLYAXON_API_HTTP_HOST"] + "/api/v1"', "os", moves=False),
        Written('os.environ["POLYAXON_HOST"] + "/api/v1"', "os", moves=False, note="another API"),
        variables=("POLYAXON_API_HTTP_HOST", "POLYAXON_API")),
    "get_user_token": Replacement(
        Written("Experiment().client.token", "Experiment", moves=False),
        Written(_RUN + ".client.config.token", "tracking", moves=False, note="a token for another API"),
        variables=("POLYAXON_SECRET_USER_TOKEN", "POLYAXON_USER_TOKEN")),
    "get_internal_token": Replacement(
        Written('os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")', "os", moves=False),
        Written("", moves=False, note="there is none any more"), variables=("POLYAXON_INTERNAL_SECRET_TOKEN",)),
    "send_metrics": Replacement(
        Written("get_experiment().log_metrics(...)", "get_experiment"), Written(_RUN + ".log_metrics(...)", "tracking"),
        TRACKING, "Experiment.log_metrics",
        variables=("POLYAXON_EXPERIMENT_INFO", "POLYAXON_API_HTTP_HOST", "POLYAXON_API")),
}

ATTRIBUTES: Dict[str, Replacement] = {
    "experiment": Replacement(
        Written("get_experiment()", "get_experiment"), Written(_RUN, "tracking"), TRACKING, "Experiment"),
    "Experiment": Replacement(Written("Experiment", "Experiment"), Written(_RUN, "tracking"), TRACKING, "Experiment"),
    "Job": Replacement(Written("Job", "Job"), Written(_RUN, "tracking", moves=False), TRACKING, "Job"),
    "PolyaxonClientException": Replacement(
        Written("PolyaxonClientException", "PolyaxonClientException"),
        Written("PolyaxonClientException", "PolyaxonClientException", note="another class, a click.ClickException"),
        EXCEPTIONS, "PolyaxonClientException"),
}
"""Names that are made when a script asks for them, not on import (PEP 562)."""

REPLACEMENTS: Dict[str, Replacement] = {**FUNCTIONS, **ATTRIBUTES}

SIGNATURES = {"send_metrics": ("**metrics", "**metrics"), "get_tf_config": ('envvar="TF_CONFIG"', "envvar")}
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
    **dict.fromkeys(("failed", "log_failed"), Method("log_failed", {"message": "message"})),
    **dict.fromkeys(("stop", "log_stopped"), Method("log_stopped")),
    **{name: Method(name) for name in ("get_outputs_path", "get_log_level")},
    **dict.fromkeys(("get_params", "get_declarations"), Method("get_inputs")),
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


def client(python: Tuple[int, int]) -> Target:
    """Give the target polyaxon-client, for code that runs on this Python."""
    breaks = python >= (3, 10)  # from which on the client can't be imported by itself
    homes = {name: CLIENT if breaks else str(row.home) for name, row in REPLACEMENTS.items() if row.path == name}
    homes["os"] = ""
    requires = "'polyaxon-helper[client]'" if breaks else "'polyaxon-client>=0.5,<0.7' 'markupsafe<2.1' 'setuptools<81'"
    return Target("client", MIGRATE, homes, {"get_experiment": GET_EXPERIMENT}, frozenset(), requires)


TRACEML = Target(
    "traceml", MIGRATE + " --to traceml",
    {"tracking": "traceml", "PolyaxonClientException": "polyaxon.exceptions", "os": ""}, {},
    frozenset((TRACKING, TRACKING + ".experiment", TRACKING + ".job", EXCEPTIONS, CLIENT)),
    "'polyaxon>=2.7' 'jinja2>=3' numpy pandas",
    {_OUTPUTS[0]: "not set on Polyaxon 1.x and 2.x: code that looks for it takes itself to be outside; look for "
                  "{}, or set it as MIGRATION.md does in the polyaxonfile".format(RUN_INSTANCE)})


def written(name: str, target: Target) -> Written:
    """Give what to write for this target in place of a legacy name."""
    return cast(Written, getattr(REPLACEMENTS[name], target.column))


def after(needs: str, target: Target) -> str:
    """Give the lines that have to stand above what needs this name; "" where nothing has to."""
    if needs in target.functions:
        function = target.functions[needs]
        return after(function.needs, target) + "\n\n" + function.text.rstrip("\n")
    home = target.homes.get(needs)
    return "" if home is None else "from {} import {}".format(home, needs) if home else "import " + needs


def snippet(name: str, target: Target) -> str:
    """Give what to type for this target in place of a legacy name, in one line, as a sentence goes on with it."""
    row = written(name, target)
    has = "; MIGRATION.md has {0}, and migrate writes it" if row.needs in target.functions else " after `{1}`"
    above = has.format(row.needs, after(row.needs, target)) if row.needs else ""
    told = "write `{}`{}".format(row.write, above) if row.write else "nothing gives it"
    return told + ("; " + row.note if row.note else "")


def advice(name: str, target: Target) -> str:
    """Give what the warning about a legacy name tells to type, a sentence, and to run where that does it."""
    told = snippet(name, target)
    run = " Or run: {} PATH".format(target.command) if written(name, target).moves else ""
    return "{}{}.{}".format(told[0].upper(), told[1:], run)
