"""polyaxon_client.tracking and polyaxon-helper 0.5.0, in miniature: they keep an account in place of sending anything.

run(text, situation) says what a script does: what it shows and reports, how it ends, how many Experiments it makes.
"""
import contextlib
import io
import re
import sys
import types
import warnings
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

SITUATIONS = ("managed", "outside", "missing")
PACKAGES = ("polyaxon_client", "polyaxon_helper")

# What 0.5.0 did, over the client that is there
LEGACY = """
from polyaxon_client.exceptions import PolyaxonClientException
from polyaxon_client.tracking import (
    Experiment, Job, get_data_paths, get_log_level, get_outputs_path, get_outputs_refs_paths)
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
    return "/data"
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


class Outcome(NamedTuple):
    events: List[Any]
    """What the script shows and reports, in order."""
    printed: str
    error: str
    made: int
    """How many Experiments it made."""


def _client(events: List[Any], made: List[int], managed: bool) -> Dict[str, types.ModuleType]:
    class PolyaxonClientException(Exception):
        pass

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
                raise PolyaxonClientException("not managed")
            made.append(len(events))

        def log_metrics(self, **metrics: Any) -> None:
            events.append(("metrics", metrics))

        @classmethod
        def get_tf_config(cls, envvar: Any = "TF_CONFIG") -> Any:
            return ask("get_tf_config", {"envvar": envvar})()

        get_cluster_def = staticmethod(ask("get_cluster_def", {"master": ["m:1"]}))
        get_params = staticmethod(ask("get_params", {"lr": 0.1}))
        get_experiment_info = staticmethod(ask("get_experiment_info", {"project_name": "u.p"}))
        get_task_info = staticmethod(ask("get_task_info", {"type": "master"}))

    class Job:
        get_job_info = staticmethod(ask("get_job_info", {"job_name": "j"}))

    tracking = types.ModuleType("polyaxon_client.tracking")
    exceptions = types.ModuleType("polyaxon_client.exceptions")
    functions = {name: ask(name, name.upper()) for name in (
        "get_data_paths", "get_log_level", "get_outputs_path", "get_outputs_refs_paths")}
    vars(tracking).update(functions, Experiment=Experiment, Job=Job)
    vars(exceptions).update(PolyaxonClientException=PolyaxonClientException)
    package = types.ModuleType("polyaxon_client")
    vars(package).update(tracking=tracking, exceptions=exceptions)
    return {"polyaxon_client": package, "polyaxon_client.tracking": tracking, "polyaxon_client.exceptions": exceptions}


class _Blocked:
    """Nothing of the two packages can be imported, but for the modules given."""

    def __init__(self, modules: Dict[str, str]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in self.modules:
            import importlib.util

            loader: Any = self  # it has what a loader needs
            return importlib.util.spec_from_loader(name, loader)
        if name.split(".")[0] in PACKAGES:
            raise ImportError("No module named {!r}".format(name))
        return None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.modules[module.__name__], "<{}>".format(module.__name__), "exec"), vars(module))


@contextlib.contextmanager
def _only(modules: Dict[str, types.ModuleType], finder: Any) -> Iterator[None]:
    def ours(name: str) -> bool:
        return name.split(".")[0] in PACKAGES or name in finder.modules

    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    sys.modules.update(modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in list(sys.modules):
            if ours(name):
                del sys.modules[name]
        sys.modules.update(kept)


def _compiled(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes such as \d, and of `is` with a number
        return compile(text, "script", "exec")


def run(text: str, situation: str, beside: Tuple[Tuple[str, str], ...] = (), lazy: bool = False) -> Outcome:
    """Run a script, with the modules that lie beside it; `lazy`: importing the legacy package makes nothing."""
    events: List[Any] = []
    made: List[int] = []
    modules = {} if situation == "missing" else _client(events, made, situation == "managed")
    finder = _Blocked(dict(beside))
    if situation != "missing":
        finder.modules["polyaxon_helper"] = "__path__ = []\n" + (LAZY if lazy else LEGACY)
        finder.modules["polyaxon_helper.client"] = "settings = None"

    def call(function: Any, **named: Any) -> Any:
        return function(called=1) if getattr(function, "__name__", "").endswith("send_metrics") else function

    def show(*values: Any, **named: Any) -> Any:
        events.append(("shown", [
            re.sub(r"<bound method .*>|<.* at 0x\w+>", "<>", repr(value))
            if isinstance(value, (str, int, dict, list, tuple, set))
            else "callable" if callable(value) else type(value).__name__ for value in values], sorted(named)))
        return values[0] if values else None

    error = ""
    names = {"__name__": "__main__", "show": show, "call": call}
    printed = io.StringIO()
    with _only(modules, finder), contextlib.redirect_stdout(printed):
        try:
            exec(_compiled(text), names)
        except Exception as failure:
            error = "{}: {}".format(type(failure).__name__, failure if situation != "missing" else "")
    return Outcome(events, printed.getvalue(), error, len(made))
