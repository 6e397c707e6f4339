"""polyaxon_client and polyaxon-helper 0.5.0, in miniature: they keep an account in place of sending anything.

run(text, situation) says what a script does: what it shows and reports, and how it ends.
"""
import contextlib
import importlib.util
import io
import re
import sys
import warnings
from typing import Any, Dict, Iterator, List, NamedTuple, Union

SITUATIONS = ("managed", "outside", "missing", "not importable")
"""The last: from Python 3.10 on the client can't be imported by itself, and polyaxon_helper.client has its names."""
PACKAGES = ("polyaxon_client", "polyaxon_helper", "traceml", "polyaxon")
NOT_SENT = "a metric that is not sent"
"""How a script ends that sends a metric outside Polyaxon: 0.5.0 had no experiment then, the client makes none."""
NOT_MANAGED = "PolyaxonClientException: not managed"
"""How one ends that asks for something else there, such as what it then sends."""

Modules = Dict[str, Union[str, Dict[str, Any]]]
"""The text of each, or what it has."""

# What 0.5.0 did, over the client that is there
LEGACY = """
__path__ = []
from polyaxon_helper.client import (
    Experiment, Job, PolyaxonClientException, get_data_paths, get_log_level, get_outputs_path, get_outputs_refs_paths)
try:
    experiment = Experiment()
except PolyaxonClientException:
    experiment = None
def get_tf_config(envvar='TF_CONFIG'):
    return Experiment.get_tf_config(envvar)
def get_cluster_def():
    return Experiment.get_cluster_def()
def get_params():
    return Experiment.get_params()
def get_declarations():
    return get_params()
def get_experiment_info():
    return Experiment.get_experiment_info()
def get_task_info():
    return Experiment.get_task_info()
def get_job_info():
    return Job.get_job_info()
def send_metrics(**metrics):
    experiment.log_metrics(**metrics)
def get_data_path():  # of the first releases, and of ours
    return next(iter((get_data_paths() or {}).values()), None)
def get_user_token(): pass
get_api = get_internal_token = get_user_token
"""

# What ours does: the experiment is made when it is asked for
LAZY = LEGACY.replace("""try:
    experiment = Experiment()
except PolyaxonClientException:
    experiment = None
""", """_made = []
def _experiment():
    if not _made:
        try:
            _made.append(Experiment())
        except PolyaxonClientException:
            _made.append(None)
    return _made[0]
def __getattr__(name):
    if name == "experiment":
        return _experiment()
    raise AttributeError("module 'polyaxon_helper' has no attribute {!r}".format(name))
""").replace("    experiment.log", "    _experiment().log") + """
__all__ = [name for name in globals() if name[0] != "_"] + ["experiment"]
"""

# traceml, over the client: the run is made once
TRACEML = {"traceml": "__path__ = []", "polyaxon": "__path__ = []",
           "polyaxon.exceptions": "from polyaxon_client.exceptions import PolyaxonClientException",
           "traceml.tracking": """
import types
import polyaxon_client.tracking as client
class Run(client.Experiment):
    get_inputs = staticmethod(client.Experiment.get_params)
    get_outputs_path = staticmethod(client.get_outputs_path)
    get_log_level = staticmethod(client.get_log_level)
    def get_connections_catalog(self):
        return [types.SimpleNamespace(name=name, store_path=path) for name, path in client.get_data_paths().items()]
runs = []
def get_or_create_run():
    if not runs:
        runs.append(Run())
    return runs[0]
"""}  # type: Modules


class Outcome(NamedTuple):
    events: List[Any]
    """What the script shows and reports, in order."""
    printed: str
    error: str


def _seen(value: Any) -> str:
    if isinstance(value, (str, int, dict, list, tuple, set)):
        return re.sub(r"<bound method .*>|<.* at 0x\w+>", "<>", repr(value))
    return "callable" if callable(value) else type(value).__name__


def _client(events: List[Any], managed: bool) -> Modules:
    class PolyaxonClientException(AttributeError):
        """An AttributeError too, as what a script got that sent a metric outside."""

    def ask(name: str, answer: Any) -> Any:
        def asked() -> Any:
            if not managed:
                raise PolyaxonClientException("not managed")
            events.append(name)
            return answer

        asked.__name__ = name
        return asked

    class Experiment:
        def __init__(self) -> None:
            if not managed:
                raise PolyaxonClientException("not managed: 'NoneType' has no attribute 'log_metrics'")

        def log_metrics(self, **metrics: Any) -> None:
            events.append(("metrics", sorted((name, _seen(value)) for name, value in metrics.items())))

        @classmethod
        def get_tf_config(cls, envvar: Any = "TF_CONFIG") -> Any:
            return ask("get_tf_config", {"envvar": envvar})()

        get_cluster_def = staticmethod(ask("get_cluster_def", {"master": ["m:1"]}))
        get_params = get_declarations = staticmethod(ask("get_params", {"lr": 0.1}))
        get_experiment_info = staticmethod(ask("get_experiment_info", {"project_name": "u.p"}))
        get_task_info = staticmethod(ask("get_task_info", {"type": "master"}))

    class Job:
        get_job_info = staticmethod(ask("get_job_info", {"job_name": "j"}))

    tracking = {name: ask(name, name.upper())
                for name in ("get_log_level", "get_outputs_path", "get_outputs_refs_paths")}
    tracking.update(Experiment=Experiment, Job=Job, get_data_paths=ask("get_data_paths", {"data": "/data"}))
    exceptions = {"PolyaxonClientException": PolyaxonClientException}
    return {"polyaxon_client": "__path__ = []", "polyaxon_client.tracking": {"__path__": [], **tracking},
            "polyaxon_client.tracking.experiment": tracking,
            "polyaxon_client.exceptions": exceptions,
            "polyaxon_helper.client": {"settings": None, **tracking, **exceptions}}


class _Finder:
    """Nothing of these packages can be imported, but for the modules given."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in self.modules:
            loader: Any = self  # it has what a loader needs
            return importlib.util.spec_from_loader(name, loader)
        if name.split(".")[0] in PACKAGES:
            raise ImportError("No module named {!r}".format(name))
        return None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        content = self.modules[module.__name__]
        if isinstance(content, dict):
            vars(module).update(content)
        else:
            exec(_compiled(content), vars(module))


@contextlib.contextmanager
def _only(modules: Modules) -> Iterator[None]:
    def ours(name: str) -> bool:
        return name.split(".")[0] in PACKAGES or name in modules

    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    finder: Any = _Finder(modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in filter(ours, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(kept)


def _compiled(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes such as \d, and of `is` with a number
        return compile(text, "script", "exec")


def run(text: str, situation: str, beside: Modules = {}, lazy: bool = False) -> Outcome:
    """Run a script, with the modules that lie beside it; `lazy`: importing the legacy package makes nothing."""
    events: List[Any] = []
    modules: Modules = dict(beside)
    if situation != "missing":
        modules.update(_client(events, situation != "outside"), polyaxon_helper=LAZY if lazy else LEGACY)
    if situation == "not importable":
        modules = {name: each for name, each in modules.items() if "polyaxon_client" not in name}

    def call(function: Any, **named: Any) -> Any:
        return function(called=1) if getattr(function, "__name__", "").endswith("send_metrics") else function

    def show(*values: Any, **named: Any) -> Any:
        events.append(("shown", list(map(_seen, values)), sorted(named)))
        return values[0] if values else None

    error = ""
    printed = io.StringIO()
    with _only(modules), contextlib.redirect_stdout(printed):
        try:
            exec(_compiled(text), {"__name__": "__main__", "show": show, "call": call})
        except Exception as failure:
            error = "{}: {}".format(type(failure).__name__, failure if situation != "missing" else "")
    if "'NoneType'" in error and "log_metrics" in error:
        error = NOT_SENT
    elif "NameError" in error or "UnboundLocalError" in error:
        error = error.split(":")[0]  # the name itself is in the message
    return Outcome(events, printed.getvalue(), error)


def differs(before: Outcome, after: Outcome) -> bool:
    """Tell whether a script does something else; one that ends at its first metric may have made no argument for it."""
    if NOT_SENT in (before.error, after.error) and {before.error, after.error} <= {NOT_SENT, NOT_MANAGED}:
        return after.events != before.events[:len(after.events)]
    return before != after
