"""Proves what is said of a run."""
import io
import json
import sys
from argparse import Namespace
from typing import Any, Dict, Iterator, List

import pytest

from polyaxon_helper.migrate import report
from polyaxon_helper.migrate.python import Place, Report

PLACE, NOTE = Place(3, 5, "get_api", "write `x`"), Place(4, 1, "get_params", "is not what it was")


def outcome(path: str = "a.py", places: int = 0, notes: int = 0, **more: Any) -> report.Outcome:
    some = report.Outcome(path, b"x\n", b"x\n", "", Report([PLACE] * places, [NOTE] * notes))
    return some._replace(**more)


def options(**more: Any) -> Namespace:
    return Namespace(**{**dict(mode="write", quiet=False, verbose=False, python=(3, 9), paths=["a.py"]), **more})


def said(*outcomes: report.Outcome, **more: Any) -> List[str]:
    return list(report.say(list(outcomes), options(**more), "X", []))


NEEDS = ["what is rewritten needs:", "pip install X"]
SAID: Dict[str, Any] = {
    "nothing": ([], {}, ["rewrote nothing for Python 3.9"]),
    "nothing, quiet": ([], dict(quiet=True), []),
    "a use": ([outcome(uses=1)], {}, ["rewrote 1 use in 1 file for Python 3.9"] + NEEDS),
    "uses": ([outcome(uses=2), outcome("b.py", uses=1), outcome("c.py")], dict(mode="check"),
             ["would rewrite 3 uses in 2 files for Python 3.9"] + NEEDS),
    "uses, quiet": ([outcome(uses=2)], dict(quiet=True), []),
    "uses, verbose": ([outcome(uses=2), outcome("b.py")], dict(verbose=True),
                      ["a.py: 2 uses", "rewrote 2 uses in 1 file for Python 3.9"] + NEEDS),
    "a place": ([outcome(places=1)], {},
                ["rewrote nothing for Python 3.9; 1 place for you:", "a.py:3:5: get_api: write `x`"]),
    "places, quiet": ([outcome(places=1), outcome("b.py", places=1, uses=1)], dict(quiet=True),
                      ["rewrote 1 use in 1 file for Python 3.9; 2 places for you:", "a.py:3:5: get_api: write `x`",
                       "b.py:3:5: get_api: write `x`"]),
    "a note": ([outcome(notes=1, uses=1)], {},
               ["rewrote 1 use in 1 file for Python 3.9", "1 note to read:",
                "a.py:4:1: get_params: is not what it was"] + NEEDS),
    "notes, quiet": ([outcome(notes=2)], dict(quiet=True),
                     ["2 notes to read:"] + ["a.py:4:1: get_params: is not what it was"] * 2),
    "what comes first": ([outcome(places=1, on_client=True), outcome("b.py", uses=1)], {},
                         ["rewrote 1 use in 1 file for Python 3.9; 1 place for you:", "a.py:3:5: get_api: write `x`",
                          "1 note to read:", report.FIRST + "a.py"] + NEEDS),
    "nothing moved that comes later": ([outcome(places=1, on_client=True)], dict(quiet=True),
                                       ["rewrote nothing for Python 3.9; 1 place for you:",
                                        "a.py:3:5: get_api: write `x`"]),
    "a folder": ([], dict(paths=["."]), ["rewrote nothing for Python 3.9", report.NOT_READ]),
    "a folder, quiet": ([], dict(paths=["."], quiet=True), []),
}


@pytest.mark.parametrize("outcomes, more, lines", list(SAID.values()), ids=list(SAID))
def test_says(outcomes: List[report.Outcome], more: Dict[str, Any], lines: List[str]) -> None:
    assert said(*outcomes, **more) == lines


@pytest.mark.parametrize("outcomes, problems, writes, status", [
    ([], [], True, 0), ([outcome(notes=1)], [], True, 0), ([outcome(uses=1)], [], True, 0),
    ([outcome(uses=1)], [], False, 1), ([outcome(places=1)], [], True, 1), ([outcome(on_shim=True)], [], True, 1),
    ([outcome(on_client=True)], [], True, 0), ([outcome(own="x")], [], True, 0), ([], ["x"], True, 2),
    ([outcome(places=1)], ["x"], True, 2),
], ids=["nothing", "notes", "what moved", "what would move", "places", "what stays on the shim",
        "what stays on the client",
        "a package of the project's own", "a problem", "a problem and places"])
def test_status(outcomes: List[report.Outcome], problems: List[str], writes: bool, status: int) -> None:
    assert report.status(outcomes, problems, writes) == status


@pytest.mark.parametrize("outcomes, requires, command", [
    ([outcome(uses=1)], "X", "pip install X"), ([outcome(on_shim=True)], "X", "pip install X polyaxon-helper"),
    ([outcome(on_shim=True)], "'polyaxon-helper[client]'", "pip install 'polyaxon-helper[client]'"),
], ids=["all moved", "something stays", "something stays, and it is there already"])
def test_installs(outcomes: List[report.Outcome], requires: str, command: str) -> None:
    assert report.install(outcomes, requires) == command


TOGETHER: Dict[str, Any] = {
    "nothing": ([outcome()], []),
    "one that makes an Experiment": ([outcome(makes=True, uses=1), outcome("b.py", uses=1)], []),
    "two that did before": ([outcome(makes=True), outcome("b.py", makes=True), outcome("c.py", uses=1)], []),
    "two that make an Experiment": ([outcome(makes=True), outcome("b.py", makes=True, uses=1)],
                                    [report.SEVERAL + "a.py, b.py"]),
    "seven that make one": ([outcome(name, makes=True, uses=1) for name in "abcdefg"],
                            [report.SEVERAL + "a, b, c, d, e, and 2 more"]),
    "what was not selected": ([outcome(on_shim=True), outcome("b.py", on_shim=True), outcome("c.py")],
                              [report.UNSELECTED + "a.py, b.py"]),
    "what has a place": ([outcome(on_shim=True, places=1)], []),
    "packages of the project's own": (
        [outcome(own="x"), outcome("b.py", own="y"), outcome("c.py", own="x")],
        [report.ALONE.format("x") + "a.py, c.py", report.ALONE.format("y") + "b.py"]),
}


@pytest.mark.parametrize("outcomes, lines", list(TOGETHER.values()), ids=list(TOGETHER))
def test_says_of_several_files(outcomes: List[report.Outcome], lines: List[str]) -> None:
    assert report.together(outcomes) == lines
    assert said(*outcomes)[-len(lines):] == lines or not lines or any(each.uses for each in outcomes)


def test_json_has_what_the_text_has() -> None:
    some = [outcome(uses=1, places=1, notes=1), outcome("b.py", own="x")]
    (text,) = report.as_json(some, options(mode="check"), "X", ["p"])
    assert json.loads(text) == {
        "exit_status": 2, "python": "3.9", "install": "pip install X", "problems": ["p"],
        "notes": [report.ALONE.format("x") + "b.py"], "files": [
            {"path": "a.py", "uses": 1, "places": [PLACE._asdict()], "notes": [NOTE._asdict()]},
            {"path": "b.py", "uses": 0, "places": [], "notes": []}]}


@pytest.mark.parametrize("old, new, lines", [
    (b"x\n", b"x\n", []),
    (b"x\n", b"y\n", [b"@@ -1 +1 @@\n", b"-x\n", b"+y\n"]),
    (b"x", b"y", [b"@@ -1 +1 @@\n", b"-x\n\\ No newline at end of file\n", b"+y\n\\ No newline at end of file\n"]),
    (b"\xe9\r\nx\ry\n", b"\xe9\r\nz\ry\n", [b"@@ -1,2 +1,2 @@\n", b" \xe9\r\n", b"-x\ry\n", b"+z\ry\n"]),
], ids=["the same", "a line", "no newline at the end", "bytes"])
def test_patch(old: bytes, new: bytes, lines: List[bytes]) -> None:
    names = [b"--- a/a.py\n", b"+++ b/a.py\n"] if lines else []
    assert list(report.patch(outcome(old=old, new=new))) == names + lines


@pytest.mark.parametrize("path, name", [
    ("./a.py", b"a/a.py"), ("x/../a b.py", b"a/a b.py"), ("é.py", b'"a/\\303\\251.py"'),
    ('"\\.py', b'"a/\\042\\134.py"'),
], ids=["relative to the folder", "a blank", "not ASCII", "quotes"])
def test_a_patch_names_the_file_as_git_does(path: str, name: bytes) -> None:
    if sys.platform == "win32" and '"' in path:
        pytest.skip("no name on Windows")
    assert next(report.patch(outcome(path, old=b"x\n", new=b"y\n"))) == b"--- " + name + b"\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(screen: io.StringIO, monkeypatch: Any, times: Iterator[float], paths: Any) -> str:
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("polyaxon_helper.migrate.report.time.monotonic", lambda: next(times))
    assert list(report.shown("reading", paths)) == ["a", "b", "c"]
    return screen.getvalue()


def test_shows_how_far_it_is_on_a_terminal(monkeypatch: Any) -> None:
    assert shown(Terminal(), monkeypatch, iter([0.0, 0.05, 0.2, 0.2, 0.25]), ["a", "b", "c"]) == (
        "\rreading: 0 of 3 files\x1b[K\rreading: 2 of 3 files\x1b[K\r\x1b[K")
    assert shown(Terminal(), monkeypatch, iter([0.0] * 4), iter("abc")) == "\rreading: 0 files\x1b[K\r\x1b[K"


def test_shows_nothing_elsewhere(monkeypatch: Any) -> None:
    assert shown(io.StringIO(), monkeypatch, iter([]), ["a", "b", "c"]) == ""


def test_says_the_first_before_it_looks(monkeypatch: Any) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)

    def look() -> Iterator[str]:
        assert screen.getvalue() == "\rlooking: 0 files\x1b[K"
        yield "a"

    assert list(report.shown("looking", look())) == ["a"]
