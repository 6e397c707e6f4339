"""What runs here: experiments, jobs and groups of polyaxonfiles, to their end or till a signal; and what goes wrong."""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.local import run
from polyaxon_helper.local.experiments import run_group
from polyaxon_helper.local.run import NotStarted, Run, run_command

from ..processes import TIMEOUT, Process, ended, posix, process_environment, started

LOCAL = ["-m", "polyaxon_helper.local"]
QUIET = {"PYTHONWARNINGS": "ignore", "POLYAXON_HELPER_SUMMARY": "0"}
pytestmark = [posix, pytest.mark.slow]  # bash, and many processes

# Prints what it gets, as JSON
TELL = """
import json, os, sys, polyaxon_helper as h
print(json.dumps({
    "params": h.get_params(), "outputs": h.get_outputs_path(), "level": h.get_log_level(), "job": h.get_job_info(),
    "experiment": h.get_experiment_info(), "arguments": sys.argv[1:], "interpreter": sys.executable,
    "folder": os.getcwd(), "prefix": sys.prefix,
    "environment": {name: os.environ.get(name) for name in ("LANGUAGE", "EXTRA_PATH")},
}))
"""
FILE = """
version: 1
kind: {}
params: {{lr: 1e-3, name: a b}}
logging: {{level: WARNING}}
build:
  image: python
  env_vars: [[LANGUAGE, de], [EXTRA_PATH, '/opt/bin:$HOME']]
run:
  cmd: {} train.py --lr={{{{ lr }}}} \\
    --name '{{{{ name }}}}'
"""


@pytest.fixture
def folder(own_folder: Path) -> Path:
    (own_folder / "train.py").write_text(TELL)
    (own_folder / "polyaxonfile.yml").write_text(FILE.format("experiment", "python"))
    return own_folder


NAMED: List[Any] = [
    pytest.param("polyaxonfile.yml", [], id="polyaxonfile.yml, not named"),
    pytest.param("polyaxon.yml", [], id="polyaxon.yml, not named"),
    pytest.param("polyaxonfile.yml", ["polyaxonfile.yml"], id="by its name"),
    pytest.param("a file.yaml", ["--", "a file.yaml"], id="behind --"),
    pytest.param("x.yml", ["--param", "lr=1", "x.yml"], id="behind options"),
    pytest.param("x.yml", ["x.yml", "--param", "lr=1"], id="before options"),
]


@pytest.mark.parametrize("name, arguments", NAMED)
def test_a_dry_run_prints_the_command_and_its_parameters(
    name: str, arguments: List[str], python: Process, folder: Path
) -> None:
    (folder / "polyaxonfile.yml").rename(folder / name)
    process = python(*LOCAL, "--dry-run", *arguments)
    lr = 1 if "lr=1" in arguments else 0.001
    assert (process.returncode, process.stdout) == (
        0, "python train.py --lr={0} --name 'a b'\n    {{\"lr\": {0}, \"name\": \"a b\"}}\n".format(lr)), process.stderr
    assert process.stderr == name + ": ignored here, since only a cluster has it: build.image\n"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["tmp", "train.py", name])


def test_a_dry_run_of_a_script(python: Process, folder: Path) -> None:
    process = python(*LOCAL, "--param", "a=1", "--dry-run", "train.py", "a b")
    assert process.stdout == "{} train.py 'a b'\n    {{\"a\": 1}}\n".format(sys.executable)


@pytest.mark.parametrize("program", ["python", "python3"])
@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_a_run(program: str, kind: str, python: Process, folder: Path) -> None:
    (folder / "polyaxonfile.yml").write_text(FILE.format(kind, program))
    process = python(*LOCAL, "--param", "more=True", "--outputs", "out", environment=QUIET)
    assert process.returncode == 0, process.stderr
    given = json.loads(process.stdout)
    assert (given["params"], given["level"]) == ({"lr": 0.001, "name": "a b", "more": True}, "WARNING")
    assert (given["arguments"], given["folder"]) == (["--lr=0.001", "--name", "a b"], os.path.realpath(str(folder)))
    assert given["environment"] == {"LANGUAGE": "de", "EXTRA_PATH": "/opt/bin:" + str(folder)}
    assert (given["interpreter"], given["prefix"]) == (sys.executable, sys.prefix)
    assert os.path.realpath(given["outputs"]) == os.path.realpath(str(folder / "out"))
    info = given[kind]
    assert info[kind + "_name"] == ("local.run.1" if kind == "experiment" else "local.run.jobs.1")
    assert given["job" if kind == "experiment" else "experiment"] is None
    assert list((folder / "tmp").iterdir()) == []


def test_options_win_over_the_file(python: Process, folder: Path) -> None:
    process = python(*LOCAL, "polyaxonfile.yml", "--log-level", "ERROR", "--param", "lr=2", environment=QUIET)
    given = json.loads(process.stdout)
    assert (given["level"], given["params"]["lr"], given["arguments"][0]) == ("ERROR", 2, "--lr=2")


def test_commands_of_a_list_end_with_the_first_that_fails(python: Process, folder: Path) -> None:
    (folder / "polyaxonfile.yml").write_text("run: {cmd: [echo one, 'echo $((1 + 1)) | cat', exit 3, echo four]}")
    process = python(*LOCAL)
    assert (process.returncode, process.stdout) == (3, "one\n2\n")


def bare(folder: Path, *programs: str) -> Dict[str, str]:
    """Make a folder with these programs alone, for a PATH."""
    path = folder / "bin"
    path.mkdir()
    for program in programs:
        os.symlink(program, str(path / os.path.basename(program)))
    return {"PATH": str(path)}


CANNOT: List[Any] = [
    pytest.param([], {"HIDDEN_MODULES": "yaml"}, "polyaxonfile.yml: this needs PyYAML and Jinja2: "
                 "pip install 'polyaxon-helper[local]'", id="without PyYAML"),
    pytest.param([], {"HIDDEN_MODULES": "jinja2"}, "polyaxonfile.yml: this needs PyYAML and Jinja2",
                 id="without Jinja2"),
    pytest.param(["nowhere.yml"], {}, "nowhere.yml: [Errno 2] No such file or directory: 'nowhere.yml'",
                 id="a file that is not there"),
    pytest.param(["polyaxonfile.yml", "train.py"], {}, "polyaxonfile.yml: a polyaxonfile takes no arguments",
                 id="with arguments"),
    pytest.param(["polyaxonfile.yml", "--jobs", "2"], {}, "polyaxonfile.yml: --jobs is for groups",
                 id="jobs of an experiment"),
    pytest.param(["polyaxonfile.yml", "--sort", "x"], {}, "polyaxonfile.yml: --sort is for groups",
                 id="an experiment sorted"),
    pytest.param(["polyaxonfile.yml", "--random", "2"], {}, "polyaxonfile.yml: --random is for groups",
                 id="an experiment at random"),
    pytest.param(["train.yml"], {}, "train.yml: there is no run.cmd", id="nothing to run"),
]


@pytest.mark.parametrize("arguments, variables, message", CANNOT)
def test_what_can_not_run_is_one_line_and_status_2(
    arguments: List[str], variables: Dict[str, str], message: str, python: Process, folder: Path
) -> None:
    (folder / "train.yml").write_text("kind: experiment")
    variables = {"HIDDEN_MODULES": "polyaxon_client", **variables}
    process = python(*LOCAL, *arguments, environment=variables)
    assert (process.returncode, process.stdout, process.stderr.count("\n")) == (2, "", 1), process.stderr
    assert process.stderr.startswith("python -m polyaxon_helper.local: " + message)
    assert not (folder / "polyaxon-outputs").exists()


NOT_STARTED: List[Any] = [
    pytest.param(["--param", "long=" + "x" * 131050, "train.py"],
                 "the command can't be started: [Errno 7] Argument list too long", id="more than the system takes"),
    pytest.param(["polyaxonfile.yml"], "the command can't be started: [Errno 2] No such file or directory: 'bash'",
                 id="no bash"),
    pytest.param(["odd.yml"], "the command can't be started: illegal environment variable name", id="an odd variable"),
]


@pytest.mark.parametrize("outputs", [[], ["--outputs", "out"]], ids=["default outputs", "outputs"])
@pytest.mark.parametrize("arguments, message", NOT_STARTED)
def test_a_run_that_never_starts_leaves_nothing(
    arguments: List[str], message: str, outputs: List[str], python: Process, folder: Path
) -> None:
    (folder / "odd.yml").write_text("build: {env_vars: [['A=B', 1]]}\nrun: {cmd: exit 1}")
    before = sorted(folder.rglob("*"))
    process = python(*LOCAL, *outputs, *arguments, environment={"PATH": "/nowhere"})
    assert process.returncode == 2 and message in process.stderr, process.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_run_that_never_starts_leaves_what_was_there(python: Process, folder: Path) -> None:
    (folder / "polyaxon-outputs" / "1").mkdir(parents=True)
    (folder / "out").mkdir()
    for outputs in ([], ["--outputs", "out"]):
        assert python(*LOCAL, *outputs, "polyaxonfile.yml", environment={"PATH": "/nowhere"}).returncode == 2
    assert [path.name for path in (folder / "polyaxon-outputs").iterdir()] == ["1"]
    assert (folder / "out").is_dir()


# An experiment of a group: it sends metrics, and prints
EXPERIMENT = """
import sys
from polyaxon_helper import get_experiment_info, get_outputs_path, send_metrics
lr, units = float(sys.argv[1]), int(sys.argv[2])
for step in range(5):
    send_metrics(step=step, loss=lr / units / (step + 1))
print("trained", get_experiment_info()["experiment_name"], get_experiment_info()["experiment_group_name"])
if units == 32:
    sys.exit(3)
open(get_outputs_path() + "/weights", "w").close()
"""
GROUP = """
version: 1
kind: group
params: {fixed: 1}
hptuning:
  concurrency: 3
  matrix:
    lr: {linspace: "0.1:0.4:4"}
    units: {values: [64, 32, 16]}
run:
  cmd: python experiment.py {{ lr }} {{ units }}
"""


@pytest.fixture
def group(own_folder: Path) -> Path:
    (own_folder / "experiment.py").write_text(EXPERIMENT)
    (own_folder / "group.yml").write_text(GROUP)
    return own_folder


def labels(folder: Path) -> Any:
    """Return what the lines on a page are called."""
    data = re.findall('<script type="application/json">(.*?)</script>', (folder / "metrics.html").read_text())
    return json.loads(data[0])["labels"]


@pytest.mark.parametrize("platform", ["0.5", "2"])
def test_a_group_of_12(platform: str, python: Process, group: Path) -> None:
    process = python(*LOCAL, "group.yml", "--jobs", "2", "--sort", "loss", "--outputs", "out", "--platform", platform,
                     environment=QUIET)
    assert (process.returncode, process.stdout) == (1, ""), process.stderr
    lines = process.stderr.splitlines()
    blank = lines.index("")
    assert lines[0] == "1/12 begins: lr=0.1 units=64"
    assert sum(" begins: " in line for line in lines[:blank]) == 12
    assert sum(" succeeded after " in line for line in lines[:blank]) == 8
    assert sum(" failed with 3 after " in line for line in lines[:blank]) == 4
    assert lines[blank + 1] == "    status         lr   units  loss"
    rows = [line.split() for line in lines[blank + 2:blank + 14]]
    losses = [float(row[-1]) for row in rows]
    assert losses == sorted(losses) and len(rows) == 12
    assert "2   failed with 3  0.1  32     0.000625" in lines
    out = os.path.realpath(str(group / "out"))
    assert lines[blank + 14:] == ["curves: {}/metrics.html".format(out), "outputs: " + out]
    folders = [group / "out" / "groups" / "1" / str(number) for number in range(1, 13)]
    if platform == "0.5":
        for number, folder in enumerate(folders, 1):
            assert "trained local.run.1.{} local.run.1\n".format(number) in (folder / "log.txt").read_text()
            assert len((folder / "metrics.jsonl").read_text().splitlines()) == 5
            assert (folder / "weights").exists() is ((number - 1) % 3 != 1)
    else:
        assert all(len(list(folder.glob("artifacts/*/events/metric/loss.plx"))) == 1 for folder in folders)
    assert labels(group / "out") == ["{} lr={:.1g} units={}".format(number, 0.1 * (1 + (number - 1) // 3), units)
                                     for number, units in enumerate([64, 32, 16] * 4, 1)]
    view = python(*LOCAL, "--view", "out")
    assert view.stdout == os.path.join(out, "metrics.html") + "\n"
    parts = [re.sub("/artifacts/[0-9a-f]*", "", label) for label in labels(group / "out")]
    assert parts == ["{} lr={:.1g} units={}".format(number, 0.1 * (1 + (number - 1) // 3), units)
                     for number, units in enumerate([64, 32, 16] * 4, 1)]


# Says that it has begun, by a file, and ends by a signal, or by a second one
WAIT = """
import os, signal, sys, time
from polyaxon_helper import get_outputs_path, send_metrics
if sys.argv[1] == "True":
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
send_metrics(loss=1)
path = os.path.join(get_outputs_path(), "pid")
with open(path + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(path + ".new", path)
while True:
    time.sleep(0.05)  # until the signal
"""


def pids(process: "subprocess.Popen[str]", outputs: Path, number: int) -> List[int]:
    """Wait till so many experiments have begun, and return their processes."""
    found: List[Path] = []
    while len(found) < number:
        assert process.poll() is None, process.communicate()
        found = list(outputs.rglob("pid"))
        time.sleep(0.02)
    return [int(path.read_text()) for path in found]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path("/proc/{}/stat".format(pid)).read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux"


@pytest.mark.parametrize("name, stubborn, cmd", [
    pytest.param("SIGINT", False, "{}", id="Ctrl-C"),
    pytest.param("SIGTERM", False, "[echo one, '{}', echo three]", id="SIGTERM, several commands"),
    pytest.param("SIGTERM", True, "{}", id="two signals"),
    pytest.param("SIGINT", True, "[echo one, '{}', echo three]", id="two signals, several commands"),
])
def test_a_group_is_ended_by_a_signal(name: str, stubborn: bool, cmd: str, group: Path) -> None:
    (group / "experiment.py").write_text(WAIT)
    wait = "python experiment.py {{ stubborn }}"
    (group / "group.yml").write_text(GROUP.replace("python experiment.py {{ lr }} {{ units }}", cmd.format(wait)))
    with started(sys.executable, *LOCAL, "group.yml", "--jobs", "2", "--param", "stubborn=" + str(stubborn),
                 cwd=group, env=process_environment(group, **QUIET)) as process:
        begun = pids(process, group, 2)
        process.send_signal(getattr(signal, name))
        if stubborn:
            process.send_signal(signal.SIGHUP)  # another: two of one kind may be one
        done = ended(process)
    assert done.returncode in (-getattr(signal, name), -signal.SIGHUP if stubborn else None), done.stderr
    assert not any(map(is_there, begun))
    table = done.stderr[done.stderr.index("\n\n") + 2:].splitlines()
    assert [line.split()[1] for line in table[1:3]] == ["stopped"] * 2
    assert [line.split()[1:3] for line in table[3:13]] == [["not", "run"]] * 10
    assert all(line.split()[-1] == "1" for line in table[1:3])  # the metric, that arrived


def test_commands_of_a_list_are_all_ended_by_a_signal(group: Path) -> None:
    (group / "experiment.py").write_text(WAIT)
    (group / "one.yml").write_text("run: {cmd: [echo one, python experiment.py False, echo three]}")
    with started(sys.executable, *LOCAL, "one.yml", cwd=group, env=process_environment(group, **QUIET)) as process:
        (pid,) = pids(process, group, 1)
        process.terminate()
        done = ended(process)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "one\n")
    assert not is_there(pid)


def test_an_experiment_that_never_starts_is_in_the_table(python: Process, group: Path) -> None:
    process = python(*LOCAL, "group.yml", "--random", "2", environment={"PATH": "/nowhere"})
    assert process.returncode == 1
    assert process.stderr.count("the command can't be started: [Errno 2] No such file or directory: 'bash'") == 2
    assert process.stderr.count("  failed with 127  ") == 2


def test_sorting_by_a_metric_that_is_not_there_is_told(python: Process, group: Path) -> None:
    process = python(*LOCAL, "group.yml", "--random", "2", "--sort", "nothing", environment={"PATH": "/nowhere"})
    assert "--sort: there is no metric 'nothing', but: \n" in process.stderr


def test_a_signal_that_is_ignored_is_so_for_the_script_too(folder: Path) -> None:
    (folder / "train.py").write_text("import signal\nprint(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)\n")
    nohup = ["bash", "-c", "trap '' HUP; exec \"$@\"", "-", sys.executable]
    with started(*nohup, *LOCAL, "train.py", cwd=folder, env=process_environment(folder)) as process:
        assert ended(process).stdout == "True\n"


@pytest.mark.parametrize("grace, sent", [pytest.param(600, 2, id="a second signal"), pytest.param(0.2, 1, id="time")])
def test_a_command_that_does_not_end_by_a_signal_is_killed(
    grace: float, sent: int, folder: Path, monkeypatch: Any
) -> None:
    """In this process: one that a signal ends leaves no coverage."""
    monkeypatch.setattr(run, "GRACE", grace)
    signals: List[int] = []

    def send() -> None:
        while not (folder / "ready").exists() and not over.wait(0.02):
            pass
        signals.extend([signal.SIGTERM] * sent)

    over = threading.Event()
    thread = threading.Thread(target=send)
    thread.start()
    stubborn = Run("trap '' TERM; touch ready; sleep 600 & wait; wait", {}, outputs=str(folder))
    with open(str(folder / "log"), "wb") as log:
        assert run_command(stubborn, signals, log) == (-signal.SIGKILL, [])
    over.set()
    thread.join()
    assert run_group([stubborn], str(folder), 1, None, [signal.SIGTERM]) == -signal.SIGTERM


def test_an_experiment_is_not_sent_what_came_before_it(folder: Path) -> None:
    assert run_command(Run("exit 3", {}, outputs=str(folder)), [signal.SIGUSR1])[0] == 3


def test_a_folder_in_which_no_program_can_run_is_told(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "access", lambda path, how: False)  # as where it is mounted so
    with pytest.raises(NotStarted, match="^no program can run in .*: set TMPDIR to another folder$"), run.our_python():
        pass


def test_a_groups_page_that_can_not_be_written_hides_no_table(python: Process, group: Path) -> None:
    (group / "out" / "metrics.html").mkdir(parents=True)
    (group / "group.yml").write_text(GROUP.replace("python experiment.py {{ lr }} {{ units }}", "read || exit 4"))
    process = python(*LOCAL, "group.yml", "--outputs", "out")
    assert process.returncode == 1
    assert process.stderr.count("  failed with 4  ") == 12  # nobody answers `read`
    assert "Is a directory: '{}'\n".format(os.path.realpath(str(group / "out" / "metrics.html"))) in process.stderr


def test_the_table_and_the_page_are_of_this_run_where_another_has_left_metrics(python: Process, folder: Path) -> None:
    (folder / "train.py").write_text("import sys\nfrom polyaxon_helper import send_metrics\n"
                                     "send_metrics(loss=float(sys.argv[1]))\n")
    for loss in "12":
        process = python(*LOCAL, "--outputs", "out", "train.py", loss, environment=QUIET)
        assert "\nloss    1       {0}     {0}    {0}\n".format(loss) in process.stderr
    assert len((folder / "out" / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_page_that_can_not_be_written_hides_no_status(python: Process, folder: Path) -> None:
    (folder / "out" / "metrics.html").mkdir(parents=True)
    (folder / "train.py").write_text("from polyaxon_helper import send_metrics\n"
                                     "send_metrics(loss=1)\nraise SystemExit(7)\n")
    process = python(*LOCAL, "--outputs", "out", "train.py", environment=QUIET)
    assert process.returncode == 7
    assert "\nloss    1       1     1    1\n" in process.stderr
    assert "Is a directory: '{}'\n".format(os.path.realpath(str(folder / "out" / "metrics.html"))) in process.stderr


CURVE = """\
metric  points  last  min  max
loss    3       2     0    2    ▅▁█
"""


@pytest.mark.parametrize("encoding, shown", [("utf-8", CURVE), ("ascii", CURVE.replace("    ▅▁█", ""))])
def test_a_terminal_has_a_curve_where_it_has_the_letters(encoding: str, shown: str, folder: Path) -> None:
    import pty

    (folder / "train.py").write_text("from polyaxon_helper import send_metrics\n"
                                     "for loss in (1, 0, 2):\n    send_metrics(loss=loss)\n")
    terminal, its_end = pty.openpty()
    with subprocess.Popen([sys.executable, *LOCAL, "train.py"], cwd=str(folder), stderr=its_end,
                          env=process_environment(folder, PYTHONIOENCODING=encoding, **QUIET)) as process:
        os.close(its_end)
        seen = b""
        while b"outputs: " not in seen:
            seen += os.read(terminal, 1000)
        assert process.wait(TIMEOUT) == 0
    os.close(terminal)
    assert shown in seen.decode().replace("\r\n", "\n")


def test_metrics_that_a_full_disk_does_not_take_are_not_lost(folder: Path) -> None:
    (folder / "train.py").write_text("from polyaxon_helper import send_metrics\n"
                                     "for loss in range(100):\n    send_metrics(loss=loss)\nraise SystemExit(7)\n")
    (folder / "out").mkdir()
    (folder / "out" / "metrics.jsonl").write_text(" " * 1020 + "\n")
    limited = ["bash", "-c", "ulimit -f 1; exec \"$@\"", "-", sys.executable]  # blocks of 1,024 bytes
    with started(*limited, *LOCAL, "--outputs", "out", "train.py", cwd=folder, env=process_environment(folder, **QUIET)
                 ) as process:
        done = ended(process)
    assert done.returncode == 7, done.stderr
    assert "no metrics arrived" in done.stderr and "metric entries wait in " in done.stderr
    assert (folder / "out" / "metrics.jsonl").read_text() == " " * 1020 + "\n"


@pytest.mark.parametrize("stream", [1, 2])
def test_a_stream_that_is_closed_changes_no_status(stream: int, folder: Path) -> None:
    (folder / "train.py").write_text("raise SystemExit(7)")
    closed = ["bash", "-c", "exec \"$@\" {}>&-".format(stream), "-", sys.executable]
    with started(*closed, *LOCAL, "train.py", cwd=folder, env=process_environment(folder)) as process:
        assert ended(process).returncode == 7


def run_of(folder: Path, loss: float, **params: float) -> Path:
    """Make what a run leaves."""
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text('{{"values": {{"loss": {}}}}}\n'.format(loss))
    (folder / "polyaxon-params.json").write_text(json.dumps(params))
    return folder


VIEWS: List[Any] = [
    pytest.param(["a"], "a", [""], id="a run"),
    pytest.param(["a", "--outputs", "here/new"], "here/new", [""], id="a run, elsewhere"),
    pytest.param(["a", "more"], "polyaxon-outputs", ["a lr=1", "more/9 lr=2", "more/10 lr=3"], id="folders"),
    pytest.param(["more", "more"], "polyaxon-outputs", ["9 lr=2", "10 lr=3"], id="one twice"),
    pytest.param(["more"], "more", ["9 lr=2", "10 lr=3"], id="a folder of runs"),
]


@pytest.mark.parametrize("arguments, place, names", VIEWS)
def test_a_view(arguments: List[str], place: str, names: List[str], python: Process, folder: Path) -> None:
    run_of(folder / "a", 1, lr=1)
    run_of(folder / "more" / "10", 3, lr=3)
    run_of(folder / "more" / "9", 2, lr=2)
    process = python(*LOCAL, "--view", *arguments)
    made = folder / place
    assert (process.returncode, process.stdout) == (0, os.path.realpath(str(made / "metrics.html")) + "\n")
    assert labels(made) == names


def test_a_view_of_files_that_are_not_as_they_should_be(python: Process, folder: Path) -> None:
    for number, text in enumerate(["[1]", "{", "7"]):
        (run_of(folder / "odd" / str(number), 1) / "polyaxon-params.json").write_text(text)
    assert python(*LOCAL, "--view", "odd").returncode == 0
    assert labels(folder / "odd") == ["0", "1", "2"]


def test_experiments_without_the_metric_are_sorted_last(python: Process, group: Path) -> None:
    (group / "experiment.py").write_text("import sys\nfrom polyaxon_helper import send_metrics\n"
                                         "if sys.argv[1] != '0.1':\n    send_metrics(loss=-float(sys.argv[1]))\n")
    process = python(*LOCAL, "group.yml", "--param", "units=1", "--sort", "loss", "--jobs", "4", environment=QUIET)
    rows = [line.split() for line in process.stderr.splitlines()[-6:-2]]
    assert [row[2:] for row in rows] == [["0.4", "-0.4"], ["0.3", "-0.3"], ["0.2", "-0.2"], ["0.1"]]


def test_what_would_steer_a_terminal_is_shown_as_what_it_is(python: Process, folder: Path) -> None:
    (folder / "train.py").write_text("from polyaxon_helper import send_metrics\n"
                                     "send_metrics(**{'\\x1b[2Jloss\\nforged  1': 1, '\\u202emetric': 1, 'grün': 2})\n")
    process = python(*LOCAL, "train.py", environment={**QUIET, "PYTHONIOENCODING": "utf-8"})
    assert "\x1b" not in process.stderr and "\u202e" not in process.stderr
    assert [line.split("  ")[0] for line in process.stderr.splitlines()[2:5]] == [
        "\\x1b[2Jloss\\nforged", "grün", "\\u202emetric"]


@pytest.mark.parametrize("arguments, status", [
    pytest.param(["train.py"], 7, id="of a script"), pytest.param(["nowhere.py"], 2, id="of bad usage")])
def test_the_status_is_the_same_where_nobody_reads_it(arguments: List[str], status: int, folder: Path) -> None:
    (folder / "train.py").write_text("raise SystemExit(7)")
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([sys.executable, *LOCAL, *arguments], cwd=str(folder), stdin=subprocess.DEVNULL,
                          stderr=writer, env=process_environment(folder)) as process:
        os.close(writer)
        assert process.wait(TIMEOUT) == status


def test_a_dry_run_that_is_not_read_to_its_end(group: Path) -> None:
    with subprocess.Popen([sys.executable, *LOCAL, "--dry-run", "group.yml"], cwd=str(group), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=process_environment(group)) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait(TIMEOUT)) == (b"", 0)
