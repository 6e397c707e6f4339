"""What is said: a line a place, a summary, JSON or a patch; and on a terminal, how far the work is."""
import os
import re
import sys
import time
from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, TypeVar

from .python import Place

T = TypeVar("T")

NOT_READ = ("not read unless given as PATH: submodules, virtual environments, node_modules, untracked build and dist,"
            " and what git ignores")
FIRST = ("these places come first, before it runs: what stays needs polyaxon-client, what moved needs traceml, and"
         " the two can't be installed together")
SEVERAL = ("make an Experiment each: {}; a program that loads several of them waits some 3 seconds more for each at its"
           " exit; to share one, keep get_experiment in one of them and import it from there in the others")
ALONE = "left alone, since there polyaxon_helper is {}: {}"
UNSELECTED = "still use polyaxon_helper, for names that were not to move: {}"
PLAIN = frozenset(range(32, 127)) - frozenset(b'"\\')
COLORS = {b"-": b"\x1b[31m", b"+": b"\x1b[32m", b"@": b"\x1b[36m"}


class Outcome(NamedTuple):
    """What came of one file."""

    path: str
    uses: int = 0
    """How many moved, or would."""
    places: Sequence[Place] = ()
    notes: Sequence[Place] = ()
    failure: Optional[Place] = None
    """Why nothing came of it."""
    makes: bool = False
    on_shim: bool = False
    on_client: bool = False
    own: str = ""
    """The project's own package or module for which it is left alone."""
    old: bytes = b""
    new: bytes = b""


class Run(NamedTuple):
    """All that came of a run, and what of its options is told."""

    outcomes: List[Outcome]
    problems: List[str]
    writes: bool
    python: str
    requires: str
    has_folders: bool

    def status(self) -> int:
        if self.problems or any(each.failure for each in self.outcomes):
            return 2
        return int(any(each.places or each.on_shim or each.uses and not self.writes for each in self.outcomes))

    def install(self) -> str:
        """Give the command that installs what the result needs; "" where nothing moves."""
        helper = any(each.on_shim for each in self.outcomes) and "polyaxon-helper" not in self.requires
        command = "pip install {}{}".format(self.requires, " polyaxon-helper" if helper else "")
        return command if any(each.uses for each in self.outcomes) else ""

    def notes(self) -> List[str]:
        """Give what there is to know of several files together."""
        making = [each for each in self.outcomes if each.makes]
        notes = [SEVERAL.format(_listed(making))] * (len(making) > 1 and any(each.uses for each in making))
        for own in sorted({each.own for each in self.outcomes} - {""}):
            notes.append(ALONE.format(own, _listed([each for each in self.outcomes if each.own == own])))
        left = [each for each in self.outcomes if each.on_shim and not each.places]
        return notes + [UNSELECTED.format(_listed(left))] * bool(left)


def say(run: Run, is_quiet: bool, is_verbose: bool) -> Iterator[str]:
    """Give the lines of the report, but for what failed."""
    changed = [each for each in run.outcomes if each.uses]
    places = [_line(each.path, place) for each in run.outcomes for place in each.places]
    notes = [_line(each.path, note) for each in run.outcomes for note in each.notes] + run.notes()
    yield from ("{}: {}".format(each.path, _count(each.uses, "use")) for each in changed if is_verbose)
    if places or not is_quiet:
        verb, uses = "rewrote" if run.writes else "would rewrite", _count(sum(each.uses for each in changed), "use")
        what = "{} {} in {}".format(verb, uses, _count(len(changed), "file")) if changed else (
            verb + " nothing" if run.status() == 2 else "nothing to rewrite")
        need = "; {} need{} you:".format(_count(len(places), "place"), "s" * (len(places) == 1)) if places else ""
        yield "{} for Python {}{}".format(what, run.python, need)
    yield from places
    if changed and any(each.on_client for each in run.outcomes):
        yield FIRST
    yield from [_count(len(notes), "note") + " to read:", *notes] if notes else []
    yield from [NOT_READ] if run.has_folders and not is_quiet else []
    yield from ["what is rewritten needs:", run.install()] if run.install() and not is_quiet else []


def failures(run: Run) -> Iterator[str]:
    """Give a line for each file or path that nothing came of."""
    yield from ("polyaxon_helper.migrate: " + problem for problem in run.problems)
    yield from ("{}:{}:{}: {}".format(each.path, each.failure.line, each.failure.column, each.failure.message)
                for each in run.outcomes if each.failure)


def as_json(run: Run) -> str:
    import json

    return json.dumps({
        "exit_status": run.status(), "python": run.python, "install": run.install(), "problems": run.problems,
        "notes": run.notes(), "files": [{
            "path": each.path, "uses": each.uses, "failure": each.failure and each.failure._asdict(),
            "places": [place._asdict() for place in each.places], "notes": [note._asdict() for note in each.notes],
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
    quoted = b"".join(b"%c" % byte if byte in PLAIN else b"\\%03o" % byte for byte in raw)
    return raw if quoted == raw else b'"' + quoted + b'"'


def _line(path: str, place: Place) -> str:
    return "{}:{}:{}: {}: {}".format(path, *place)


def _count(number: int, thing: str) -> str:
    return "{} {}{}".format(number, thing, "" if number == 1 else "s")


def _listed(outcomes: List[Outcome]) -> str:
    more = " and {} more".format(len(outcomes) - 5) if len(outcomes) > 5 else ""
    return ", ".join(each.path for each in outcomes[:5]) + more


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
