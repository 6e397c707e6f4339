"""Whatever the API does and however the process ends: each accepted entry is at the server after at most one resend,
the exit takes no longer than its budget, and the status is what it would have been."""
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import pytest

from ..processes import posix, read_line, write_line
from .conftest import ALWAYS, Run, Server

pytestmark = [pytest.mark.slow, posix]

AT_A_TIME = 1 if "PYTEST_XDIST_WORKER" in os.environ else 4
"""How many cases run at once: alone a process mostly waits, but not beside others that test at the same time."""

BUDGET = 0.7
SLACK = 8.0  # for two interpreters to start and end on a busy machine; what hangs takes longer

# What is quick in a test, but the same in kind
QUICK = {"GATHER": "0.05", "FIRST_BACKOFF": "0.05", "POLYAXON_HELPER_EXIT_TIMEOUT": str(BUDGET)}

FAULTS: Dict[str, List[Dict[str, Any]]] = {
    "no fault": [],
    "two errors of the server, then none": [{"kind": "error", "times": 2}],
    "always errors of the server": [{"kind": "error", "times": ALWAYS}],
    "throttled for long": [{"kind": "status", "status": 429, "headers": {"Retry-After": "99"}, "times": ALWAYS}],
    "never answers": [{"kind": "mute", "times": ALWAYS}],
    "takes it, and closes mid-answer": [{"kind": "cut"}],
    "answers by the byte": [{"kind": "drip"}],
    "redirects to another host": [{"kind": "redirect", "times": ALWAYS}],
    "refuses the token": [{"kind": "status", "status": 401, "times": ALWAYS}],
    "not there": [{"kind": "away"}],
}


class Outcome(NamedTuple):
    status: int
    stderr: str
    took: float
    """Seconds to its end, from its last metric on."""
    resent: Tuple[int, str]
    """Exit status and standard error of the resend."""
    steps: List[float]
    """What the server has then, and below what it lost, and got at another host."""
    lost: int
    elsewhere: int
    left: List[Path]
    """Journals."""


Cases = Callable[[str, str], "Future[Outcome]"]


class Ending(NamedTuple):
    script: str
    status: int = 0
    signal: int = 0
    processes: int = 1
    """How many send 20 metrics each."""


BURST = "import os, sys\nfor step in range(20): send_metrics(step=step)\nprint('ready', flush=True)\n"
WAIT = "sys.stdin.read()\n"
CHILD = BURST + """
import multiprocessing
from tests.child import burst
if __name__ == "__main__":
    child = multiprocessing.get_context({how!r}).Process(target=burst)
    child.start(); child.join(); assert child.exitcode == 0
"""

ENDINGS = {
    "normal exit": Ending(BURST),
    "exception": Ending(BURST + "raise KeyError", status=1),
    "os._exit": Ending(BURST + WAIT + "os._exit(4)", status=4),
    "SIGTERM": Ending(BURST + WAIT, status=-signal.SIGTERM, signal=signal.SIGTERM),
    "SIGKILL": Ending(BURST + WAIT, status=-9, signal=9),
    "fork": Ending(BURST + """
if not os.fork():
    for step in range(20, 40): send_metrics(step=step)
    sys.exit()
assert os.wait()[1] == 0
""", processes=2),
    **{how: Ending(CHILD.format(how=how), processes=2) for how in ("spawn", "forkserver")},
}


@pytest.fixture(scope="session")
def cases(request: Any, new_folders: Iterator[Path]) -> Iterator[Cases]:
    """Give what comes of a fault and an ending. With several at a time, all that will be asked for begin at once."""
    servers: "Queue[Server]" = Queue()
    for _ in range(AT_A_TIME):
        servers.put(Server())

    def work(folder: Path, fault: str, ending: str) -> Outcome:
        server = servers.get()
        try:
            server.reset()
            return end_under(server, Run(server, folder), fault, ending)
        finally:
            servers.put(server)

    begun: Dict[Tuple[str, str], "Future[Outcome]"] = {}

    def begin(fault: str, ending: str) -> "Future[Outcome]":
        if (fault, ending) not in begun:
            begun[fault, ending] = pool.submit(work, next(new_folders), fault, ending)
        return begun[fault, ending]

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for item in request.session.items if AT_A_TIME > 1 else []:
            if "cases" in item.fixturenames:
                begin(item.callspec.params["fault"], item.callspec.params["ending"])
        yield begin
        for case in begun.values():  # where the tests were interrupted
            case.cancel()
    while not servers.empty():
        servers.get().close()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("fault", FAULTS)
def test_everything_accepted_arrives(cases: Cases, fault: str, ending: str) -> None:
    expected, outcome = ENDINGS[ending], cases(fault, ending).result()
    assert outcome.status == expected.status, outcome.stderr
    assert "Traceback" not in outcome.stderr or ending == "exception"
    assert outcome.took < expected.processes * (BUDGET + SLACK)
    assert (outcome.resent, outcome.left) == ((0, ""), [])
    assert set(outcome.steps) == set(range(20 * expected.processes))
    assert (outcome.lost, outcome.elsewhere) == (0, 0)


def end_under(server: Server, run: Run, fault: str, ending: str) -> Outcome:
    """Run a script to its end under a fault; when that is over, send what it left, as its next start would."""
    script, _, number, _ = ENDINGS[ending]
    away = FAULTS[fault] == [{"kind": "away"}]
    if away:
        server.tell("away")
    else:
        server.fault(*FAULTS[fault])
    # in a fork while the thread has it, coverage's lock is never released
    measured = {"COVERAGE_PROCESS_START": ""} if ending == "fork" else {}
    with run.start(script, **QUICK, **measured) as process:
        assert read_line(process) == "ready"
        began = time.monotonic()
        if number:
            if not away:
                server.wait(requests=1)
            process.send_signal(number)
        ended = run.end(process)
        took = time.monotonic() - began
    elsewhere = server.seen()["elsewhere"]
    server.tell("back")
    server.fault()
    resent = run.resend() if run.left() else None
    return Outcome(ended.returncode, ended.stderr, took, (resent.returncode, resent.stderr) if resent else (0, ""),
                   server.steps(), server.seen()["lost"], elsewhere, run.left())


KILLED = """
import os, random, signal
from polyaxon_helper.classic import sending
random.seed(1)
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


def test_killed_at_any_moment_loses_nothing_that_was_accepted(server: Server, run: Run) -> None:
    """150 processes, some killed while their thread sends, whose journals the next process takes over."""
    ended = run(KILLED.format(times=150), GATHER="0.001", COVERAGE_PROCESS_START="")  # as for signals
    assert ended.returncode == 0, ended.stderr
    accepted = [tuple(map(int, line.split())) for line in ended.stdout.splitlines()]
    assert len(accepted) == 150
    resent = run.resend()
    assert (resent.returncode, resent.stderr) == (0, "")
    assert run.left() == []
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
    assert run.left() == []


def test_a_run_that_goes_on_delivers_the_one_before_it_first(server: Server, run: Run) -> None:
    run(BURST + "os._exit(0)")
    with run.start("import sys\nsend_metrics(step=20)\nsys.stdin.read()") as process:
        server.wait(stored=21)
        run.end(process)
    assert server.steps() == list(range(21))


def test_a_living_process_keeps_its_journal(server: Server, run: Run) -> None:
    server.fault({"kind": "status", "status": 429, "headers": {"Retry-After": "99"}, "times": ALWAYS})
    with run.start(BURST + WAIT) as living:
        assert read_line(living) == "ready"
        journals = run.journals()
        listed = run.resend()
        assert "a running process has it" in listed.stdout
        run("send_metrics(step=20)", POLYAXON_HELPER_EXIT_TIMEOUT="0.1")
        assert set(journals) <= set(run.journals())


def test_a_server_that_goes_away_and_comes_back_gets_all(server: Server, run: Run) -> None:
    script = """
import sys
from tests.child import tell_when
for line in sys.stdin:
    send_metrics(step=int(line))
    if line == "2\\n": tell_when("ConnectionError")
"""
    with run.start(script, **QUICK) as process:
        write_line(process, 0)
        server.wait(stored=1)
        server.tell("away")
        write_line(process, 1)
        write_line(process, 2)
        assert read_line(process) == "True"
        server.tell("back")
        server.wait(stored=3)
        ended = run.end(process)
    assert (ended.returncode, ended.stderr, set(server.steps())) == (0, "", {0, 1, 2})
