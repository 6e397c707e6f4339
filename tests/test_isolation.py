"""Processes end with their test and know its folder alone; the slow tests run on request."""
import os
import select
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from polyaxon_helper.classic import tokens

from .conftest import pytest_configure
from .processes import (
    ROOT,
    TIMEOUT,
    Process,
    ended,
    needs_client,
    needs_traceml,
    posix,
    process_environment,
    read_line,
    started,
)

WITH_A_CHILD = """
import subprocess, sys
script = "import sys, time; held = open('held', 'w'); print('runs', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
assert child.stdout.readline()
print("both run", flush=True)
sys.stdin.read()
"""


@posix
def test_a_test_that_fails_leaves_no_process(own_folder: Path) -> None:
    class Failure(Exception):
        pass

    os.mkfifo("held")
    held = os.open("held", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(Failure):
        with started(sys.executable, "-c", WITH_A_CHILD, env=process_environment(own_folder),
                     cwd=own_folder) as process:
            assert read_line(process) == "both run"
            raise Failure
    assert process.returncode == -signal.SIGKILL
    assert select.select([held], [], [], TIMEOUT)[0] and os.read(held, 1) == b"", "its child still has it open"
    os.close(held)


def test_a_process_that_hangs_is_killed_and_the_test_says_so(own_folder: Path) -> None:
    with pytest.raises(TimeoutError, match=r"killed, since it did not end within 0.1 s: .*sleep\(60\)"):
        with started(sys.executable, "-c", "import time; time.sleep(60)", env=process_environment(own_folder),
                     cwd=own_folder, timeout=0.1) as process:
            assert ended(process).returncode == 0


@contextmanager
def pytest_begun_with(number: int, handler: signal.Handlers) -> Iterator[None]:
    """Do what a run of pytest does with this signal, which had this handler when it began."""
    before = signal.signal(number, handler)
    try:
        pytest_configure()
        yield
    finally:
        signal.signal(number, before)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_process_does_not_inherit_that_a_signal_is_ignored(name: str, python: Process) -> None:
    number = getattr(signal, name)
    with pytest_begun_with(number, signal.SIG_IGN):  # as under nohup or `&`
        assert callable(signal.getsignal(number))
        os.kill(os.getpid(), number)  # which goes on being ignored
        script = "import os, sys; os.kill(os.getpid(), {:d}); sys.stdin.read()".format(number)
        # Python 3.7 ends with 1 after KeyboardInterrupt
        expected = 1 if sys.version_info < (3, 8) and name == "SIGINT" else -number
        assert python("-c", script).returncode == expected


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_that_would_end_pytest_interrupts_it_so_that_tests_end_their_processes(name: str) -> None:
    number = getattr(signal, name)
    with pytest_begun_with(number, signal.SIG_DFL), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_token_files_are_those_of_the_test(python: Process) -> None:
    ask = "-W", "ignore", "-c", "import polyaxon_helper; print(polyaxon_helper.get_user_token())"
    assert python(*ask).stdout == "None\n"
    for path, token in ((tokens.KEPT_FILE, "kept"), (tokens.CONTEXT_FILE, "context")):
        os.makedirs(os.path.dirname(path))
        Path(path).write_text('{{"{}": "{}"}}'.format(tokens.KEY, token))
        assert python(*ask).stdout == token + "\n"


# Prints the paths in the code of all modules that some imports brought, as the modules are now loaded
PATHS_IN_CODE = """
import sys, types
{imports}
def constants(code):
    for constant in code.co_consts:
        yield from constants(constant) if isinstance(constant, types.CodeType) else [constant]
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in {packages!r}.split() and module is not None:
        for constant in constants(module.__spec__.loader.get_code(name)):
            if isinstance(constant, str) and constant.startswith(("/tmp", "/plx-context")):
                print(name, constant, sep="\\n")
"""
CODE: List[Any] = [
    pytest.param("import polyaxon_helper.backend, polyaxon_helper.classic.sending, polyaxon_helper.resend.cli\n"
                 "import polyaxon_helper.local.cli, polyaxon_helper.migrate.cli", "polyaxon_helper",
                 "polyaxon_helper.classic.tokens polyaxon_helper.modern.run", id="this package's"),
    pytest.param("import polyaxon_helper.client, polyaxon_client.tracking",
                 "polyaxon_client polyaxon_schemas hestia polystores rhea", "polyaxon_client.settings hestia.user_path",
                 id="the client's", marks=[pytest.mark.slow, needs_client]),
    pytest.param("import traceml.tracking", "polyaxon traceml clipped", "polyaxon._contexts.paths",
                 id="traceml's", marks=[pytest.mark.slow, needs_traceml]),
]


@pytest.mark.parametrize("imports, packages, some", CODE)
def test_paths_in_the_code_lead_to_the_tests_folder(
    imports: str, packages: str, some: str, python: Process, own_folder: Path
) -> None:
    process = python("-W", "ignore", "-c", PATHS_IN_CODE.format(imports=imports, packages=packages), backend="client")
    lines = process.stdout.splitlines()
    found = list(zip(lines[::2], lines[1::2]))
    assert set(some.split()) <= {module for module, _ in found}, process.stderr
    assert [(module, path) for module, path in found if not path.startswith(str(own_folder))] == []


SELECTED: List[Any] = [
    pytest.param(["tests/classic"], {"test_sending.py"}, id="a folder: the fast ones"),
    pytest.param(["tests/classic", "--slow"], {"test_sending.py", "test_request.py"}, id="a folder with --slow: all"),
    pytest.param(["tests/classic/test_request.py"], {"test_request.py"}, id="a file: all that is in it"),
    pytest.param(["tests/classic/test_request.py::test_request"], {"test_request.py"}, id="a node id: that test"),
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments, files", SELECTED)
def test_which_tests_run(arguments: List[str], files: Any, python: Process) -> None:
    process = python("-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *arguments, cwd=ROOT)
    collected = {line.partition("::")[0].rpartition("/")[2] for line in process.stdout.splitlines() if "::" in line}
    assert files == collected & {"test_sending.py", "test_request.py"}, process.stdout


def test_the_environment_is_that_of_no_run(own_folder: Path) -> None:
    assert [name for name in os.environ if name.startswith(("POLYAXON_", "RANK", "TF_CONFIG"))] == []
    assert [Path.cwd(), Path.home(), Path(tempfile.gettempdir()).parent] == [own_folder] * 3
