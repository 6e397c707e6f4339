"""Examples before and after, for real: the real traceml, on a loopback API and its own folders, a few processes in all.

Before is what a legacy script is told in such a pod, from a table. Only where traceml can be imported.
"""
import http.server
import json
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from polyaxon_helper.replacements import TRACEML

from ..processes import Process, needs_traceml
from .rows import move, rows

pytestmark = [pytest.mark.slow, needs_traceml]

UUID = "8aac02e3a62a4f0aaa257c59da5eab80"
CATALOG = {"connections": [
    {"name": "mnist", "kind": "volume_claim", "schema": {"mountPath": "/data/mnist", "volumeClaim": "claim"}}]}
POD = {
    "POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, "POLYAXON_IS_MANAGED": "true", "POLYAXON_AUTH_TOKEN": "token",
    "POLYAXON_COLLECT_ARTIFACTS": "true", "POLYAXON_LOG_LEVEL": "INFO",
    "POLYAXON_CONNECTIONS_CATALOG": json.dumps(CATALOG),
}
SITUATIONS: Dict[str, Dict[str, str]] = {
    "managed": POD, "offline": {**POD, "POLYAXON_IS_OFFLINE": "true"}, "no-op": {**POD, "POLYAXON_NO_OP": "true"},
}
ANSWERS: Dict[str, Dict[str, Any]] = {
    "managed": {"get_params": {"lr": 0.1}, "get_outputs_path": "{context}/artifacts/" + UUID + "/outputs"},
    "offline": {"get_params": {}, "get_outputs_path": "{offline}/runs/" + UUID + "/outputs"},
    "no-op": {"get_params": None, "get_outputs_path": None, "get_log_level": None},
}
"""What the getters say; that of the table's notes, where it differs from the legacy answer."""

# A module that answers so, under both old names
BEFORE = """
import json, os, sys, types
answers = json.loads(os.environ["ANSWERS"])
class PolyaxonClientException(Exception):
    pass
class Experiment:
    def log_metrics(self, **metrics):
        logged(metrics)
def get_outputs_path(): return answers["get_outputs_path"]
def get_data_paths(): return answers["get_data_paths"]
def get_log_level(): return answers["get_log_level"]
def get_params(): return answers["get_params"]
def get_data_path(): return answers["get_data_paths"]["mnist"]
def send_metrics(**metrics): logged(metrics)
get_declarations = get_params
def by_hand(): pass
get_tf_config = get_cluster_def = get_task_info = get_experiment_info = get_job_info = by_hand
for getter in (get_params, get_declarations, get_log_level, get_outputs_path):
    setattr(Experiment, getter.__name__, staticmethod(getter))
Experiment.get_declarations = Experiment.get_params
experiment = Experiment()
names = {name: value for name, value in vars().items() if name[0] != "_"}
for module in ("polyaxon_helper", "polyaxon_helper.client", "polyaxon_client", "polyaxon_client.tracking",
               "polyaxon_client.tracking.experiment", "polyaxon_client.exceptions"):
    sys.modules[module] = types.ModuleType(module)
    vars(sys.modules[module]).update(names)
    sys.modules[module].__path__ = []
"""

RUNNER = """
import io, json, os, sys
from contextlib import redirect_stdout
said, metrics, runs = {}, [], []
def logged(values):
    metrics.append(values)
before = sys.argv[3]
if before:
    exec(before)
else:
    from traceml import tracking
    log = tracking.Run.log_metrics
    def log_metrics(self, **values):
        metrics.append({name: value for name, value in values.items() if name not in ("step", "timestamp")})
        log(self, **values)
    tracking.Run.log_metrics = log_metrics
    init = tracking.init
    def counted(**arguments):
        runs.append(1)
        return init(**arguments)
    tracking.init = counted
def show(*values, **named):
    shown.append([v if isinstance(v, (str, int, dict, list, type(None))) else type(v).__name__ for v in values])
    return values[0] if values else None
def call(function, **named):
    return function(called=1.0) if getattr(function, "__name__", "").endswith("send_metrics") else function
for name, text in json.load(open(sys.argv[1])).items():
    shown, printed, error = [], io.StringIO(), ""
    del metrics[:], runs[:]
    if not before:
        tracking.TRACKING_RUN = None  # as in a process of its own
    with redirect_stdout(printed):
        try:
            exec(compile(text, "script", "exec"), {"__name__": "__main__", "show": show, "call": call})
        except Exception as failure:
            error = "{}: {}".format(type(failure).__name__, failure)
    assert len(runs) <= 1, name
    said[name] = [shown, printed.getvalue(), error, list(metrics)]
with open(sys.argv[2], "w") as file:
    json.dump(said, file)
os._exit(0)  # each run would wait for a second
"""


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"uuid": UUID, "name": "train", "owner": "u", "project": "p", "inputs": {"lr": 0.1}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield "http://127.0.0.1:{}".format(server.server_port)
    server.shutdown()
    server.server_close()
    thread.join()


def pod(situation: str, api: str, folder: Path) -> Dict[str, str]:
    return {**SITUATIONS[situation], "POLYAXON_HOST": api, "POLYAXON_CONTEXT_ROOT": str(folder / "context"),
            "POLYAXON_OFFLINE_ROOT": str(folder / "offline"), "POLYAXON_DISABLE_ERRORS_REPORTING": "true",
            "COVERAGE_PROCESS_START": ""}


def run(python: Process, arguments: List[str], environment: Dict[str, str]) -> str:
    process = python(*arguments, environment=environment)
    assert process.returncode == 0, process.stderr
    return process.stdout


def moved(text: str) -> str:
    return move(text, TRACEML).text


@pytest.mark.parametrize("situation", list(SITUATIONS))
def test_examples_behave_as_before(situation: str, api: str, python: Process, own_folder: Path) -> None:
    environment = pod(situation, api, own_folder)
    answers = {"get_data_paths": {"mnist": "/data/mnist"}, "get_log_level": "INFO", **ANSWERS[situation]}
    environment["ANSWERS"] = json.dumps(answers).replace("{context}", str(own_folder / "context")).replace(
        "{offline}", str(own_folder / "offline"))
    said = []
    (own_folder / "runner.py").write_text(RUNNER)
    for number, before in enumerate((BEFORE, "")):
        texts = {name: moved(row.before) if number else row.before
                 for name, row in rows("transforms_traceml.txt").items() if row.after != row.before and not row.reports}
        (own_folder / "given.json").write_text(json.dumps(texts))
        run(python, ["runner.py", "given.json", "said.json", before], environment)
        said.append(json.loads((own_folder / "said.json").read_text()))
    if situation == "no-op":  # there is a run, and it does nothing: what is given to it arrives there all the same
        assert any(metrics for *_, metrics in said[1].values())
    for name in said[0]:
        assert said[1][name] == said[0][name], name


SCRIPT = """
from polyaxon_helper import get_outputs_path, get_params, send_metrics

def train():
    params = get_params()
    print(params, get_outputs_path())
    for epoch in range(30):
        send_metrics(loss=epoch / 2, accuracy=epoch)

train()
send_metrics(**{"val/acc": 1})
"""


def points(folder: Path) -> Dict[str, List[Tuple[str, float]]]:
    """The steps and values of each metric's file."""
    found: Dict[str, List[Tuple[str, float]]] = {}
    for path in sorted(folder.rglob("events/metric/*.plx")):
        lines = [line.split("|") for line in path.read_text().split("\n")]
        assert lines[0] == ["step", "timestamp", "metric"]
        found[path.stem] = [(step, float(value)) for step, _, value in lines[1:]]
    return found


@pytest.mark.parametrize("situation, said", [
    ("managed", "{{'lr': 0.1}} {}/context/artifacts/" + UUID + "/outputs\n"), ("no-op", "None None\n"),
    ("offline", "{{}} {}/offline/runs/" + UUID + "/outputs\n")])
def test_a_script_writes_every_metric_once(
    situation: str, said: str, api: str, python: Process, own_folder: Path
) -> None:
    (own_folder / "train.py").write_text(moved(SCRIPT))
    out = run(python, ["train.py"], pod(situation, api, own_folder))
    assert out == said.format(own_folder)
    assert points(own_folder) == ({} if situation == "no-op" else {
        "loss": [("", epoch / 2) for epoch in range(30)], "accuracy": [("", float(epoch)) for epoch in range(30)],
        "val__acc": [("", 1.0)]})


def test_files_that_import_each_other_have_one_run(api: str, python: Process, own_folder: Path) -> None:
    utils = "from polyaxon_helper import send_metrics\ndef log(a):\n    send_metrics(a=a)\n"
    train = ("import utils\nfrom traceml import tracking\nprint(tracking.TRACKING_RUN)\n"
             "from polyaxon_helper import send_metrics\nsend_metrics(b=1)\nutils.log(2)\n"
             "one = tracking.TRACKING_RUN\nutils.log(3)\n"
             "print(tracking.get_or_create_run() is one is tracking.TRACKING_RUN)\n")
    for name, text in (("utils.py", utils), ("train.py", train)):
        (own_folder / name).write_text(moved(text))
    assert run(python, ["train.py"], pod("managed", api, own_folder)) == "None\nTrue\n"
    assert points(own_folder) == {"a": [("", 2.0), ("", 3.0)], "b": [("", 1.0)]}


def test_outside_of_polyaxon_making_the_run_is_an_error_each_time(python: Process, own_folder: Path) -> None:
    (own_folder / "train.py").write_text(moved(
        "from polyaxon_helper import PolyaxonClientException, get_outputs_path, send_metrics\n"
        "for _ in range(2):\n    try:\n        print(get_outputs_path())\n"
        "    except PolyaxonClientException as error:\n        print(type(error).__module__)\n"
        "if False:\n    send_metrics(a=1)\n"))
    environment = {name: value for name, value in pod("managed", "", own_folder).items() if name not in POD}
    del environment["POLYAXON_HOST"]
    assert run(python, ["train.py"], environment) == "polyaxon.exceptions\n" * 2


METHODS_SCRIPT = """
from polyaxon_client.tracking import Experiment

experiment = Experiment()
experiment.log_params(lr=0.1)
experiment.log_tags(["a"], reset=True)
experiment.log_data_ref(data=[1], data_name="x")
experiment.log_artifact(file_path=__file__)
experiment.log_output(__file__)
experiment.log_code_ref()
experiment.log_run_env()
experiment.set_name(name="n")
experiment.set_description("d")
experiment.log_metrics(loss=1.0)
print(experiment.get_log_level(), experiment.get_declarations())
experiment.failed(message="m")
experiment.stop()
print("done")
"""


def test_each_method_is_one_of_the_run(api: str, python: Process, own_folder: Path) -> None:
    text = moved(METHODS_SCRIPT)
    assert "polyaxon_client" not in text
    (own_folder / "train.py").write_text(text)
    assert run(python, ["train.py"], pod("managed", api, own_folder)).endswith("done\n")
