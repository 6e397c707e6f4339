"""Whatever the API does and however the process ends: each accepted entry is at the server after at most one resend,
the exit takes no longer than its budget, and the status is what it would have been."""
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import pytest

from .conftest import Run, Server

AT_A_TIME = 4
Cases = Dict[Tuple[str, str], "Future[None]"]

BUDGET = 0.7
SLACK = 8.0  # for two interpreters to start and end on a busy machine; what hangs takes longer

# What is quick in a test, but the same in kind
QUICK = {"GATHER": "0.05", "FIRST_BACKOFF": "0.05", "POLYAXON_HELPER_EXIT_TIMEOUT": str(BUDGET)}

ALWAYS = -1
FAULTS: Dict[str, List[Dict[str, Any]]] = {
    "no fault": [],
    "two errors of the server, then none": [{"kind": "error", "times": 2}],
    "always errors of the server": [{"kind": "error", "times": ALWAYS}],
    "503 once": [{"kind": "status", "status": 503}],
    "throttled for long": [{"kind": "status", "status": 429, "headers": {"Retry-After": "99"}, "times": ALWAYS}],
    "never answers": [{"kind": "mute", "times": ALWAYS}],
    "takes it, and closes mid-answer": [{"kind": "cut"}],
    "answers by the byte": [{"kind": "drip"}],
    "answers with wrong JSON": [{"kind": "junk"}],
    "redirects to another host": [{"kind": "redirect", "times": ALWAYS}],
    "refuses the token": [{"kind": "status", "status": 401, "times": ALWAYS}],
    "not there": [{"kind": "away"}],
}


class Ending(NamedTuple):
    script: str
    status: int = 0
    signal: int = 0


BURST = "import os, sys\nfor step in range(20): send_metrics(step=step)\nprint('ready', flush=True)\n"
WAIT = "sys.stdin.read()\n"
CHILD = BURST + """
import multiprocessing
from {module} import burst
if __name__ == "__main__":
    child = multiprocessing.get_context({how!r}).Process(target=burst)
    child.start(); child.join(); assert child.exitcode == 0
"""

ENDINGS = {
    "normal exit": Ending(BURST),
    "exception": Ending(BURST + "raise KeyError", status=1),
    "sys.exit": Ending(BURST + "sys.exit(3)", status=3),
    "os._exit": Ending(BURST + WAIT + "os._exit(4)", status=4),
    "SIGTERM": Ending(BURST + WAIT, status=-signal.SIGTERM, signal=signal.SIGTERM),
    "SIGKILL": Ending(BURST + WAIT, status=-signal.SIGKILL, signal=signal.SIGKILL),
    "fork": Ending(BURST + """
if not os.fork():
    for step in range(20, 40): send_metrics(step=step)
    sys.exit()
assert os.wait()[1] == 0
"""),
    **{how: Ending(CHILD.format(module="tests.reporter.child", how=how)) for how in ("spawn", "forkserver")},
}


@pytest.fixture(scope="session")
def cases(request: Any, home: Path, tmp_path_factory: Any) -> Iterator[Cases]:
    """All of the table that was asked for: several at a time, each with a server of its own, since they mostly wait."""
    servers: "Queue[Server]" = Queue()
    for _ in range(AT_A_TIME):
        servers.put(Server())

    def work(fault: str, ending: str) -> None:
        server = servers.get()
        try:
            server.reset()
            everything_accepted_arrives(server, Run(server, home, tmp_path_factory.mktemp("run")), fault, ending)
        finally:
            servers.put(server)

    asked = [item.callspec.params for item in request.session.items if "cases" in item.fixturenames]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {(case["fault"], case["ending"]): pool.submit(work, **case) for case in asked}
    while not servers.empty():
        servers.get().close()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("fault", FAULTS)
def test_everything_accepted_arrives(cases: Cases, fault: str, ending: str) -> None:
    cases[fault, ending].result()


def everything_accepted_arrives(server: Server, run: Run, fault: str, ending: str) -> None:
    script, status, number = ENDINGS[ending]
    away = FAULTS[fault] == [{"kind": "away"}]
    if away:
        server.tell("away")
    else:
        server.fault(*FAULTS[fault])
    # in a fork while the thread has it, coverage's lock is never released
    process = run.start(script, **QUICK, **({"COVERAGE_PROCESS_START": ""} if ending == "fork" else {}))
    assert process.stdout and process.stdin
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    if number:
        if not away:
            server.wait(requests=1)
        process.send_signal(number)
    ended = run.end(process)
    took = time.monotonic() - began
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr or ending == "exception"
    processes = 2 if len(script) > len(ENDINGS["SIGKILL"].script) + 60 else 1
    assert took < processes * (BUDGET + SLACK)
    elsewhere = server.seen()["elsewhere"]

    # at the next start, or by hand
    server.tell("back")
    server.fault()
    if run.journals():
        resent = run.resend()
        assert (resent.returncode, resent.stderr) == (0, "")
    assert set(server.steps()) == set(range(20 if processes == 1 else 40))
    assert (server.seen()["lost"], elsewhere) == (0, 0)
    assert run.journals() == []


KILLED = """
import os, random, signal
from polyaxon_helper.reporter import sending
random.seed({seed})
send_metrics(step=-1)
for number in range({times}):
    acknowledged, write = os.pipe()
    child = os.fork()
    if not child:
        for step in range(number * 1000, number * 1000 + 900):
            send_metrics(step=step)
            os.write(write, b"%d\\n" % step)
        os._exit(0)
    os.close(write)
    with os.fdopen(acknowledged, "rb", buffering=0) as accepted:
        for _ in range(random.randrange(1, 150)):
            line = accepted.readline()
        for _ in range(random.randrange(3000)):  # not always right after an acknowledgement
            pass
        os.kill(child, signal.SIGKILL)
        os.wait()
        rest = accepted.read(100000)
    print(number, int((line + rest).split()[-1]))
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_loses_nothing_that_was_accepted(server: Server, run: Run, seed: int) -> None:
    """75 processes a seed, some killed while their thread sends, whose journals the next process takes over."""
    ended = run(KILLED.format(seed=seed, times=75), GATHER="0.001", COVERAGE_PROCESS_START="")  # as for signals
    assert ended.returncode == 0, ended.stderr
    accepted = [tuple(map(int, line.split())) for line in ended.stdout.splitlines()]
    assert len(accepted) == 75
    resent = run.resend()
    assert (resent.returncode, resent.stderr) == (0, "")
    assert run.journals() == []
    stored = set(server.steps())
    for number, last in accepted:
        missing = [step for step in range(number * 1000, last + 1) if step not in stored]
        assert not missing
    assert server.seen()["lost"] == 0


def test_the_next_process_of_the_experiment_delivers_it_first(server: Server, run: Run) -> None:
    run(BURST + "os._exit(0)")
    assert len(run.journals()) == 1
    assert run("send_metrics(step=20)").returncode == 0
    assert set(server.steps()) == set(range(21))
    assert run.journals() == []


def test_a_run_that_goes_on_delivers_the_one_before_it_first(server: Server, run: Run) -> None:
    run(BURST + "os._exit(0)")
    process = run.start("import sys\nsend_metrics(step=20)\nsys.stdin.read()")
    server.wait(stored=21)
    run.end(process)
    assert server.steps() == list(range(21))


def test_what_a_run_before_it_left_is_no_other_experiments(server: Server, run: Run) -> None:
    run(BURST + "os._exit(0)")
    other = run.environment["POLYAXON_EXPERIMENT_INFO"].replace("u.p.7", "u.p.8")
    run("send_metrics(step=20)", POLYAXON_EXPERIMENT_INFO=other)
    assert server.stored == []
    assert len(run.journals()) == 2
    assert {request["path"] for request in server.seen()["requests"]} == {"/api/v1/u/p/experiments/8/metrics/"}


def test_a_living_process_keeps_its_journal(server: Server, run: Run) -> None:
    server.fault({"kind": "status", "status": 429, "headers": {"Retry-After": "99"}, "times": ALWAYS})
    living = run.start(BURST + WAIT)
    assert living.stdout and living.stdout.readline() == "ready\n"
    journals = run.journals()
    listed = run.resend()
    assert "a running process has it" in listed.stdout
    run("send_metrics(step=20)", POLYAXON_HELPER_EXIT_TIMEOUT="0.1")
    assert set(journals) <= set(run.journals())
    living.kill()
    run.end(living)


def test_a_server_that_goes_away_and_comes_back_gets_all(server: Server, run: Run) -> None:
    process = run.start("""
import sys
from tests.reporter.child import tell_when
for line in sys.stdin:
    send_metrics(step=int(line))
    if line == "2\\n": tell_when("ConnectionError")
""", **QUICK)
    assert process.stdin and process.stdout
    process.stdin.write("0\n")
    process.stdin.flush()
    server.wait(stored=1)
    server.tell("away")
    process.stdin.write("1\n2\n")
    process.stdin.flush()
    assert process.stdout.readline() == "True\n"
    server.tell("back")
    server.wait(stored=3)
    ended = run.end(process)
    assert (ended.returncode, ended.stderr, set(server.steps())) == (0, "", {0, 1, 2})
