"""The API with its faults, and processes of an experiment that talks to it."""
import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from polyaxon_helper.reporter import tokens

from ..conftest import ROOT, process_environment
from ..containers import INFO

TOKEN = "a-token-that-nobody-may-see"
SENDER = "from polyaxon_helper import send_metrics\n"
EXIT_TIMEOUT = "40"
"""Where a test is not about the exit's budget, a slow machine has time to send all."""
AT_EXIT = {"GATHER": "300"}
"""For a process that sends nothing before its exit, however slow it is."""


class Server:
    """The API's process, as server.py has it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
        )
        assert self._process.stdout
        self.port, self._controls, self.other_port = map(int, self._process.stdout.readline().split())
        self.url = "http://127.0.0.1:{}".format(self.port)

    def tell(self, what: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._controls, timeout=60)
        connection.request("POST", "/" + what, json.dumps(body))
        answer = json.loads(connection.getresponse().read().decode())
        connection.close()
        return answer

    def reset(self, **how: Any) -> None:
        self.tell("reset", {"token": TOKEN, **how})

    def fault(self, *faults: Dict[str, Any]) -> None:
        self.tell("fault", faults)

    def wait(self, **what: int) -> None:
        assert self.tell("wait", what), "{} did not come: {}".format(what, self.seen())

    def seen(self) -> Any:
        return self.tell("seen")

    @property
    def stored(self) -> List[Any]:
        stored: List[Any] = self.seen()["stored"]
        return stored

    def steps(self) -> List[float]:
        """The values of the metric `step`, in the order they were stored."""
        return [entry["values"]["step"] for entry in self.stored]

    def bodies(self) -> List[Any]:
        return [json.loads(request["body"] or "null") for request in self.seen()["requests"]]

    def close(self) -> None:
        self._process.communicate("")


class Run:
    """An experiment: its outputs folder and the environment of its processes."""

    def __init__(self, server: Server, home: Path, folder: Path) -> None:
        self.server = server
        self.outputs = folder / "outputs"
        self.outputs.mkdir()
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        self.journals_folder = self.outputs / ".polyaxon_helper"
        self.environment = process_environment(
            home, POLYAXON_API_HTTP_HOST=server.url, POLYAXON_EXPERIMENT_INFO=json.dumps(INFO),
            POLYAXON_SECRET_USER_TOKEN=TOKEN, POLYAXON_RUN_OUTPUTS_PATH=str(self.outputs),
            POLYAXON_INTERNAL_HEADER="X-POLYAXON-INTERNAL", POLYAXON_INTERNAL_HEADER_SERVICE="runner",
            POLYAXON_HELPER_SUMMARY="0", POLYAXON_HELPER_EXIT_TIMEOUT=EXIT_TIMEOUT,
            PYTHONPATH=os.pathsep.join([str(ROOT / "tests" / "startup"), str(ROOT)]),
            PYTHONWARNINGS="ignore::DeprecationWarning", TMPDIR=str(self.tmp),
            TEMP=str(self.tmp), KEPT_TOKEN=str(folder / "kept" / ".authtoken"), CONTEXT_TOKEN=str(folder / "context"),
        )

    def start(self, script: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments, "-c", SENDER + script], env={**self.environment, **variables},
            cwd=str(self.tmp), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True,
        )

    def end(self, process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
        stdout, stderr = process.communicate(timeout=60)
        assert TOKEN not in stdout + stderr
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def __call__(self, script: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.end(self.start(script, *arguments, **variables))

    def resend(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.end(subprocess.Popen(
            [sys.executable, "-m", "polyaxon_helper.resend", *arguments], env={**self.environment, **variables},
            cwd=str(self.tmp), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        ))

    def journals(self) -> List[Path]:
        return sorted(self.journals_folder.glob("*")) + sorted(self.tmp.glob("polyaxon_helper*/*"))


@pytest.fixture(scope="session")
def server_process() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(server_process: Server) -> Server:
    server_process.reset()
    return server_process


@pytest.fixture
def run(server: Server, home: Path, tmp_path: Path) -> Run:
    return Run(server, home, tmp_path)


@pytest.fixture(autouse=True)
def nothing_exchanged(monkeypatch: Any) -> None:
    monkeypatch.setattr(tokens, "_exchanged", None)
