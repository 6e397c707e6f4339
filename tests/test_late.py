"""The first call imports what comes late: whatever interrupts it, or forks, nothing hangs or is lost.

A moment is the so-manieth function that Python calls in the first call, in whichever thread: no sleep decides.
"""
from typing import Any, Dict, List

import pytest

from .classic.conftest import Run, Server, run, server, server_process  # noqa: F401
from .processes import needs_client, posix

pytestmark = [pytest.mark.slow, posix]

QUICK = {"GATHER": "0.05", "COVERAGE_PROCESS_START": ""}  # in a fork coverage's lock is never released

START = """
import os, signal, sys, threading, time
from polyaxon_helper import get_data_paths, send_metrics

def at(moment, do):
    seen = []
    def profile(frame, event, argument):
        if event == "call" and frame.f_code is not do.__code__:
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
    threading.setprofile(at(moment, let_fork))
    thread = threading.Thread(target=first)
    thread.start()
    begun.wait()
    pid = os.fork()
    threading.setprofile(None)
    if not pid:
        signal.alarm(10)
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


def with_client(run: Run, client: str) -> Dict[str, str]:  # noqa: F811
    return {**QUICK, **({"HIDDEN_MODULES": "", "POLYAXON_IN_CLUSTER": "true"} if client == "client" else {})}


@pytest.mark.parametrize("call, client, moments", CALLS)
def test_a_child_forked_in_the_first_call_can_call_too(
    call: str, client: str, moments: List[int], server: Server, run: Run  # noqa: F811
) -> None:
    ended = run(FORK.format(call, moments), **with_client(run, client))
    assert (ended.stdout.split(), ended.returncode) == (["0"] * len(moments), 0), ended.stderr
    if "send_metrics" in call:
        assert len(set(server.steps())) == 2 * len(moments)
        assert (run.journals(), ended.stderr) == ([], "")


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
    os.environ["POLYAXON_HELPER_EXIT_TIMEOUT"] = "1"
    send_metrics(step=2)
    send_metrics(step=3)
    sys.exit(0)
print(os.wait()[1])
thread.join()
"""


def test_a_fork_goes_on_where_the_import_waits_for_what_it_holds(server: Server, run: Run) -> None:  # noqa: F811
    ended = run(HELD, FORK_WAIT="0.2", **QUICK)
    assert (ended.stdout, ended.returncode) == ("0\n", 0), ended.stderr
    assert "2 metric entries wait in " in ended.stderr
    run.resend()
    assert sorted(server.steps()) == [1, 2, 3]


# ---- signals

SIGNAL = START + """
def work(moment):
    def handler(*_):
        send_metrics(stopped=moment)
        sys.exit(143)
    def send_signal():
        os.kill(os.getpid(), signal.SIGTERM)
    signal.signal(signal.SIGTERM, handler)
    profile = at(moment, send_signal)
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        {}
        send_metrics(step=moment)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    sys.exit(99)
first_call_at_each({}, work)
"""
# all around the import, in this thread, and some in it, in another
MANY = [*range(1, 200, 5), *range(250, 20000, 500)]


def stopped(server: Server) -> List[int]:  # noqa: F811
    return sorted(entry["values"]["stopped"] for entry in server.stored if "stopped" in entry["values"])


def test_a_signal_in_the_first_call(server: Server, run: Run) -> None:  # noqa: F811
    ended = run(SIGNAL.format("", MANY), **QUICK)
    assert ended.stdout.split() == ["143"] * len(MANY), ended.stderr
    assert (ended.stderr, run.journals()) == ("", [])
    assert stopped(server) == MANY
