"""Shows what a legacy call says, on whose line, and the summary at exit."""
import os
import re
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
    MIGRATE,
    REMOVED_IN,
    REPLACEMENTS,
    TRACEML,
    VERSION,
    advice,
    client,
    written,
)

from .processes import ROOT, Process, posix


def use(name: str) -> Any:
    """Use a legacy name as a script does, on this line's next."""
    return getattr(polyaxon_helper, name)() if name in FUNCTIONS else getattr(polyaxon_helper, name)


@pytest.fixture(autouse=True)
def environment_answers(monkeypatch: Any) -> None:
    monkeypatch.setattr("polyaxon_helper.backend.client_answers", lambda: False)
    monkeypatch.setattr("polyaxon_helper.backend._experiment", {"made": None})
    monkeypatch.setattr(deprecations, "_places", {})
    monkeypatch.setattr(deprecations, "_files", set())


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
MANY = ["/p/{}.py".format(letter) for letter in "abcdef"]

# the calls; the files that have a call which migrate moves; the places shown; the summary's lines but the last
SUMMARIES: List[Any] = [
    pytest.param({("train.py", 3): 1}, ["train.py"], 5, [
        "polyaxon_helper: 1 deprecated call from 1 place:", "  train.py:3 (1x)",
        "To move them all: python -m polyaxon_helper.migrate train.py",
    ], id="one call, in the singular"),
    pytest.param({("my train.py", 3): 2, ("b.py", 4): 1}, ["my train.py", "b.py"], 5, [
        "polyaxon_helper: 3 deprecated calls from 2 places:", "  my train.py:3 (2x)", "  b.py:4 (1x)",
        "To move them all: python -m polyaxon_helper.migrate b.py 'my train.py'",
    ], id="a path with a space is quoted"),
    pytest.param({("a.py", line): 1 for line in range(1, 8)}, ["a.py"], 5, [
        "polyaxon_helper: 7 deprecated calls from 7 places:", *("  a.py:{} (1x)".format(n) for n in range(1, 6)),
        "  and 2 more: POLYAXON_HELPER_SUMMARY=all lists them",
        "To move them all: python -m polyaxon_helper.migrate a.py",
    ], id="the first five places, and how many more"),
    pytest.param({("a.py", line): 1 for line in range(1, 8)}, ["a.py"], 7, [
        "polyaxon_helper: 7 deprecated calls from 7 places:", *("  a.py:{} (1x)".format(n) for n in range(1, 8)),
        "To move them all: python -m polyaxon_helper.migrate a.py",
    ], id="every place"),
    pytest.param({("<stdin>", 1): 1}, [], 5, [
        "polyaxon_helper: 1 deprecated call from 1 place:", "  <stdin>:1 (1x)",
    ], id="no command where there is nothing to move"),
]


@pytest.mark.parametrize("calls, files, shown, lines", SUMMARIES)
def test_summary(calls: Calls, files: List[str], shown: int, lines: List[str]) -> None:
    told = deprecations.summary(calls, files, shown).splitlines()
    assert told == lines + ["(POLYAXON_HELPER_SUMMARY=0 turns this off)"]


# files that have calls, libraries that are in sys.path, what the command names
NAMED: Dict[str, Tuple[List[str], List[Any], List[str]]] = {
    "no file": ([], [], []),
    "five files": (MANY[:5], [], MANY[:5]),
    "files of one folder": (MANY, [], ["/p"]),
    "files in folders of that one": (MANY + ["/p/s/x.py", "/p/s/t/y.py"], [], ["/p"]),
    "folders with nothing in common": (MANY + ["/q/x.py"], [], ["/p", "/q"]),
    "folders with a name's beginning in common": (MANY + ["/pq/x.py"], [], ["/p", "/pq"]),
    "folders, but nothing in the one that has them": (["/p/{}/x.py".format(n) for n in range(6)], [],
                                                      ["/p/{}".format(n) for n in range(6)]),
    "the root": (["/{}.py".format(n) for n in range(6)], [], ["/{}.py".format(n) for n in range(6)]),
    "the root and a folder": (["/x.py"] + MANY, [], ["/p", "/x.py"]),
    "a folder with the virtual environment in it": (MANY, ["/p/env/lib/python3/site-packages"], MANY),
    "such a folder, and one in it": (MANY + ["/p/s/x.py"], ["/p/lib/dist-packages"], MANY + ["/p/s"]),
    "a folder beside the virtual environment": (MANY, ["/env/lib/python3/site-packages"], ["/p"]),
    "a folder in sys.path that is no library": (MANY, ["/p/lib"], ["/p"]),
    "a folder, and in sys.path what is no text": (MANY, [Path("/p/lib"), None, b"/p"], ["/p"]),
    "a folder with the standard library in it": (
        [os.path.join(os.path.dirname(os.path.dirname(os.__file__)), "{}.py".format(n)) for n in range(6)], [],
        [os.path.join(os.path.dirname(os.path.dirname(os.__file__)), "{}.py".format(n)) for n in range(6)]),
    "files of the folder that one is in": (["{}.py".format(n) for n in range(6)], [], ["."]),
}


@posix
@pytest.mark.parametrize("files, libraries, names", NAMED.values(), ids=NAMED)
def test_the_command_names_files_and_folders_of_the_project_alone(
    files: List[str], libraries: List[Any], names: List[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(sys, "path", libraries + sys.path)
    told = deprecations.summary({("x", 1): 1}, files, 5).splitlines()
    assert told[2:-1] == ["To move them all: {} {}".format(MIGRATE, " ".join(names))] * bool(names)


@posix
def test_the_command_names_the_files_of_a_folder_that_is_deleted(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    files = ["{}.py".format(n) for n in range(6)]
    told = deprecations.summary({("x", 1): 1}, files, 5).splitlines()
    assert told[2] == "To move them all: {} {}".format(MIGRATE, " ".join(files))


LIBRARY = """
import threading

def call(function):
    return function(loss=1)

def in_a_thread(function):
    thread = threading.Thread(target=function, kwargs={"loss": 1})
    thread.start()
    thread.join()

def with_one_of_its_own():
    import polyaxon_helper
    polyaxon_helper.send_metrics(loss=1)
"""
BEGIN = "import atexit, contextlib, functools, library, sys, threading, polyaxon_helper as h\nsend = h.send_metrics\n"
POOL = "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n    "
A_THREAD = r".*\bthreading\.py:\d+"

# the lines after BEGIN; what matches the place that is blamed; whether the summary has a command
BLAMED: Dict[str, Tuple[str, str, bool]] = {
    "the line that calls": ("send(loss=1)", r"train\.py:3", True),
    "the function that calls": ("def log():\n    send(loss=1)\nlog()", r"train\.py:4", True),
    "the line that has a builtin call": ("list(map(library.call, [send]))", r"train\.py:3", True),
    "the line that has the standard library call": ("contextlib.ExitStack().callback(send, loss=1)\n"
                                                    "threading.Thread(target=send, kwargs={'loss': 1}).run()",
                                                    r"train\.py:4", True),
    "the line that has a library call": ("for step in range(1):\n    library.call(send)", r"train\.py:4", True),
    "the callback that a library calls":
        ("def callback(loss):\n    send(loss=loss)\nlibrary.call(callback)", r"train\.py:4", True),
    "the line that led to a library's own call": ("library.with_one_of_its_own()", r"train\.py:3", True),
    "the thread's own line, of its target that is the script's":
        ("thread = threading.Thread(target=lambda: send(loss=1))\nthread.start()\nthread.join()", r"train\.py:3", True),
    "the standard library, of a thread's target":
        ("thread = threading.Thread(target=send, kwargs={'loss': 1})\nthread.start()\nthread.join()", A_THREAD, False),
    "the same in a library's thread": ("library.in_a_thread(send)", A_THREAD, False),
    "the standard library, of a pool's task":
        (POOL + "pool.submit(functools.partial(send, loss=1))", r".*\bthread\.py:\d+", False),
    "the script, of a pool's task that is its own": (POOL + "pool.submit(lambda: send(loss=1))", r"train\.py:5", True),
    "no line of anybody's, at exit": ("atexit.register(send, loss=1)", "sys:1", False),
    "the text that exec runs": ("exec('\\nsend(loss=1)')", "<string>:2", False),
    "a file that is not there": ("exec(compile('send(loss=1)', 'gone.py', 'exec'))", r"gone\.py:1", False),
    "code that has no lines, as some tools make it":
        ("code = compile('send(loss=1)', 'made', 'exec')\n"
         "exec(code.replace(co_linetable=b'') if sys.version_info >= (3, 10) else code)", "made:1", False),
}


@pytest.fixture
def library(own_folder: Path) -> Path:
    """Make a library of the file LIBRARY, in site-packages; return that folder."""
    folder = own_folder / "env" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "library.py").write_text(LIBRARY)
    return folder


def finding(library: Path) -> Dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "startup"), str(library)])}


def places_told(process: Any) -> List[str]:
    """Return the places that the warnings of this process blame, and those that its summary lists."""
    told = re.findall(r"^(.+:\d+): (?:Deprecated|Runtime)Warning", process.stderr, re.MULTILINE)
    return [*told, *re.findall(r"^  (.+:\d+) \(1x\)$", process.stderr, re.MULTILINE)]


@pytest.mark.parametrize("lines, place, command", BLAMED.values(), ids=BLAMED)
def test_blamed_is(lines: str, place: str, command: bool, python: Process, own_folder: Path, library: Path) -> None:
    (own_folder / "train.py").write_text(BEGIN + lines + "\n")
    process = python("-W", "default", "train.py", environment=finding(library))
    # by the deprecation, by the warning that nothing is sent, and by the summary, which tells of lines alone
    told = [os.path.relpath(each) if each.startswith(str(own_folder)) else each for each in places_told(process)]
    assert len(told) == (2 if place == "sys:1" else 3), process.stderr
    assert [each for each in told if not re.fullmatch(place, each)] == []
    assert process.stderr.count("To move them all:") == command


def test_blamed_is_code_of_a_name_that_no_file_can_have(python: Process) -> None:
    code = "import polyaxon_helper as h\nexec(compile('h.send_metrics(loss=1)', 'a\\ud8e9.py', 'exec'))"
    process = python("-W", "default", "-c", code, environment={"COVERAGE_PROCESS_START": ""})  # no name for coverage
    assert places_told(process) == ["a\\ud8e9.py:1"] * 3, process.stderr
    assert "To move" not in process.stderr


def test_blamed_is_what_is_typed(python: Process) -> None:
    process = python("-W", "default", "-", input="import polyaxon_helper as h\nh.send_metrics(loss=1)\n")
    assert places_told(process) == ["<stdin>:2"] * 3
    assert "To move" not in process.stderr


# the file that is run, and its lines
INSTALLED: Dict[str, Tuple[str, str]] = {
    "by a script that pip made for it": ("bin/train", "import sys\nsys.executable = __file__\nimport app\n"),
    "by -m": ("-m", "app"),
}


@pytest.mark.parametrize("script, lines", INSTALLED.values(), ids=INSTALLED)
def test_blamed_is_an_installed_project_itself(
    script: str, lines: str, python: Process, own_folder: Path, library: Path
) -> None:
    (library / "app.py").write_text("import polyaxon_helper\npolyaxon_helper.send_metrics(loss=1)\n")
    if script != "-m":
        (own_folder / "bin").mkdir()
        (own_folder / script).write_text(lines)
    arguments = [script, lines] if script == "-m" else [script]
    process = python("-W", "default", *arguments, environment=finding(library))
    assert places_told(process) == ["{}:2".format(library / "app.py")] * 3, process.stderr
    assert "To move" not in process.stderr


@pytest.mark.parametrize("name, moves", [(name, row.client.moves) for name, row in REPLACEMENTS.items()])
def test_only_files_with_something_to_move_are_in_the_command(
    name: str, moves: bool, python: Process, own_folder: Path
) -> None:
    (own_folder / "train.py").write_text("import polyaxon_helper as h\ntry: h.%s()\nexcept Exception: pass\n" % name)
    process = python("train.py")
    assert process.stderr.count("To move them all: {} ".format(MIGRATE)) == moves
    assert process.stderr.count("Or run: {} PATH\n".format(MIGRATE)) == moves
    assert process.stderr.count("deprecated call") == 1


NOBODY = {
    "no stderr": "sys.stderr = None", "a closed one": "sys.stderr.close()",
    "a pipe that nobody reads": "reader, writer = os.pipe(); os.close(reader); sys.stderr = open(writer, 'w')",
    "the script's own that has no flush()": "sys.stderr = type('Log', (), {'write': lambda self, text: len(text)})()",
    "the script's own that takes no text": "sys.stderr = io.BytesIO()", "a deleted one": "del sys.stderr",
}


@pytest.mark.parametrize("code", NOBODY.values(), ids=NOBODY)
def test_with_nobody_to_tell_the_script_goes_on(code: str, python: Process) -> None:
    process = python("-c", "import io, os, sys\nfrom polyaxon_helper import warn\n" + code + (
        "\nwarn.write('told')\nsys.stderr = None\nprint('on')"))
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
    pytest.param(CALLER, {"LOCAL_RANK": "1"}, 0, False, id="not another rank of Lightning's"),
    pytest.param(CALLER, {"TF_CONFIG": "planted"}, 0, True, id="a TF_CONFIG that is no JSON"),
    pytest.param(CALLER, {"POLYAXON_HELPER_SUMMARY": "0"}, 0, False, id="not when turned off"),
    pytest.param(CALLER, {"POLYAXON_HELPER_SUMMARY": "all"}, 0, True, id="when all places are asked for"),
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
    told = "To move them all: {} --to traceml {}\n".format(MIGRATE, path)
    assert process.stderr.count(told) == written(name, TRACEML).moves


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


# A call of a signal's handler, or of another thread, in the midst of the first one
IN_THE_MIDST = """
import atexit, polyaxon_helper
register = atexit.register
def with_a_call(*what):
    atexit.register = register
    polyaxon_helper.get_log_level()
    return register(*what)
atexit.register = with_a_call
polyaxon_helper.get_log_level()
"""


def test_a_call_in_the_midst_of_the_first_gives_no_second_summary(python: Process) -> None:
    process = python("-W", "ignore", "-c", IN_THE_MIDST)
    assert process.stderr.count("2 deprecated calls") == process.stderr.count("deprecated call") == 1, process.stderr


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
    ), environment={"POLYAXON_CLUSTER": '{"master": ["a:1"]}'})
    assert (process.stdout, process.stderr) == ("True\n", "")
