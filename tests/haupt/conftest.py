"""The server of Polyaxon 2, started for these tests in folders of its own, and runs on it."""
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple

import pytest
import requests

from ..processes import Process, process_environment, started

POLYAXON = str(Path(sys.executable).parent / "polyaxon")
QUIET = {"POLYAXON_DISABLE_ERRORS_REPORTING": "true", "POLYAXON_HELPER_SUMMARY": "0", "PYTHONWARNINGS": "ignore"}
READY_SECONDS = 120.0


def folders(folder: Path) -> Dict[str, str]:
    """The variables that keep the platform's files in this folder."""
    names = ("CONTEXT", "ARCHIVES", "ARTIFACTS", "OFFLINE")
    return {"POLYAXON_{}_ROOT".format(name): str(folder / "plx") for name in names}


class Server(NamedTuple):
    url: str
    store: Path  # where the runs' files are

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # the server refuses what a .netrc says of 127.0.0.1, and a proxy may not know it
            answer = session.request(method, self.url + path, json=body, params=query, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Run(NamedTuple):
    """A run on the server, and the pod that it is in."""

    server: Server
    uuid: str
    python: Process
    pod: Path

    def variables(self) -> Dict[str, str]:
        return {
            **QUIET, **folders(self.pod), "POLYAXON_CONTEXT_ROOT": str(self.pod), "POLYAXON_HOST": self.server.url,
            "POLYAXON_RUN_INSTANCE": "default.legacy.runs." + self.uuid, "POLYAXON_IS_MANAGED": "true",
            "POLYAXON_API_VERSION": "v1", "POLYAXON_K8S_NAMESPACE": "polyaxon", "POLYAXON_COLLECT_ARTIFACTS": "true"}

    def script(self, text: str, more: Mapping[str, str] = {}, status: int = 0) -> str:
        """Run a script in the pod, and return what it prints."""
        ended = self.python("-c", text, environment={**self.variables(), **more})
        assert (ended.returncode, ended.stderr) == (status, "")
        return ended.stdout

    def sidecar(self) -> None:
        """Have the sidecar look at the pod's folder."""
        ended = self.python(str(Path(__file__).with_name("sidecar.py")), str(self.server.store),
                            environment=self.variables())
        assert ended.returncode == 0, ended.stderr

    def path(self, more: str = "") -> str:
        return "/api/v1/default/legacy/runs/{}{}".format(self.uuid, more)

    def data(self) -> Any:
        return self.server.ask("GET", self.path())

    def listed(self) -> List[str]:
        """The files that the dashboard lists."""
        return sorted(each["path"] for each in self.server.ask("GET", self.path("/lineage/artifacts"))["results"])

    def metrics(self, *names: str) -> Mapping[str, Any]:
        """The points of these metrics, (step, value) each, as the dashboard is given them."""
        found = self.server.ask(
            "GET", "/streams/v1/polyaxon/default/legacy/runs/{}/events/metric".format(self.uuid),
            names=",".join(names), force="true")["data"]
        return {each["name"]: list(zip(each["data"]["step"], each["data"]["metric"])) for each in found}

    def files(self) -> List[str]:
        """The run's files in the store."""
        folder = self.server.store / self.uuid
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def server(new_folders: Iterator[Path]) -> Iterator[Server]:
    folder = next(new_folders)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server("http://127.0.0.1:{}".format(port), folder / "store")
    environment = process_environment(folder, **QUIET, **folders(folder))
    environment["PATH"] = "{}:{}".format(Path(sys.executable).parent, environment["PATH"])
    command = [sys.executable, str(Path(__file__).with_name("server.py")), "sandbox", "start", "--host", "127.0.0.1",
               "--port", str(port), "--workers", "1", "--path", str(server.store)]
    with open(str(folder / "log"), "w") as log:
        with started(*command, env=environment, cwd=folder, log=log, timeout=1800) as process:
            assert is_ready(server, process), (folder / "log").read_text()
            server.ask("POST", "/api/v1/default/projects/create", {"name": "legacy"})
            yield server


def is_ready(server: Server, process: "subprocess.Popen[str]") -> bool:
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            return bool(server.ask("GET", "/healthz/") or True)
        except requests.RequestException:
            time.sleep(0.2)
    return False


@pytest.fixture
def run(server: Server, python: Process, tmp_path: Path) -> Run:
    uuid = server.ask("POST", "/api/v1/default/legacy/runs", {"name": "run", "is_managed": False})["uuid"]
    return Run(server, uuid, python, tmp_path)


@pytest.fixture
def push(server: Server, python: Process) -> Any:
    """Push an offline run, as a user does; the command's exit status says nothing."""

    def push(uuid: str, folder: Path) -> Run:
        ended = python(POLYAXON, "ops", "push", "-p", "default/legacy", "-uid", uuid, "--path", str(folder),
                       environment={**QUIET, **folders(folder), "POLYAXON_HOST": server.url,
                                    "POLYAXON_IS_MANAGED": "false"})
        assert "Finished pushing" in ended.stdout, ended
        return Run(server, uuid, python, folder)

    return push
