"""Shows who answers, and the one Experiment of a process."""
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from .containers import CONTAINERS
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


@needs_client
@pytest.mark.slow
@pytest.mark.parametrize("stub", ["types.ModuleType('traceml')", "mock.MagicMock()", "None"])
def test_the_client_beside_a_stub_of_traceml_answers_without_a_word(stub: str, python: Process) -> None:
    code = "import sys, types\nfrom unittest import mock\nsys.modules['traceml'] = {}\n".format(stub)
    process = python("-W", "error::RuntimeWarning", "-c", code + WHO, backend="client")
    assert process.stdout.startswith("True polyaxon_client.tracking."), process.stderr


# All is asked with these variables set, and once more when they are changed
CHANGES: List[Any] = [
    pytest.param({"POLYAXON_NO_OP": "1"}, {"POLYAXON_NO_OP": None}, "None None", "7 INFO", id="no-op taken away"),
    pytest.param({}, {"POLYAXON_NO_OP": "1"}, "7 INFO", "None None", id="no-op set"),
    pytest.param({"POLYAXON_EXPERIMENT_INFO": None, "POLYAXON_LOG_LEVEL": None},
                 {"POLYAXON_EXPERIMENT_INFO": CONTAINERS["0.5.6"]["POLYAXON_EXPERIMENT_INFO"],
                  "POLYAXON_LOG_LEVEL": "DEBUG"}, "None None", "7 DEBUG", id="variables set"),
    pytest.param({}, {"POLYAXON_LOG_LEVEL": None, "POLYAXON_EXPERIMENT_INFO": None}, "7 INFO", "None None",
                 id="variables taken away"),
    pytest.param({"POLYAXON_NO_OP": "1", "POLYAXON_EXPERIMENT_INFO": None}, {"POLYAXON_NO_OP": None}, "None None",
                 "None INFO", id="no-op taken away where there is no experiment"),
]
CHANGING = """
import json, os, sys, polyaxon_helper as h
from polyaxon_helper.backend import client_answers
def change(variables):
    for name, value in variables.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
for variables in json.loads(sys.argv[1]):
    change(variables)
    info = h.get_experiment_info()
    print(info and info["experiment_name"][-1], h.get_log_level(), client_answers())
    h.send_metrics(loss=1)
os.environ["POLYAXON_NO_OP"] = "1"
print(h.Experiment.__module__)
"""


@pytest.mark.parametrize("before, after, first, then", CHANGES)
def test_the_environment_is_read_anew_by_each_call(
    before: Dict[str, Any], after: Dict[str, Any], first: str, then: str, python: Process
) -> None:
    process = python("-c", CHANGING, json.dumps([before, after]), environment={
        **CONTAINERS["0.5.6"], "POLYAXON_IS_OFFLINE": "1"})
    assert process.stdout == "{} False\n{} False\npolyaxon_helper.environment\n".format(first, then), process.stderr


@pytest.mark.slow
@needs_client
@pytest.mark.parametrize("before, after", [change.values[:2] for change in CHANGES],
                         ids=[str(change.id) for change in CHANGES])
def test_the_client_goes_on_answering_whatever_is_set(
    before: Dict[str, Any], after: Dict[str, Any], python: Process
) -> None:
    process = python("-c", CHANGING, json.dumps([{}, after]), backend="client", environment={
        **{name: value for name, value in CONTAINERS["0.5.6 offline"].items() if name not in before}, **{
            name: value for name, value in before.items() if value}, "POLYAXON_IN_CLUSTER": "true"})
    assert [line.split()[-1] for line in process.stdout.splitlines()] == [
        "True", "True", "polyaxon_client.tracking.experiment"], process.stderr


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
print(len(made), h.experiment is made[0], h.experiment is h.experiment)
"""


@pytest.mark.parametrize("backend", EACH_BACKEND)
def test_one_experiment_a_process(backend: str, python: Process, own_folder: Path) -> None:
    process = python("-c", ONE_EXPERIMENT, backend=backend, environment={
        **CONTAINERS["0.5.6 offline"], "POLYAXON_IN_CLUSTER": "true", "POLYAXON_RUN_OUTPUTS_PATH": str(own_folder)})
    assert process.stdout == "1 True True\n", process.stderr


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


WRONG_SHAPES: Dict[str, str] = {
    "a list": '["/A"]', "a text": '"/A"', "a number": "5", "true": "true", "broken": '{"a"', "half a text": '"',
    "nested deep": '{"a": ' * 3000 + "1" + "}" * 3000, "a list nested deep": "[" * 3000 + "]" * 3000,
}


@pytest.mark.parametrize("backend", EACH_BACKEND)
@pytest.mark.parametrize("shape", WRONG_SHAPES)
def test_data_paths_of_a_wrong_shape_have_no_first_one(shape: str, backend: str, python: Process) -> None:
    text = WRONG_SHAPES[shape]
    answer = json.loads(text) if len(text) < 9 and text[-1] not in 'a"' or shape == "a text" else None
    if backend == "client" and "deep" in shape:
        pytest.skip("the exception is the client's")
    process = python("-W", "always", "-c", (
        "import polyaxon_helper as h\n"
        "for _ in range(2): print(h.get_data_path())\nprint(repr(h.get_data_paths()))\n"
    ), backend=backend, environment={
        **CONTAINERS["0.5.6"], "POLYAXON_IN_CLUSTER": "true", "POLYAXON_RUN_DATA_PATHS": text})
    lines = [line for line in process.stdout.splitlines() if "Could get" not in line]  # the client's own
    assert lines == ["None", "None", repr(answer)], process.stderr
    assert process.stderr.count("RuntimeWarning") == (answer is not None or backend == "environment")


@pytest.mark.parametrize("variables, path", FIRST_PATHS)
def test_data_path(variables: Dict[str, str], path: str, python: Process) -> None:
    process = python("-W", "ignore", "-c", "import polyaxon_helper as h; print(h.get_data_path())",
                     environment=variables)
    assert process.stdout == "{}\n".format(path), process.stderr
