"""Examples before and after, for real: the real client, in every situation, a few processes in all.

Before is polyaxon-helper 0.5.0's behaviour over the installed client. Only where that can be imported by itself.
"""
import http.server
import json
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from ..processes import CLIENT_IS_0_4, Process, ended, process_environment, started
from .rows import move, rows
from .standin import LEGACY

pytestmark = pytest.mark.slow

ROWS = {name: row.before for name, row in rows("transforms.txt").items()
        if not row.reports and "async" not in name and "polyaxon_helper.client" not in row.before}

RUNNER = """
import io, json, re, sys
from contextlib import redirect_stdout
# whoever asks for an Experiment gets the first: each makes the process wait for 3 s at its end
from polyaxon_client.tracking import Experiment
made = []
initialize = Experiment.__init__
def __new__(cls, *args, **kwargs):
    return made[0] if made else object.__new__(cls)
def __init__(self, *args, **kwargs):
    if not made:
        initialize(self, *args, **kwargs)
        made.append(self)
Experiment.__new__ = staticmethod(__new__)
Experiment.__init__ = __init__
said = {}
for name, text in json.load(open(sys.argv[1])).items():
    shown = []
    def show(*values, **named):
        shown.append([v if isinstance(v, (str, int, dict, list, type(None))) else type(v).__name__ for v in values])
        return values[0] if values else None
    def call(function, **named):
        return function(called=1) if getattr(function, "__name__", "").endswith("send_metrics") else function
    printed = io.StringIO()
    error = ""
    sys.modules.pop("polyaxon_helper", None)
    metrics = []
    log = Experiment.log_metrics
    Experiment.log_metrics = lambda self, **m: (metrics.append(m), log(self, **m))[1]
    with redirect_stdout(printed):
        try:
            exec(compile(text, "script", "exec"), {"__name__": "__main__", "show": show, "call": call})
        except Exception as failure:
            error = "{}: {}".format(type(failure).__name__, failure)
            if "NameError" in error or "PolyaxonClientException" in error:
                error = error.split(":")[0]
            if "'NoneType' object has no attribute 'log_metrics'" in error:
                error = "not sent"
            error = re.sub(r"[\\w.<>]+[(][)]", "", error)  # which function it is
    Experiment.log_metrics = log
    said[name] = [shown, printed.getvalue(), error, metrics]
json.dump(said, open(sys.argv[2], "w"))
"""

RUN = {
    "POLYAXON_EXPERIMENT_INFO": json.dumps({
        "project_name": "u.p", "experiment_name": "u.p.7", "project_uuid": "a", "experiment_uuid": "b"}),
    "POLYAXON_IS_MANAGED": "true", "POLYAXON_IN_CLUSTER": "true", "POLYAXON_SECRET_USER_TOKEN": "token",
    "POLYAXON_RUN_OUTPUTS_PATH": "/out", "POLYAXON_RUN_DATA_PATHS": '{"data": "/data"}', "POLYAXON_LOG_LEVEL": "INFO",
    "POLYAXON_PARAMS": '{"lr": 0.1}', "POLYAXON_CLUSTER": '{"master": ["m:1"]}',
    "POLYAXON_TASK_INFO": '{"type": "master"}',
    "POLYAXON_API_VERSION": "v1",
}
BROKEN = {"POLYAXON_PARAMS": "{", "POLYAXON_RUN_DATA_PATHS": "[", "POLYAXON_CLUSTER": "x", "POLYAXON_TASK_INFO": "{",
          "POLYAXON_JOB_INFO": "x"}
SITUATIONS: Dict[str, Dict[str, str]] = {
    "managed": RUN, "no-op": {**RUN, "POLYAXON_NO_OP": "true"}, "offline": {**RUN, "POLYAXON_IS_OFFLINE": "true"},
    "broken variables": {**RUN, **BROKEN}, "outside": {},
}


class Api(http.server.BaseHTTPRequestHandler):
    posted: Dict[int, List[Any]] = {}
    server: Any

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/metrics/"):
            points = json.loads(body)
            self.posted.setdefault(self.server.server_port, []).extend(
                point["values"] for point in (points if isinstance(points, list) else [points]))
        self.send_response(201 if self.path.endswith("/metrics/") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_PATCH = do_GET = answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def apis() -> Iterator[List[int]]:
    """The ports of two servers, for before and after."""
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    Api.posted.clear()
    for thread in threads:
        thread.start()
    yield [server.server_port for server in servers]
    for server, thread in zip(servers, threads):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("situation", list(SITUATIONS))
def test_examples_behave_as_before(situation: str, apis: List[int], python: Process, own_folder: Path) -> None:
    if python("-c", "import polyaxon_client.tracking", backend="client").returncode:
        pytest.skip("the client can't be imported by itself here")
    runs = []
    (own_folder / "legacy").mkdir()
    (own_folder / "legacy" / "polyaxon_helper.py").write_text(LEGACY.replace(
        "from polyaxon_helper.client import (\n    Experiment, Job, PolyaxonClientException,",
        "from polyaxon_client.exceptions import PolyaxonClientException\n"
        "from polyaxon_client.tracking import (\n    Experiment, Job,"))
    moved = {name: move(text).text for name, text in ROWS.items()}
    with ExitStack() as both:  # side by side: each waits for 3 s at its end
        for name, port, given in zip(("before", "after"), apis, (ROWS, moved)):
            (own_folder / (name + ".json")).write_text(json.dumps(given))
            variables = process_environment(own_folder, "client", COVERAGE_PROCESS_START="", **SITUATIONS[situation])
            variables["PYTHONPATH"] += os.pathsep + str(own_folder / "legacy")
            if SITUATIONS[situation]:
                variables["POLYAXON_API_HTTP_HOST"] = "http://127.0.0.1:{}".format(port)
            runs.append(both.enter_context(started(
                sys.executable, "-c", RUNNER, name + ".json", name + ".said", env=variables, cwd=own_folder)))
        for run in runs:
            done = ended(run)
            assert done.returncode == 0, done.stderr
    before, after = [json.loads((own_folder / (name + ".said")).read_text()) for name in ("before", "after")]
    for name in ROWS:
        if before[name][2] == "not sent":
            assert after[name][2] in ("not sent", "PolyaxonClientException"), (name, after[name])
        else:
            assert after[name] == before[name], name
    sent = [Api.posted.get(server, []) for server in apis]
    assert sent[1] == sent[0]
    # 0.4 does not know of being offline
    assert bool(sent[0]) == (situation in ("managed", "broken variables") or CLIENT_IS_0_4 and situation == "offline")
