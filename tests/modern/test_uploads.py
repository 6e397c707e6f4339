"""Uploads where no sidecar does: what the server is sent, what is told, whatever happens to the process."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

from polyaxon_helper import files, request
from polyaxon_helper.modern import events, run as modern_run, uploads

from ..conftest import Recorder
from ..containers import TOKEN, UUID
from ..processes import WITH_TESTS, Process, posix, process_environment, started

RUN = "/api/v1/u/p/runs/" + UUID
UPLOAD = "/streams/v1/polyaxon/u/p/runs/{}/artifact".format(UUID)
BODY = re.compile(
    rb'--(\w+)\r\nContent-Disposition: form-data; name="json"\r\n\r\n(.*)\r\n'
    rb'--\1\r\nContent-Disposition: form-data; name="upload_file"; filename="(.*)"\r\n\r\n(.*)\r\n--\1--\r\n\Z',
    re.DOTALL)


class Uploaded(NamedTuple):
    folder: str
    name: str
    content: bytes


def uploaded(recorder: Recorder) -> List[Uploaded]:
    """What was uploaded, in the order in which it was."""
    found = []
    for method, path, headers, body in recorder.asked:
        if path == UPLOAD:
            match = BODY.match(body)
            assert match and method == "POST" and headers["Content-Length"] == str(len(body))
            assert headers["Content-Type"] == "multipart/form-data; boundary=" + match.group(1).decode()
            assert headers["Authorization"] == "Token " + TOKEN and "Transfer-Encoding" not in headers
            how = json.loads(match.group(2).decode())
            assert (how.pop("overwrite"), how.pop("untar"), list(how)) == (True, False, ["path"])
            found.append(Uploaded(how["path"], match.group(3).decode(), match.group(4)))
    return found


def paths(recorder: Recorder) -> List[str]:
    return ["{}/{}".format(each.folder, each.name).lstrip("/") for each in uploaded(recorder)]


def listed(recorder: Recorder) -> List[List[str]]:
    """The metrics that the dashboard was told of, by request."""
    told = [json.loads(body.decode()) for _, path, _, body in recorder.asked if path == RUN + "/lineage/artifacts"]
    assert all(each == {"name": each["name"], "kind": "metric", "path": "events/metric/{}.plx".format(each["name"]),
                        "is_input": False, "summary": {"is_event": True}} for request in told for each in request)
    return [[each["name"] for each in request] for request in told]


def variables(folder: Path, url: str) -> Dict[str, str]:
    return {"POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, "POLYAXON_CONTEXT_ROOT": str(folder), "POLYAXON_HOST": url,
            "POLYAXON_HAS_PROCESS_SIDECAR": "true", "POLYAXON_AUTH_TOKEN": TOKEN}


@pytest.fixture
def folder(monkeypatch: Any, tmp_path: Path, recorder: Recorder) -> Path:
    """This process is a run without a sidecar, and this its folder; nothing is uploaded but as a test says."""
    for name, value in variables(tmp_path, recorder.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(events, "_names", {})
    monkeypatch.setattr(events, "_told", threading.Lock())
    monkeypatch.setattr(uploads, "begin", lambda: None)
    folder = tmp_path / "artifacts" / UUID
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(python: Process, tmp_path: Path, recorder: Recorder) -> Process:
    """Run a script as a process of a run without a sidecar."""

    def run(script: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return python("-c", "from polyaxon_helper import get_outputs_path, send_metrics\n" + script, environment={
            **variables(tmp_path, recorder.url), "POLYAXON_HELPER_SUMMARY": "0",
            "PYTHONWARNINGS": "ignore::DeprecationWarning", **WITH_TESTS, **more})

    return run


def process_in(folder: Path) -> uploads._Uploads:
    """A process of the run, that has uploaded nothing yet."""
    process = uploads._Uploads()
    process.folder = str(folder)
    return process


def aged(path: Path, content: bytes = b"x") -> None:
    """Write a file that was not written to for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(str(path), (1700000000, 1700000000))


# --- nothing

OUTPUT = "open(get_outputs_path() + '/m.bin', 'w').write('model')\n"
NOTHING: List[Any] = [
    pytest.param("", {}, id="no call"),
    pytest.param(OUTPUT, {"POLYAXON_HAS_PROCESS_SIDECAR": "false"}, id="there is a sidecar"),
    pytest.param(OUTPUT, {"POLYAXON_IS_OFFLINE": "true"}, id="offline"),
    pytest.param("send_metrics(a=1); get_outputs_path()", {"POLYAXON_NO_OP": "true"}, id="no-op"),
    pytest.param(OUTPUT, {"POLYAXON_RUN_INSTANCE": "", "POLYAXON_RUN_OUTPUTS_PATH": "."}, id="no run of Polyaxon 2"),
]


@pytest.mark.parametrize("script, more", NOTHING)
def test_nothing_is_uploaded(
    script: str, more: Dict[str, str], run: Process, recorder: Recorder, tmp_path: Path
) -> None:
    """Of what is in the run's folder, either: nobody but a process of ours that began, or its parent, uploads it."""
    aged(tmp_path / "artifacts" / UUID / "outputs" / "of another program")
    ended = run(script, POLYAXON_OFFLINE_ROOT=".", **more)
    assert (ended.returncode, ended.stderr, recorder.asked) == (0, "", [])


# --- what is uploaded

def test_at_exit_metrics_then_outputs(run: Process, recorder: Recorder, tmp_path: Path) -> None:
    ended = run("send_metrics(loss=1, acc=2)\n" + OUTPUT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert paths(recorder) == ["events/metric/acc.plx", "events/metric/loss.plx", "outputs/m.bin"]
    folder = tmp_path / "artifacts" / UUID
    assert [(folder / each.folder / each.name).read_bytes() for each in uploaded(recorder)] == [
        each.content for each in uploaded(recorder)]
    assert listed(recorder) == [["acc", "loss"]]


def test_of_the_old_variable_too(run: Process, recorder: Recorder, tmp_path: Path) -> None:
    outputs = tmp_path / "artifacts" / UUID / "outputs"
    outputs.mkdir(parents=True)
    run(OUTPUT, POLYAXON_RUN_OUTPUTS_PATH=str(outputs), POLYAXON_K8S_NAMESPACE="polyaxon")
    assert paths(recorder) == ["outputs/m.bin"]


UPLOADED = ["in_the_root", "outputs/empty", "outputs/a b/deep/er.txt", "outputs/.hydra/config.yaml",
            "outputs/m\u00fcll \u635f\u5931.txt", "events/image/i.plx"]
LEFT = [".hidden", "outputs/.hidden", "outputs/.git/config", ".polyaxon_helper_uploads"]


def test_which_files(folder: Path, recorder: Recorder) -> None:
    for path in UPLOADED + LEFT[:-1]:
        aged(folder / path)
    uploads._upload(process_in(folder))
    assert sorted(paths(recorder)) == sorted(UPLOADED)


def test_names_that_the_server_reads_otherwise(folder: Path, recorder: Recorder) -> None:
    aged(folder / "outputs" / "R&D &lt; '.csv")
    uploads._upload(process_in(folder))
    assert paths(recorder) == ["outputs/R&amp;D &amp;lt; '.csv"]


@posix
def test_links_and_pipes_are_left_out(folder: Path, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("secret")
    os.symlink(str(tmp_path / "elsewhere"), str(folder / "link"))
    os.symlink(str(tmp_path / "elsewhere" / "secret"), str(folder / "secret"))
    os.mkfifo(str(folder / "pipe"))
    uploads._upload(process_in(folder))
    assert recorder.asked == []


def test_only_what_has_changed_is_uploaded_again(folder: Path, recorder: Recorder) -> None:
    aged(folder / "outputs" / "a", b"1")
    aged(folder / "outputs" / "b", b"1")
    events.write({"loss": 1.0})
    uploads._upload(process_in(folder))
    recorder.asked.clear()
    uploads._upload(process_in(folder))  # as another process would
    assert recorder.asked == []
    aged(folder / "outputs" / "a", b"22")
    (folder / "outputs" / "b").write_bytes(b"2")
    os.utime(str(folder / "outputs" / "b"), (1700000001, 1700000001))
    events.write({"loss": 2.0})
    uploads._upload(process_in(folder))
    assert [(each.name, each.content[-1:]) for each in uploaded(recorder)] == [
        ("loss.plx", b"0"), ("a", b"2"), ("b", b"2")]
    assert listed(recorder) == []


def test_a_file_beside_the_metrics_is_none(folder: Path, recorder: Recorder) -> None:
    aged(folder / "events" / "metric" / "README")
    uploads._upload(process_in(folder))
    assert paths(recorder) == ["events/metric/README"] and listed(recorder) == []


@pytest.mark.parametrize("record", ["", "{", "[1]", "7", '{"outputs/m.bin": [1'])
def test_a_record_that_a_killed_process_left_is_begun_anew(record: str, folder: Path, recorder: Recorder) -> None:
    aged(folder / "outputs" / "m.bin")
    (folder / ".polyaxon_helper_uploads").write_text(record)
    uploads._upload(process_in(folder))
    uploads._upload(process_in(folder))
    assert paths(recorder) == ["outputs/m.bin"]


def test_a_metric_is_uploaded_at_once_and_an_output_when_it_is_still(folder: Path, recorder: Recorder) -> None:
    events.write({"loss": 1.0})
    (folder / "outputs").mkdir()
    (folder / "outputs" / "half").write_text("1")
    process = process_in(folder)
    uploads._upload(process)
    assert paths(recorder) == ["events/metric/loss.plx"]
    now = time.time()
    os.utime(str(folder / "outputs" / "half"), (now - uploads.STILL, now - uploads.STILL))
    uploads._upload(process)
    assert paths(recorder) == ["events/metric/loss.plx", "outputs/half"]


def test_a_point_that_comes_meanwhile_is_uploaded_next(folder: Path, recorder: Recorder, monkeypatch: Any) -> None:
    events.write({"loss": 1.0})
    path, real, process = folder / "events" / "metric" / "loss.plx", uploads._head_and_tail, process_in(folder)
    whole = path.read_bytes()

    def and_a_point(*args: Any) -> Any:
        events.write({"loss": 2.0})
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "_head_and_tail", and_a_point)
        uploads._upload(process)
    uploads._upload(process)
    assert [each.content for each in uploaded(recorder)] == [
        whole, path.read_bytes()]


def test_while_many_outputs_are_uploaded_metrics_do_not_wait_for_all(
    folder: Path, recorder: Recorder, monkeypatch: Any
) -> None:
    events.write({"loss": 1.0})
    for name in "abc":
        aged(folder / "outputs" / name)
    process, real = process_in(folder), request.stream

    def and_a_point(*args: Any) -> Any:
        events.write({"loss": 1.0})
        return real(*args)

    monkeypatch.setattr(uploads, "EVERY", -1)
    monkeypatch.setattr(uploads, "stream", and_a_point)
    assert [uploads._upload(process) for _ in "abc"] == [False, False, True]
    assert [path[-8:] for path in paths(recorder)] == [
        "loss.plx", "utputs/a", "loss.plx", "utputs/b", "loss.plx", "utputs/c"]


def test_while_a_run_goes_on(run: Process, recorder: Recorder) -> None:
    """The script waits until the file in the folder says that both were uploaded, then is killed."""
    ended = run("""
import json, os, signal, time
from polyaxon_helper.modern import uploads
uploads.EVERY, uploads.STILL = 0.05, 0.05
path = get_outputs_path()
send_metrics(loss=1)
open(path + "/m.bin", "w").write("model")
wanted, uploaded, end = {"events/metric/loss.plx", "outputs/m.bin"}, {}, time.monotonic() + 30
while wanted - set(uploaded) and time.monotonic() < end:
    time.sleep(0.05)
    try:
        uploaded = json.load(open(os.path.dirname(path) + "/.polyaxon_helper_uploads"))
    except (OSError, ValueError):
        pass
os._exit(3)
""")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert set(paths(recorder)) == {"events/metric/loss.plx", "outputs/m.bin"} and listed(recorder) == [["loss"]]


# --- processes

@posix
def test_while_another_process_uploads_this_one_leaves_it_to_that_and_says_so(
    run: Process, recorder: Recorder, tmp_path: Path
) -> None:
    """The other may be killed before it looks again."""
    lock = tmp_path / "artifacts" / UUID / uploads.LOCK
    lock.parent.mkdir(parents=True)
    with lock.open("a+") as other:
        assert files.lock(other.fileno())
        ended = run(QUICK + "send_metrics(a=1)")
    assert "a.plx the first (another process of this run is uploading); " in ended.stderr
    assert (ended.returncode, uploaded(recorder)) == (0, [])


@posix
def test_what_another_process_uploads_meanwhile_is_not_told(run: Process, recorder: Recorder, tmp_path: Path) -> None:
    ended = run(QUICK + """
import fcntl, json, os
path = get_outputs_path()
open(path + "/m.bin", "w").write("model")
folder = os.path.dirname(path)
other = open(folder + "/" + uploads.LOCK, "w")
fcntl.flock(other, fcntl.LOCK_EX)
state = os.stat(path + "/m.bin")
json.dump({"outputs/m.bin": [state.st_size, state.st_mtime_ns]}, open(folder + "/" + uploads.RECORD, "w"))
""")
    assert (ended.returncode, ended.stderr, uploaded(recorder)) == (0, "", [])


@posix
def test_a_script_that_closes_descriptors_finds_its_own_files_unharmed(run: Process, own_folder: Path) -> None:
    """But for a connection's, which is requests' own."""
    ended = run("""
import os, threading, time
from polyaxon_helper.modern import uploads
uploads.EVERY = uploads.STILL = 0.05
is_in, goes_on = threading.Event(), threading.Event()
def stream(*_):
    is_in.set(), goes_on.wait()
    raise uploads.Unsent("closed")
uploads.stream = stream
open(get_outputs_path() + "/m.bin", "w").write("model")
is_in.wait()
os.closerange(3, 256)
mine = [open("mine{}".format(number), "w") for number in range(9)]
for file in mine: file.write("mine"), file.flush()
goes_on.set()
ends = time.monotonic() + 30
while uploads._this.lock != uploads.NO_LOCK and time.monotonic() < ends: time.sleep(0.01)
for file in mine: file.write(", still"), file.close()
os._exit(0)
""")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [(own_folder / "mine{}".format(number)).read_text() for number in range(9)] == ["mine, still"] * 9


@posix
def test_a_child_that_outlives_its_parent_has_its_lock_no_more(run: Process, recorder: Recorder) -> None:
    """The parent is forked while it uploads, and ends: a script that puts itself in the background."""
    ended = run("""
import os, threading, time
from polyaxon_helper.modern import uploads
uploads.EVERY = 0.05
real, is_in, goes_on = uploads._upload_changed, threading.Event(), threading.Event()
uploads._upload_changed = lambda this: is_in.set() or goes_on.wait()
send_metrics(a=1)
is_in.wait()
parent = os.getpid()
if os.fork(): os._exit(0)
ends = time.monotonic() + 30
while os.getppid() == parent and time.monotonic() < ends: time.sleep(0.01)
uploads._upload_changed, uploads.PAUSES = real, (0,)
send_metrics(b=1)
""")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert paths(recorder) == ["events/metric/a.plx", "events/metric/b.plx"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "forkserver"] if sys.platform != "win32" else [])
def test_children_of_a_process_that_does_not_wait_for_them(how: str, run: Process, recorder: Recorder) -> None:
    """multiprocessing does, in a hook that has its turn after ours where it was imported before."""
    ended = run("""
import atexit, multiprocessing, multiprocessing.util, sys
modern = sys.modules["polyaxon_helper.modern"]
from tests.child import one_later
if __name__ == "__main__":
    atexit.unregister(multiprocessing.util._exit_function)
    atexit.unregister(modern._end)
    atexit.register(multiprocessing.util._exit_function)
    atexit.register(modern._end)
    multiprocessing.get_context({!r}).Process(target=one_later, args=(7,)).start()
""".format(how))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert paths(recorder) == ["events/metric/step.plx"]


@posix
def test_a_forked_child_uploads_and_its_parent_what_it_left(run: Process, recorder: Recorder) -> None:
    ended = run("""
import os
send_metrics(a=1)
if not os.fork():
    send_metrics(b=1)
    raise SystemExit
os.wait()
if not os.fork():
    send_metrics(c=1)
    os._exit(0)
os.wait()
""")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(paths(recorder)) == ["events/metric/{}.plx".format(name) for name in "abc"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "spawn"] if sys.platform != "win32" else ["spawn"])
def test_children_of_multiprocessing(how: str, run: Process, recorder: Recorder) -> None:
    ended = run("""
import multiprocessing
from tests.child import one
if __name__ == "__main__":
    with multiprocessing.get_context({!r}).Pool(2) as pool: pool.map(one, range(20)); pool.close(); pool.join()
""".format(how))
    assert (ended.returncode, ended.stderr) == (0, "")
    last = [each.content for each in uploaded(recorder) if each.name == "step.plx"][-1]
    assert last.count(b"\n") == 20


def test_the_first_call_of_all_from_a_hook_at_exit(run: Process, recorder: Recorder) -> None:
    ended = run("import atexit; atexit.register(lambda: send_metrics(a=1))")
    assert (ended.returncode, ended.stderr, paths(recorder)) == (0, "", ["events/metric/a.plx"])


def test_metrics_and_outputs_of_a_hook_that_has_its_turn_after_ours(run: Process, recorder: Recorder) -> None:
    """One that the script registered before it imported the package."""
    ended = run("""
import atexit, sys
atexit.unregister(sys.modules["polyaxon_helper.modern"]._end)
def late():
    send_metrics(a=2)
    open(get_outputs_path() + "/m.bin", "w").write("model")
    send_metrics(b=1)
atexit.register(late)
atexit.register(sys.modules["polyaxon_helper.modern"]._end)
send_metrics(a=1)
""")
    assert (ended.returncode, ended.stderr) == (0, "")
    last = {each.name: each.content for each in uploaded(recorder)}
    assert sorted(last) == ["a.plx", "b.plx", "m.bin"] and last["a.plx"].endswith(b"|2.0")


def test_a_script_that_clears_its_environment(run: Process, recorder: Recorder, own_folder: Path) -> None:
    ended = run("import os\nsend_metrics(a=1)\n" + OUTPUT + "os.environ.clear()\n"
                "os.environ['POLYAXON_HELPER_SUMMARY'] = '0'")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert paths(recorder) == ["events/metric/a.plx", "outputs/m.bin"] and list(own_folder.glob(".polyaxon*")) == []


def test_where_there_can_be_no_thread(run: Process, recorder: Recorder) -> None:
    ended = run("import threading\ndef start(self): raise RuntimeError\nthreading.Thread.start = start\n"
                "import polyaxon_helper.threads\nsend_metrics(a=1)")
    assert (ended.returncode, ended.stderr, paths(recorder)) == (0, "", ["events/metric/a.plx"])


# --- what goes wrong

QUICK = "from polyaxon_helper.modern import uploads\nuploads.PAUSES = (0, 0)\n"


AT_ONCE = "from polyaxon_helper.modern import uploads\nuploads.SILENT_SECONDS = 0\n"


def told(count: int, size: int, first: str, why: str) -> str:
    text = "polyaxon_helper: {} file{} with {:,} bytes not uploaded, {} the first ({}); the platform deletes what is "
    return text.format(count, "s" if count > 1 else "", size, first, why)


FAULTS: List[Any] = [
    pytest.param((500, {}, b""), 2, "status 500", id="an error"),
    pytest.param((403, {}, b""), 2, "status 403", id="a refusal that may pass"),
    pytest.param((405, {}, b""), 2, "status 405", id="an error, which the server gives as a wrong method"),
    pytest.param((302, {"Location": "/elsewhere"}, b""), 1, "status 302", id="a redirect, which is not followed"),
    pytest.param((413, {}, b""), 1, "status 413", id="a refusal for good"),
    pytest.param((0, {}, b""), 2, "ConnectionError", id="no answer"),
]


@pytest.mark.parametrize("answer, times, why", FAULTS)
def test_what_is_not_uploaded_is_told_at_exit(
    answer: Any, times: int, why: str, run: Process, recorder: Recorder
) -> None:
    recorder.answer = answer
    ended = run(QUICK + "send_metrics(a=1)\nopen(get_outputs_path() + '/m.bin', 'wb').write(b'x' * 5000)")
    size = len(uploaded(recorder)[0].content)
    assert ended.returncode == 0 and told(2, 5000 + size, "events/metric/a.plx", why) in ended.stderr
    assert TOKEN not in ended.stderr
    assert len(uploaded(recorder)) == 2 * times


def test_one_that_is_refused_does_not_keep_back_the_others(folder: Path, recorder: Recorder, monkeypatch: Any) -> None:
    for name in "abc":
        aged(folder / "outputs" / name)
    real = request.stream

    def refuse_b(*args: Any) -> Any:
        answer = real(*args)
        return answer._replace(status=413) if paths(recorder)[-1] == "outputs/b" else answer

    monkeypatch.setattr(uploads, "stream", refuse_b)
    process = process_in(folder)
    uploads._upload(process)
    assert paths(recorder) == ["outputs/a", "outputs/b", "outputs/c"]
    assert [path for path, _ in process.left()] == ["outputs/b"]
    uploads._upload(process)
    assert len(paths(recorder)) == 3  # it is as it was
    aged(folder / "outputs" / "b", b"smaller")
    uploads._upload(process)
    assert paths(recorder)[3:] == ["outputs/b"]


def test_where_the_dashboard_could_not_be_told_the_metric_is_uploaded_again(folder: Path, recorder: Recorder) -> None:
    events.write({"a": 1.0})
    aged(folder / "outputs" / "m.bin")
    handler, process = recorder.server.RequestHandlerClass, process_in(folder)
    real = handler.do_POST  # type: ignore[attr-defined]  # the recorder's own

    def refuse(self: Any) -> None:
        recorder.answer = (403 if "lineage" in self.path else 200, {}, b"{}")
        real(self)

    handler.do_POST = refuse  # type: ignore[attr-defined]  # as above
    uploads._upload(process)
    handler.do_POST = real  # type: ignore[attr-defined]  # as above
    recorder.answer = (201, {}, b"")
    assert [path for path, _ in process.left()] == ["events/metric/a.plx"]
    recorder.answer = (200, {}, b"")
    uploads._upload(process)
    assert paths(recorder) == ["events/metric/a.plx", "outputs/m.bin", "events/metric/a.plx"]
    assert listed(recorder) == [["a"], ["a"]] and process.left() == []


NOT_UPLOADED: List[Any] = [
    pytest.param("send_metrics(a=1)", {"POLYAXON_HOST": ""}, "POLYAXON_HOST is not set", id="no host"),
    pytest.param("send_metrics(a=1)", {"POLYAXON_HOST": "nonsense"}, "MissingSchema: the API's host is no URL",
                 id="a host that is none"),
    pytest.param("import sys; sys.modules['requests'] = None; send_metrics(a=1)", {},
                 "requests can't be imported: ModuleNotFoundError", id="no requests"),
    pytest.param("send_metrics(a=1)", {"POLYAXON_AUTH_TOKEN": "a\nb"},
                 "the token, or a header that a variable names, has what no header can have", id="a token with a line"),
]


@pytest.mark.parametrize("script, more, why", NOT_UPLOADED)
def test_settings_that_have_to_change_are_told(script: str, more: Dict[str, str], why: str, run: Process) -> None:
    ended = run(QUICK + script, **more)
    assert ended.returncode == 0 and "a.plx the first ({}); the platform deletes ".format(why) in ended.stderr


@posix
@pytest.mark.parametrize("name", ["back\\slash", "new\nline", "no\udcfftext"])
def test_names_that_the_server_can_not_keep(name: str, folder: Path, recorder: Recorder) -> None:
    try:
        aged(folder / "outputs" / name)
    except (OSError, UnicodeError):  # macOS has no such names
        return
    process = process_in(folder)
    uploads._upload(process)
    assert process.trouble.startswith("a name with a backslash, or ") and recorder.asked == []
    assert [path for path, _ in process.left()] == ["outputs/" + name]


def test_a_file_that_becomes_shorter_or_vanishes_meanwhile(folder: Path, recorder: Recorder, monkeypatch: Any) -> None:
    real, process = uploads._head_and_tail, process_in(folder)
    path = folder / "outputs" / "m.bin"
    for change in (lambda: path.write_bytes(b"x"), path.unlink):  # type: Any
        aged(path, b"x" * 100)

        def after_change(*args: Any) -> Any:
            change()
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(uploads, "_head_and_tail", after_change)
            uploads._upload(process)
        assert process.uploaded == {} and process.trouble in ("ConnectionError", "No such file or directory")


@pytest.mark.parametrize("error, said", [
    (FileNotFoundError(2, "No such file or directory", "outputs/stale"), ""),
    (OSError(116, "Stale file handle", "outputs/stale"),
     "polyaxon_helper: 'outputs/stale' is not uploaded: Stale file handle\n"),
], ids=["it vanished", "another error"])
def test_what_cant_be_looked_at_keeps_back_nothing_else(
    error: OSError, said: str, folder: Path, recorder: Recorder, monkeypatch: Any, capsys: Any
) -> None:
    events.write({"a": 1.0})
    aged(folder / "outputs" / "stale")
    real = os.lstat

    def stale(path: str) -> Any:
        if path.endswith("stale"):
            raise error
        return real(path)

    monkeypatch.setattr(os, "lstat", stale)
    uploads._upload(process_in(folder))
    assert paths(recorder) == ["events/metric/a.plx"]
    assert capsys.readouterr().err == said


def test_an_error_of_ours_is_told(run: Process) -> None:
    ended = run(QUICK + "def fail(*_): 1 / 0\nuploads._parts = fail\nsend_metrics(a=1)")
    assert "a.plx the first (an internal error, ZeroDivisionError); " in ended.stderr and ended.returncode == 0


@posix
def test_a_server_that_never_answers_holds_the_exit_for_its_budget(run: Process, serve: Any) -> None:
    ended = run(QUICK + "send_metrics(a=1)", POLYAXON_HOST=serve([], wait=True), POLYAXON_HELPER_EXIT_TIMEOUT="0.3")
    assert ended.returncode == 0 and "a.plx the first (the time was up); the platform deletes " in ended.stderr


def test_where_nothing_can_be_locked_or_written_down_this_process_uploads(folder: Path, recorder: Recorder) -> None:
    aged(folder / "outputs" / "m.bin")
    (folder / uploads.LOCK).mkdir()
    (folder / uploads.RECORD).mkdir()
    process = process_in(folder)
    uploads._upload(process)
    uploads._upload(process)
    assert paths(recorder) == ["outputs/m.bin"] and process.left() == []


@pytest.mark.slow
def test_answers_put_off_the_end_of_the_exit_as_bytes_do(run: Process, recorder: Recorder, monkeypatch: Any) -> None:
    handler = recorder.server.RequestHandlerClass
    real = handler.do_POST  # type: ignore[attr-defined]  # the recorder's own

    def slow(self: Any) -> None:
        time.sleep(0.3)
        real(self)

    monkeypatch.setattr(handler, "do_POST", slow)
    script = "for name in 'abc': send_metrics(**{name: 1}); open(get_outputs_path() + '/' + name, 'w').close()"
    ended = run(script, POLYAXON_HELPER_EXIT_TIMEOUT="0.5")
    assert (ended.returncode, len(uploaded(recorder)), "not uploaded" in ended.stderr) == (0, 6, False)


def test_of_an_upload_that_goes_on_what_is_done_is_not_told(folder: Path, recorder: Recorder, monkeypatch: Any) -> None:
    for name in "ab":
        aged(folder / "outputs" / name)
    process, real, said = process_in(folder), request.stream, []  # type: Any, Any, List[str]

    def and_tell(*args: Any) -> Any:
        said.append(uploads._summary(process))
        return real(*args)

    monkeypatch.setattr(uploads, "stream", and_tell)
    uploads._upload(process)
    assert [text.split(" with ")[0] for text in said] == ["2 files", "1 file"] and uploads._summary(process) == ""


def test_what_a_server_takes_and_never_answers_puts_off_the_end_twice(
    folder: Path, recorder: Recorder, monkeypatch: Any
) -> None:
    for name in "abc":
        aged(folder / "outputs" / name, bytes(3 * uploads.PART_BYTES))
    process = process_in(folder)
    recorder.answer = (0, {}, b"")
    ends = []
    for file in process.left():
        process.patience_ends = 0.0
        assert not uploads._upload_file(process, modern_run.api(), file)
        ends.append(process.patience_ends > 0)
    assert ends == [True, True, False]
    recorder.answer = (200, {}, b"")
    assert uploads._upload_file(process, modern_run.api(), process.left()[0]) and process.stalls == 0


def test_a_server_that_could_not_be_reached_is_waited_for_as_long_as_bytes_go_through(folder: Path) -> None:
    aged(folder / "outputs" / "m.bin")
    process = process_in(folder)
    os.environ["POLYAXON_HOST"] = "http://127.0.0.1:9"
    assert not uploads._upload_file(process, modern_run.api(), process.left()[0])
    assert (process.stalls, process.trouble) == (0, "ConnectionError")


def test_a_file_that_cant_be_read_is_no_fault_of_the_server(
    folder: Path, recorder: Recorder, monkeypatch: Any
) -> None:
    aged(folder / "outputs" / "m.bin")
    process = process_in(folder)

    def refuse(*args: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "read", refuse)
    uploads._upload(process)
    assert (process.stalls, process.trouble, list(process.refused), recorder.asked) == (
        0, "Permission denied", ["outputs/m.bin"], [])


def test_what_could_not_be_written_down_is_known_all_the_same(
    folder: Path, recorder: Recorder, monkeypatch: Any
) -> None:
    """A disk that is full, or a folder that is read-only by now."""
    aged(folder / "outputs" / "a")
    process, real = process_in(folder), files.place
    uploads._upload(process)

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    aged(folder / "outputs" / "b")
    monkeypatch.setattr(files, "place", full)
    uploads._upload(process)
    uploads._upload(process)
    assert paths(recorder) == ["outputs/a", "outputs/b"] and uploads._summary(process) == ""
    monkeypatch.setattr(files, "place", real)
    uploads._upload(process)
    assert uploads._summary(process_in(folder)) == ""


def test_a_program_that_only_has_the_package_uploads_nothing(run: Process, recorder: Recorder) -> None:
    ended = run("""
import os, subprocess, sys
from polyaxon_helper.modern import uploads
open(get_outputs_path() + "/half", "w").write("model")
subprocess.check_call([sys.executable, "-c", "import polyaxon_helper"])
if hasattr(os, "fork"):
    if not os.fork(): sys.exit()
    os.wait()
os._exit(0)
""")
    assert (ended.returncode, ended.stderr, recorder.asked) == (0, "", [])


def test_with_multiprocessing_the_exit_waits_once(run: Process, serve: Any) -> None:
    ended = run(AT_ONCE + """
import atexit, multiprocessing.util, time
uploads.PAUSES = (0,)
waits, real = [], uploads._wait
def wait(this): waits.append(1), real(this)
uploads._wait = wait
atexit.register(lambda: None)
import sys
atexit.unregister(sys.modules["polyaxon_helper.modern"]._end)
atexit.register(lambda: print(len(waits)))
atexit.register(multiprocessing.util._exit_function)
atexit.register(sys.modules["polyaxon_helper.modern"]._end)
send_metrics(a=1)
""", POLYAXON_HOST="http://127.0.0.1:9", POLYAXON_HELPER_EXIT_TIMEOUT="0.3")
    assert (ended.returncode, ended.stdout) == (0, "1\n") and ended.stderr.count("not uploaded") == 1


@posix
def test_what_a_handler_raises_at_exit_is_raised_and_the_rest_told(
    own_folder: Path, tmp_path: Path, slow_server: Any
) -> None:
    script = AT_ONCE + "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n" + BIG
    slow_server.pause = 60
    with started(sys.executable, "-c", "from polyaxon_helper import get_outputs_path\n" + script, cwd=own_folder,
                 env=process_environment(own_folder, **{
                     **variables(tmp_path, slow_server.url), "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore",
                 })) as process:
        assert process.stderr and "uploading the run's last files" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert "outputs/big.bin the first" in process.stderr.read()


class SlowServer:
    """Takes one upload, a part at a time, and answers; what comes before it, it answers at once."""

    def __init__(self, pause: float) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(5)
        self.url = "http://127.0.0.1:{}".format(self.listener.getsockname()[1])
        self.pause, self.ends = pause, threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while not self.ends.is_set():
            with self.listener.accept()[0] as connection:
                try:
                    self._answer(connection)
                except OSError:  # the process has ended
                    pass

    def _answer(self, connection: Any) -> None:
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
        length = int((re.search(rb"Content-Length: (\d+)", head) or [0, 0])[1])
        left = length - len(body)
        while left > 0 and not self.ends.wait(self.pause):
            part = connection.recv(65536)
            if not part:
                return
            left -= len(part)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self.ends.set()
        socket.create_connection(self.listener.getsockname()).close()
        self.thread.join()
        self.listener.close()


@pytest.fixture
def slow_server() -> Iterator[SlowServer]:
    server = SlowServer(0.01)
    yield server
    server.close()


BIG = "open(get_outputs_path() + '/big.bin', 'wb').write(bytes(16 * 1024 * 1024))"


@pytest.mark.slow
def test_as_long_as_bytes_go_through_the_exit_waits(run: Process, slow_server: SlowServer) -> None:
    ended = run(BIG, POLYAXON_HOST=slow_server.url, POLYAXON_HELPER_EXIT_TIMEOUT="0.5")
    assert (ended.returncode, ended.stderr) == (
        0, "polyaxon_helper: uploading the run's last files, while bytes go through and for at most 600 s "
        "(POLYAXON_HELPER_UPLOAD_TIMEOUT)\n")


def test_but_no_longer_than_it_may(run: Process, slow_server: SlowServer) -> None:
    ended = run(QUICK + BIG, POLYAXON_HOST=slow_server.url, POLYAXON_HELPER_UPLOAD_TIMEOUT="0.3")
    assert told(1, 16777216, "outputs/big.bin", "the time was up") in ended.stderr


@posix
def test_an_interrupt_ends_the_exit(own_folder: Path, tmp_path: Path, slow_server: SlowServer) -> None:
    environment_ = process_environment(own_folder, **{
        **variables(tmp_path, slow_server.url), "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore"})
    slow_server.pause = 60
    with started(sys.executable, "-c", "from polyaxon_helper import get_outputs_path\n" + AT_ONCE + BIG,
                 env=environment_, cwd=own_folder) as process:
        assert process.stderr and "uploading the run's last files" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "outputs/big.bin the first" in process.stderr.read()
        assert process.wait() == 0


def test_of_no_known_run_nothing_is_uploaded(run: Process, recorder: Recorder) -> None:
    ended = run(OUTPUT + "send_metrics(a=1)", POLYAXON_RUN_INSTANCE="u.p.7", POLYAXON_RUN_OUTPUTS_PATH=".")
    assert ended.returncode == 0 and "POLYAXON_RUN_INSTANCE is not OWNER.PROJECT.runs.UUID" in ended.stderr
    assert recorder.asked == []
