"""The first call imports what comes late: whatever interrupts it, or forks, nothing hangs or is lost.

A moment is the so-manieth function that Python calls in the first call, in whichever thread: no sleep decides.
"""
import sys
import threading
from typing import Any, Dict, List, Optional

import pytest

from polyaxon_helper import late

from .classic.conftest import Run, Server, run, server, server_process  # noqa: F401 - fixtures
from .processes import needs_client, posix, write_line

pytestmark = [pytest.mark.slow, posix]

QUICK = {"GATHER": "0.05", "COVERAGE_PROCESS_START": ""}  # in a fork coverage's lock is never released

START = """
import os, signal, sys, threading, time
from polyaxon_helper import get_data_paths, send_metrics

def at(moment, do, functions=(), but=""):
    seen = []
    def profile(frame, event, argument):
        if event != "call" or frame.f_code is do.__code__ or frame.f_globals.get("__name__") == but:
            return
        if not functions or frame.f_code.co_name in functions:
            seen.append(None)
            if len(seen) == moment:
                do()
    return profile

def first_call_at_each(moments, work):
    for moment in moments:
        pid = os.fork()
        if not pid:
            work(moment)
            sys.exit(0)
        status = os.waitpid(pid, 0)[1]
        print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status), flush=True)
"""

FORK = START + """
def work(moment):
    begun, forking = threading.Event(), threading.Event()
    os.register_at_fork(before=forking.set)  # runs before that of the package
    def let_fork():
        begun.set()
        forking.wait()
    def first():
        call()
        begun.set()
    def call():
        {}
    threading.setprofile(at(moment, let_fork, but="threading"))  # a fork while a thread starts may crash 3.7's child
    thread = threading.Thread(target=first)
    thread.start()
    begun.wait()
    pid = os.fork()
    threading.setprofile(None)
    if not pid:
        signal.alarm(30)
        call()
        sys.exit(0)
    thread.join()
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status
first_call_at_each({}, work)
"""
TWENTY = [2 ** power for power in range(20)]
"""Moments; the last is after the first call."""
SEVEN = [2 ** power for power in (0, 3, 6, 9, 12, 15, 18)]

CALLS: List[Any] = [
    pytest.param("get_data_paths()", "environment", TWENTY, id="a getter, without the client"),
    pytest.param("send_metrics(step=os.getpid())", "environment", TWENTY, id="send_metrics, without the client"),
    pytest.param("get_data_paths()", "client", SEVEN, id="a getter, with the client", marks=needs_client),
    pytest.param("send_metrics(step=os.getpid())", "client", SEVEN, id="send_metrics, with the client",
                 marks=needs_client),
]


def with_client(run: Run, client: str) -> Dict[str, str]:  # noqa: F811 - fixtures
    return {**QUICK, **({"HIDDEN_MODULES": "", "POLYAXON_IN_CLUSTER": "true"} if client == "client" else {})}


@pytest.mark.parametrize("call, client, moments", CALLS)
def test_a_child_forked_in_the_first_call_can_call_too(
    call: str, client: str, moments: List[int], server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    ended = run(FORK.format(call, moments), FORK_WAIT="30", **with_client(run, client))
    assert (ended.stdout.split(), ended.returncode) == (["0"] * len(moments), 0), ended.stderr
    if "send_metrics" in call:
        assert len(set(server.steps())) == 2 * len(moments)
        assert (run.journals(), ended.stderr) == ([], "")


FORK_AFTER = START + """
from polyaxon_helper import late
def work(moment):
    late.alone(int)
    pid = os.fork()
    if not pid:
        signal.alarm(30)
        late.alone(int)
        sys.exit(0)
    os._exit(os.waitpid(pid, 0)[1] != 0)
first_call_at_each(range(200), work)
"""


def test_a_child_forked_right_after_the_first_call_can_call_too(run: Run) -> None:  # noqa: F811 - fixtures
    """On 3.7 and 3.8 some in 100 crashed, or hung: when its thread ends, glibc loads what it needs for that."""
    ended = run(FORK_AFTER, **QUICK)
    assert (ended.stdout.split(), ended.stderr) == (["0"] * 200, "")


HELD = START + """
lock, begun, forking = threading.Lock(), threading.Event(), threading.Event()
def hold():
    lock.acquire()
    forking.set()
os.register_at_fork(before=hold, after_in_parent=lock.release, after_in_child=lock.release)
def wait_for_it(frame, event, argument):
    if event == "call" and frame.f_globals.get("__name__") == "requests.adapters" and not begun.is_set():
        begun.set()
        forking.wait()
        with lock:
            pass
threading.setprofile(wait_for_it)
thread = threading.Thread(target=send_metrics, kwargs={"step": 1})
thread.start()
begun.wait()
threading.setprofile(None)
if not os.fork():
    signal.alarm(10)
    send_metrics(step=2)
    send_metrics(step=3)
    sys.exit(0)
print(os.wait()[1])
thread.join()
"""


def test_a_fork_goes_on_where_the_import_waits_for_what_it_holds(
    server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    ended = run(HELD, FORK_WAIT="0.2", **QUICK)
    assert (ended.stdout, ended.returncode) == ("0\n", 0), ended.stderr
    assert "2 metric entries wait in " in ended.stderr
    run.resend()
    assert sorted(server.steps()) == [1, 2, 3]


def test_a_child_of_a_fork_that_did_not_wait_imports_nothing_more(monkeypatch: Any) -> None:
    held = threading.Lock()
    held.acquire()
    monkeypatch.setattr(late, "_is_lost", False)
    monkeypatch.setattr(late, "_fork", threading.local())
    monkeypatch.setattr(late, "lock", held)
    late._fork.has_lock = False
    late._begin_anew()
    assert late.lock.acquire(False), "an Experiment of the user's needs it"
    with pytest.raises(late.UnderWay):
        late.alone(lambda: 1)


def test_what_takes_too_long_goes_on_and_is_not_waited_for(monkeypatch: Any) -> None:
    done = threading.Event()
    monkeypatch.setattr(late, "WAIT", 0.05)
    with pytest.raises(late.UnderWay):
        late.alone(done.wait)
    done.set()
    monkeypatch.setattr(late, "WAIT", 30.0)
    assert late.alone(lambda: 1) == 1


# ---- signals


def handler(number: int, frame: Any) -> int:
    return late.alone(lambda: 1)


IN_AN_IMPORT: List[Any] = [
    pytest.param("handler(15, sys._getframe())", "<frozen importlib._bootstrap>", True, id="a handler amid an import"),
    pytest.param("(lambda *given: handler(*given))(15, sys._getframe())", "<frozen importlib._bootstrap>", True,
                 id="one that calls another"),
    pytest.param("handler(15, sys._getframe())", "train.py", False, id="a handler amid the script"),
    pytest.param("handler(15, None)", "<frozen importlib._bootstrap>", False, id="a module that is imported"),
]


@pytest.mark.parametrize("call, file, raises", IN_AN_IMPORT)
def test_what_interrupts_an_import(call: str, file: str, raises: bool) -> None:
    code = compile("answer = " + call, file, "exec")
    scope: Dict[str, Any] = {"handler": handler, "sys": sys}
    if raises:
        with pytest.raises(late.UnderWay):
            exec(code, scope)
    else:
        exec(code, scope)
        assert scope["answer"] == 1


SIGNAL = START + """
def work(moment):
    def handler(*_):
        send_metrics(stopped=moment)
        sys.exit(143)
    def send_signal():
        os.kill(os.getpid(), signal.SIGTERM)
    signal.signal(signal.SIGTERM, handler)
    profile = at(moment, send_signal, {functions})
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        {before}
        send_metrics(step=moment)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    sys.exit(99)
first_call_at_each({moments}, work)
"""
# all around the import, in this thread, and some in it, in another
MANY = [*range(1, 200, 14), *range(250, 20000, 1500)]


def stopped(server: Server) -> List[int]:  # noqa: F811 - fixtures
    return sorted(entry["values"]["stopped"] for entry in server.stored if "stopped" in entry["values"])


@pytest.mark.parametrize("functions, moments", [
    pytest.param((), MANY, id="at any moment"),
    pytest.param(("cb", "remove"), list(range(1, 12)), id="while the import system forgets a lock"),
])
def test_a_signal_in_the_first_call_that_ends_the_process(
    functions: Any, moments: List[int], server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    ended = run(SIGNAL.format(before="", functions=functions, moments=moments), **QUICK)
    assert ended.stdout.split() == ["143"] * len(moments), ended.stderr
    assert (ended.stderr, run.journals()) == ("", [])
    assert stopped(server) == moments


def test_a_signal_in_the_scripts_own_import(server: Server, run: Run) -> None:  # noqa: F811 - fixtures
    """Python itself may swallow what the handler raises there, and requests' libraries may be half imported then."""
    ended = run(SIGNAL.format(before="import requests", functions=(), moments=MANY), **QUICK)
    assert set(ended.stdout.split()) <= {"143", "99"}, ended.stderr
    assert ended.stdout.split().count("99") <= ended.stderr.count("Exception ignored in")
    run.resend()
    assert (stopped(server), run.journals()) == (MANY, [])


TIMER = """
import itertools, os, signal, sys
ticks, on = itertools.count(), True
def tick(*_):
    send_metrics(step=next(ticks))
    if on:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
def stop(*_):
    send_metrics(stopped=1)
    print(next(ticks), flush=True)
    sys.exit(143)
signal.signal(signal.SIGALRM, tick)
signal.signal(signal.SIGTERM, stop)
signal.setitimer(signal.ITIMER_REAL, 0.001)
send_metrics(first=1)
on = False
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_timer_of_1_khz_whose_handler_sends(server: Server, run: Run) -> None:  # noqa: F811 - fixtures
    ended = run(TIMER, **QUICK)
    assert (ended.returncode, ended.stderr, run.journals()) == (143, "", [])
    steps = sorted(entry["values"]["step"] for entry in server.stored if "step" in entry["values"])
    assert steps[:int(ended.stdout)] == list(range(int(ended.stdout))) and len(set(steps)) == len(steps)
    assert stopped(server) == [1]


GOES_ON = START + """
def handler(*_):
    before = set(sys.modules)
    send_metrics(stopped=1)
    print(sorted(set(sys.modules) - before), threading.active_count())
def in_the_midst(frame, event, argument):
    if event == "call" and frame.f_globals.get("__name__") == {module!r} and frame.f_code.co_name == "<module>":
        sys.setprofile(None)
        threading.setprofile(None)
        os.kill(os.getpid(), signal.SIGTERM)
signal.signal(signal.SIGTERM, handler)
sys.setprofile(in_the_midst)
import {module}
send_metrics(step=2)
"""


@pytest.mark.parametrize("module", ["requests.adapters", "urllib3.connection", "ssl"])
def test_a_handler_imports_nothing_in_the_midst_of_an_import(
    module: str, server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    ended = run(GOES_ON.format(module=module), **QUICK)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("[] 1\n", "", 0)
    assert [entry["values"] for entry in server.stored] == [{"stopped": 1}, {"step": 2}]


DURING = START + """
import polyaxon_helper.late as late
def handler(*_):
    send_metrics(stopped=1)
    print("sent", flush=True)
def in_the_midst(frame, event, argument):
    if event == "call" and frame.f_globals.get("__name__") == "polyaxon_client.tracking.experiment" and (
        frame.f_code.co_name == {function!r}
    ):
        threading.setprofile(None)
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)  # for the main thread, to run its handler
signal.signal(signal.SIGTERM, handler)
threading.setprofile(in_the_midst)
send_metrics(step=2)
"""


@needs_client
@pytest.mark.parametrize("function", ["<module>", "__init__"])
def test_a_handlers_metric_while_the_client_comes_is_sent_too(
    function: str, server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    ended = run(DURING.format(function=function), POLYAXON_IS_MANAGED="true", **with_client(run, "client"))
    assert (ended.stdout, ended.returncode) == ("sent\n", 0), ended.stderr
    assert sorted(map(str, (entry["values"] for entry in server.stored))) == ["{'step': 2}", "{'stopped': 1}"]


DEV = """
import os, sys
send_metrics(step=1)
sys.stdin.readline()
pid = os.fork()
if not pid:
    send_metrics(step=2)
    sys.exit()
os.waitpid(pid, 0)
send_metrics(step=3)
"""


@pytest.mark.parametrize("waits_for", [
    pytest.param({"requests": 1}, id="while a request is on its way"),
    pytest.param({"stored": 1}, id="between requests"),
])
@pytest.mark.parametrize("options", [["-X", "dev"], ["-W", "error::ResourceWarning"]])
def test_no_resource_warning_in_a_fork(
    options: List[str], waits_for: Dict[str, int], server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    if "stored" not in waits_for:
        server.fault({"kind": "drip", "pace": 0.02})
    with run.start(DEV, *options, **QUICK) as process:
        server.wait(**waits_for)
        write_line(process, "")
        ended = run.end(process)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert set(server.steps()) == {1, 2, 3}


IMPORTED = """
import atexit, sys
from polyaxon_helper.classic import sending
send_metrics(step=1)
before = set(sys.modules)
summary = sending.Reporter.summary
def told(reporter):
    print(sorted(set(sys.modules) - before), flush=True)
    return summary(reporter)
sending.Reporter.summary = told
for line in sys.stdin:
    send_metrics(step=2)
"""


@pytest.mark.parametrize("host", [None, "http://localhost:9", "https://127.0.0.1:9", "no URL", "http://b\u00fccher:9"])
def test_nothing_is_imported_after_the_first_call(
    host: Optional[str], server: Server, run: Run  # noqa: F811 - fixtures
) -> None:
    variables = {"POLYAXON_API_HTTP_HOST": host, "POLYAXON_HELPER_EXIT_TIMEOUT": "1"} if host else {}
    with run.start(IMPORTED, **QUICK, **variables) as process:
        if not host:
            server.wait(stored=1)
        write_line(process, "")
        ended = run.end(process)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr
