"""Says what was done: a line a place, a summary, JSON or a patch; and on a terminal, how far the work is."""
import os
import re
import sys
import time
from argparse import Namespace
from typing import Iterable, Iterator, List, NamedTuple

from .python import Report

NOT_READ = ("not read unless given as PATH: submodules, virtual environments, node_modules, untracked build and dist,"
            " and what git ignores")
FIRST = "still use polyaxon-client, which can't be installed beside traceml; move that by hand, then run again: "
SEVERAL = ("each makes an Experiment, and a program that loads several of them waits some 3 seconds more for each at"
           " its exit; to share one, keep get_experiment in one of them and import it from there in the others: ")
ALONE = "left alone, since there polyaxon_helper is {}: "
UNSELECTED = "still use polyaxon_helper, for names that were not to move: "
LINE = "{}:{}:{}: {}: {}"


class Outcome(NamedTuple):
    """Says what came of one file; `own` is the project's own package or module for which it was left alone."""

    path: str
    old: bytes
    new: bytes
    own: str
    report: Report
    uses: int = 0
    makes: bool = False
    on_shim: bool = False
    on_client: bool = False


def status(outcomes: List[Outcome], problems: List[str], writes: bool) -> int:
    is_left = any(each.report.places or each.on_shim or each.uses and not writes for each in outcomes)
    return 2 if problems else int(is_left)


def say(outcomes: List[Outcome], options: Namespace, requires: str, problems: List[str]) -> Iterator[str]:
    """Give the lines of the report, but for what failed."""
    changed = [each for each in outcomes if each.uses]
    places = [LINE.format(each.path, *place) for each in outcomes for place in each.report.places]
    notes = [LINE.format(each.path, *note) for each in outcomes for note in each.report.notes] + together(outcomes)
    yield from ("{}: {}".format(each.path, _count(each.uses, "use")) for each in changed if options.verbose)
    if places or not options.quiet:
        uses, files = _count(sum(each.uses for each in changed), "use"), _count(len(changed), "file")
        yield "{} {} for Python {}.{}{}".format(
            "rewrote" if options.mode == "write" else "would rewrite", uses + " in " + files if changed else "nothing",
            *options.python, "; {} for you:".format(_count(len(places), "place")) if places else "")
    yield from places
    yield from [_count(len(notes), "note") + " to read:", *notes] if notes else []
    if not options.quiet:
        yield from [NOT_READ] if any(map(os.path.isdir, options.paths)) else []
        yield from ["what is rewritten needs:", install(outcomes, requires)] if changed else []


def as_json(outcomes: List[Outcome], options: Namespace, requires: str, problems: List[str]) -> Iterator[str]:
    import json

    yield json.dumps({
        "exit_status": status(outcomes, problems, options.mode == "write"), "python": "{}.{}".format(*options.python),
        "install": install(outcomes, requires), "problems": problems, "notes": together(outcomes), "files": [{
            "path": each.path, "uses": each.uses,
            **{name: [place._asdict() for place in places] for name, places in each.report._asdict().items()},
        } for each in outcomes]}, indent=2)


def install(outcomes: List[Outcome], requires: str) -> str:
    """Give the command that installs what the files need once they are rewritten."""
    stays = any(each.on_shim for each in outcomes) and "polyaxon-helper" not in requires
    return "pip install {}{}".format(requires, " polyaxon-helper" if stays else "")


def together(outcomes: List[Outcome]) -> List[str]:
    """Give what there is to know of several files together."""
    making = [each for each in outcomes if each.makes]
    told = [(SEVERAL, making if len(making) > 1 and any(each.uses for each in making) else []),
            (FIRST, [each for each in outcomes if each.on_client and any(other.uses for other in outcomes)]),
            (UNSELECTED, [each for each in outcomes if each.on_shim and not each.report.places])]
    told += [(ALONE.format(own), [each for each in outcomes if each.own == own])
             for own in sorted({each.own for each in outcomes} - {""})]
    return [text + ", ".join(each.path for each in some[:5]) + ", and {} more".format(len(some) - 5) * (len(some) > 5)
            for text, some in told if some]


def patch(outcome: Outcome) -> Iterator[bytes]:
    """Give the lines of a patch that `git apply` takes, in the file's own encoding."""
    import difflib

    old, new = (re.findall(b"[^\n]*\n|[^\n]+", text) for text in (outcome.old, outcome.new))
    names = [_quoted(side + os.path.relpath(outcome.path).replace(os.sep, "/")) for side in ("a/", "b/")]
    for line in difflib.diff_bytes(difflib.unified_diff, old, new, names[0], names[1]):
        yield line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _quoted(name: str) -> bytes:
    """Give a path as git reads it."""
    raw = os.fsencode(name)
    quoted = re.sub(rb'[^ -~]|["\\]', lambda match: b"\\%03o" % ord(match.group()), raw)
    return raw if quoted == raw else b'"' + quoted + b'"'


def _count(number: int, thing: str) -> str:
    return "{} {}{}".format(number, thing, "" if number == 1 else "s")


def shown(doing: str, paths: Iterable[str]) -> Iterator[str]:
    """Give the paths; on a terminal, with a line that says how far it is, from the start."""
    if not sys.stderr.isatty():
        yield from paths
        return
    line = "\r{}: {}" + (" of {}".format(len(paths)) if isinstance(paths, list) else "") + " files\x1b[K"
    print(line.format(doing, 0), end="", file=sys.stderr, flush=True)
    due = time.monotonic() + 0.1
    for number, path in enumerate(paths, 1):
        yield path
        if time.monotonic() > due:
            print(line.format(doing, number), end="", file=sys.stderr, flush=True)
            due = time.monotonic() + 0.1
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)
