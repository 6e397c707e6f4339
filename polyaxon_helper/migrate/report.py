"""What is said: a line a place, a summary, JSON or a patch; and on a terminal, how far the work is."""
import os
import re
import sys
import time
from typing import Iterable, Iterator, List, NamedTuple, TypeVar

from .python import Report

T = TypeVar("T")

NOT_READ = ("not read unless given as PATH: submodules, virtual environments, node_modules, untracked build and dist,"
            " and what git ignores")
FIRST = ("these places come first, before it runs: what stays needs polyaxon-client, what moved needs traceml, and"
         " the two can't be installed together")
SEVERAL = ("make an Experiment each: {}; a program that loads several of them waits some 3 seconds more for each at its"
           " exit; to share one, keep get_experiment in one of them and import it from there in the others")
ALONE = "left alone, since there polyaxon_helper is {}: {}"
UNSELECTED = "still use polyaxon_helper, for names that were not to move: {}"
LINE = "{}:{}:{}: {}: {}"
COLORS = {b"-": b"\x1b[31m", b"+": b"\x1b[32m", b"@": b"\x1b[36m"}


class Outcome(NamedTuple):
    """What came of one file; `own` is the project's own package or module for which it was left alone."""

    path: str
    old: bytes
    new: bytes
    own: str
    report: Report
    uses: int = 0
    makes: bool = False
    on_shim: bool = False
    on_client: bool = False


class Run(NamedTuple):
    """All that came of a run, and what of its options is told."""

    outcomes: List[Outcome]
    problems: List[str]
    writes: bool
    python: str
    requires: str
    has_folders: bool

    def status(self) -> int:
        is_left = any(each.report.places or each.on_shim or each.uses and not self.writes for each in self.outcomes)
        return 2 if self.problems else int(is_left)

    def install(self) -> str:
        """Give the command that installs what the result needs; "" where nothing moves."""
        helper = any(each.on_shim for each in self.outcomes) and "polyaxon-helper" not in self.requires
        command = "pip install {}{}".format(self.requires, " polyaxon-helper" if helper else "")
        return command if any(each.uses for each in self.outcomes) else ""

    def notes(self) -> List[str]:
        """Give what there is to know of several files together."""
        making = [each for each in self.outcomes if each.makes]
        notes = [SEVERAL.format(_paths(making))] * (len(making) > 1 and any(each.uses for each in making))
        for own in sorted({each.own for each in self.outcomes} - {""}):
            notes.append(ALONE.format(own, _paths([each for each in self.outcomes if each.own == own])))
        left = [each for each in self.outcomes if each.on_shim and not each.report.places]
        return notes + [UNSELECTED.format(_paths(left))] * bool(left)


def say(run: Run, is_quiet: bool, is_verbose: bool) -> Iterator[str]:
    """Give the lines of the report, but for what failed."""
    changed = [each for each in run.outcomes if each.uses]
    places = [LINE.format(each.path, *place) for each in run.outcomes for place in each.report.places]
    notes = [LINE.format(each.path, *note) for each in run.outcomes for note in each.report.notes] + run.notes()
    yield from ("{}: {}".format(each.path, _count(each.uses, "use")) for each in changed if is_verbose)
    if places or not is_quiet:
        uses, files = _count(sum(each.uses for each in changed), "use"), _count(len(changed), "file")
        yield "{} {} for Python {}{}".format(
            "rewrote" if run.writes else "would rewrite", "{} in {}".format(uses, files) if changed else "nothing",
            run.python, "; {} for you:".format(_count(len(places), "place")) if places else "")
    yield from places
    if changed and any(each.on_client for each in run.outcomes):
        yield FIRST
    yield from [_count(len(notes), "note") + " to read:", *notes] if notes else []
    yield from [NOT_READ] if run.has_folders and not is_quiet else []
    yield from ["what is rewritten needs:", run.install()] if run.install() and not is_quiet else []


def as_json(run: Run) -> str:
    import json

    return json.dumps({
        "exit_status": run.status(), "python": run.python, "install": run.install(), "problems": run.problems,
        "notes": run.notes(), "files": [{
            "path": each.path, "uses": each.uses, "places": [place._asdict() for place in each.report.places],
            "notes": [note._asdict() for note in each.report.notes],
        } for each in run.outcomes]}, indent=2)


def patch(outcome: Outcome, is_colored: bool) -> Iterator[bytes]:
    """Give the lines of a patch that `git apply` takes, in the file's own encoding."""
    import difflib

    old, new = (re.findall(b"[^\n]*\n|[^\n]+", text) for text in (outcome.old, outcome.new))
    names = [_quoted(side + os.path.relpath(outcome.path).replace(os.sep, "/")) for side in ("a/", "b/")]
    for line in difflib.diff_bytes(difflib.unified_diff, old, new, names[0], names[1]):
        line += b"" if line.endswith(b"\n") else b"\n\\ No newline at end of file\n"
        is_marked = is_colored and line[:1] in COLORS
        yield COLORS[line[:1]] + line.rstrip(b"\r\n") + b"\x1b[0m\n" if is_marked else line


def _quoted(name: str) -> bytes:
    """Give a path as git reads it."""
    raw = os.fsencode(name)
    quoted = re.sub(rb'[^ -~]|["\\]', lambda match: b"\\%03o" % ord(match.group()), raw)
    return raw if quoted == raw else b'"' + quoted + b'"'


def _count(number: int, thing: str) -> str:
    return "{} {}{}".format(number, thing, "" if number == 1 else "s")


def _paths(outcomes: List[Outcome]) -> str:
    return ", ".join(each.path for each in outcomes)


def shown(doing: str, items: Iterable[T]) -> Iterator[T]:
    """Give the items; on a terminal, with a line that says how far it is, from the start."""
    if not sys.stderr.isatty():
        yield from items
        return
    line = "\r{}: {}" + (" of {}".format(len(items)) if isinstance(items, list) else "") + " files\x1b[K"
    print(line.format(doing, 0), end="", file=sys.stderr, flush=True)
    due = time.monotonic() + 0.1
    for number, item in enumerate(items, 1):
        yield item
        if time.monotonic() > due:
            print(line.format(doing, number), end="", file=sys.stderr, flush=True)
            due = time.monotonic() + 0.1
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)
