"""Metrics in the pod of a Polyaxon 1.x or 2.x: what is in the event files, whatever happens to the process."""
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from polyaxon_helper import late
from polyaxon_helper.exceptions import PolyaxonClientException
from polyaxon_helper.modern import events
from polyaxon_helper.replicas import replica

from ..conftest import Recorder
from ..containers import TOKEN, UUID
from ..processes import WITH_TESTS, Process, posix

STAMP = re.compile(r"\|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00\|")
NAN, INFINITY = float("nan"), float("inf")


def texts(folder: Path) -> Dict[str, str]:
    """The event files of a run, by their names, without the stamps."""
    return {path.name: STAMP.sub("|", path.read_text()) for path in folder.glob("artifacts/*/events/metric/*")}


def points(folder: Path, name: str) -> List[str]:
    return texts(folder)[name].split("\n")[1:]


@pytest.fixture(autouse=True)
def pod(monkeypatch: Any, tmp_path: Path) -> Iterator[Path]:
    """This process is a run's pod, and its folder."""
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(events, "_told", threading.Lock())
    yield tmp_path
    events._names.clear()
    events._lost.clear()


def variables(folder: Path) -> Dict[str, str]:
    return {"POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, "POLYAXON_CONTEXT_ROOT": str(folder),
            "POLYAXON_COLLECT_ARTIFACTS": "true"}


@pytest.fixture
def run(python: Process, pod: Path) -> Process:
    """Run a script as a process of the pod."""

    def run(script: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return python("-c", "from polyaxon_helper import send_metrics\n" + script, cwd=pod, environment={
            **variables(pod), "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore::DeprecationWarning",
            **WITH_TESTS, **more})

    return run


HEADER = "step|timestamp|metric"

WRITTEN: List[Any] = [
    pytest.param([{}], {}, id="no metric"),
    pytest.param([{"loss": 0.5}], {"loss.plx": ["|0.5"]}, id="a float"),
    pytest.param([{"loss": 1, "on": True}], {"loss.plx": ["|1.0"], "on.plx": ["|1.0"]}, id="integers and booleans"),
    pytest.param([{"loss": 1e300}, {"loss": 1e-7}], {"loss.plx": ["|1e+300", "|1e-07"]}, id="large and small"),
    pytest.param([{"a": NAN, "b": -NAN, "c": INFINITY, "d": -INFINITY}],
                 {"a.plx": ["|nan"], "b.plx": ["|nan"], "c.plx": ["|inf"], "d.plx": ["|-inf"]}, id="NaN, infinities"),
    pytest.param([{"step": 3, "loss": 1.0}], {"loss.plx": ["3|1.0"]}, id="an integer step"),
    pytest.param([{"step": -1, "loss": 1.0}], {"loss.plx": ["-1|1.0"]}, id="a negative step"),
    pytest.param([{"step": 3.0, "loss": 1.0}], {"loss.plx": ["|1.0"], "step.plx": ["|3.0"]}, id="a step that is none"),
    pytest.param([{"step": True, "loss": 1.0}], {"loss.plx": ["|1.0"], "step.plx": ["|1.0"]}, id="a step that is true"),
    pytest.param([{"step": 3}], {"step.plx": ["|3.0"]}, id="a step of nothing is a metric"),
    pytest.param([{"timestamp": 3}], {"timestamp.plx": ["|3.0"]}, id="a timestamp is a metric"),
    pytest.param([{"a": 1}, {"a": 2}, {"b": 3}], {"a.plx": ["|1.0", "|2.0"], "b.plx": ["|3.0"]},
                 id="one after the other"),
]


@pytest.mark.parametrize("calls, files", WRITTEN)
def test_what_is_written(calls: Any, files: Dict[str, List[str]], pod: Path) -> None:
    for metrics in calls:
        events.write(metrics)
    assert texts(pod) == {name: "\n".join([HEADER] + lines) for name, lines in files.items()}


NAMES: List[Any] = [
    ("loss", "loss"), ("val/acc", "val__acc"), ("a.b", "a-b"), ("a b", "a-b"), ("a - b", "a-b"), (" a ", "a"),
    ("a\\\\b", "a__b"), ("../../etc", "-__-__etc"), ("caf\u00e9", "cafe"), ("\uff11", "1"),
    ("a:b*c", "abc"), ("-a-", "-a-"),
    ("\u635f\u5931", ""), ("!?", ""),
]


@pytest.mark.parametrize("name, safe", NAMES)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert events.safe_name(name) == safe


LEFT_OUT: List[Any] = [
    pytest.param({"a": None, "b": 1.0}, "metric 'a' was None", id="None"),
    pytest.param({"\u635f\u5931": 2.0, "b": 1.0}, "its name has nothing in it that a file's can have", id="a name"),
]


@pytest.mark.parametrize("metrics, told", LEFT_OUT)
def test_what_is_left_out_is_told_once(metrics: Any, told: str, pod: Path) -> None:
    with pytest.warns(RuntimeWarning, match=told) as warnings:
        events.write(metrics)
        events.write(metrics)
    assert len(warnings) == 1
    assert texts(pod) == {"b.plx": HEADER + "\n|1.0\n|1.0"}


def test_what_is_no_number_is_refused(pod: Path) -> None:
    with pytest.raises(PolyaxonClientException):
        events.write({"a": "0.5", "b": 1.0})
    assert texts(pod) == {}


def test_names_that_share_a_file_are_told_once(pod: Path) -> None:
    with pytest.warns(RuntimeWarning, match="metrics 'a.b' and 'a-b' share the file .*a-b.plx") as told:
        events.write({"a.b": 1.0, "a-b": 2.0})
        events.write({"a.b": 1.0, "a-b": 2.0})
    assert len(told) == 1
    assert points(pod, "a-b.plx") == ["|1.0", "|2.0"] * 2


def test_every_replica_writes_files_of_its_own(monkeypatch: Any, pod: Path, recwarn: Any) -> None:
    for rank in ("0", "1", "12"):
        monkeypatch.setenv("RANK", rank)
        replica.cache_clear()
        events.write({"step": 3, "loss": int(rank), "val/acc": 1})
    assert texts(pod) == {name + ".plx": "{}\n3|{}.0".format(HEADER, value) for name, value in {
        "loss": 0, "loss-rank-1": 1, "loss-rank-12": 12, "val__acc": 1, "val__acc-rank-1": 1, "val__acc-rank-12": 1,
    }.items()}
    assert [str(each.message) for each in recwarn] == []


@pytest.mark.parametrize("rank, files", [("0", {"a.plx"}), ("1", set())], ids=["the first", "another"])
def test_the_first_replicas_alone_where_that_is_asked_for(
    rank: str, files: Any, monkeypatch: Any, pod: Path, recwarn: Any
) -> None:
    monkeypatch.setenv("POLYAXON_HELPER_REPLICAS", "first")
    monkeypatch.setenv("RANK", rank)
    events.write({"a": 1.0})
    assert set(texts(pod)) == files and [str(each.message) for each in recwarn] == []


def test_which_replicas_in_a_word_that_is_none_is_told(monkeypatch: Any, pod: Path) -> None:
    monkeypatch.setenv("POLYAXON_HELPER_REPLICAS", "frist")
    monkeypatch.setenv("RANK", "1")
    with pytest.warns(RuntimeWarning, match="POLYAXON_HELPER_REPLICAS is neither first nor all, and is taken as all"):
        events.write({"a": 1.0})
    assert set(texts(pod)) == {"a-rank-1.plx"}


def test_where_nothing_is_collected_it_is_written_and_told_once(monkeypatch: Any, pod: Path) -> None:
    monkeypatch.delenv("POLYAXON_COLLECT_ARTIFACTS")
    with pytest.warns(RuntimeWarning, match="POLYAXON_COLLECT_ARTIFACTS is not true: .* collectArtifacts") as told:
        events.write({"a": 1.0})
        events.write({"a": 2.0})
    assert len(told) == 1 and points(pod, "a.plx") == ["|1.0", "|2.0"]


def test_offline_it_is_written_where_the_tools_look(monkeypatch: Any, pod: Path) -> None:
    monkeypatch.setenv("POLYAXON_IS_OFFLINE", "true")
    monkeypatch.setenv("POLYAXON_OFFLINE_ROOT", str(pod / "offline"))
    monkeypatch.delenv("POLYAXON_COLLECT_ARTIFACTS")
    events.write({"a": 1.0})
    path = pod / "offline" / "runs" / UUID / "events" / "metric" / "a.plx"
    assert STAMP.sub("|", path.read_text()) == HEADER + "\n|1.0"


def test_of_no_known_run_nothing_is_written(monkeypatch: Any, pod: Path) -> None:
    monkeypatch.setenv("POLYAXON_RUN_INSTANCE", "u.p.7")
    with pytest.warns(RuntimeWarning, match="POLYAXON_RUN_INSTANCE is not"):
        events.write({"a": 1.0})
    assert texts(pod) == {}


# --- what others write

WHOLE = "1|2026-11-22 00:11:19.017849+00:00|0.9"


def others_file(folder: Path, text: str) -> Path:
    """Make the event file of metric a, as another process left it."""
    path = folder / "artifacts" / UUID / "events" / "metric" / "a.plx"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_what_an_earlier_process_left_stays(pod: Path) -> None:
    others_file(pod, HEADER + "\n" + WHOLE)
    events.write({"a": 1.0})
    assert texts(pod) == {"a.plx": STAMP.sub("|", HEADER + "\n" + WHOLE) + "\n|1.0"}


@pytest.mark.parametrize("call", ["makedirs", "urandom", "write", "link"])
def test_a_file_that_another_process_makes_meanwhile_has_one_header_and_both_points(
    call: str, monkeypatch: Any, pod: Path
) -> None:
    real, others = getattr(os, call), []  # type: Any, List[Path]

    def after_another(*args: Any, **how: Any) -> Any:
        if not others:
            others.append(pod)
            monkeypatch.setattr(os, call, real)
            events.write({"a": 0.5})
        return real(*args, **how)

    monkeypatch.setattr(os, call, after_another)
    events.write({"a": 1.0})
    assert others and texts(pod) == {"a.plx": HEADER + "\n|0.5\n|1.0"}
    assert [path.name for path in (pod / "artifacts" / UUID / "events" / "metric").iterdir()] == ["a.plx"]


def test_where_there_are_no_links_a_file_is_begun_too(monkeypatch: Any, pod: Path) -> None:
    def refuse(*paths: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for value in (1.0, 2.0):
        events.write({"a": value})
    assert texts(pod) == {"a.plx": HEADER + "\n|1.0\n|2.0"}


def test_of_a_full_disk_no_point_of_another_is_lost(monkeypatch: Any, pod: Path) -> None:
    path = others_file(pod, HEADER)
    events.write({"a": 1.0})
    real = os.write

    def a_part(handle: int, text: bytes) -> int:
        written = real(handle, text[:10])
        add(path, "\n" + WHOLE)
        return written

    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="No space left"):
        patch.setattr(os, "write", a_part)
        events.write({"a": 2.0})
    assert path.read_text().endswith("\n" + WHOLE)


def test_a_file_that_two_threads_make_was_not_deleted(monkeypatch: Any, pod: Path, recwarn: Any) -> None:
    real, opened = os.open, []  # type: Any, List[str]

    def and_another_makes_it(path: str, *how: int) -> Any:
        opened.append(path)
        try:
            return real(path, *how)
        except FileNotFoundError:
            if len(opened) == 1:
                events.write({"a": 1.0})
            raise

    monkeypatch.setattr(os, "open", and_another_makes_it)
    events.write({"a": 2.0})
    assert texts(pod) == {"a.plx": HEADER + "\n|1.0\n|2.0"}
    assert [str(each.message) for each in recwarn] == []


# --- whatever happens

BURST = "import os, sys\nfor step in range(100): send_metrics(step=step, loss=step)\n"
BURST_POINTS = ["{}|{}.0".format(step, step) for step in range(100)]

ENDINGS: List[Any] = [
    pytest.param("", 0, id="a normal exit"),
    pytest.param("import signal; os.kill(os.getpid(), signal.SIGTERM)", -15, id="SIGTERM"),
    pytest.param("import signal; os.kill(os.getpid(), signal.SIGKILL)", -9, id="SIGKILL"),
]


@posix
@pytest.mark.parametrize("ending, status", ENDINGS)
def test_every_point_is_there_however_it_ends(ending: str, status: int, run: Process, pod: Path) -> None:
    assert run(BURST + ending).returncode == status
    assert points(pod, "loss.plx") == BURST_POINTS


@posix
def test_children_and_threads_add_whole_lines_to_one_file(run: Process, pod: Path) -> None:
    ended = run("""
import os, threading
def work(number):
    for step in range(100): send_metrics(step=1000 * number + step, loss=1)
children = []
for child in range(4):
    pid = os.fork()
    if not pid:
        work(child)
        os._exit(0)
    children.append(pid)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4, 8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for child in children: os.waitpid(child, 0)
""", COVERAGE_PROCESS_START="")  # measuring has a lock of its own: a deadlock
    assert (ended.returncode, ended.stderr) == (0, "")
    expected = ["{}|1.0".format(1000 * number + step) for number in range(8) for step in range(100)]
    assert sorted(points(pod, "loss.plx")) == sorted(expected)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"] if sys.platform != "win32" else ["spawn"])
def test_children_of_multiprocessing(how: str, run: Process, pod: Path) -> None:
    ended = run("""
import multiprocessing
from tests.child import one
if __name__ == "__main__":
    send_metrics(step=-1)
    with multiprocessing.get_context({!r}).Pool(2) as pool: pool.map(one, range(20))
""".format(how))
    assert ended.returncode == 0
    assert sorted(points(pod, "step.plx")) == sorted("|{}.0".format(step) for step in range(-1, 20))


def test_a_folder_that_vanishes_is_made_again_and_told_once(run: Process, pod: Path) -> None:
    ended = run("""
import shutil
send_metrics(loss=1)
for _ in range(2):
    shutil.rmtree("artifacts")
    send_metrics(loss=2)
send_metrics(loss=3)
""")
    assert ended.returncode == 0
    assert ended.stderr.count("loss.plx was deleted, with the points in it; it begins anew") == 1
    assert points(pod, "loss.plx") == ["|2.0", "|3.0"]


NOT_WRITABLE = {
    "a file in the folder's place": ("open('artifacts', 'w').close()", "Not a directory", "File exists"),
    "a folder in the file's place": (
        "os.makedirs('artifacts/{}/events/metric/loss.plx')".format(UUID), "Is a directory", "Permission denied"),
    "a name that is too long": ("name = 'a' * 300", "File name too long", "No such file"),
}


@pytest.mark.parametrize("case", NOT_WRITABLE)
def test_what_cant_be_written_is_told_once_and_counted_at_exit(case: str, run: Process, pod: Path) -> None:
    prepare, *reasons = NOT_WRITABLE[case]
    ended = run("import os\nname = 'loss'\n" + prepare + "\nfor _ in range(3): send_metrics(**{name: 1})\nprint('on')")
    assert (ended.returncode, ended.stdout) == (0, "on\n")
    assert any("metrics can't be written to" in ended.stderr and reason in ended.stderr for reason in reasons)
    assert ended.stderr.count("RuntimeWarning") == 1
    assert "polyaxon_helper: 3 points of metrics were not written (" in ended.stderr


@posix
def test_a_child_does_not_tell_what_its_parent_lost(run: Process, pod: Path) -> None:
    ended = run("import os\nsend_metrics(**{'a' * 300: 1})\nif os.fork(): os.wait()")
    assert ended.stderr.count("polyaxon_helper: 1 points of metrics were not written (") == 1


@posix
def test_a_full_disk_leaves_whole_lines_and_what_comes_when_it_has_room(run: Process, pod: Path) -> None:
    ended = run("""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
for step in range(10): send_metrics(step=step, loss=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
send_metrics(step=10, loss=1)
""")
    assert ended.returncode == 0
    written = points(pod, "loss.plx")
    assert written == ["{}|1.0".format(step) for step in [*range(len(written) - 1), 10]] and 2 < len(written) < 10
    assert "{} points of metrics were not written".format(11 - len(written)) in ended.stderr


@posix
def test_a_full_disk_gets_no_file_that_is_no_events(run: Process, pod: Path) -> None:
    ended = run("""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for step in range(10): send_metrics(loss=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
""")
    assert "10 points of metrics were not written" in ended.stderr
    assert list((pod / "artifacts" / UUID / "events" / "metric").iterdir()) == []


def test_with_warnings_as_errors_every_point_is_written_before_one_is_raised(run: Process, pod: Path) -> None:
    ended = run("import warnings\nwarnings.simplefilter('error', RuntimeWarning)\nsend_metrics(a=None, b=1)")
    assert "RuntimeWarning: metric 'a' was None" in ended.stderr
    assert points(pod, "b.plx") == ["|1.0"]


class Handlers(Exception):
    """What a script's signal handler raises."""


def test_what_a_signal_handler_raises_while_a_point_is_written_is_raised(monkeypatch: Any, pod: Path) -> None:
    def interrupted(*args: Any) -> None:
        raise Handlers

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(Handlers):
        events.write({"a": 1.0})
    assert events._lost == {}


IMPORTING = """
import os, signal, sys
class Handlers(Exception): pass
def handle(*_): raise Handlers
signal.signal(signal.SIGUSR1, handle)
class Signal:
    def find_spec(self, name, *rest):
        if name == "requests.models":
            os.kill(os.getpid(), signal.SIGUSR1)
sys.meta_path.insert(0, Signal())
try:
    send_metrics(a=1)
except Handlers:
    print("raised")
"""


@posix
@pytest.mark.parametrize("more", [{}, {"POLYAXON_HAS_PROCESS_SIDECAR": "true"}], ids=["a sidecar", "none"])
def test_what_a_signal_handler_raises_while_requests_is_imported_is_raised(
    more: Dict[str, str], run: Process, recorder: Recorder, pod: Path
) -> None:
    ended = run(IMPORTING, POLYAXON_HOST=recorder.url, **more)
    assert (ended.returncode, ended.stdout, points(pod, "a.plx")) == (0, "raised\n", ["|1.0"]), ended.stderr


# --- the one request

def test_the_api_is_told_once_that_there_are_metrics(run: Process, recorder: Recorder, pod: Path) -> None:
    fork = "import os\nif hasattr(os, 'fork') and os.fork(): os.wait()\n"
    script = "for _ in range(3): send_metrics(a=1)\n" + fork + "send_metrics(a=2)"
    assert run(script, POLYAXON_HOST=recorder.url, POLYAXON_AUTH_TOKEN=TOKEN).stderr == ""
    (method, path, headers, body), = recorder.asked
    assert (method, path) == ("PATCH", "/api/v1/u/p/runs/" + UUID)
    assert (headers["Authorization"], headers["Content-Type"]) == ("Token " + TOKEN, "application/json")
    assert json.loads(body.decode()) == {"meta_info": {"has_metrics": True, "has_events": True}, "merge": True}


@pytest.mark.parametrize("answer", [(500, {}, b""), (0, {}, b"")], ids=["an error", "no answer"])
def test_an_api_that_fails_is_no_news(answer: Any, run: Process, recorder: Recorder, pod: Path) -> None:
    recorder.answer = answer
    assert run("send_metrics(a=1)", POLYAXON_HOST=recorder.url, POLYAXON_AUTH_TOKEN=TOKEN).stderr == ""
    assert len(recorder.asked) == 1 and points(pod, "a.plx") == ["|1.0"]


def test_in_the_midst_of_an_import_the_next_metric_has_the_api_told(
    recorder: Recorder, monkeypatch: Any, pod: Path
) -> None:
    def under_way() -> None:
        raise late.UnderWay

    monkeypatch.setenv("POLYAXON_HOST", recorder.url)
    monkeypatch.setattr(events, "_telling", None)
    with monkeypatch.context() as amid:
        amid.setattr(late, "prepared", under_way)
        events.write({"a": 1.0})
        assert events._telling is None
    events.write({"a": 2.0})
    assert events._telling is not None
    events._telling.join()
    assert [method for method, *_ in recorder.asked] == ["PATCH"]


def test_without_requests_nobody_is_told_and_all_is_written(run: Process, recorder: Recorder, pod: Path) -> None:
    ended = run("import sys\nsys.modules['requests'] = None\nsend_metrics(a=1)", POLYAXON_HOST=recorder.url)
    assert (ended.stderr, recorder.asked, points(pod, "a.plx")) == ("", [], ["|1.0"])


def test_a_handler_that_exits_as_the_api_is_to_be_told_exits(run: Process, pod: Path) -> None:
    ended = run("import sys, threading\nthreading.Thread.start = lambda self: sys.exit(3)\nsend_metrics(a=1)",
                POLYAXON_HOST="http://127.0.0.1:9")
    assert (ended.returncode, ended.stderr, points(pod, "a.plx")) == (3, "", ["|1.0"])


def test_the_first_metric_of_all_from_a_hook_at_exit(run: Process, recorder: Recorder, pod: Path) -> None:
    ended = run("import atexit; atexit.register(lambda: send_metrics(a=1))", POLYAXON_HOST=recorder.url)
    assert (ended.returncode, ended.stderr, points(pod, "a.plx")) == (0, "", ["|1.0"])
