"""What comes back from the real server of a Polyaxon 2: its store, its API and its events endpoint."""
import json
import math
import signal
import uuid
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ..processes import ROOT, Process
from .conftest import Run, Server

INPUTS = {"lr": 0.1, "epochs": 3, "name": "abc", "layers": [1, 2], "on": True, "nothing": None, "deep": {"a": [{}]}}


# --- parameters

def test_no_parameters_are_none(run: Run) -> None:
    assert run.script("import polyaxon_helper as h; print(h.get_params())") == "None\n"


def test_parameters_have_their_types(run: Run) -> None:
    run.server.ask("PATCH", run.path(), {"inputs": INPUTS, "merge": True})
    printed = run.script("import json, polyaxon_helper as h; print(json.dumps([h.get_params(), h.get_declarations()]))")
    assert json.loads(printed) == [INPUTS, INPUTS]


# --- metrics

LEGACY = """
from polyaxon_helper import send_metrics
for step in range(500): send_metrics(step=step, loss=1 / (step + 1))
send_metrics(**{"val/acc": 0.5, "a.b": 1, "caf\\u00e9": True, "large": 1e300, "small": -1e-300})
send_metrics(bad=float("nan")), send_metrics(bad=float("inf")), send_metrics(bad=-float("inf")), send_metrics(bad=2)
"""
TRACEML = LEGACY.replace("from polyaxon_helper import send_metrics",
                         "from traceml import tracking\nsend_metrics = tracking.get_or_create_run().log_metrics")
FILES = {"a-b": [(None, 1.0)], "val__acc": [(None, 0.5)], "cafe": [(None, 1.0)], "large": [(None, 1e300)],
         "small": [(None, -1e-300)], "loss": [(step, 1 / (step + 1)) for step in range(500)]}


def migrated(python: Process, text: str, folder: Path) -> str:
    """The script, moved to traceml by the command."""
    script = folder / "script.py"
    script.write_text(text)
    ended = python("-m", "polyaxon_helper.migrate", "--to", "traceml", str(script))
    moved = script.read_text()
    assert ended.returncode == 0 and "polyaxon_helper" not in moved and "get_or_create_run()" in moved, ended
    return moved


@pytest.mark.parametrize("form", ["unchanged", "migrated", "traceml's own"])
def test_metrics_come_back(form: str, run: Run, python: Process, own_folder: Path) -> None:
    text = {"unchanged": LEGACY, "traceml's own": TRACEML}.get(form) or migrated(python, LEGACY, own_folder)
    run.script(text)
    run.sidecar()
    metrics = dict(run.metrics("bad", *FILES))
    assert [value if value is None or math.isfinite(value) else None for _, value in metrics.pop("bad")] == [
        None, None, None, 2.0]  # JSON has no others
    assert metrics == FILES
    events = sorted("events/metric/{}.plx".format(name) for name in [*FILES, "bad"])
    assert [path for path in run.listed() if path != "outputs/env.json"] == events  # traceml keeps the environment
    assert run.data()["meta_info"]["has_metrics"] is True


def test_of_a_run_that_is_killed_every_point_comes_back(run: Run) -> None:
    run.script("""
import os, signal
from polyaxon_helper import send_metrics
for step in range(100): send_metrics(step=step, loss=step)
os.kill(os.getpid(), signal.SIGKILL)
""", status=-signal.SIGKILL)
    run.sidecar()
    assert run.metrics("loss") == {"loss": [(step, step) for step in range(100)]}


def test_an_unchanged_training_script_and_its_moved_form(
    run: Run, server: Server, python: Process, own_folder: Path
) -> None:
    text = (ROOT / "examples" / "train.py").read_text()
    catalog = {"connections": [{"name": "iris", "kind": "host_path", "schema": {
        "hostPath": "/nowhere", "mountPath": str(ROOT / "examples" / "data")}}]}
    came_back = []
    for form in (text, migrated(python, text, own_folder)):
        this = run._replace(uuid=server.ask("POST", "/api/v1/default/legacy/runs", {"is_managed": False})["uuid"])
        server.ask("PATCH", this.path(), {"inputs": {"lr": 0.05, "epochs": 5}, "merge": True})
        printed = this.script(form, {"POLYAXON_CONNECTIONS_CATALOG": json.dumps(catalog)})
        assert printed == "trained on 100 flowers\n"
        this.sidecar()
        metrics = this.metrics("loss", "accuracy")
        assert len(metrics["loss"]) == len(metrics["accuracy"]) == 5
        came_back.append((metrics, (server.store / this.uuid / "outputs" / "weights.json").read_text()))
    assert came_back[0] == came_back[1]


def test_replicas_of_one_run_all_come_back(run: Run, tmp_path: Path) -> None:
    for rank in "01":
        pod = run._replace(pod=tmp_path / rank)  # a pod each, and a sidecar each
        pod.script("import polyaxon_helper as h; h.send_metrics(step=1, loss={})".format(rank), {"RANK": rank})
        pod.sidecar()
    assert run.metrics("loss", "loss-rank-1") == {"loss": [(1, 0.0)], "loss-rank-1": [(1, 1.0)]}


# --- no sidecar

NO_SIDECAR = {"POLYAXON_HAS_PROCESS_SIDECAR": "true"}
OUTPUTS = ["a b/deep/er.txt", ".hydra/config.yaml", "R&D &lt; \"x\".csv", "m\u00fcll \u635f\u5931.txt", "empty",
           "big.bin"]


@pytest.mark.parametrize("ranks", [[""], ["0", "1", "2"]], ids=["one process", "three"])
def test_without_a_sidecar_all_is_there_at_the_end(ranks: List[str], run: Run) -> None:
    for rank in ranks:
        run.script(LEGACY + """
import os
from polyaxon_helper import get_outputs_path
for name in {!r}:
    path = os.path.join(get_outputs_path(), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file: file.write(b"" if name == "empty" else name.encode() * 100000)
""".format(OUTPUTS), {**NO_SIDECAR, "RANK": rank})
    names = [name + ("-rank-" + rank if rank > "0" else "") for rank in ranks for name in [*FILES, "bad"]]
    events = sorted("events/metric/{}.plx".format(name) for name in names)
    assert run.files() == sorted(events + ["outputs/" + name for name in OUTPUTS])
    assert run.listed() == events
    for name in OUTPUTS:
        content = (run.server.store / run.uuid / "outputs" / name).read_bytes()
        assert content == (b"" if name == "empty" else name.encode() * 100000)
    assert {name: points for name, points in run.metrics(*FILES).items()} == FILES


def test_without_a_sidecar_what_a_killed_run_had_uploaded_is_there(run: Run) -> None:
    """A file that was there stays when another is uploaded; the script waits until the server has its last metric."""
    run.script("""
import os, signal, sys, time, requests
from polyaxon_helper import get_outputs_path, send_metrics
from polyaxon_helper.modern import uploads
uploads.EVERY = uploads.STILL = 0.1
open(get_outputs_path() + "/m.bin", "w").write("model")
for step in range(3):
    send_metrics(step=step, **{{"loss{{}}".format(step): step}})
    ends = time.monotonic() + 30
    while not os.path.exists("{store}/events/metric/loss{{}}.plx".format(step)) and time.monotonic() < ends:
        time.sleep(0.05)
    while not os.path.exists("{store}/outputs/m.bin") and time.monotonic() < ends:
        time.sleep(0.05)
os.kill(os.getpid(), signal.SIGKILL)
""".format(store=run.server.store / run.uuid), NO_SIDECAR, status=-signal.SIGKILL)
    assert run.files() == ["events/metric/loss{}.plx".format(step) for step in range(3)] + ["outputs/m.bin"]
    assert run.metrics("loss2") == {"loss2": [(2, 2.0)]}


# --- offline

OFFLINE: Dict[str, Any] = {
    "metrics": (LEGACY, [*FILES, "bad"], "succeeded"),
    "no metrics": ("", [], "succeeded"),
    "an error": ("import sys; sys.excepthook = lambda *error: None\n1 / 0", [], "failed"),
}


@pytest.mark.parametrize("case", OFFLINE)
def test_an_offline_run_is_pushed(case: str, python: Process, push: Any, tmp_path: Path) -> None:
    text, metrics, status = OFFLINE[case]
    name = uuid.uuid4().hex
    ended = python("-W", "ignore", "-c", (
        "from polyaxon_helper import get_outputs_path\nopen(get_outputs_path() + '/m', 'w').write('model')\n" + text
    ), environment={"POLYAXON_RUN_INSTANCE": "me.mine.runs." + name, "POLYAXON_IS_OFFLINE": "true",
                    "POLYAXON_OFFLINE_ROOT": str(tmp_path), "POLYAXON_PARAMS": json.dumps(INPUTS),
                    "POLYAXON_HELPER_SUMMARY": "0"})
    assert ended.stderr == ""
    run = push(name, tmp_path)
    events = sorted("events/metric/{}.plx".format(name) for name in metrics)
    assert run.files() == events + ["outputs/m"]
    assert run.listed() == (events or ["outputs"])
    assert (run.data()["status"], run.data()["inputs"]) == (status, INPUTS)
    assert metrics == [] or {name: points for name, points in run.metrics(*FILES).items()} == FILES
