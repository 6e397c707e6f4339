"""The command: what it prints, what it writes, its exit status."""
import io
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Tuple

import pytest

from polyaxon_helper.migrate import cli, files

OLD = "from polyaxon_helper import get_params\nget_params()\n"
NEW = "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"
HAND = "from polyaxon_helper import get_data_path\nget_data_path()\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> Tuple[Any, str, str]:
        try:
            status: Any = cli.main(list(arguments))
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err

    return run_it


def test_rewrites_in_place(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_client_imports", lambda: True)
    (tmp_path / "a.py").write_text(OLD)
    assert run("a.py") == (0, "rewrote 1 use in 1 file\n", "")
    assert (tmp_path / "a.py").read_text() == NEW
    assert run(".") == (0, "nothing to rewrite\n", "")


def test_says_where_the_result_runs(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_client_imports", lambda: False)
    (tmp_path / "a.py").write_text(OLD)
    status, out, _ = run("a.py")
    assert "3.7 to 3.9" in out and "`import polyaxon_helper.client`" in out
    (tmp_path / "a.py").write_text(OLD)
    assert run("-q", "a.py") == (0, "", "")


def test_says_what_needs_a_person(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_client_imports", lambda: True)
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "b.py").write_text(HAND)
    status, out, err = run(".")
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "rewrote 1 use in 1 file; 1 place needs you:",
        os.path.join(".", "b.py") + ":2:1: get_data_path: write `next(iter(get_data_paths().values()))` after "
        "`from polyaxon_client.tracking import get_data_paths`"]
    (tmp_path / "b.py").write_text(HAND + HAND.splitlines()[1] + "\n")
    assert "2 places need you" in run("-q", ".")[1]


def test_says_where_it_is_in_the_file_as_it_is_then(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("from polyaxon_helper import get_data_path, send_metrics\nx = get_data_path()\n"
                                   "send_metrics(x=1)\n")
    assert "a.py:2:5: get_data_path" in run("--check", ".")[1]
    lines = (run("-q", ".")[1], run("-q", ".")[1])
    assert lines[0].splitlines()[-1] == lines[1].splitlines()[-1]
    assert "a.py:10:5: get_data_path" in lines[0]


@pytest.mark.parametrize("mode", ["--check", "--diff"])
def test_writes_nothing(mode: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    status, out, err = run(mode, "a.py")
    assert status == 1
    assert "would rewrite 1 use in 1 file" in out + err
    assert (tmp_path / "a.py").read_text() == OLD
    (tmp_path / "a.py").write_text(NEW)
    assert run(mode, "a.py")[0] == 0


def test_diff_is_a_patch(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD.rstrip("\n").encode())
    (tmp_path / "b.py").write_bytes(OLD.replace("\n", "\r\n").encode())
    status, out, err = run("--diff", ".")
    assert out.startswith("--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-from polyaxon_helper import get_params\n")
    (tmp_path / "x.patch").write_bytes(out.encode())
    subprocess.run(["git", "apply", "x.patch"], check=True, cwd=str(tmp_path))
    assert (tmp_path / "a.py").read_bytes() == NEW.rstrip("\n").encode()
    assert (tmp_path / "b.py").read_bytes() == NEW.replace("\n", "\r\n").encode()


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color, colored", [("", True), ("1", False)])
def test_diff_is_coloured_on_a_terminal(no_color: str, colored: bool, run: Any, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(OLD)
    written = io.BytesIO()
    screen = Terminal(written, encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", no_color)
    run("--diff", "a.py")
    screen.flush()
    assert (b"\x1b[32m+Experiment.get_params()\x1b[0m\n" in written.getvalue()) is colored


def test_select_and_ignore(run: Any, tmp_path: Path) -> None:
    text = "from polyaxon_helper import get_log_level, get_params\nget_params(get_log_level())\n"
    for arguments in (("--select", "get_params"), ("--ignore", "get_log_level"), ("--select=get_params,get_log_level",
                                                                                 "--ignore", "get_log_level")):
        (tmp_path / "a.py").write_text(text)
        assert run("a.py", *arguments)[0] == 0
        assert (tmp_path / "a.py").read_text() == (
            "from polyaxon_client.tracking import Experiment\nfrom polyaxon_helper import get_log_level\n"
            "Experiment.get_params(get_log_level())\n")
    assert run("a.py", "--check", "--select", "get_params")[0] == 0
    assert run("a.py", "--check")[0] == 1


@pytest.mark.parametrize("arguments", [
    (), ("--select", "nothing", "."), ("--select", "", "."), ("--format", "xml", "."), ("--diff", "--check", "."),
    ("-", "a.py"), ("--nonsense",), ("missing.py",)],
    ids=["nothing", "an unknown name", "no name", "an unknown format", "two modes", "- and more", "an unknown option",
         "a missing file"])
def test_wrong_usage_is_one_line(arguments: Tuple[str, ...], run: Any) -> None:
    status, out, err = run(*arguments)
    assert status == 2
    assert err.count("\n") == 1 or not arguments and err.startswith("usage: ")


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
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "b.py").write_text(HAND)
    (tmp_path / "c.py").write_text("print 'x'\nimport polyaxon_helper\n")
    status, out, _ = run("--format", "json", "a.py", "b.py", "c.py", "d.py")
    said = json.loads(out)
    assert said["exit_status"] == status == 2
    assert said["problems"] == ["d.py: no such file or folder"]
    by_path = {each["path"]: each for each in said["files"]}
    assert by_path["a.py"] == {"path": "a.py", "uses": 1, "failure": None, "places": [], "notes": []}
    assert by_path["b.py"]["places"][0]["line"] == 2
    assert by_path["c.py"]["failure"]["line"] == 2


def test_verbose_names_the_files(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    assert "a.py: 1 use\n" in run("-v", "a.py")[1]


FAILURES = {
    "Python 2": (b"print 'x'\nfrom polyaxon_helper import send_metrics\n", "a.py:2:1: left as it is, Python"),
    "does not parse, imports in a block": (b"try:\n    import os, polyaxon_helper\n", "a.py:2:1: left as it is"),
    "does not parse, imports nothing": (b"# polyaxon_helper\ndef", "left as it is"),
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
    assert run("a.py")[1] == "rewrote nothing\n"
    assert (tmp_path / "b.py").read_text() == NEW


def test_a_file_that_vanishes(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(OLD)
    real = files.find

    def find(paths: Any, problems: Any) -> Any:
        listed = list(real(paths, problems))
        (tmp_path / "a.py").unlink()
        return listed

    monkeypatch.setattr(files, "find", find)
    status, out, err = run(".")
    assert status == 2 and "could not be read" in err
    assert (tmp_path / "b.py").read_text() == NEW


def test_a_surprise_is_a_bug_to_send_in(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon_helper.migrate.edits.same", lambda *_: False)
    (tmp_path / "a.py").write_text(OLD)
    status, out, err = run("a.py")
    assert status == 2 and "please report it" in err
    assert (tmp_path / "a.py").read_text() == OLD


ENCODED = {
    "a BOM": b"\xef\xbb\xbf" + OLD.encode(),
    "latin-1": b"# coding: latin-1\nx = '\xe9'; " + OLD.encode(),
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


@pytest.mark.parametrize("arguments, raw, out, status", [
    (("-",), OLD.encode(), NEW.encode(), 0),
    (("-", "--check"), OLD.encode(), b"", 1),
    (("-",), b"\xef\xbb\xbf" + OLD.encode(), b"\xef\xbb\xbf" + NEW.encode(), 0),
    (("-",), b"x = 1\r\n", b"x = 1\r\n", 0),
    (("-",), b"print 'polyaxon_helper'", b"print 'polyaxon_helper'", 2),
    (("-",), b"polyaxon_helper\0", b"polyaxon_helper\0", 2),
    (("-", "--diff"), NEW.encode(), b"", 0),
], ids=["text", "check", "a BOM", "another text", "Python 2", "binary", "nothing to show"])
def test_standard_input(arguments: Tuple[str, ...], raw: bytes, out: bytes, status: int,
                        monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    assert cli.main(list(arguments)) == status
    sys.stdout.flush()
    assert written.getvalue() == out


def test_standard_input_as_json(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OLD.encode())))
    assert cli.main(["-", "--check", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["files"][0]["path"] == "-"


def test_standard_input_as_a_diff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OLD.encode())))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    assert cli.main(["-", "--diff"]) == 1
    sys.stdout.flush()
    assert b"+Experiment.get_params()\n" in written.getvalue()


def test_progress_on_a_terminal(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "b.py").write_text(OLD)
    written = io.BytesIO()
    screen = Terminal(written, encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", screen)
    times = iter(range(0, 1000, 2))
    monkeypatch.setattr("polyaxon_helper.migrate.cli.time.monotonic", lambda: next(times))
    run("a.py", "b.py")
    screen.flush()
    assert written.getvalue().startswith(b"\r0 of 2 files")
    assert written.getvalue().endswith(b"\r\x1b[K")


@pytest.mark.parametrize("failure, status", [(KeyboardInterrupt, 130), (BrokenPipeError, 2)])
def test_is_interrupted(failure: Any, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: Any) -> int:
        raise failure

    monkeypatch.setattr(cli, "_run", fail)
    monkeypatch.setattr("polyaxon_helper.migrate.cli.os.dup2", lambda *_: None)
    assert cli.main(["."]) == status


def test_the_client_can_be_imported_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        origin = str(tmp_path / "markupsafe.py")

    (tmp_path / "markupsafe.py").write_text("def soft_unicode(): pass")
    monkeypatch.setattr(cli, "find_spec", lambda name: Spec)
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    assert cli._client_imports()
    (tmp_path / "markupsafe.py").write_text("def soft_str(): pass")
    assert not cli._client_imports()
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert not cli._client_imports()


def test_as_a_module(tmp_path: Path, python: Any) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit('it is never run')\n" + OLD)
    done = python("-m", "polyaxon_helper.migrate", "-q", str(tmp_path), cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.py").read_text().endswith(NEW)


@pytest.mark.skipif(sys.version_info[:2] != (3, 9), reason="one run is enough")
def test_leaves_the_standard_library_and_what_is_installed(run: Any) -> None:
    paths = sysconfig.get_paths()
    assert run("--check", paths["stdlib"], paths["purelib"]) == (0, "nothing to rewrite\n", "")
