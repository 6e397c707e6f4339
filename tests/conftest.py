"""What every test has: Python processes of its own, in an environment that says of Polyaxon only what the test says."""
import importlib.util
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

ROOT = Path(__file__).parent.parent
_SPEC = importlib.util.find_spec("polyaxon_client")
HAS_CLIENT = _SPEC is not None
CLIENT_IS_0_4 = _SPEC is not None and (Path(str(_SPEC.origin)).parent / "tracking" / "in_cluster.py").exists()

BACKENDS = ["environment"] + (["client"] if HAS_CLIENT else [])
"""Who can answer in this environment. The client can be hidden from a process, but not conjured up."""

# The checkers are in an environment of their own (tox -e types)
collect_ignore = [] if importlib.util.find_spec("pyright") else ["test_typecheckers.py"]

TIMEOUT = 60
"""Seconds after which a process hangs."""

# Once: pytest itself changes os.environ, also while threads of the tests start processes
OUTER = {name: value for name, value in os.environ.items() if not name.startswith(("POLYAXON_", "PYTHON", "RANK"))}

Process = Callable[..., "subprocess.CompletedProcess[str]"]


def process_environment(home: Path, backend: str = "environment", **variables: str) -> Dict[str, str]:
    """The variables of a user's process: nothing of Polyaxon's but what is given, and a home without its files."""
    environment = {
        **OUTER, "HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(ROOT / "tests" / "startup"), **variables
    }
    if backend == "environment":
        environment["HIDDEN_MODULES"] = "polyaxon_client"
    if "coverage" in sys.modules:
        environment.update(COVERAGE_PROCESS_START=str(ROOT / "setup.cfg"), COVERAGE_FILE=str(ROOT / ".coverage"))
    return environment


@pytest.fixture(scope="session")
def home(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("home")
    return path


@pytest.fixture(scope="session")
def python(home: Path) -> Process:
    """Run this Python with these arguments to its end, as a user would."""

    def run(
        *arguments: str, backend: str = "environment", cwd: Optional[Path] = None, input: Optional[str] = None,
        environment: Optional[Dict[str, str]] = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments], env=process_environment(home, backend, **environment or {}),
            cwd=str(cwd or home), input=input, timeout=TIMEOUT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )

    return run


class Recorder:
    """An HTTP server that answers as the test says, and writes down what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = (200, {}, b"{}")
        self.asked: List[Any] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorder.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, answer = recorder.answer
                if status:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer)

            do_GET = do_PATCH = answer

            def log_message(self, format: str, *args: Any) -> None:
                """The test's output is the test's."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:{}".format(self.server.server_port)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    thread = threading.Thread(target=recorder.server.serve_forever, args=[0.02])
    thread.start()
    yield recorder
    recorder.server.shutdown()
    thread.join()
    recorder.server.server_close()


@pytest.fixture(autouse=True)
def no_polyaxon_here(monkeypatch: Any, tmp_path: Path) -> None:
    """Tests within this process start outside Polyaxon, with nothing said yet, and keep off the real token files."""
    from polyaxon_helper import notices
    from polyaxon_helper.reporter import tokens

    for name in os.environ:
        if name.startswith("POLYAXON_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(notices, "_told", set())
    monkeypatch.setattr(tokens, "CONTEXT_FILE", str(tmp_path / "context" / ".authtoken"))
    monkeypatch.setattr(tokens, "KEPT_FILE", str(tmp_path / "kept" / ".authtoken"))
