"""Shows what a legacy call says, on whose line, and the summary at exit."""
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

import deprecation
import pytest
from packaging.version import parse

import polyaxon_helper
from polyaxon_helper import deprecations
from polyaxon_helper.replacements import (
    ATTRIBUTES,
    DEPRECATED_IN,
    FUNCTIONS,
    REMOVED_IN,
    REPLACEMENTS,
    TRACEML,
    VERSION,
    advice,
    client,
)

from .processes import Process, posix


def use(name: str) -> Any:
    """Use a legacy name as a script does, on this line's next."""
    return getattr(polyaxon_helper, name)() if name in FUNCTIONS else getattr(polyaxon_helper, name)


@pytest.fixture(autouse=True)
def environment_answers(monkeypatch: Any) -> None:
    monkeypatch.setattr("polyaxon_helper.backend._client", False)
    monkeypatch.setattr("polyaxon_helper.backend._experiment", None)
    monkeypatch.setattr(deprecations, "_places", {})


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_use_warns_once_and_says_what_to_write(name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use(name)
    told = [warning for warning in caught if issubclass(warning.category, DeprecationWarning)]
    assert [(warning.category, warning.filename, warning.lineno) for warning in told] == [
        (deprecation.DeprecatedWarning, __file__, use.__code__.co_firstlineno + 2)
    ]
    assert str(told[0].message) == "{} is deprecated as of {} and will be removed in {}. {}".format(
        name, DEPRECATED_IN, REMOVED_IN, advice(name, client(sys.version_info[:2])))


@pytest.mark.parametrize("statement, names", [
    ("from polyaxon_helper import experiment", ["experiment"]), ("from polyaxon_helper import *", sorted(ATTRIBUTES)),
])
def test_an_import_that_asks_twice_warns_once_on_the_users_line(statement: str, names: List[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile("\n" + statement, "train.py", "exec"), {"__file__": "train.py"})  # which 3.7 goes by
    told = sorted((str(warning.message).split()[0], warning.filename, warning.lineno) for warning in caught)
    assert told == [(name, "train.py", 2) for name in names]
    assert list(deprecations._places) == [("train.py", 2)]


def test_the_names_are_gone_when_their_time_has_come() -> None:
    assert parse(VERSION) < parse(REMOVED_IN)


Calls = Dict[Tuple[str, int], int]

SUMMARIES: List[Any] = [
    pytest.param({("train.py", 3): 1}, [
        "polyaxon_helper: 1 deprecated call from 1 place:", "  train.py:3 (1x)",
        "To move them all: python -m polyaxon_helper.migrate train.py",
    ], id="one call, in the singular"),
    pytest.param({("my train.py", 3): 2, ("b.py", 4): 1}, [
        "polyaxon_helper: 3 deprecated calls from 2 places:", "  my train.py:3 (2x)", "  b.py:4 (1x)",
        "To move them all: python -m polyaxon_helper.migrate b.py 'my train.py'",
    ], id="a path with a space is quoted"),
    pytest.param({("a.py", line): 1 for line in range(1, 8)}, [
        "polyaxon_helper: 7 deprecated calls from 7 places:", *("  a.py:{} (1x)".format(n) for n in range(1, 6)),
        "  and 2 more", "To move them all: python -m polyaxon_helper.migrate a.py",
    ], id="the first five places, and how many more"),
    pytest.param({("/p/s/{}.py".format(n), 1): 1 for n in range(6)}, [
        "polyaxon_helper: 6 deprecated calls from 6 places:", *("  /p/s/{}.py:1 (1x)".format(n) for n in range(5)),
        "  and 1 more", "To move them all: python -m polyaxon_helper.migrate /p/s",
    ], id="many files are named by their folder"),
    pytest.param({("<stdin>", 1): 1}, [
        "polyaxon_helper: 1 deprecated call from 1 place:", "  <stdin>:1 (1x)",
    ], id="what is no file can't be moved"),
]


@pytest.mark.parametrize("calls, lines", SUMMARIES)
def test_summary(calls: Calls, lines: List[str]) -> None:
    assert deprecations.summary(calls).splitlines() == lines + ["(POLYAXON_HELPER_SUMMARY=0 turns this off)"]


def test_files_on_several_drives_are_named_by_their_folders(monkeypatch: Any) -> None:
    def several_drives(paths: Any) -> str:
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr("os.path.commonpath", several_drives)
    files = {("/d{}/a.py".format(n), 1): 1 for n in range(6)}
    assert "migrate /d0 /d1 /d2 /d3 /d4 /d5\n" in deprecations.summary(files)


NOBODY = {
    "no stderr": "sys.stderr = None", "a closed one": "sys.stderr.close()",
    "a pipe that nobody reads": "reader, writer = os.pipe(); os.close(reader); sys.stderr = open(writer, 'w')",
}


@pytest.mark.parametrize("code", NOBODY.values(), ids=NOBODY)
def test_with_nobody_to_tell_the_script_goes_on(code: str, python: Process) -> None:
    process = python("-c", "import os, sys\nfrom polyaxon_helper import warn\n" + code + (
        "\nnotices.write('told')\nsys.stderr = None\nprint('on')"))
    assert (process.returncode, process.stdout, process.stderr) == (0, "on\n", "")


CALLER = "import polyaxon_helper as h\nh.get_log_level(); h.get_log_level()\nh.get_api()\n"
SUMMARY_OF_CALLER = [
    "polyaxon_helper: 3 deprecated calls from 2 places:",
    "  {path}:2 (2x)",
    "  {path}:3 (1x)",
    "To move them all: python -m polyaxon_helper.migrate {path}",
    "(POLYAXON_HELPER_SUMMARY=0 turns this off)",
]

ENDS: List[Any] = [
    pytest.param(CALLER, {}, 0, True, id="a script that ends by itself"),
    pytest.param(CALLER + "1 / 0", {}, 1, True, id="an uncaught exception"),
    pytest.param(CALLER, {"RANK": "0"}, 0, True, id="the first of several ranks"),
    pytest.param(CALLER, {"RANK": ""}, 0, True, id="a RANK that says nothing"),
    pytest.param(CALLER + "import multiprocessing", {}, 0, True, id="the main process of several"),
    pytest.param(CALLER, {"RANK": "1"}, 0, False, id="not another rank"),
    pytest.param(CALLER, {"POLYAXON_HELPER_SUMMARY": "0"}, 0, False, id="not when turned off"),
    pytest.param("import polyaxon_helper", {}, 0, False, id="not without a call"),
    pytest.param(CALLER + "import sys; sys.ps1 = '>>> '", {}, 0, False, id="not in an interactive session"),
    pytest.param("import pytest\n" + CALLER, {}, 0, False, id="not under pytest"),
]


@pytest.mark.parametrize("script, variables, status, shown", ENDS)
def test_summary_at_exit(
    script: str, variables: Dict[str, str], status: int, shown: bool, python: Process, tmp_path: Path
) -> None:
    path = tmp_path / "train.py"
    path.write_text(script)
    process = python("-W", "ignore", str(path), environment=variables)
    lines = [line for line in process.stderr.splitlines() if "Traceback" not in line]
    wanted = [line.format(path=path) for line in SUMMARY_OF_CALLER] if shown else []
    assert process.returncode == status
    assert lines[len(lines) - len(wanted):] == wanted
    assert process.stderr.count("deprecated call") == shown


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_in_a_pod_of_polyaxon_2_the_way_to_traceml_is_told(name: str, python: Process, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("import polyaxon_helper as h\ntry: h.{}()\nexcept Exception: pass\n".format(name))
    process = python(str(path), environment={"POLYAXON_RUN_INSTANCE": "u.p.runs.7"})
    assert ". {}\n".format(advice(name, TRACEML)) in process.stderr
    assert "To move them all: python -m polyaxon_helper.migrate --to traceml {}\n".format(path) in process.stderr


@posix
def test_forked_child_gives_no_second_summary(python: Process, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(CALLER + "import os, sys\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nelse: sys.exit()\n")
    assert python("-W", "ignore", str(path)).stderr.count("deprecated calls") == 1


def test_spawned_child_gives_no_second_summary(python: Process, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "import multiprocessing, polyaxon_helper\n"
        "def work():\n    polyaxon_helper.get_log_level()\n"
        "if __name__ == '__main__':\n"
        "    work()\n"
        "    child = multiprocessing.get_context('spawn').Process(target=work)\n"
        "    child.start(); child.join()\n"
    )
    assert python("-W", "ignore", str(path)).stderr.count("deprecated call") == 1


def test_calls_of_threads_are_all_counted(python: Process) -> None:
    process = python("-W", "ignore", "-c", (
        "import threading, polyaxon_helper\n"
        "def work():\n"
        "    for _ in range(1000): polyaxon_helper.get_log_level()\n"
        "threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    ))
    assert "<string>:3 (8000x)" in process.stderr


def test_a_call_that_no_line_makes_is_answered(python: Process) -> None:
    process = python("-W", "ignore", "-c", (
        "import atexit, os, polyaxon_helper\n"
        "atexit.register(lambda: print('TF_CONFIG' in os.environ))\n"
        "atexit.register(polyaxon_helper.get_tf_config)\n"
    ))
    assert (process.stdout, process.stderr) == ("True\n", "")
