"""Batches, retries, what is given up and what is said, by whole processes: the thread, its requests and its end."""
import sys
import time
from typing import Any, Dict

import pytest

from polyaxon_helper.classic import api, sending, tokens
from polyaxon_helper.exceptions import PolyaxonClientException
from polyaxon_helper.request import Unsent

from ..processes import needs_client, posix, read_line, write_line
from .conftest import ALWAYS, AT_EXIT, TOKEN, Run, Server

pytestmark = pytest.mark.slow

BURST = "for step in range(20): send_metrics(step=step)\n"
BY_LINE = "import sys\nfor line in sys.stdin: send_metrics(step=int(line))\n"
QUICK = {"GATHER": "0.02", "FIRST_BACKOFF": "0.02"}


def test_script_that_sends_nothing_has_no_thread_no_file_and_no_requests(server: Server, run: Run) -> None:
    ended = run("import sys, threading\nfrom polyaxon_helper import get_params\nget_params()\n"
                "print(threading.active_count(), 'requests' in sys.modules)")
    assert (ended.stdout, run.journals(), server.seen()["requests"]) == ("1 False\n", [], [])


def test_seed_of_the_training_is_not_touched(server: Server, run: Run) -> None:
    script = "import random\nrandom.seed(1)\n{}print(random.random())"
    server.fault({"kind": "error"})
    assert run(script.format(BURST), **QUICK).stdout == run(script.format("")).stdout


def test_what_gathered_is_one_list_in_order(server: Server, run: Run) -> None:
    ended = run(BURST, **AT_EXIT)
    body, = server.bodies()
    assert (ended.stderr, run.left()) == ("", [])
    assert [entry["values"] for entry in body] == [{"step": step} for step in range(20)]
    assert [entry["created_at"] for entry in body] == sorted(entry["created_at"] for entry in body)


def test_it_is_sent_while_the_run_goes_on_each_request_over_its_own_connection(server: Server, run: Run) -> None:
    before = server.seen()["connections"]
    with run.start(BY_LINE) as process:
        for step in range(3):
            write_line(process, step)
            server.wait(stored=step + 1)
        run.end(process)
    times = [request["at"] for request in server.seen()["requests"]]
    assert sending.GATHER <= 1
    assert all(0.9 < later - sooner for sooner, later in zip(times, times[1:]))
    assert server.seen()["connections"] == before + 3


def test_a_steady_run_sends_about_once_a_second(server: Server, run: Run) -> None:
    ended = run("import time\nends = time.monotonic() + 2.5\nstep = 0\nwhile time.monotonic() < ends:\n"
                "  send_metrics(step=step)\n  step += 1\n  time.sleep(0.001)\nprint(step)")
    assert len(server.bodies()) <= 5
    assert server.steps() == list(range(int(ended.stdout)))


def test_a_request_is_at_most_a_megabyte(server: Server, run: Run) -> None:
    run("for step in range(60): send_metrics(**{'m' * 60000: step})")
    assert all(len(request["body"]) <= 1000000 for request in server.seen()["requests"])
    assert [list(entry["values"].values()) for entry in server.stored] == [[step] for step in range(60)]


def test_memory_is_a_batch_or_two_whatever_waits(server: Server, run: Run) -> None:
    script = """
import resource, sys
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
name = "m" * 60000
for step in range(100): send_metrics(**{name: step})
print("warm", flush=True); sys.stdin.readline(); before = peak()
for step in range(1000): send_metrics(**{name: step})
print(peak() - before, flush=True); sys.stdin.readline(); print(peak() - before, flush=True)
"""
    pytest.importorskip("resource")
    with run.start(script) as process:
        assert read_line(process) == "warm"
        server.wait(stored=100)
        server.fault({"kind": "error", "times": 1})
        write_line(process, 1)
        while_it_waits = int(read_line(process))
        server.wait(stored=1100)
        write_line(process, 2)
        after = int(read_line(process))
        run.end(process)
    # 60 MB went through; kilobytes on Linux, bytes on macOS
    assert max(while_it_waits, after) < 15000 * (1024 if sys.platform == "darwin" else 1)


def test_server_of_0_1_gets_each_alone_and_is_asked_with_a_list_once(server: Server, run: Run) -> None:
    server.reset(era="0.1.8")
    run(BURST, POLYAXON_SECRET_USER_TOKEN="", POLYAXON_INTERNAL_SECRET_TOKEN=TOKEN)
    assert [type(body) for body in server.bodies()] == [list] + [dict] * 20
    assert server.steps() == list(range(20))
    assert {request["headers"]["x-polyaxon-internal"] for request in server.seen()["requests"]} == {"helper"}


PASSING: Dict[str, Dict[str, Any]] = {
    "error of the server": {"kind": "error"},
    **{str(status): {"kind": "status", "status": status} for status in (408, 429, 500)},
    "Retry-After of a date gone by": {
        "kind": "status", "status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}},
    "Retry-After of junk": {"kind": "status", "status": 429, "headers": {"Retry-After": "soon"}},
    "connection closed": {"kind": "cut"},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=["tried again: " + name for name in PASSING])
def test_tried_again(server: Server, run: Run, fault: Dict[str, Any]) -> None:
    server.fault(fault, {"kind": "status", "status": 503})
    with run.start(BURST + "__import__('sys').stdin.read()", **QUICK) as process:
        server.wait(stored=20)
        ended = run.end(process)
    assert set(server.steps()) == set(range(20))
    assert (ended.stderr, run.left()) == ("", [])


def test_retry_after_is_respected(server: Server, run: Run) -> None:
    server.fault({"kind": "status", "status": 429, "headers": {"Retry-After": "1"}})
    run(BURST, **AT_EXIT)
    first, second = [request["at"] for request in server.seen()["requests"]]
    assert second - first >= 1


STRAY: Dict[str, Dict[str, Any]] = {
    **{str(status): {"kind": "status", "status": status} for status in (200, 401, 403, 404)},
    "a real 405": {"kind": "status", "status": 405, "body": '{"detail": "Method not allowed."}'},
    "redirect": {"kind": "redirect"},
    "Retry-After of a far date": {
        "kind": "status", "status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2915 07:28:00 GMT"}},
    "Retry-After of minus 5,000 digits": {
        "kind": "status", "status": 429, "headers": {"Retry-After": "-" + "9" * 5000}},
}


@pytest.mark.parametrize("fault", STRAY.values(), ids=["tried again: " + name for name in STRAY])
def test_what_an_ingress_answers_while_its_backend_restarts_ends_nothing(
    server: Server, run: Run, fault: Dict[str, Any]
) -> None:
    server.fault({**fault, "times": 3})
    with run.start(BURST + "__import__('sys').stdin.read()", **QUICK) as process:
        server.wait(stored=20)
        assert run.end(process).stderr == ""
    assert (set(server.steps()), server.seen()["elsewhere"], run.left()) == (set(range(20)), 0, [])


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 404}, {"kind": "redirect"}], ids=["404", "redirect"])
def test_what_does_not_end_is_told_at_the_exit(server: Server, run: Run, fault: Dict[str, Any]) -> None:
    server.fault({**fault, "times": ALWAYS})
    said, = run(BURST, **QUICK, POLYAXON_HELPER_EXIT_TIMEOUT="3").stderr.splitlines()
    assert said.startswith("polyaxon_helper: 20 metric entries wait in {} (127.0.0.1 answered with status {}".format(
        run.journals_folder, fault.get("status", 30)))
    assert said.endswith("To send them: python -m polyaxon_helper.resend {}".format(run.journals_folder))
    assert server.seen()["elsewhere"] == 0


def test_a_token_is_no_good_after_three_refusals_over_a_minute(monkeypatch: Any, server: Server) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    server.fault({"kind": "status", "status": 401, "times": ALWAYS})
    connection, source = api.Api(), tokens.source("Token", TOKEN)
    told = []
    for seconds in (0, 1, 1, 57, 1, 1):
        now[0] += seconds
        with pytest.raises(Unsent) as caught:
            connection.post(server.url + "/api/v1", [source], ("u", "p", "7"), [b"{}"], 10)
        told.append(str(caught.value))
    assert told == ["127.0.0.1 answered with status 401"] * 5 + ["every token was refused"]


NOT_UTF_8 = "caf\u00e9 \u4e2d"
NO_USE: Dict[str, Any] = {
    "no API": ({"POLYAXON_API_HTTP_HOST": ""}, "POLYAXON_API_HTTP_HOST is not set"),
    "no URL": ({"POLYAXON_API_HTTP_HOST": "nowhere"}, "MissingSchema: the API's host is no URL"),
    "no token": ({"POLYAXON_SECRET_USER_TOKEN": ""}, "there is no token in the environment"),
    "a token that is no header": ({"POLYAXON_SECRET_USER_TOKEN": "a\nb"}, "what no header can have"),
    "a token of other letters": ({"POLYAXON_SECRET_USER_TOKEN": NOT_UTF_8}, "what no header can have"),
    "a service that is no header": ({"POLYAXON_INTERNAL_HEADER_SERVICE": "a\nb"}, "what no header can have"),
    "a header that is none": ({"POLYAXON_INTERNAL_HEADER": "a\nb"}, "what no header can have"),
    "a proxy that is no URL": ({"HTTP_PROXY": "http://"}, "a proxy's variable, such as HTTP_PROXY, is no URL"),
    "no requests": ({"HIDDEN_MODULES": "polyaxon_client requests"}, "requests can't be imported: ModuleNotFoundError"),
}


@pytest.mark.parametrize("variables, reason", NO_USE.values(), ids=NO_USE)
def test_where_nothing_can_be_sent_all_is_kept(
    server: Server, run: Run, variables: Dict[str, str], reason: str
) -> None:
    ended = run(BURST, **variables, POLYAXON_HELPER_EXIT_TIMEOUT="2")
    said, last = ended.stderr.splitlines()
    assert ended.returncode == 0
    assert "metrics are kept, but can't be sent now: " in said and said.endswith(reason)
    assert "20 metric entries wait in" in last
    assert server.seen()["requests"] == []
    assert run.resend().returncode == 0
    assert len(server.stored) == 20


CHANGES: Dict[str, Any] = {
    "all variables are gone": "os.environ.clear()",
    "the host and the token change": "os.environ.update(POLYAXON_API_HTTP_HOST=os.environ.pop('OTHER'), "
    "POLYAXON_SECRET_USER_TOKEN=os.environ.pop('GOOD'))",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_accepted_is_sent_whatever_the_environment_says_since(server: Server, run: Run, change: str) -> None:
    variables = {"OTHER": server.url, "GOOD": TOKEN, "POLYAXON_API_HTTP_HOST": "http://127.0.0.1:9"}
    ended = run("import os\n" + BURST + change + "\nsend_metrics(step=20)",
                **(variables if "OTHER" in change else {}), **AT_EXIT)
    assert "entries" not in ended.stderr
    assert (server.steps(), run.left()) == (list(range(21)), [])


@pytest.mark.parametrize("info", ['{}', '{"project_name": "p", "experiment_name": "7"}',
                                  '{"project_name": "u.p", "experiment_name": "u.p.7/../8"}',
                                  '{"project_name": 1, "experiment_name": 2}'])
def test_info_that_names_no_experiment(server: Server, run: Run, info: str) -> None:
    ended = run(BURST, POLYAXON_EXPERIMENT_INFO=info)
    reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
    assert ended.stderr.count("nothing is sent: " + reason) == 1
    assert ended.stderr.endswith("20 metric entries were given up ({}: 20)\n".format(reason))
    assert (ended.returncode, server.seen()["requests"], run.left()) == (0, [], [])


@pytest.mark.parametrize("position", [0, 7, 19])
def test_a_batch_that_is_refused_is_split_till_the_bad_one_is_alone(server: Server, run: Run, position: int) -> None:
    server.reset(poison="bad")
    ended = run("for step in range(20): send_metrics(**{{'bad' if step == {} else 'step': step}})".format(position),
                **AT_EXIT)
    assert server.steps() == [step for step in range(20) if step != position]
    assert len(server.seen()["requests"]) < 15
    said, last = ended.stderr.splitlines()
    assert said == "polyaxon_helper: a metric entry is given up, because 127.0.0.1 answered with status 400"
    assert last == "polyaxon_helper: 1 metric entries were given up (refused by the server: 1)"
    assert run.left() == []


def test_what_is_too_much_at_once_is_sent_in_parts(server: Server, run: Run) -> None:
    server.reset(most=3)
    ended = run(BURST)
    assert (server.steps(), ended.stderr) == (list(range(20)), "")


def test_all_are_refused_one_by_one(server: Server, run: Run) -> None:
    server.fault({"kind": "status", "status": 415, "times": ALWAYS})
    ended = run(BURST)
    assert "20 metric entries were given up (refused by the server: 20)" in ended.stderr
    assert ended.stderr.count("a metric entry is given up") == 1


def test_after_no_answer_in_time_it_is_tried_with_less(server: Server, run: Run) -> None:
    server.fault({"kind": "mute"})
    run(BURST, **AT_EXIT, FIRST_BACKOFF="0.02", REQUEST_TIMEOUT="3")
    assert [len(body) for body in server.bodies()][:2] == [20, 10]
    assert server.steps() == list(range(20))


def test_120_requests_a_minute_are_stayed_under(server: Server, run: Run) -> None:
    server.reset(era="0.1.8", throttle=True)
    ended = run("for step in range(130): send_metrics(step=step)", POLYAXON_SECRET_USER_TOKEN="",
                POLYAXON_INTERNAL_SECRET_TOKEN=TOKEN)
    assert len(server.seen()["requests"]) == 100
    assert "31 metric entries wait" in ended.stderr


# --- the end

@pytest.mark.parametrize("fault", [{"kind": "mute"}, {"kind": "drip", "pace": 1}], ids=["never answers", "by the byte"])
@pytest.mark.parametrize("value, least, most", [("0", 0, 8), ("0.5", 0.5, 8), ("soon", 5, 13)])
def test_budget_of_the_exit(
    server: Server, run: Run, fault: Dict[str, Any], value: str, least: float, most: float
) -> None:
    server.fault({**fault, "times": ALWAYS})
    began = time.monotonic()
    with run.start(BURST + "print('ready', flush=True)", POLYAXON_HELPER_EXIT_TIMEOUT=value) as process:
        assert read_line(process) == "ready"
        ready = time.monotonic()
        ended = run.end(process)
        over = time.monotonic()
    assert least <= over - began and over - ready < most
    *said, last = ended.stderr.splitlines()
    assert ended.returncode == 0 and "20 metric entries wait in" in last
    assert said == (["polyaxon_helper: POLYAXON_HELPER_EXIT_TIMEOUT is no number of seconds: 5.0 are taken"]
                    if value == "soon" else [])


@pytest.mark.parametrize("mine", [
    pytest.param("pass", id="while it waits"),
    pytest.param("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])", id="without waking it", marks=posix),
])
def test_interrupting_the_wait_at_exit_ends_it(mine: str, server: Server, run: Run) -> None:
    server.fault({"kind": "mute", "times": ALWAYS})
    # not measured: it has a lock of its own, which an interrupt may leave locked
    ended = run(BURST + """
import os, signal, sys, threading, time, traceback
def interrupt():
    while "join" not in [frame.name for frame in traceback.extract_stack(sys._current_frames()[main])]:
        time.sleep(0.01)
    os.kill(os.getpid(), 2)
main = threading.get_ident()
threading.Thread(target=interrupt, daemon=True).start()
""" + mine, POLYAXON_HELPER_EXIT_TIMEOUT="3000", COVERAGE_PROCESS_START="")
    assert ended.returncode == 0
    assert ended.stderr.startswith("polyaxon_helper: 20 metric entries wait in") and ended.stderr.count("\n") == 1


HOOKS = {
    "first metric in a hook at exit": "import atexit\natexit.register(lambda: send_metrics(step=0))",
    "first import in a hook at exit": "import atexit\natexit.register(lambda: exec("
    "'import sys\\nfor n in [n for n in sys.modules if n.startswith(\"polyaxon_helper\")]: del sys.modules[n]\\n"
    "from polyaxon_helper import send_metrics; send_metrics(step=0)'))",
    "metric in a hook that runs after ours": "import atexit\natexit.register(lambda: send_metrics(step=1))\n"
    "send_metrics(step=0)",
    "metric in a hook that runs before ours": "import atexit\nsend_metrics(step=0)\n"
    "atexit.register(lambda: send_metrics(step=1))",
    "thread that outlives the main one": "import threading, time\ndef work():\n  threading.main_thread().join()\n"
    "  for step in range(3): send_metrics(step=step)\nthreading.Thread(target=work).start()",
    "thread that goes on for ever": "import threading, itertools\ndef work():\n"
    "  for step in itertools.count(): send_metrics(step=step)\nthreading.Thread(target=work, daemon=True).start()\n"
    "send_metrics(step=0)",
}


@pytest.mark.parametrize("up", [True, False], ids=["API up", "API mute"])
@pytest.mark.parametrize("script", HOOKS.values(), ids=HOOKS)
def test_interpreter_shutdown(server: Server, run: Run, script: str, up: bool) -> None:
    if not up:
        server.fault({"kind": "mute", "times": ALWAYS})
    ended = run(script, POLYAXON_HELPER_EXIT_TIMEOUT="10" if up else "0.5")
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr and "Fatal" not in ended.stderr
    if up and "itertools" not in script:
        assert (ended.stderr, run.left()) == ("", [])
    server.fault()
    assert run.resend().returncode == 0
    assert 0 in server.steps()
    assert 1 in server.steps() or "step=1" not in script


DESTRUCTORS = {
    "first metric": "", "metric after others": "send_metrics(step=0)\n",
}


@pytest.mark.parametrize("before", DESTRUCTORS.values(), ids=DESTRUCTORS)
def test_the_metric_of_a_destructor_at_shutdown_is_told(server: Server, run: Run, before: str) -> None:
    ended = run(before + "class Last:\n  def __del__(self): send_metrics(step=1)\nlast = Last()",
                POLYAXON_HELPER_EXIT_TIMEOUT="3000")
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
    assert ended.stderr.count("polyaxon_helper: 1 metric entries wait in") == 1
    assert run.resend().returncode == 0
    assert server.steps() == [0] * len(before.splitlines()) + [1]


def test_the_metric_of_a_destructor_never_waits_for_a_thread_that_runs_no_more(server: Server, run: Run) -> None:
    """Threads that Python stops for ever wherever they are, most often with a lock."""
    server.tell("away")
    ended = run("""
exec('''
import itertools, threading
from polyaxon_helper import send_metrics
def work(more):
    for step in more: send_metrics(step=step); begun.release()
begun = threading.Semaphore(0)
for _ in range(4): threading.Thread(target=work, args=(itertools.count(),), daemon=True).start()
for _ in range(400): begun.acquire()
''', {})  # names of its own, which the threads keep
class Last:
    def __del__(self): send_metrics(last=1)
last = Last()
""", POLYAXON_HELPER_EXIT_TIMEOUT="0.1", COVERAGE_PROCESS_START="")  # measuring has a lock of its own
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
    server.tell("back")
    assert run.resend().returncode == 0
    assert [entry["values"] for entry in server.stored if "last" in entry["values"]] == [{"last": 1}]


# --- threads, signals, processes

def test_any_number_of_threads(server: Server, run: Run) -> None:
    ended = run("""
import threading
def work(number):
    for step in range(100): send_metrics(step=number * 100 + step)
threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""", GATHER="0.1")
    steps = server.steps()
    assert (ended.stderr, sorted(steps)) == ("", list(range(2000)))
    for number in range(20):
        own = [step for step in steps if step // 100 == number]
        assert own == sorted(own)


@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="no interval timer on this platform")
def test_signal_handler_that_sends_a_metric(server: Server, run: Run) -> None:
    ended = run("""
import signal, itertools
import polyaxon_helper.classic  # the first metric imports requests alone, and that is enough for a handler to meet
from polyaxon_helper import get_log_level
get_log_level()
late, going = itertools.count(1000000), [True]
def handler(number, frame):
    if going:
        send_metrics(step=next(late))
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # here, or a slow machine would do nothing but handle
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001)
for step in range(3000): send_metrics(step=step)
going.clear()
print(next(late) - 1000000)
""", GATHER="0.5", COVERAGE_PROCESS_START="")  # with 0.1, ten seconds are a minute's requests; measuring: a deadlock
    assert (ended.returncode, ended.stderr) == (0, "")
    steps = server.steps()
    assert sorted(steps) == list(range(3000)) + list(range(1000000, 1000000 + int(ended.stdout)))


def test_no_signal_handler_is_installed(server: Server, run: Run) -> None:
    script = "import signal\nprint([str(signal.getsignal(number)) for number in range(1, 32)])"
    assert run(BURST + script).stdout == run(script).stdout


@posix
def test_forked_child_starts_clean_and_the_parent_sends_its_own(server: Server, run: Run) -> None:
    server.fault({"kind": "status", "status": 503, "headers": {"Retry-After": "2"}})
    ended = run("""
import os, sys
send_metrics(step=0)
for child in range(1, 4):
    if not os.fork():
        send_metrics(step=child)
        sys.exit()
while True:
    try: os.wait()
    except ChildProcessError: break
send_metrics(step=4)
""", **AT_EXIT)  # and so no thread has coverage's lock in a fork
    assert ended.stderr == ""
    assert sorted(server.steps()) == list(range(5))
    assert run.left() == []


@posix
def test_fork_while_threads_send_and_are_being_sent(server: Server, run: Run) -> None:
    ended = run("""
import os, sys, threading, warnings
from polyaxon_helper import get_log_level
warnings.simplefilter("ignore")
get_log_level()
def work(number):
    for step in range(200): send_metrics(step=1000 * number + step)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for child in range(10, 30):
    if not os.fork():
        send_metrics(step=1000 * child)
        sys.exit()
    os.wait()
for thread in threads: thread.join()
""", GATHER="0.05", COVERAGE_PROCESS_START="")  # as above
    assert ended.stderr == ""
    steps = server.steps()
    assert sorted(steps) == [1000 * n + s for n in range(4) for s in range(200)] + [1000 * n for n in range(10, 30)]


@posix
def test_child_that_was_forked_and_sends_nothing_says_nothing(server: Server, run: Run) -> None:
    server.fault({"kind": "error", "times": ALWAYS})
    ended = run("import os\nsend_metrics(step=0)\nif os.fork(): os.wait()", **AT_EXIT,
                POLYAXON_HELPER_EXIT_TIMEOUT="0.1")
    assert ended.stderr.count("\n") == 1
    assert "1 metric entries wait" in ended.stderr


POOL = """
import multiprocessing
from tests.child import one
if __name__ == "__main__":
    send_metrics(step=-1)
    with multiprocessing.get_context({!r}).Pool(2) as pool: pool.map(one, range(20))
"""


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"] if sys.platform != "win32" else ["spawn"])
def test_pool_whose_workers_are_terminated_leaves_theirs_in_journals(server: Server, run: Run, how: str) -> None:
    assert run(POOL.format(how), **AT_EXIT).returncode == 0
    assert run.resend().returncode == 0
    assert set(server.steps()) == set(range(-1, 20))
    assert run.left() == []


CHILDREN = {
    "a fork that ends by os._exit": "import os\nif not os.fork():\n"
    "  for step in range(20): send_metrics(step=step)\n  os._exit(0)\nos.wait()",
    "a fork that is killed": "import os\nif not os.fork():\n"
    "  for step in range(20): send_metrics(step=step)\n  os.kill(os.getpid(), 9)\nos.wait()",
    "a pool that is terminated": POOL.replace("    send_metrics(step=-1)\n", "").format("fork"),
    "a daemon that multiprocessing ends at exit": "from multiprocessing import get_context\n"
    "from tests.child import steps\nreader, writer = get_context('fork').Pipe()\n"
    "get_context('fork').Process(target=steps, args=(writer,), daemon=True).start()\nreader.recv()",
    "one that multiprocessing waits for at exit": "from multiprocessing import get_context\n"
    "from tests.child import steps_and_exit\nget_context('fork').Process(target=steps_and_exit).start()",
}


@posix
@pytest.mark.parametrize("before", ["", "import multiprocessing.util\n"], ids=["", "multiprocessing imported first"])
@pytest.mark.parametrize("script", CHILDREN.values(), ids=CHILDREN)
def test_a_parent_that_sent_nothing_sends_what_its_children_left(
    server: Server, run: Run, script: str, before: str
) -> None:
    ended = run(script, before=before, **AT_EXIT)
    assert (ended.returncode, ended.stderr, set(server.steps()), run.left()) == (0, "", set(range(20)), [])


def test_what_children_left_is_told_where_it_can_not_be_sent(server: Server, run: Run) -> None:
    server.tell("away")
    ended = run(CHILDREN["a fork that ends by os._exit"], **AT_EXIT, POLYAXON_HELPER_EXIT_TIMEOUT="0.5")
    assert ended.stderr.startswith("polyaxon_helper: 20 metric entries wait in {} (".format(run.journals_folder))


def test_a_process_that_sent_nothing_and_finds_nothing_imports_no_requests(server: Server, run: Run) -> None:
    ended = run("import atexit, sys\natexit._run_exitfuncs()\nprint('requests' in sys.modules)")
    assert (ended.stdout, ended.stderr) == ("False\n", "")


def test_executor_whose_workers_end_in_the_ordinary_way_send_their_own(server: Server, run: Run) -> None:
    ended = run("""
from concurrent.futures import ProcessPoolExecutor
from tests.child import one
if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool: list(pool.map(one, range(20)))
""")
    assert (ended.stderr, sorted(server.steps()), run.journals()) == ("", list(range(20)), [])


@needs_client
def test_with_the_client_metrics_are_the_clients_business(server: Server, run: Run) -> None:
    script = ("import sys\nsend_metrics(step=1)\nsys.stdin.read()\n"
              "from polyaxon_helper.classic import sending\nprint(sending.reporter.backlog.experiment)")
    with run.start(script, HIDDEN_MODULES="", POLYAXON_IS_MANAGED="true") as process:
        server.wait(stored=1)
        ended = run.end(process)
    assert (ended.stdout, server.steps(), run.journals()) == ("()\n", [1], [])


def test_errors_of_ours_end_in_a_line_and_not_in_a_traceback(server: Server, run: Run) -> None:
    ended = run("from polyaxon_helper.classic import api\napi.Api.post = None\n" + BURST)
    assert "Traceback" not in ended.stderr
    assert "an internal error, TypeError" in ended.stderr and "20 metric entries wait in" in ended.stderr
    assert run.resend().returncode == 0
    assert len(server.stored) == 20


def test_journal_that_can_not_be_read_any_more_is_kept_and_told(server: Server, run: Run) -> None:
    run(BURST + "__import__('os')._exit(0)")
    ended = run("from polyaxon_helper.classic import journal\nread = journal.Batch.read\ndef fail(self):\n"
                "  if self.waiting and self.lines is None: raise OSError(5, 'Input/output error')\n"
                "  return read(self)\njournal.Batch.read = fail\nsend_metrics(step=20)",
                POLYAXON_HELPER_EXIT_TIMEOUT="5")
    assert "20 metric entries wait in" in ended.stderr and "can't be read: Input/output error" in ended.stderr
    assert run.resend().returncode == 0
    assert set(server.steps()) == set(range(21))


def test_metric_that_is_refused_leaves_no_trace(server: Server, run: Run) -> None:
    ended = run("try: send_metrics(a=1, b='x')\nexcept Exception as error: print(type(error).__name__)")
    assert ended.stdout == PolyaxonClientException.__name__ + "\n"
    assert (run.journals(), server.seen()["requests"]) == ([], [])
