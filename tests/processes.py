"""Python processes of a user, for tests: each knows of no folder but its test's, and ends with it at the latest."""
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

import pytest

ROOT = Path(__file__).parent.parent
_SPEC = importlib.util.find_spec("polyaxon_client")
HAS_CLIENT = _SPEC is not None
CLIENT_IS_0_4 = _SPEC is not None and (Path(str(_SPEC.origin)).parent / "tracking" / "in_cluster.py").exists()

BACKENDS = ["environment"] + (["client"] if HAS_CLIENT else [])
"""Who can answer in this environment. The client can be hidden from a process, but not conjured up."""

EACH_BACKEND = [pytest.param(name, marks=[pytest.mark.slow] if name == "client" else []) for name in BACKENDS]
"""The same, as parameters: to import the client takes half a second."""

needs_client = pytest.mark.skipif(not HAS_CLIENT, reason="polyaxon-client is not installed")
HAS_TRACEML = None not in map(importlib.util.find_spec, ("traceml", "polyaxon", "numpy"))
needs_traceml = pytest.mark.skipif(not HAS_TRACEML, reason="traceml is not installed: see tox.env_list in setup.cfg")
posix = pytest.mark.skipif(sys.platform == "win32", reason="fork, signals, owners and limits are POSIX's")

TIMEOUT = 180
"""Seconds after which a process is taken to hang, and killed."""

WITH_TESTS = {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "startup"), str(ROOT)])}
"""The variable by which a process finds the tests' own modules."""

# Remove the variables of the shell that would change what a test or its processes do
for _name in list(os.environ):
    if _name.startswith((
        "POLYAXON_", "POLYSTORES_", "PYTHON", "RANK", "TF_CONFIG", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID",
        "NODE_RANK", "LOCAL_RANK", "GIT_", "NETRC", "XDG_", "PYTEST_ADDOPTS", "COVERAGE_PROCESS_START", "FORCE_COLOR",
    )) and _name != "PYTHONDONTWRITEBYTECODE" or _name.lower().endswith("_proxy"):
        del os.environ[_name]
_OUTER = dict(os.environ)  # a copy: pytest changes os.environ while threads of the tests start processes

Process = Callable[..., "subprocess.CompletedProcess[str]"]


def places(folder: Path) -> Dict[str, str]:
    """The variables that lead a process to this folder as its home, and for temporary files to the folder tmp in it."""
    return {**dict.fromkeys(["HOME", "USERPROFILE"], str(folder)),
            **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(folder / "tmp"))}


def process_environment(folder: Path, backend: str = "environment", **variables: str) -> Dict[str, str]:
    """The variables of a process that has its home, its temporary files and Polyaxon's files in this folder.

    Of Polyaxon's variables it has those given alone.
    """
    environment = {
        **_OUTER, **places(folder), "TEST_FOLDER": str(folder), "PYTHONPATH": str(ROOT / "tests" / "startup"),
        **variables,
    }
    if backend == "environment":
        environment.setdefault("HIDDEN_MODULES", "polyaxon_client")
    if "coverage" in sys.modules:
        environment.setdefault("COVERAGE_PROCESS_START", str(ROOT / "setup.cfg"))
        environment.setdefault("COVERAGE_FILE", str(ROOT / ".coverage"))
    return environment


@contextmanager
def started(
    *command: str, env: Dict[str, str], cwd: Path, stream: int = subprocess.PIPE, timeout: float = TIMEOUT,
    log: Any = None
) -> Iterator["subprocess.Popen[str]"]:
    """Start a process, which prints to the log if there is one. Kill it, and all that it started, at the context's end.

    Raises TimeoutError where it did not end within so many seconds, and was killed.
    """
    process = subprocess.Popen(
        command, env=env, cwd=str(cwd), stdin=stream, stdout=log or stream, stderr=log or stream,
        universal_newlines=True, start_new_session=True,
    )

    def kill() -> None:
        try:
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        except OSError:  # all are gone
            pass

    def end_it() -> None:
        late.set()
        kill()

    late = threading.Event()
    timer = threading.Timer(timeout, end_it)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        kill()
        process.communicate()
        if late.is_set():
            raise TimeoutError("killed, since it did not end within {} s: {}".format(timeout, command))


def ended(process: "subprocess.Popen[str]", input: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
    """Wait for the end of a process, and return its status and what it printed."""
    stdout, stderr = process.communicate(input)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def write_line(process: "subprocess.Popen[str]", text: object) -> None:
    """Give a process a line on its standard input."""
    assert process.stdin
    process.stdin.write("{}\n".format(text))
    process.stdin.flush()


def read_line(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a process prints, without its end; nothing where the process has ended."""
    assert process.stdout
    return process.stdout.readline().rstrip("\n")


def python_in(folder: Path) -> Process:
    """A function that runs this Python with its arguments to the end, as a user would in this folder."""

    def run(
        *arguments: str, backend: str = "environment", cwd: Path = folder, input: Optional[str] = None,
        environment: Optional[Dict[str, str]] = None
    ) -> "subprocess.CompletedProcess[str]":
        variables = process_environment(folder, backend, **environment or {})
        with started(sys.executable, *arguments, env=variables, cwd=cwd) as process:
            return ended(process, input)

    return run
