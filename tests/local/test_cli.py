"""python -m polyaxon_helper.local: what it takes, refuses, passes on, prints and leaves behind."""
import json
import os
import select
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ..processes import EACH_BACKEND, TIMEOUT, Process, ended, posix, process_environment, read_line, started

LOCAL = ["-m", "polyaxon_helper.local"]


@pytest.fixture
def script(own_folder: Path) -> Path:
    path = own_folder / "train.py"
    path.write_text("print('trained')\n")
    return path


BAD_USAGE: List[Any] = [
    pytest.param([], "no script is named, and there is no polyaxonfile.yml or polyaxon.yml", id="nothing at all"),
    pytest.param(["--"], "no script is named", id="-- and nothing"),
    pytest.param(["-m"], "-m wants the name of a module", id="-m alone"),
    pytest.param(["nowhere.py"], "there is no script 'nowhere.py'", id="a script that is not there"),
    pytest.param(["--param", "lr", "train.py"], "--param NAME=VALUE is wanted, not 'lr'",
                 id="a parameter with no value"),
    pytest.param(["--param", "=1", "train.py"], "--param NAME=VALUE is wanted, not '=1'",
                 id="a parameter with no name"),
    pytest.param(["--data", "mnist=nowhere", "train.py"], "--data mnist: there is no 'nowhere'", id="data not there"),
    pytest.param(["--param", "x=1e999", "train.py"], "--param x: a number in it is not finite", id="beyond a double"),
    pytest.param(["--param", "x=[-1e999]", "train.py"], "--param x: a number in it is not finite", id="one in a list"),
    pytest.param(["--param", "x=" + "[" * 60000, "train.py"], "--param x: it is nested too deeply", id="deeply nested"),
    pytest.param(["--jobs", "0", "train.py"], "argument --jobs: a whole number of 1 or more is wanted, not '0'",
                 id="no jobs at all"),
    pytest.param(["--jobs", "two", "train.py"], "argument --jobs: a whole number", id="jobs in words"),
    pytest.param(["--jobs", "2", "train.py"], "--jobs is for groups", id="jobs of a script"),
    pytest.param(["--sort", "loss", "train.py"], "--sort is for groups", id="a script's table sorted"),
    pytest.param(["--view", "nowhere"], "--view: no metrics.jsonl and no event file is in nowhere", id="no view"),
    pytest.param(["--view", "."], "--view: no metrics.jsonl and no event file is in .", id="a view of no metrics"),
    pytest.param(["--outputs", "train.py", "train.py"], "[Errno 17] File exists: 'train.py'", id="outputs in a file"),
    pytest.param(["--outputs", "taken", "train.py"], "[Errno 21] Is a directory: '",
                 id="outputs that can't be written"),
    pytest.param(["--log-level", "LOUD", "train.py"], "argument --log-level: invalid choice: 'LOUD'", id="a log level"),
    pytest.param(["--parm", "lr=1", "train.py"], "", id="an unknown option"),
]


@pytest.mark.parametrize("arguments, message", BAD_USAGE)
def test_bad_usage_is_one_line_and_status_2(
    arguments: List[str], message: str, python: Process, script: Path
) -> None:
    (script.parent / "taken" / "metrics.jsonl").mkdir(parents=True)
    process = python(*LOCAL, *arguments)
    assert (process.returncode, process.stdout, process.stderr.count("\n")) == (2, "", 1)
    assert process.stderr.startswith("python -m polyaxon_helper.local: " + message)
    assert process.stderr.endswith("(see --help)\n")
    assert not (script.parent / "polyaxon-outputs").exists()


def test_help_has_examples_and_version_is_ours(python: Process) -> None:
    assert "--param lr=0.1" in python(*LOCAL, "--help").stdout
    assert python(*LOCAL, "--version").stdout == "polyaxon-helper 0.6.0\n"


# Prints what a script gets, as JSON
TELL = """
import json, os, sys, polyaxon_helper as h
print(json.dumps({
    "params": h.get_params(), "data": h.get_data_paths(), "outputs": h.get_outputs_path(), "level": h.get_log_level(),
    "name": h.get_experiment_info()["experiment_name"], "task": h.get_task_info(), "cluster": h.get_cluster_def(),
    "arguments": sys.argv[1:], "main": __name__, "interpreter": sys.executable,
    "others": sorted(name for name in os.environ if name in ("POLYAXON_JOB_INFO", "POLYAXON_NO_OP", "no_proxy")),
}))
"""

GIVEN: List[Any] = [
    pytest.param([], {}, {"params": {}, "data": {}, "level": "INFO"}, id="nothing"),
    pytest.param(["--param", "lr=0.1", "--param", "layers=[1, 2]", "--param", "name=a=b", "--param", "on=true"], {},
                 {"params": {"lr": 0.1, "layers": [1, 2], "name": "a=b", "on": True}}, id="JSON, else text"),
    pytest.param(["--param", "a=NaN", "--param", "b="], {}, {"params": {"a": "NaN", "b": ""}}, id="NaN is no JSON"),
    pytest.param(["--param", "a=1", "--param", "a=2"], {}, {"params": {"a": 2}}, id="the last of two"),
    pytest.param(["--param", "a=True", "--param", "b=None", "--param", "c=(1, 'x')", "--param", "d={1: 1e-3}"], {},
                 {"params": {"a": True, "b": None, "c": [1, "x"], "d": {"1": 0.001}}}, id="Python literals"),
    pytest.param(["--param", "a=0123", "--param", "b={1, 2}", "--param", "c=1j", "--param", "d='",
                  "--param", "e=\\d"], {},
                 {"params": {"a": "0123", "b": "{1, 2}", "c": "1j", "d": "'", "e": "\\d"}}, id="no literals of JSON's"),
    pytest.param(["--log-level", "DEBUG"], {}, {"level": "DEBUG"}, id="a log level"),
    pytest.param([], {"POLYAXON_JOB_INFO": "{}", "POLYAXON_PARAMS": '{"x": 1}'}, {"params": {}, "others": ["no_proxy"]},
                 id="nothing of an outer run"),
]


@pytest.mark.parametrize("options, variables, told", GIVEN)
def test_what_a_script_is_given(
    options: List[str], variables: Dict[str, str], told: Dict[str, Any], python: Process, script: Path
) -> None:
    script.write_text(TELL)
    process = python(*LOCAL, *options, "train.py", "--flag", "--", "-m", environment=variables)
    given = json.loads(process.stdout)
    assert {**given, **told} == given
    assert given["arguments"] == ["--flag", "--", "-m"]
    assert (given["name"], given["task"]["index"], given["main"]) == ("local.run.1", 0, "__main__")
    assert os.path.normpath(given["interpreter"]) == os.path.normpath(sys.executable)


def test_data_and_outputs_are_absolute(python: Process, script: Path) -> None:
    script.write_text(TELL)
    process = python(*LOCAL, "--data", "here=.", "--outputs", "out", "train.py")
    given = json.loads(process.stdout)
    assert given["data"] == {"here": os.path.realpath(str(script.parent))}
    assert given["outputs"] == os.path.join(os.path.realpath(str(script.parent)), "out")
    assert process.stderr.rstrip().endswith("outputs: " + given["outputs"])


def test_default_outputs_are_a_new_folder_each_time(python: Process, script: Path) -> None:
    for number in "123":
        process = python(*LOCAL, "train.py")
        assert process.stderr.rstrip().endswith(os.path.join("polyaxon-outputs", number))
        assert (script.parent / "polyaxon-outputs" / number / "metrics.jsonl").read_text() == ""


def test_outputs_that_can_not_be_made_are_bad_usage(python: Process, script: Path) -> None:
    (script.parent / "polyaxon-outputs").write_text("a file")
    process = python(*LOCAL, "train.py")
    assert process.returncode == 2 and "polyaxon-outputs" in process.stderr


def test_a_module_runs_too(python: Process, script: Path) -> None:
    process = python(*LOCAL, "-m", "train", "--flag")
    assert (process.returncode, process.stdout) == (0, "trained\n")


SENDS = """
from polyaxon_helper import send_metrics
send_metrics(loss=0.5, best=1)
send_metrics(loss=0.125)
print("trained")
"""
TABLE = """
metric  points  last   min    max
best    1       1      1      1
loss    2       0.125  0.125  0.5
curves: {}
outputs: {}
"""


@pytest.mark.parametrize("backend", EACH_BACKEND)
def test_metrics_are_kept_and_summed_up(backend: str, python: Process, script: Path) -> None:
    script.write_text(SENDS)
    variables = {"POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore", "HTTP_PROXY": "http://127.0.0.1:1"}
    process = python(*LOCAL, "--outputs", "out", "train.py", backend=backend, environment=variables)
    outputs = script.parent / "out"
    assert (process.returncode, process.stdout) == (0, "trained\n")
    places = [os.path.realpath(str(path)) for path in (outputs / "metrics.html", outputs)]
    assert process.stderr == TABLE.format(*places)
    entries = [json.loads(line) for line in (outputs / "metrics.jsonl").read_text().splitlines()]
    assert [entry["values"] for entry in entries] == [{"loss": 0.5, "best": 1}, {"loss": 0.125}]
    assert all(entry["created_at"].endswith("+00:00") for entry in entries)
    assert not any("token" in text.lower() for text in (process.stderr, str(entries)))


def test_metrics_of_a_script_that_ends_before_it_sends_them_arrive(python: Process, script: Path) -> None:
    script.write_text("import os\n" + SENDS + "os._exit(4)")
    process = python(*LOCAL, "--outputs", "out", "train.py")
    assert process.returncode == 4
    assert "loss    2       0.125  0.125  0.5\n" in process.stderr
    assert sorted(path.name for path in (script.parent / "out").iterdir()) == [
        "metrics.html", "metrics.jsonl", "polyaxon-params.json"]


POD_TABLE = """
metric  points  last  min    max
best    1       1     1      1
loss    3       nan   0.125  0.5
curves: {}
outputs: {}
"""


def test_as_a_pod_of_polyaxon_2(python: Process, script: Path) -> None:
    script.write_text(SENDS + TELL.replace("h.get_task_info()", "h.get_task_info() or {'index': 0}")
                      + "send_metrics(step=3, loss=float('nan'))\n")
    variables = {"POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore", "HTTP_PROXY": "http://127.0.0.1:1"}
    process = python(*LOCAL, "--platform", "2", "--outputs", "out", "--param", "lr=0.1", "--data", "here=.", "train.py",
                     environment=variables)
    trained, given = process.stdout.splitlines()
    given = json.loads(given)
    (folder,) = (script.parent / "out" / "artifacts").iterdir()
    assert (process.returncode, trained) == (0, "trained")
    assert given["params"] == {"lr": 0.1}
    assert given["data"] == {"here": os.path.realpath(str(script.parent))}
    assert given["name"] == "local.run." + folder.name
    assert os.path.realpath(given["outputs"]) == os.path.realpath(str(folder / "outputs"))
    assert process.stderr == POD_TABLE.format(os.path.realpath(str(folder / "metrics.html")), given["outputs"])
    assert sorted(path.name for path in (folder / "events" / "metric").iterdir()) == ["best.plx", "loss.plx"]


TORN = """
import os, sys
folder = os.path.join(os.environ["POLYAXON_CONTEXT_ROOT"], "artifacts", os.environ["POLYAXON_RUN_INSTANCE"][15:],
                      "events", "metric")
os.makedirs(folder)
for number, end in enumerate(["2|2026-1", "2|2026-11-22 00:11:19+00:00|", "", "\\0"]):
    with open(os.path.join(folder, "m{}.plx".format(number)), "w") as file:
        file.write("step|timestamp|metric\\n1|2026-11-22 00:11:19+00:00|0.5\\n" + end)
sys.exit(3)
"""


def test_an_event_file_that_is_torn_hides_no_table_and_no_status(python: Process, script: Path) -> None:
    script.write_text(TORN)
    process = python(*LOCAL, "--platform", "2", "train.py")
    assert process.returncode == 3
    assert process.stderr.count("1       0.5   0.5  0.5\n") == 4, process.stderr


def test_as_a_pod_that_is_offline(python: Process, script: Path) -> None:
    script.write_text(SENDS + "from polyaxon_helper import get_outputs_path\nprint(get_outputs_path())\n")
    process = python(*LOCAL, "--platform", "2", "--outputs", "[out]", "train.py", environment={
        "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore", "POLYAXON_IS_OFFLINE": "true"})
    trained, outputs = process.stdout.splitlines()
    assert (process.returncode, trained, os.path.isdir(outputs)) == (0, "trained", True)
    assert process.stderr == TABLE.format(os.path.join(os.path.dirname(outputs), "metrics.html"), outputs)


def test_no_metrics_is_said(python: Process, script: Path) -> None:
    assert python(*LOCAL, "train.py").stderr.startswith("\nno metrics arrived\noutputs: ")


@pytest.mark.parametrize("code, status", [
    pytest.param("raise SystemExit(7)", 7, id="its own"),
    pytest.param("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", -9, id="killed, as where memory runs out",
                 marks=pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")),
])
def test_exit_status_is_the_scripts(code: str, status: int, python: Process, script: Path) -> None:
    script.write_text(code)
    assert python(*LOCAL, "train.py").returncode == status


READY_THEN_WAIT = """
import os, signal, sys, time
from polyaxon_helper import send_metrics
send_metrics(loss=1)
def stop(number, frame):
    os.write(1, b"got %d\\n" % number)  # not print, which a signal may find at work
    sys.exit(5)
for each in sys.argv[1:]:
    signal.signal(int(each), stop)
os.write(1, b"ready\\n")
while True:
    time.sleep(0.05)  # until the signal
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("name, handled", [
    pytest.param(name, handled, id="{}, {}".format(name, "handled" if handled else "which ends the script"))
    for name, handled in (("SIGINT", True), ("SIGTERM", True), ("SIGUSR1", True), ("SIGINT", False), ("SIGHUP", False))
])
def test_signals_are_passed_on(name: str, handled: bool, own_folder: Path, script: Path) -> None:
    number = int(getattr(signal, name))
    script.write_text(READY_THEN_WAIT)
    with started(sys.executable, *LOCAL, "train.py", *([str(number)] if handled else []),
                 cwd=own_folder, env=process_environment(own_folder, PYTHONWARNINGS="ignore")) as process:
        assert read_line(process) == "ready"
        process.send_signal(number)
        done = ended(process)
    if handled:
        assert (done.returncode, done.stdout) == (5, "got {}\n".format(number)), done.stderr
    else:
        # Python 3.7 ends with 1 after KeyboardInterrupt
        assert done.returncode == (1 if sys.version_info < (3, 8) and name == "SIGINT" else -number), done.stderr
    assert "loss    1 " in done.stderr


# Keeps its connection to the API open, and outlives the script
CHILD = """
import os, socket, sys, time
from urllib.parse import urlsplit
host = urlsplit(os.environ["POLYAXON_API_HTTP_HOST"])
connection = socket.create_connection((host.hostname, host.port))
print("connected", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@posix
def test_what_a_process_left_behind_holds_is_not_waited_for(own_folder: Path, script: Path) -> None:
    script.write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', {!r}], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
        "print(child.stdout.readline().decode(), child.pid)\n".format(CHILD))
    with started(sys.executable, *LOCAL, "train.py", cwd=own_folder, env=process_environment(own_folder)) as process:
        done = ended(process)
        connected, child = done.stdout.split()
        assert (done.returncode, connected) == (0, "connected")
        os.kill(int(child), 0)  # it is still there


# Takes the terminal on standard input for that of its session, and becomes another program
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@posix
@pytest.mark.parametrize("redirected", ["", " < /dev/null"], ids=["", "with other input"])
def test_ctrl_c_at_a_terminal_reaches_the_script_once(redirected: str, own_folder: Path, script: Path) -> None:
    import pty

    script.write_text(
        "import os, signal, time\n"
        "got = []\n"
        "def stop(*_):\n    got.append(1)\n    os.write(1, b'got it')\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "signal.signal(signal.SIGTERM, lambda *_: exit(40 + len(got)))\n"
        "os.write(1, b'ready')\n"
        "while True: time.sleep(0.05)  # until the signals\n"
    )
    terminal, its_end = pty.openpty()
    seen = b""

    def read_until(text: bytes) -> None:
        nonlocal seen
        while text not in seen:
            assert select.select([terminal], [], [], TIMEOUT)[0], seen
            seen += os.read(terminal, 1000)

    try:
        bash = shutil.which("bash") or ""
        with started(
            sys.executable, "-c", TAKE_TERMINAL, bash, "-c", "exec \"$@\"" + redirected, "-", sys.executable, *LOCAL,
            "train.py", cwd=own_folder, env=process_environment(own_folder), stream=its_end
        ) as process:
            read_until(b"ready")
            os.write(terminal, b"\x03")
            read_until(b"got it")
            process.terminate()
            # not what it prints: the end of a terminal's session may take what was not read yet
            assert process.wait(TIMEOUT) == 41
    finally:
        os.close(terminal)
        os.close(its_end)
