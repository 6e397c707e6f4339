"""The API with its faults, and processes of an experiment that talks to it."""
import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, List

import pytest

from polyaxon_helper.classic import tokens

from ..containers import INFO
from ..processes import TIMEOUT, WITH_TESTS, ended, process_environment, started

TOKEN = "a-token-that-nobody-may-see"
SENDER = "from polyaxon_helper import send_metrics\n"
EXIT_TIMEOUT = "40"
"""Where a test is not about the exit's budget, a slow machine has time to send all."""
ALWAYS = -1
"""How often a fault comes that does not end."""
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
    """An experiment: its outputs folder and the environment of its processes, which find all else in the folder."""

    def __init__(self, server: Server, folder: Path, timeout: float = TIMEOUT) -> None:
        self.server = server
        self.timeout = timeout
        self.folder = folder
        self.outputs = folder / "outputs"
        self.outputs.mkdir()
        self.journals_folder = self.outputs / ".polyaxon_helper"
        self.environment = process_environment(
            folder, POLYAXON_API_HTTP_HOST=server.url, POLYAXON_EXPERIMENT_INFO=json.dumps(INFO),
            POLYAXON_SECRET_USER_TOKEN=TOKEN, POLYAXON_RUN_OUTPUTS_PATH=str(self.outputs),
            POLYAXON_INTERNAL_HEADER="X-POLYAXON-INTERNAL", POLYAXON_INTERNAL_HEADER_SERVICE="runner",
            POLYAXON_HELPER_SUMMARY="0", POLYAXON_HELPER_EXIT_TIMEOUT=EXIT_TIMEOUT,
            PYTHONWARNINGS="ignore::DeprecationWarning", **WITH_TESTS,
        )

    def start(
        self, script: str, *arguments: str, before: str = "", **variables: str
    ) -> ContextManager["subprocess.Popen[str]"]:
        """Start a process that runs the script, with send_metrics imported, and ends with the context."""
        return started(sys.executable, *arguments, "-c", before + SENDER + script, cwd=self.folder,
                       env={**self.environment, **variables}, timeout=self.timeout)

    def end(self, process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
        """Wait for the end of a process; it printed no token."""
        done = ended(process)
        assert TOKEN not in done.stdout + done.stderr
        return done

    def __call__(
        self, script: str, *arguments: str, before: str = "", **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        with self.start(script, *arguments, before=before, **variables) as process:
            return self.end(process)

    def resend(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        with started(sys.executable, "-m", "polyaxon_helper.resend", *arguments, env={**self.environment, **variables},
                     cwd=self.folder) as process:
            return self.end(process)

    def left(self) -> List[Path]:
        """All that the run's processes left in the folders of journals."""
        return sorted(self.journals_folder.glob("*")) + sorted((self.folder / "tmp").glob("polyaxon_helper*/*"))

    def journals(self) -> List[Path]:
        """The files with entries."""
        return [path for path in self.left() if path.suffix == ".jsonl"]


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
def run(server: Server, own_folder: Path) -> Run:
    return Run(server, own_folder)


@pytest.fixture(autouse=True)
def nothing_exchanged(monkeypatch: Any) -> None:
    monkeypatch.setattr(tokens, "_exchanged", None)
