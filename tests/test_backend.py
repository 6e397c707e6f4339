"""Shows who answers, and the one Experiment of a process."""
import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper import backend, environment, late, lending

from .conftest import Recorder
from .containers import CONTAINERS, NO_HOST
from .processes import BACKENDS, CLIENT_IS_0_4, EACH_BACKEND, Process, needs_client

WHO = "import polyaxon_helper.backend as b; print(b.client_answers(), b.find('get_log_level').__module__)"

DECISIONS: List[Any] = [
    pytest.param({}, True, id="outside Polyaxon: the client"),
    pytest.param(CONTAINERS["0.5.6"], True, id="a container that every client can read: the client"),
    pytest.param({"POLYAXON_IN_CLUSTER": "1", "POLYAXON_IS_MANAGED": "1"}, True, id="no run's information: the client"),
    pytest.param(CONTAINERS["0.0"], False, id="an experiment before either sign: the environment"),
    pytest.param({"POLYAXON_JOB_INFO": "{}"}, False, id="a job before either sign: the environment"),
    pytest.param({"POLYAXON_EXPERIMENT_INFO": ""}, True, id="information that is empty is none: the client"),
]


@pytest.mark.slow
@needs_client
@pytest.mark.parametrize("variables, client", DECISIONS)
def test_who_answers(variables: Dict[str, str], client: bool, python: Process) -> None:
    process = python("-c", WHO, backend="client", environment=variables)
    module = "polyaxon_client.tracking." if client else "polyaxon_helper.environment"
    assert process.stdout.startswith("{} {}".format(client, module)), process.stderr


@pytest.mark.slow
@needs_client
def test_a_client_answers_for_no_older_era(python: Process) -> None:
    process = python("-c", WHO, backend="client", environment=CONTAINERS["0.4.4"])
    assert process.stdout.startswith(str(CLIENT_IS_0_4)), process.stderr


# Each is run before the package is imported; what each of HEARD then answers, with the client that is there
STUBBED = """
import sys, types
from importlib.machinery import ModuleSpec
from unittest import mock
package, tracking = "polyaxon_client", "polyaxon_client.tracking"
def answering(stub, **more):
    stub.get_log_level = lambda: "stub's"
    vars(stub).update(more)
    return stub
class Experiment:
    get_params = get_declarations = staticmethod(lambda: "stub's")
    log_metrics = lambda self, **metrics: print("stub's", metrics)
{}
import polyaxon_helper as h, polyaxon_helper.client
for ask in h.get_log_level, h.get_params, h.get_data_path: print(repr(ask()).partition(" ")[0])
h.send_metrics(a=1)
try: from polyaxon_helper.client import get_log_level; print(True)
except ImportError: print(False)
"""
BOTH = "sys.modules[package] = sys.modules[tracking] = "
STUBS: List[Any] = [
    pytest.param("sys.modules[package] = None", ["'INFO'", "{'lr':", "'/DATA'"], False, id="None"),
    pytest.param("sys.modules[package] = sys.modules[tracking] = None", ["'INFO'", "{'lr':", "'/DATA'"], False,
                 id="None for both modules"),
    pytest.param(BOTH + "types.ModuleType(package)", ["'INFO'", "{'lr':", "'/DATA'"], False, id="an empty module"),
    pytest.param("sys.modules[package] = mock.MagicMock()", ["'INFO'", "{'lr':", "'/DATA'"], False,
                 id="a mock of the package alone"),
    pytest.param(BOTH + "answering(types.ModuleType(package))", ["\"stub's\"", "{'lr':", "'/DATA'"], True,
                 id="a module that has a part"),
    pytest.param(BOTH + "answering(types.SimpleNamespace(), Experiment=Experiment)",
                 ["\"stub's\"", "\"stub's\"", "'/DATA'", "stub's {'a': 1}"], True, id="an object"),
    pytest.param(BOTH + "answering(types.ModuleType(package), __spec__=ModuleSpec(package, None))",
                 ["\"stub's\"", "{'lr':", "'/DATA'"], True, id="a module with a spec"),
    pytest.param("sys.modules[tracking] = answering(types.ModuleType(tracking))",
                 ["\"stub's\"", "{'lr':", "'/DATA'"], True, id="a module in place of tracking alone"),
    pytest.param(BOTH + "mock.MagicMock()", ["<MagicMock", "<MagicMock", "None"], True, id="a mock"),
    pytest.param(BOTH + "mock.MagicMock(spec=types.ModuleType(package))", ["'INFO'", "{'lr':", "'/DATA'"], False,
                 id="a mock of an empty module"),
    pytest.param("sys.modules[tracking] = mock.MagicMock()", ["<MagicMock", "<MagicMock", "None"], True,
                 id="a mock in place of tracking alone"),
    pytest.param("sys.modules['traceml'] = types.ModuleType('traceml'); sys.modules[package] = None",
                 ["'INFO'", "{'lr':", "'/DATA'"], False, id="traceml, a module"),
    pytest.param(BOTH + "mock.MagicMock(); sys.modules['traceml'] = mock.MagicMock()",
                 ["<MagicMock", "<MagicMock", "None"], True, id="traceml, a mock"),
]


@pytest.mark.parametrize("backend", [
    pytest.param("environment", id="no client"),
    pytest.param("client", id="a client", marks=[pytest.mark.slow, needs_client])])
@pytest.mark.parametrize("stub, answers, names", STUBS)
def test_a_stub_is_asked_and_what_it_lacks_is_answered_from_the_environment(
    stub: str, answers: List[str], names: bool, backend: str, python: Process
) -> None:
    hidden = {"HIDDEN_MODULES": "" if backend == "client" or "[package]" in stub else "polyaxon_client"}
    process = python("-W", "error::RuntimeWarning", "-c", STUBBED.format(stub), backend="client", environment={
        **CONTAINERS["0.5.6 offline"], **hidden, "POLYAXON_IN_CLUSTER": "true"})
    assert process.stdout.splitlines() == answers + [str(names)], process.stderr


@pytest.mark.parametrize("kind", ["no class", "another class"])
def test_what_a_stubs_experiment_raises_is_raised(kind: str, python: Process) -> None:
    process = python("-c", (
        "import sys\nfrom unittest import mock\n"
        "stub = sys.modules['polyaxon_client'] = sys.modules['polyaxon_client.tracking'] = mock.MagicMock()\n"
        "stub.Experiment.side_effect = OSError('no network')\n"
        "exceptions = sys.modules['polyaxon_client.exceptions'] = mock.MagicMock()\n"
        "if sys.argv[1] != 'no class': exceptions.PolyaxonClientException = KeyError\n"
        "import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\n"
    ), kind)
    assert (process.returncode, process.stderr.count("\nOSError: no network\n")) == (1, 1), process.stderr


@needs_client
@pytest.mark.slow
@pytest.mark.parametrize("stub", ["types.ModuleType('traceml')", "mock.MagicMock()", "None"])
def test_the_client_beside_a_stub_of_traceml_answers_without_a_word(stub: str, python: Process) -> None:
    code = "import sys, types\nfrom unittest import mock\nsys.modules['traceml'] = {}\n".format(stub)
    process = python("-W", "error::RuntimeWarning", "-c", code + WHO, backend="client")
    assert process.stdout.startswith("True polyaxon_client.tracking."), process.stderr


# The variables at the first call, those changed before the second; what both answer, how many metrics were taken, and
# whether it is told that one is not
CHANGES: List[Any] = [
    pytest.param({}, {}, ["7 INFO", "7 INFO"], 2, False, id="nothing changed"),
    pytest.param({"POLYAXON_NO_OP": "1"}, {"POLYAXON_NO_OP": None}, ["None None", "7 INFO"], 1, False,
                 id="no-op taken away"),
    pytest.param({}, {"POLYAXON_NO_OP": "1"}, ["7 INFO", "None None"], 2, False, id="no-op set: it sends on"),
    pytest.param({"POLYAXON_EXPERIMENT_INFO": None, "POLYAXON_LOG_LEVEL": None},
                 {"POLYAXON_EXPERIMENT_INFO": CONTAINERS["0.5.6"]["POLYAXON_EXPERIMENT_INFO"],
                  "POLYAXON_LOG_LEVEL": "DEBUG"}, ["None None", "7 DEBUG"], 1, True, id="variables set"),
    pytest.param({}, {"POLYAXON_LOG_LEVEL": None, "POLYAXON_EXPERIMENT_INFO": None}, ["7 INFO", "None None"], 2, False,
                 id="variables taken away"),
    pytest.param({"POLYAXON_NO_OP": "1", "POLYAXON_EXPERIMENT_INFO": None}, {"POLYAXON_NO_OP": None},
                 ["None None", "None INFO"], 0, True, id="no-op taken away where there is no experiment"),
]
CHANGING = """
import json, os, sys, polyaxon_helper as h
for variables in json.loads(sys.argv[1]):
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None: os.environ[name] = value
    info = h.get_experiment_info()
    print(info and info["experiment_name"][-1], h.get_log_level())
    h.send_metrics(loss=1)
print(h.Experiment.__module__)
"""


@pytest.mark.parametrize("before, after, answers, taken, told", CHANGES)
def test_the_environment_is_read_anew_by_each_call(
    before: Dict[str, Any], after: Dict[str, Any], answers: List[str], taken: int, told: bool, python: Process
) -> None:
    process = python("-c", CHANGING, json.dumps([before, after]), environment={
        **CONTAINERS["0.5.6"], "POLYAXON_API_HTTP_HOST": NO_HOST, "POLYAXON_HELPER_EXIT_TIMEOUT": "0"})
    assert process.stdout.splitlines() == answers + ["polyaxon_helper.environment"], process.stderr
    assert re.findall(r"(\d+) metric entr", process.stderr) == [str(taken)] * bool(taken)
    assert ("send_metrics sends nothing" in process.stderr) is told


@pytest.mark.slow
@needs_client
@pytest.mark.parametrize("before, after", [change.values[:2] for change in CHANGES], ids=[c.id for c in CHANGES])
def test_the_client_goes_on_answering_whatever_is_set(
    before: Dict[str, Any], after: Dict[str, Any], python: Process, recorder: Recorder
) -> None:
    variables = {**CONTAINERS["0.5.6 offline"], "POLYAXON_IN_CLUSTER": "true", "POLYAXON_API_HTTP_HOST": recorder.url,
                 **before}
    process = python("-c", CHANGING, json.dumps([{}, after]), backend="client", environment={
        name: value for name, value in variables.items() if value is not None})
    assert process.stdout.endswith("\npolyaxon_client.tracking.experiment\n"), process.stderr


@pytest.mark.slow
@needs_client
def test_who_answers_never_changes_halfway(python: Process) -> None:
    process = python("-c", (
        "import os, polyaxon_helper as h\n"
        "from polyaxon_helper.backend import client_answers\n"
        "before = client_answers()\n"
        "os.environ['POLYAXON_EXPERIMENT_INFO'] = '{}'\n"
        "print(before, client_answers())\n"
    ), backend="client")
    assert process.stdout == "True True\n", process.stderr


# ten threads use send_metrics at once, then the attribute is the very Experiment; offline, so that nothing is sent
ONE_EXPERIMENT = """
import threading, polyaxon_helper as h
made = []
Experiment = h.Experiment
make = Experiment.__init__
def counting(self, *arguments, **named):
    made.append(self)
    make(self, *arguments, **named)
Experiment.__init__ = counting
barrier = threading.Barrier(10)
def work():
    barrier.wait()
    h.send_metrics(loss=1)
threads = [threading.Thread(target=work) for _ in range(10)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(made), h.experiment in made, h.experiment is h.experiment)
"""


@pytest.mark.parametrize("backend", EACH_BACKEND)
def test_one_experiment_a_process(backend: str, python: Process, recorder: Recorder, own_folder: Path) -> None:
    process = python("-c", ONE_EXPERIMENT, backend=backend, environment={
        **CONTAINERS["0.5.6 offline"], "POLYAXON_IN_CLUSTER": "true", "POLYAXON_API_HTTP_HOST": recorder.url,
        "POLYAXON_RUN_OUTPUTS_PATH": str(own_folder)})
    made, *same = process.stdout.split()
    assert same == ["True", "True"], process.stderr
    assert made == "1" or backend == "environment"  # where one that is not kept does nothing


NO_EXPERIMENT: List[Any] = [
    pytest.param({}, "POLYAXON_EXPERIMENT_INFO is not set", id="outside Polyaxon"),
    pytest.param(CONTAINERS["0.5.6 job"], "POLYAXON_EXPERIMENT_INFO is not set", id="in a job"),
    pytest.param({"POLYAXON_IS_OFFLINE": "1"}, "POLYAXON_EXPERIMENT_INFO is not set", id="offline and outside"),
]


@pytest.mark.parametrize("backend", EACH_BACKEND)
@pytest.mark.parametrize("variables, reason", NO_EXPERIMENT)
def test_no_experiment_is_none_and_sends_nothing_with_one_warning(
    variables: Dict[str, str], reason: str, backend: str, python: Process, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import polyaxon_helper as h\n"
        "for step in range(3):\n"
        "    h.send_metrics(loss=step)\n"
        "h.send_metrics(loss=4)\n"
        "print(h.experiment)\n"
    )
    process = python("-W", "always", "-W", "ignore::DeprecationWarning", str(script), backend=backend,
                     environment={"POLYAXON_HELPER_SUMMARY": "0", **variables})
    assert (process.returncode, process.stdout) == (0, "None\n"), process.stderr
    told = [line for line in process.stderr.splitlines() if "RuntimeWarning" in line]
    assert len(told) == 1
    assert told[0].startswith("{}:3: RuntimeWarning: send_metrics sends nothing: ".format(script))
    assert reason in told[0]


@pytest.mark.parametrize("backend, status", [
    pytest.param(backend, status, id="{} answers".format(backend), marks=marks)
    for backend, status, marks in (("environment", 0, []), ("client", 1, [pytest.mark.slow])) if backend in BACKENDS
])
def test_broken_experiment_info_ends_as_whoever_answers_ends_it(backend: str, status: int, python: Process) -> None:
    process = python("-W", "ignore::DeprecationWarning", "-c", "import polyaxon_helper as h; h.send_metrics(loss=1)",
                     backend=backend, environment={**CONTAINERS["0.5.6"], "POLYAXON_EXPERIMENT_INFO": "{"})
    assert (process.returncode, "TypeError: " in process.stderr) == (status, bool(status))
    assert ("send_metrics sends nothing: " in process.stderr) is not bool(status)
    assert ("(POLYAXON_EXPERIMENT_INFO is set)" in process.stderr) is not bool(status)


FIRST_PATHS: List[Any] = [
    pytest.param({"POLYAXON_RUN_DATA_PATHS": "{}"}, None, id="no data at all"),
    pytest.param({"POLYAXON_RUN_DATA_PATHS": json.dumps({"b": "/B", "a": "/A"})}, "/B", id="the first in its order"),
    pytest.param({"POLYAXON_RUN_DATA_PATHS": '{"b": "/B"}', "POLYAXON_DATA_PATH": "/P"}, "/P", id="its own variable"),
]


# What get_data_paths answers, which is as it is
WRONG_SHAPES: Dict[str, Any] = {"a list": ["/A"], "a text": "/A", "a number": 5, "true": True}
BROKEN: Dict[str, str] = {
    "broken": '{"a"', "half a text": '"', "objects nested deep": '{"a": ' * 17000 + "1" + "}" * 17000,
    "lists nested deep": "[" * 60000 + "]" * 60000,
}
SHAPES: List[Any] = [
    pytest.param(backend, json.dumps(shape), shape, id="{}: {}".format(backend, name),
                 marks=[pytest.mark.slow] if backend == "client" else [])
    for name, shape in WRONG_SHAPES.items() for backend in BACKENDS
] + [pytest.param("environment", text, None, id=name) for name, text in BROKEN.items()]


@pytest.mark.parametrize("backend, text, answer", SHAPES)
def test_data_paths_of_a_wrong_shape_have_no_first_one(backend: str, text: str, answer: Any, python: Process) -> None:
    process = python("-W", "always", "-c", (
        "import polyaxon_helper as h\n"
        "for _ in range(2): print(h.get_data_path())\nprint(repr(h.get_data_paths()))\n"
    ), backend=backend, environment={
        **CONTAINERS["0.5.6"], "POLYAXON_IN_CLUSTER": "true", "POLYAXON_RUN_DATA_PATHS": text})
    assert process.stdout == "None\nNone\n{!r}\n".format(answer), process.stderr
    assert process.stderr.count("RuntimeWarning") == 1


@pytest.mark.parametrize("variables, path", FIRST_PATHS)
def test_data_path(variables: Dict[str, str], path: str, python: Process) -> None:
    process = python("-W", "ignore", "-c", "import polyaxon_helper as h; print(h.get_data_path())",
                     environment=variables)
    assert process.stdout == "{}\n".format(path), process.stderr


def test_in_the_midst_of_an_import_metrics_are_kept_and_nothing_is_decided(monkeypatch: Any) -> None:
    def under_way() -> bool:
        raise late.UnderWay

    monkeypatch.setenv("POLYAXON_EXPERIMENT_INFO", CONTAINERS["0.5.6"]["POLYAXON_EXPERIMENT_INFO"])
    monkeypatch.setattr(backend, "_experiment", {})
    monkeypatch.setattr(backend, "client_answers", under_way)
    assert type(backend.experiment()) is environment.Experiment
    assert backend._experiment == {}
    answers: Any = backend.find("get_log_level")
    assert answers is environment.get_log_level


def test_a_stub_that_has_no_stores_has_no_credentials_to_give(monkeypatch: Any) -> None:
    monkeypatch.setattr(lending, "credentials_given", False)
    monkeypatch.delitem(sys.modules, "polyaxon_client.tracking.base", raising=False)
    assert lending.give_credentials() == ""
    assert lending.credentials_given, "so that it is not asked again at each call"
