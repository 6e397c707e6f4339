"""What an offline run has beside its metrics and outputs, so that `polyaxon ops push` sends it."""
import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from polyaxon_helper import environment
from polyaxon_helper.modern import events, offline

from ..containers import UUID
from ..processes import WITH_TESTS, Process, posix


def variables(folder: Path) -> Dict[str, str]:
    return {"POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, "POLYAXON_OFFLINE_ROOT": str(folder),
            "POLYAXON_IS_OFFLINE": "true"}


@pytest.fixture
def folder(monkeypatch: Any, tmp_path: Path) -> Path:
    """This process is an offline run, and this its folder."""
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(events, "_names", {})
    return tmp_path / "runs" / UUID


@pytest.fixture
def run(python: Process, tmp_path: Path) -> Process:
    """Run a script as a process of an offline run."""

    def run(script: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return python("-c", "from polyaxon_helper import get_outputs_path, send_metrics\n" + script, environment={
            **variables(tmp_path), "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore::DeprecationWarning",
            **WITH_TESTS, **more})

    return run


def read(folder: Path) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """The run and its lineages, and no other file beside them."""
    assert {path.name for path in folder.iterdir()} - {"events", "outputs"} == {"run.plx.json", "lineages.plx.json"}
    return json.loads((folder / "run.plx.json").read_text()), json.loads((folder / "lineages.plx.json").read_text())


def metric(name: str) -> Dict[str, Any]:
    return {"name": name, "kind": "metric", "path": "events/metric/{}.plx".format(name), "is_input": False,
            "summary": {"is_event": True}}


NOTHING: List[Any] = [
    pytest.param("", {}, id="no call"),
    pytest.param("send_metrics(a=1); get_outputs_path()", {"POLYAXON_IS_OFFLINE": "false"}, id="not offline"),
    pytest.param("send_metrics(a=1); get_outputs_path()", {"POLYAXON_NO_OP": "true"}, id="no-op"),
]


@pytest.mark.parametrize("script, more", NOTHING)
def test_nothing_is_written(script: str, more: Dict[str, str], run: Process, tmp_path: Path) -> None:
    assert run(script, POLYAXON_CONTEXT_ROOT=str(tmp_path), **more).stderr.count("Error") == 0
    assert list(tmp_path.rglob("*.json")) == []


def test_of_the_outputs_path_the_outputs_are_listed(folder: Path) -> None:
    before = datetime.now(timezone.utc)
    environment.get_outputs_path()
    run, lineages = read(folder)
    created_at = run.pop("created_at")
    # datetime.fromisoformat of 3.7 reads it too
    assert before <= datetime.strptime(created_at[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc)
    assert run == {"uuid": UUID, "kind": "job", "is_managed": False, "status": "running", "inputs": None,
                   "meta_info": {"has_metrics": False, "has_events": False}}
    assert lineages == [{"name": "outputs", "kind": "dir", "path": "outputs", "is_input": False, "summary": {}}]


def test_at_each_new_metric_all_are_listed(folder: Path) -> None:
    events.write({"loss": 1.0, "val/acc": 1.0})
    run, lineages = read(folder)
    assert run["meta_info"] == {"has_metrics": True, "has_events": True}
    assert lineages == [metric("loss"), metric("val__acc")]
    (folder / "lineages.plx.json").unlink()
    events.write({"loss": 2.0})
    assert not (folder / "lineages.plx.json").exists()  # nothing is new
    events.write({"acc": 2.0})
    assert read(folder) == (run, [metric("acc"), metric("loss"), metric("val__acc")])


def test_parameters_that_json_can_not_hold_or_that_are_no_object_are_left_out(folder: Path, monkeypatch: Any) -> None:
    texts = '{"lr": 0.1}', "[1]", "{", '{"lr": NaN}', '{"lr": 1e999}'
    for text, inputs in zip(texts, ({"lr": 0.1}, None, None, None, None)):
        monkeypatch.setenv("POLYAXON_PARAMS", text)
        environment.get_outputs_path()
        assert read(folder)[0]["inputs"] == inputs


def test_of_a_metric_that_another_process_begins_meanwhile_the_list_knows(folder: Path, monkeypatch: Any) -> None:
    real, others = offline._place, []  # type: Any, List[Path]

    def after_another(path: str, content: Any) -> None:
        real(path, content)
        if not others:
            others.append(folder / "events" / "metric" / "other.plx")
            others[0].write_text("")

    monkeypatch.setattr(offline, "_place", after_another)
    events.write({"loss": 1.0})
    assert read(folder)[1] == [metric("loss"), metric("other")]


ENDINGS: List[Any] = [
    pytest.param("", "succeeded", id="a normal exit"),
    pytest.param("import sys; sys.exit(1)", "succeeded", id="sys.exit, which can't be seen"),
    pytest.param("1 / 0", "failed", id="an exception"),
    pytest.param("raise KeyboardInterrupt", "stopped", id="Ctrl-C"),
    pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "running", id="SIGTERM, which ends it"),
]


@posix
@pytest.mark.parametrize("ending, status", ENDINGS)
def test_at_exit_the_status_is_written(ending: str, status: str, run: Process, folder: Path) -> None:
    ended = run("send_metrics(a=1)\n" + ending)
    assert read(folder)[0]["status"] == status and "polyaxon_helper:" not in ended.stderr


def test_a_run_that_goes_on_began_when_it_did(run: Process, folder: Path) -> None:
    run("get_outputs_path()")
    created_at = read(folder)[0]["created_at"]
    run("send_metrics(a=1)\n1 / 0")
    again, lineages = read(folder)
    assert (again["created_at"], again["status"], lineages) == (created_at, "failed", [metric("a")])


@pytest.mark.parametrize("text", ["", "[]", '{"created_at', "{}"])
def test_a_run_that_cant_be_read_is_written_anew(text: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "run.plx.json").write_text(text)
    events.write({"a": 1.0})
    assert read(folder)[0]["created_at"]


@posix
@pytest.mark.slow
@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_the_main_process_writes_how_it_ended_also_of_its_childrens_metrics(
    how: str, run: Process, folder: Path
) -> None:
    run("""
import json, multiprocessing
from tests.child import one
if __name__ == "__main__":
    with multiprocessing.get_context({!r}).Pool(1) as pool: pool.map(one, [1]); pool.close(); pool.join()
    print(json.load(open({!r}))["status"])
    1 / 0
""".format(how, str(folder / "run.plx.json")))
    run_, lineages = read(folder)
    assert (run_["status"], lineages) == ("failed", [metric("step")])


def test_another_program_that_has_the_package_does_not_end_the_run(run: Process, folder: Path) -> None:
    run("""
import os, subprocess, sys
send_metrics(a=1)
subprocess.check_call([sys.executable, "-c", "import multiprocessing, polyaxon_helper"])
os._exit(0)
""")
    assert read(folder)[0]["status"] == "running"


def test_another_replica_leaves_the_status_to_the_first(run: Process, folder: Path) -> None:
    run("send_metrics(a=1)", RANK="1")
    assert (read(folder)[0]["status"], read(folder)[1]) == ("running", [metric("a-rank-1")])
    run("send_metrics(a=1)")
    run("send_metrics(a=1, b=1)", RANK="1")
    assert read(folder)[0]["status"] == "succeeded" and len(read(folder)[1]) == 3


@posix
def test_a_forked_child_does_not_end_the_run(run: Process, folder: Path) -> None:
    run("""
import os
send_metrics(a=1)
if not os.fork():
    send_metrics(b=1)
    raise SystemExit
os.wait()
os._exit(0)
""")
    assert (read(folder)[0]["status"], len(read(folder)[1])) == ("running", 2)


def test_how_it_ended_is_written_also_where_the_first_time_nothing_could_be(
    run: Process, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("a file")
    run("import os, sys\nget_outputs_path()\nos.unlink(os.environ['POLYAXON_OFFLINE_ROOT'] + '/runs')")
    assert read(folder)[0]["status"] == "succeeded"


def test_a_folder_that_cant_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.warns(RuntimeWarning) as told:
        environment.get_outputs_path()
    text, = [str(each.message) for each in told]
    assert text.startswith("what pushes this offline run can't be written to {}: ".format(folder))


def test_of_no_known_run_nothing_is_written(folder: Path, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYAXON_RUN_INSTANCE", "u.p.7")
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", str(tmp_path))
    with pytest.warns(RuntimeWarning, match="POLYAXON_RUN_INSTANCE is not"):
        environment.get_outputs_path()
    assert list(tmp_path.iterdir()) == []
