"""The command: which files it reads, what it writes and prints, its exit status."""
import io
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import pytest

from polyaxon_helper.migrate import cli, files, run as pipeline

from ..processes import ROOT, posix
from .conftest import write

OLD = "from polyaxon_helper import get_params\nget_params()\n"
NEW = "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"
TAKEN = ("from polyaxon_client.tracking import Experiment\n\n\n"
         "def get_params():\n    return Experiment.get_params()\n\n\nget_params()\n")
HAND = "from polyaxon_helper import get_user_token\nget_user_token()\n"
SEND = "from polyaxon_helper import send_metrics\nsend_metrics(a=1)\n"
TRACEML = "pip install 'polyaxon>=2.7' 'jinja2>=3' numpy pandas"
CLIENT = "pip install 'polyaxon-client>=0.5,<0.7' 'markupsafe<2.1' 'setuptools<81'"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> Tuple[Any, str, str]:
        python = () if "--python" in arguments or not arguments else ("--python", "3.9")
        try:
            status: Any = cli.main([*arguments, *python])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err

    return run_it


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(("git", "-C", str(folder)) + arguments, check=True, stdout=subprocess.DEVNULL)


def test_rewrites_in_place(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    assert run("a.py") == (
        0, "rewrote 1 use in 1 file for Python 3.9\nwhat is rewritten needs:\n" + CLIENT + "\n", "")
    assert (tmp_path / "a.py").read_text() == NEW
    assert run("a.py") == (0, "rewrote nothing for Python 3.9\n", "")


@pytest.mark.parametrize("arguments, text, last", [
    (["--python", "3.7"], OLD, CLIENT),
    (["--python", "2.7"], OLD, CLIENT),
    (["--python", "3.10"], OLD, "pip install 'polyaxon-helper[client]'"),
    (["--python", "3.9"], OLD + HAND, CLIENT + " polyaxon-helper"),
    (["--python", "3.13"], OLD + HAND, "pip install 'polyaxon-helper[client]'"),
    (["--to", "traceml"], OLD, TRACEML),
    (["--to", "traceml", "--check"], OLD + HAND, TRACEML + " polyaxon-helper"),
], ids=["3.7", "2.7", "3.10", "something stays", "something stays on 3.13", "traceml", "traceml, something stays"])
def test_ends_with_what_the_result_needs(arguments: List[str], text: str, last: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text)
    out = run("a.py", *arguments)[1]
    assert out.splitlines()[-1] == last
    assert arguments[0] != "--python" or " for Python " + arguments[1] in out


def test_is_written_for_the_running_python(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    (tmp_path / "a.py").write_text(OLD)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["a.py"]) == 0
    assert " for Python {}.{}\n".format(*sys.version_info[:2]) in capsys.readouterr().out
    is_new = sys.version_info >= (3, 10)
    assert ("polyaxon_helper.client" in (tmp_path / "a.py").read_text()) is is_new


def test_says_what_needs_a_person(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OLD, "b.py": HAND})
    status, out, err = run("a.py", "b.py", "-q")
    assert (status, err) == (1, "")
    assert out.splitlines()[0] == "rewrote 1 use in 1 file for Python 3.9; 1 place for you:"
    assert out.splitlines()[1].startswith("b.py:2:1: get_user_token: ")
    assert len(out.splitlines()) == 2
    assert run("-q", "a.py") == (0, "", "")


def test_says_where_it_is_in_the_file_as_it_is_then(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from polyaxon_helper import get_user_token, send_metrics\nx = get_user_token()\n"
                                   "send_metrics(x=1)\n")
    for mode in ("--check", "--diff"):
        assert "a.py:2:5: get_user_token" in "".join(run(mode, "a.py")[1:])
    assert "a.py:2:5: get_user_token" not in run("a.py")[1]
    line = run("--check", "a.py")[1].splitlines()[1]
    number = int(line.split(":")[1])
    assert (tmp_path / "a.py").read_text().splitlines()[number - 1] == "x = get_user_token()"


@pytest.mark.parametrize("mode", ["--check", "--diff"])
def test_writes_nothing(mode: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    status, out, err = run(mode, "a.py")
    assert status == 1
    assert "would rewrite 1 use in 1 file" in out + err
    assert (tmp_path / "a.py").read_text() == OLD
    (tmp_path / "a.py").write_text(NEW)
    assert run(mode, "a.py")[0] == 0


# Patches

LATIN = b"# coding: latin-1\nx = '\xe9'\n" + OLD.encode() + b"y = '\xe9'\n"
PATCHED = {
    "a text": ("a.py", OLD.encode()),
    "latin-1": ("a.py", LATIN),
    "a BOM": ("a.py", b"\xef\xbb\xbf" + OLD.encode()),
    "CRLF": ("a.py", OLD.replace("\n", "\r\n").encode()),
    "CR in lines": ("a.py", b"x = 1\ry = 2\n" + OLD.encode()),
    "no newline at the end": ("a.py", OLD.rstrip("\n").encode()),
    "a form feed": ("a.py", b"\x0c\n" + OLD.encode()),
    "a folder": ("pkg/a.py", OLD.encode()),
    "a blank in the name": ("a b/c d.py", OLD.encode()),
    "a name that is not ASCII": ("é/ö.py", OLD.encode()),
    "quotes in the name": ('a"b\\.py', OLD.encode()),
    "a tab in the name": ("a\tb.py", OLD.encode()),
    "a name that ends like a time": ("a 2020-01-01 10:00:00.py", OLD.encode()),
}


@pytest.mark.parametrize("within", ["", "sub"], ids=["at the top", "in a folder of the work tree"])
@pytest.mark.parametrize("name, raw", list(PATCHED.values()), ids=list(PATCHED))
def test_a_diff_is_a_patch(name: str, raw: bytes, within: str, tmp_path: Path, monkeypatch: Any) -> None:
    if sys.platform == "win32" and set(name) & set('"\\\t:'):
        pytest.skip("no name on Windows")
    folder = tmp_path / within
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(folder)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    assert cli.main(["--diff", "--python", "3.9", str(path)]) == 1
    (tmp_path / "x.patch").write_bytes(written.getvalue())
    subprocess.run(["git", "apply", str(tmp_path / "x.patch")], check=True, cwd=str(folder))
    assert path.read_bytes() == raw.replace(
        b"polyaxon_helper import get_params", b"polyaxon_client.tracking import Experiment").replace(
        b"get_params()", b"Experiment.get_params()")


# Options

def test_select_and_ignore_add_up(run: Any, tmp_path: Path) -> None:
    text = "from polyaxon_helper import get_log_level, get_params, get_outputs_path\nget_params(get_log_level)\n"
    both = "get_params,get_outputs_path"
    for arguments in (("--select", "get_params", "--select", "get_outputs_path"), ("--select", both),
                      ("--ignore", "get_log_level"),
                      ("--select", both + ",get_log_level", "--ignore", "get_log_level")):
        (tmp_path / "a.py").write_text(text)
        status, out, _ = run("a.py", *arguments)
        left = (tmp_path / "a.py").read_text()
        assert "from polyaxon_helper import get_log_level\n" in left and "get_params" in left
        assert "polyaxon_helper import get_log_level, " not in left
        assert status == 1 and "still use polyaxon_helper, for names that were not to move: a.py" in out
    (tmp_path / "a.py").write_text(text)
    run("a.py", "--ignore", "get_params", "--ignore", "get_log_level")
    assert "import get_log_level, get_params\n" in (tmp_path / "a.py").read_text()


@pytest.mark.parametrize("arguments, said", [
    ((), "PATH is missing; for example: python -m polyaxon_helper.migrate --diff ."),
    (("--check",), "PATH is missing"),
    (("--select", "get_parms", "."), "the nearest is get_params"),
    (("--ignore", "send_metric", "."), "the nearest is send_metrics"),
    (("--select", "", "."), "there is no ''"),
    (("--python", "3", "."), "'3'"),
    (("--python", "three.ten", "."), "'three.ten'"),
    (("--format", "xml", "."), "xml"),
    (("--diff", "--check", "."), "not allowed with"),
    (("-", "a.py"), "- stands alone"),
    (("--nonsense", "."), "--nonsense"),
    (("missing.py",), "missing.py: no such file or folder"),
], ids=["nothing", "no path", "an unknown name", "an unknown name to ignore", "no name", "half a version", "no version",
        "an unknown format", "two modes", "- and more", "an unknown option", "a missing file"])
def test_wrong_usage_is_one_line(arguments: Tuple[str, ...], said: str, run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["polyaxon_helper/migrate/__main__.py"])
    status, out, err = run(*arguments)
    assert status == 2
    assert said in err and err.count("\n") == 1


@pytest.mark.parametrize("started, called", [
    ("bin/polyaxon-helper-migrate", "polyaxon-helper-migrate"), ("Scripts/polyaxon-helper-migrate.exe",
                                                                 "polyaxon-helper-migrate"),
    ("polyaxon_helper/migrate/__main__.py", "python -m polyaxon_helper.migrate")], ids=["command", "Windows", "module"])
def test_calls_itself_what_was_typed(started: str, called: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [started])
    assert run("--help")[1].startswith("usage: {} [-h]".format(called))


def test_help_and_version(run: Any) -> None:
    status, out, _ = run("--help")
    assert status == 0 and "examples:" in out and "exit status" in out
    status, out, _ = run("--version")
    assert status == 0 and out.startswith("polyaxon-helper ")


def test_json(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OLD, "b.py": HAND, "c.py": "import polyaxon_helper\nprint 'x'\n"})
    status, out, _ = run("--format", "json", "a.py", "b.py", "c.py", "d.py")
    said = json.loads(out)
    assert said["exit_status"] == status == 2
    assert said["python"] == "3.9" and said["install"] == CLIENT + " polyaxon-helper" and said["notes"] == []
    assert said["problems"][0] == "d.py: no such file or folder"
    assert said["problems"][1].startswith("c.py:2:1: left as it is")
    by_path = {each["path"]: each for each in said["files"]}
    assert by_path["a.py"] == {"path": "a.py", "uses": 1, "places": [], "notes": []}
    assert sorted(by_path["b.py"]["places"][0]) == ["column", "line", "message", "name"]
    assert by_path["b.py"]["places"][0]["line"] == 2


def test_verbose_names_the_files(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    assert "a.py: 1 use\n" in run("-v", "a.py")[1]


# What fails

FAILURES = {
    "Python 2": (b"from polyaxon_helper import send_metrics\nprint 'x'\n", "a.py:2:1: left as it is, this Python"),
    "binary": (b"polyaxon_helper\0", "a.py: a binary file"),
    "no encoding": (b"# coding: nonsense\nimport polyaxon_helper\n", "a.py: could not be decoded"),
}


@pytest.mark.parametrize("raw, said", list(FAILURES.values()), ids=list(FAILURES))
def test_leaves_and_reports_what_it_can_not_read(raw: bytes, said: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(raw)
    (tmp_path / "b.py").write_text(OLD)
    status, out, err = run("a.py", "b.py")
    assert status == 2 and said in err and err.count("\n") == 1
    assert (tmp_path / "a.py").read_bytes() == raw
    assert (tmp_path / "b.py").read_text() == NEW


def test_a_file_that_can_not_be_written(run: Any, tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(OLD)
    (tmp_path / "a.py").chmod(0o444)
    status, out, err = run("a.py", "b.py")
    assert (status, err) == (2, "a.py: is read-only\n")
    assert run("a.py")[:2] == (2, "rewrote nothing for Python 3.9\n")
    assert (tmp_path / "b.py").read_text() == NEW


def test_a_file_that_vanishes(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(OLD)
    real = files.Files.given

    def given(self: files.Files) -> Iterable[str]:
        listed = list(real(self))
        (tmp_path / "a.py").unlink()
        return listed

    monkeypatch.setattr(files.Files, "given", given)
    status, out, err = run(".")
    assert status == 2 and "could not be read" in err
    assert (tmp_path / "b.py").read_text() == NEW


@pytest.mark.parametrize("phase", ["read", "leaving", "rewrite"])
def test_a_bug_is_one_file_s_and_to_be_sent_in(phase: str, run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    write(tmp_path, {"a.py": OLD, "b.py": OLD})
    real = getattr(pipeline, phase)
    calls: List[object] = []

    def fail(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise RecursionError("too deep")
        return real(*arguments)

    monkeypatch.setattr(pipeline, phase, fail)
    status, out, err = run("a.py", "b.py")
    assert status == 2 and "please report it" in err and "too deep" in err
    assert [(tmp_path / name).read_text() for name in ("a.py", "b.py")] == [OLD, NEW]


ENCODED = {
    "a BOM": b"\xef\xbb\xbf" + OLD.encode(),
    "latin-1": b"# coding: latin-1\nx = '\xe9'\n" + OLD.encode(),
    "CRLF": OLD.replace("\n", "\r\n").encode(),
    "CR": OLD.replace("\n", "\r").encode(),
    "no last newline": OLD.rstrip().encode(),
}


@pytest.mark.parametrize("raw", list(ENCODED.values()), ids=list(ENCODED))
def test_keeps_bytes(raw: bytes, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(raw)
    assert run("a.py")[0] == 0
    assert (tmp_path / "a.py").read_bytes() == raw.replace(
        b"polyaxon_helper import get_params", b"polyaxon_client.tracking import Experiment").replace(
        b"get_params()", b"Experiment.get_params()")


# Standard input

@pytest.mark.parametrize("arguments, raw, out, status", [
    (("-",), OLD.encode(), NEW.encode(), 0),
    (("-",), HAND.encode(), HAND.encode(), 1),
    (("-",), b"\xef\xbb\xbf" + OLD.encode(), b"\xef\xbb\xbf" + NEW.encode(), 0),
    (("-",), b"x = 1\r\n", b"x = 1\r\n", 0),
    (("-",), b"print 'polyaxon_helper'", b"print 'polyaxon_helper'", 2),
    (("-",), b"polyaxon_helper\0", b"polyaxon_helper\0", 2),
    (("-",), b"", b"", 0),
    (("-", "--diff"), NEW.encode(), b"", 0),
    (("-", "--diff"), b"x = 1\n" + OLD.encode(),
     b"--- a/-\n+++ b/-\n@@ -1,3 +1,3 @@\n x = 1\n-from polyaxon_helper import get_params\n-get_params()\n"
     b"+from polyaxon_client.tracking import Experiment\n+Experiment.get_params()\n", 1),
], ids=["text", "what stays", "a BOM", "another text", "Python 2", "binary", "nothing", "nothing to show", "a diff"])
def test_standard_input(arguments: Tuple[str, ...], raw: bytes, out: bytes, status: int,
                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    assert cli.main([*arguments, "--python", "3.9"]) == status
    sys.stdout.flush()
    assert written.getvalue() == out


@pytest.mark.parametrize("format", ["text", "json"])
def test_checks_standard_input(format: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OLD.encode())))
    assert cli.main(["-", "--check", "--format", format]) == 1
    out = capsys.readouterr().out
    assert json.loads(out)["files"][0]["path"] == "-" if format == "json" else "would rewrite 1 use in 1 file" in out


def test_nobody_takes_a_name_of_standard_input(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    write(tmp_path, {"a.py": "from b import *\nget_params()\n"})
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "read", None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OLD.encode())))
    assert cli.main(["-", "--check"]) == 1


# The other files of a project

TAKES = "from utils import get_params\n"


@pytest.mark.parametrize("texts, given, taken", [
    ({"utils.py": OLD, "main.py": "import utils\n"}, ["utils.py"], False),
    ({"utils.py": OLD, "main.py": TAKES}, ["utils.py"], True),
    ({"utils.py": OLD, "main.py": TAKES}, ["utils.py", "main.py"], True),
    ({"utils.py": OLD, "main.py": TAKES}, ["."], True),
    ({"src/utils.py": OLD, "tests/test_utils.py": TAKES}, ["src"], True),
    ({"src/utils.py": OLD, "tests/test_utils.py": TAKES}, ["src/utils.py"], True),
    ({"utils.py": OLD, "node_modules/main.py": TAKES}, ["utils.py"], False),
    ({"utils.py": OLD, "main.py": TAKES, ".gitignore": "main.py\n"}, ["utils.py"], False),
    ({"utils.py": OLD, "main.py": TAKES, ".gitignore": "utils.py\n"}, ["utils.py"], False),
    ({"out/utils.py": OLD, "main.py": TAKES, ".gitignore": "out\n"}, ["out"], False),
    ({"out/utils.py": OLD, "out/main.py": TAKES, ".gitignore": "out\n"}, ["out"], True),
    ({"utils.py": OLD, "main.txt": TAKES}, ["utils.py"], False),
], ids=["imported, not taken from", "a file that was not given", "a file that was given", "a file of the same folder",
        "from a folder beside it", "from a folder beside the file", "a file that is not read", "one that git ignores",
        "git ignores the path", "git ignores the folder", "another file of an ignored folder", "no Python file"])
def test_names_that_others_take_stay(texts: Dict[str, str], given: List[str], taken: bool, run: Any,
                                     tmp_path: Path) -> None:
    write(tmp_path, texts)
    git(tmp_path, "init", "-q")
    assert run(*given)[0] == 0
    path = next(tmp_path / name for name in texts if name.endswith("utils.py"))
    assert path.read_text() == (TAKEN if taken else NEW)


def test_without_a_work_tree_the_paths_are_the_project(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"utils.py": OLD, "main.py": TAKES})
    run("utils.py")
    assert (tmp_path / "utils.py").read_text() == NEW
    (tmp_path / "utils.py").write_text(OLD)
    run("utils.py", "main.py")
    assert (tmp_path / "utils.py").read_text() == TAKEN


@pytest.mark.parametrize("text", ["x = 1\n", HAND, "import polyaxon_helper\npolyaxon_helper.get_user_token()\n"],
                         ids=["no use", "what stays", "a package that stays"])
def test_others_are_not_read_where_nothing_would_go(text: str, run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    write(tmp_path, {"utils.py": text, "main.py": TAKES})
    git(tmp_path, "init", "-q")
    monkeypatch.setattr(files.Files, "others", lambda self: pytest.fail("they were asked"))
    run("utils.py")


# A package of the project's own

COPY = "def get_cluster_def(): pass\ndef get_tf_config(): pass\n"
OWN = {
    "a package beside it": ({"polyaxon_helper/__init__.py": "", "train.py": OLD}, True),
    "a package above it": ({"polyaxon_helper/__init__.py": "", "a/b/train.py": OLD}, True),
    "a module beside it": ({"polyaxon_helper.py": "", "train.py": OLD}, True),
    "a module above it": ({"polyaxon_helper.py": "", "a/train.py": OLD}, True),
    "in the package": ({"polyaxon_helper/__init__.py": "", "polyaxon_helper/train.py": OLD}, True),
    "in a copy of the released one": (
        {"polyaxon_helper/__init__.py": COPY, "polyaxon_helper/a/train.py": OLD}, True),
    "a copy of the released one": ({"polyaxon_helper/__init__.py": COPY, "train.py": OLD}, False),
    "in a folder beside it": ({"a/polyaxon_helper/__init__.py": "", "train.py": OLD}, False),
    "a folder without an __init__.py": ({"polyaxon_helper/x.py": "", "train.py": OLD}, False),
    "outside of the work tree": ({"../polyaxon_helper.py": "", "train.py": OLD}, False),
}


@pytest.mark.parametrize("texts, is_own", list(OWN.values()), ids=list(OWN))
def test_leaves_a_package_of_the_project_s_own_alone(texts: Dict[str, str], is_own: bool, run: Any, tmp_path: Path,
                                                     monkeypatch: Any) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, texts)
    git(folder, "init", "-q")
    monkeypatch.chdir(folder)
    status, out, err = run(".")
    path = next(folder / name for name in texts if name.endswith("train.py"))
    assert (status, err) == (0, "")
    assert path.read_text() == (OLD if is_own else NEW)
    assert ("left alone, since there polyaxon_helper is " in out) is is_own


# Files of other kinds

def test_reports_other_kinds_of_files(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM x\nRUN pip install polyaxon-helper\n", "requirements.txt": "Polyaxon_Helper\n",
                     "setup.py": "from setuptools import setup\nsetup(install_requires=['polyaxon-helper'])\n",
                     "README.md": "pip install polyaxon-helper\n", "data.csv": "polyaxon-helper\n" * 70000})
    status, out, err = run(".")
    assert (status, err) == (1, "")
    write_this = (": write 'polyaxon-client>=0.5,<0.7' 'markupsafe<2.1' 'setuptools<81' in its place, each as a"
                  " requirement of its own")
    assert out.splitlines()[1:4] == [os.path.join(".", name) + where + write_this for name, where in (
        ("Dockerfile", ":2:17: polyaxon-helper"), ("requirements.txt", ":1:1: Polyaxon_Helper"),
        ("setup.py", ":2:26: polyaxon-helper"))]
    assert out.splitlines()[0] == "rewrote nothing for Python 3.9; 3 places for you:"


@pytest.mark.parametrize("arguments, text", [(["--python", "3.10"], OLD), (["--python", "3.9"], HAND)],
                         ids=["for a newer Python", "something stays"])
def test_a_dependency_that_is_needed_is_no_use(arguments: List[str], text: str, run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": text, "requirements.txt": "polyaxon-helper\n",
                     "setup.py": "setup(install_requires=['polyaxon-helper'])\n"})
    out = run(".", *arguments)[1]
    assert "requirements.txt" not in out and "setup.py" not in out


@pytest.mark.parametrize("name", ["a.pyw", "A.PY"])
def test_python_sources_by_another_suffix(name: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / name).write_text(OLD)
    assert run(".")[0] == 0
    assert (tmp_path / name).read_text() == NEW


def test_a_script_that_is_named_outright_is_rewritten(run: Any, tmp_path: Path) -> None:
    text = "#!/usr/bin/env python\n"
    write(tmp_path, {"train": text + OLD, "other": text + OLD})
    status, out, err = run("train")
    assert (status, (tmp_path / "train").read_text()) == (0, text + NEW)
    status, out, err = run(".")
    assert status == 1 and (tmp_path / "other").read_text() == text + OLD and "other:2:" in out


@pytest.mark.parametrize("path, told", [("a.py", False), (".", True)], ids=["a file", "a folder"])
def test_says_what_of_a_folder_is_not_read(path: str, told: bool, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(NEW)
    status, out, _ = run(path)
    assert status == 0 and ("not read unless given as PATH: submodules, virtual environments" in out) is told
    assert "not read" not in run(path, "-q")[1]


# Of several files

def test_says_that_several_make_an_experiment(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": SEND, "b.py": SEND, "c.py": OLD})
    assert "in the others: a.py, b.py\n" in run("a.py", "b.py", "c.py")[1]
    assert "makes an Experiment" not in run("a.py", "b.py", "c.py")[1]
    (tmp_path / "a.py").write_text(SEND)
    assert "makes an Experiment" not in run("a.py", "c.py")[1]
    (tmp_path / "a.py").write_text(SEND)
    assert "makes an Experiment" not in run("a.py", "b.py", "--to", "traceml")[1]


@pytest.mark.parametrize("to, notes", [
    ("traceml", ["./a.py:2:12: POLYAXON_RUN_OUTPUTS_PATH: not set on Polyaxon 1.x "]), ("polyaxon-client", [])])
def test_a_variable_that_is_not_set_there_is_noted_and_nothing_is_left(
    to: str, notes: List[str], run: Any, tmp_path: Path
) -> None:
    text = "import os\nin_there = 'POLYAXON_RUN_OUTPUTS_PATH' in os.environ\n"
    write(tmp_path, {"a.py": text, "b.sh": "echo $POLYAXON_RUN_OUTPUTS_PATH\n"})
    for mode in ((), ("--check",)):
        status, out, err = run("--to", to, "-q", *mode, ".")
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[:1] == ["1 note to read:"] * len(notes) and len(lines) == 2 * len(notes)
        assert all(map(str.startswith, lines[1:], notes))
    assert (tmp_path / "a.py").read_text() == text


def test_says_what_comes_before_it_runs(run: Any, tmp_path: Path) -> None:
    stays = "from polyaxon_client.tracking import Experiment\nx = Experiment\nx.y()\n"
    write(tmp_path, {"a.py": OLD, "b.py": stays})
    status, out, _ = run("--to", "traceml", "a.py", "b.py")
    assert status == 1 and "still use polyaxon-client, which can't be installed beside traceml; move" in out
    assert "then run again: b.py\n" in out
    assert "still use polyaxon-client" not in run("--to", "traceml", "b.py")[1]


# While it runs

class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": OLD, "b.py": OLD})
    written = io.BytesIO()
    screen = Terminal(written, encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", screen)
    assert run("a.py", "b.py", "-q") == (0, "", "")
    screen.flush()
    said = written.getvalue().split(b"\r")
    assert said[1] == b"looking for files: 0 files\x1b[K"
    assert b"reading: 0 of 2 files\x1b[K" in said and b"rewriting: 0 of 2 files\x1b[K" in said
    assert said[-1] == b"\x1b[K"


@pytest.mark.parametrize("failure, status", [(KeyboardInterrupt, 130), (BrokenPipeError, 2)])
def test_is_interrupted(failure: Any, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: Any) -> int:
        raise failure

    monkeypatch.setattr(cli, "_run", fail)
    monkeypatch.setattr("polyaxon_helper.migrate.cli.os.dup2", lambda *_: None)
    assert cli.main(["."]) == status


@pytest.mark.parametrize("process, is_removed", [("own", True), ("gone", True), ("other", False)])
def test_removes_what_a_killed_run_left(process: str, is_removed: bool, run: Any, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("nobody can tell there whether a process runs")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    number = {"own": os.getpid(), "gone": ended.pid, "other": os.getppid()}[process]
    left = tmp_path / "sub" / ".a.py.polyaxon-helper-{}.tmp".format(number)
    write(tmp_path, {"sub/a.py": OLD, "sub/.x.polyaxon-helper-.tmp": "", "sub/x.tmp": ""})
    left.write_text("half")
    run("--check", "sub")
    assert left.exists()
    assert run("sub")[0] == 0
    assert left.exists() is not is_removed
    assert (tmp_path / "sub" / "a.py").read_text() == NEW
    assert (tmp_path / "sub" / "x.tmp").exists() and (tmp_path / "sub" / ".x.polyaxon-helper-.tmp").exists()


@posix
def test_a_name_that_can_not_be_printed(run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    name = os.fsdecode(b"\xff\xe9.py")
    (tmp_path / name).write_text(HAND)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert run("-q", name)[0] == 1
    sys.stdout.flush()
    assert written.getvalue().splitlines()[1].startswith(b"\\udcff\\udce9.py:2:1: get_user_token: ")


def test_as_a_module(tmp_path: Path, python: Any) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit('it is never run')\n" + OLD)
    done = python("-m", "polyaxon_helper.migrate", "-q", "--python", "3.9", str(tmp_path), cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.py").read_text().endswith(NEW)


@pytest.mark.skipif(sys.version_info[:2] != (3, 9), reason="one run is enough")
def test_leaves_the_standard_library_and_what_is_installed(run: Any) -> None:
    paths = sysconfig.get_paths()
    status, out, err = run("--check", "-q", paths["stdlib"], paths["purelib"])
    assert (status, err) == (0, "")
    assert not out or out.startswith("1 note to read:\nleft alone, since there polyaxon_helper is "), out
