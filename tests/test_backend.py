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


@pytest.mark.parametrize("variables, path", FIRST_PATHS)
def test_data_path(variables: Dict[str, str], path: str, python: Process) -> None:
    process = python("-W", "ignore", "-c", "import polyaxon_helper as h; print(h.get_data_path())",
                     environment=variables)
    assert process.stdout == "{}\n".format(path), process.stderr
