"""python -m polyaxon_helper.migrate: arguments, what is printed, the exit status."""
import argparse
import gc
import os
import re
import sys
import time
from importlib.util import find_spec
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from ..replacements import REPLACEMENTS, VERSION
from . import files
from .edits import Surprise, Unreadable
from .project import Import, Plan, Project
from .python import ALL, LEGACY, Context, Place, Provider, Result, Rewrite

EXAMPLES = """\
examples:
  %(prog)s --diff .                      show what would change
  %(prog)s .                             change it
  %(prog)s --select get_params train.py  one function after the other
  %(prog)s --check .                     in CI: exit status 1 while anything is left
  %(prog)s - < old.py > new.py

exit status: 0, nothing of the legacy package is left; 1, something is, or would have to change; 2, wrong usage, or a
file could not be read, parsed or written
"""

LEGACY_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+{0}\b|import\b.*\b{0}\b)".format(LEGACY), re.M)
KEPT_TEXT = 1000 * 1000
"""Characters whose trees are kept while the other files are looked at; what is over that is parsed twice."""

RUNS_ON = (
    "What is rewritten runs on Python 3.7 to 3.9 with markupsafe<2.1. On this Python, put "
    "`import polyaxon_helper.client` above it; what still imports polyaxon_helper goes on working as well."
)
OWNER_FAILED = "stays: {}, which should make the process's one Experiment, could not be rewritten"


class Outcome(NamedTuple):
    """What came of one file."""

    path: str
    result: Optional[Result]
    failure: Optional[Place] = None
    """Why nothing came of it."""


class Options(NamedTuple):
    paths: List[str]
    selected: FrozenSet[str]
    mode: str
    format: str
    quiet: bool
    verbose: bool


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; returns its exit status."""
    options = _options(arguments)
    gc.disable()  # trees are many objects and no cycles: collecting takes a third of the time and finds nothing
    try:
        return _run(options)
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()


def _options(arguments: Optional[List[str]]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m polyaxon_helper.migrate", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Move Python sources from polyaxon_helper to polyaxon_client.tracking, in place.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files or folders; - for standard input to output")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--diff", action="store_true", help="print a unified diff, write nothing")
    modes.add_argument("--check", action="store_true", help="write nothing, only say what would change")
    parser.add_argument("--select", metavar="NAME,...", help="move these names alone")
    parser.add_argument("--ignore", metavar="NAME,...", help="move all names but these")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to say what was done")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what needs a person, and what failed")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every file that changes")
    parser.add_argument("--version", action="version", version="polyaxon-helper {}".format(VERSION))
    parser.error = lambda message: _fail(message)  # type: ignore[method-assign]  # one line, no usage
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_usage(sys.stderr)
        raise SystemExit(2)
    given = parser.parse_args(arguments)
    if "-" in given.paths and len(given.paths) > 1:
        _fail("- stands alone")
    selected = _names(given.select, ALL) - (_names(given.ignore, ALL) if given.ignore is not None else frozenset())
    mode = "diff" if given.diff else "check" if given.check else "write"
    return Options(given.paths, selected, mode, given.format, given.quiet, given.verbose)


def _fail(message: str) -> Any:
    print("polyaxon_helper.migrate: {}".format(message), file=sys.stderr)
    raise SystemExit(2)


def _names(listed: Optional[str], default: FrozenSet[str]) -> FrozenSet[str]:
    if listed is None:
        return default
    names = frozenset(name.strip() for name in listed.split(",") if name.strip())
    unknown = sorted(names - ALL)
    if unknown or not names:
        _fail("no such name: {}; there are {}".format(", ".join(unknown) or repr(listed),
                ", ".join(sorted(REPLACEMENTS))))
    return names


def _run(options: Options) -> int:
    if options.paths == ["-"]:
        return _run_stdin(options)
    problems: List[str] = []
    progress = Progress()
    outcomes: List[Outcome] = []
    for outcome, old in _outcomes(list(files.find(options.paths, problems)), options, progress):
        outcomes.append(outcome)
        if options.mode == "diff" and outcome.result and outcome.result.text != old:
            progress.clear()
            _print_diff(outcome.path, old, outcome.result.text)
    progress.clear()
    return _say(outcomes, problems, options, sys.stderr if options.mode == "diff" else sys.stdout)


def _run_stdin(options: Options) -> int:
    raw = sys.stdin.buffer.read()
    new, outcome = raw, Outcome("-", Result("", 0, []))
    if files.GATE in raw:
        try:
            text = files.decode(raw)
            outcome = _migrated("-", Context(options.selected), text.text, None)
            if outcome.result is not None:
                if options.mode == "diff" and outcome.result.text != text.text:
                    _print_diff("-", text.text, outcome.result.text)
                new = files.encode(outcome.result.text, text)
        except files.Problem as problem:
            outcome = Outcome("-", None, Place(1, 1, "", str(problem)))
    if options.mode == "write":
        sys.stdout.buffer.write(new)
        sys.stdout.flush()
    changed = [outcome] if new != raw or outcome.failure or outcome.result and outcome.result.places else []
    status = _say(changed, [], options, sys.stderr)
    return status


# From files to outcomes

def _outcomes(paths: List[str], options: Options, progress: "Progress") -> Iterator[Tuple[Outcome, str]]:
    """What comes of each file that names the legacy package, and its old text."""
    texts: Dict[str, files.Text] = {}
    rewrites: Dict[str, Rewrite] = {}
    failures: List[Outcome] = []
    kept = 0
    for number, path in enumerate(paths):
        progress.show(number, len(paths))
        try:
            raw = files.read(path)
            if files.GATE in raw:
                text = files.decode(raw)
                texts[path] = text._replace(text="")
                rewrites[path] = Rewrite(text.text)
                kept += len(text.text)
        except files.Problem as problem:
            failures.append(Outcome(path, None, Place(1, 1, "", str(problem))))
        except (Unreadable, Surprise) as error:
            failures.append(_unparsed(path, text.text, error))
    others = (path for path in paths if path not in rewrites)
    project = Project(paths)
    plans = project.plans(rewrites, others, options.selected) if rewrites else []
    for failure in failures:
        yield failure, ""
    done = dict(project.makers)
    for number, plan in enumerate(plans):
        progress.show(number, len(plans))
        outcome, old = _outcome(plan, rewrites.pop(plan.path), texts[plan.path], done, options)
        if outcome.result is not None and outcome.result.provides is not None:
            done[os.path.abspath(plan.path)] = outcome.result.provides
        yield outcome, old


def _outcome(plan: Plan, rewrite: Rewrite, like: files.Text, done: Dict[str, Tuple[str, bool]],
             options: Options) -> Tuple[Outcome, str]:
    old = rewrite.source.text
    exported = plan.exported | (frozenset("*") if os.path.basename(plan.path) == "__init__.py" else frozenset())
    provider, stay = _provider(plan.provider, done)
    context = Context(options.selected, exported, provider, plan.shared, plan.stay or stay)
    outcome = _migrated(plan.path, context, old, rewrite)
    if outcome.result is not None and outcome.result.text != old and options.mode == "write":
        try:
            files.replace(plan.path, files.encode(old, like), files.encode(outcome.result.text, like))
        except (files.Problem, UnicodeError) as problem:
            outcome = Outcome(plan.path, None, Place(1, 1, "", str(problem)))
    return outcome, old


def _provider(given: Optional[Import], done: Dict[str, Tuple[str, bool]]) -> Tuple[Optional[Provider], str]:
    if given is None:
        return None, ""
    if given.path not in done:
        return None, OWNER_FAILED.format(given.module)
    return Provider(given.module, *done[given.path], node=given.node), ""


def _migrated(path: str, context: Context, text: str, rewrite: Optional[Rewrite]) -> Outcome:
    try:
        return Outcome(path, (rewrite or Rewrite(text)).result(context))
    except (Unreadable, Surprise) as error:
        return _unparsed(path, text, error)


def _unparsed(path: str, text: str, error: Exception) -> Outcome:
    """A file that is left byte for byte, with the line of its legacy import."""
    match = LEGACY_IMPORT.search(text)
    line = len(re.findall(r"\r\n|\r|\n", text[:match.start()])) + 1 if match else getattr(error, "line", 1)
    if isinstance(error, Unreadable):
        message = "left as it is, Python {}.{} can't parse line {}: {}".format(*sys.version_info[:2], error.line, error)
    else:
        message = "left as it is, and this should not be: {}; please report it with the file".format(error)
    return Outcome(path, None, Place(line, 1, LEGACY if match else "", message))


# Saying it

def _say(outcomes: List[Outcome], problems: List[str], options: Options, out: Any) -> int:
    results = [(outcome.path, outcome.result) for outcome in outcomes if outcome.result is not None]
    failures = [(outcome.path, outcome.failure) for outcome in outcomes if outcome.failure is not None]
    changed = [(path, result) for path, result in results if result.uses]
    places = [(path, place) for path, result in results for place in result.places]
    status = 2 if failures or problems else 1 if places or changed and options.mode != "write" else 0
    if options.format == "json":
        _print_json(outcomes, problems, status)
        return status
    for problem in problems:
        print("polyaxon_helper.migrate: {}".format(problem), file=sys.stderr)
    for path, failure in failures:
        print("{}: {}".format(path if failure.message and not failure.name and failure.line == 1 else "{}:{}:{}".format(
            path, failure.line, failure.column), failure.message), file=sys.stderr)
    if options.verbose:
        for path, result in changed:
            print("{}: {}".format(path, _count(result.uses, "use")), file=out)
    if changed and options.mode == "write" and not options.quiet and not _client_imports():
        print(RUNS_ON, file=out)
    if not options.quiet or places:
        print(_summary(changed, places, options.mode), file=out)
    for path, place in places:
        print("{}:{}:{}: {}: {}".format(path, place.line, place.column, place.name, place.message), file=out)
    return status


def _summary(changed: List[Tuple[str, Result]], places: List[Tuple[str, Place]], mode: str) -> str:
    verb = "rewrote" if mode == "write" else "would rewrite"
    text = "nothing to rewrite" if not changed else "{} {} in {}".format(
        verb, _count(sum(result.uses for _, result in changed), "use"), _count(len(changed), "file"))
    return text + ("; {} {} you:".format(_count(len(places), "place"), "needs" if len(places) == 1 else "need")
                   if places else "")


def _count(number: int, thing: str) -> str:
    return "{} {}{}".format(number, thing, "" if number == 1 else "s")


def _print_json(outcomes: List[Outcome], problems: List[str], status: int) -> None:
    import json

    print(json.dumps({
        "exit_status": status,
        "problems": problems,
        "files": [{
            "path": outcome.path,
            "uses": outcome.result.uses if outcome.result else 0,
            "failure": outcome.failure._asdict() if outcome.failure else None,
            "places": [place._asdict() for place in outcome.result.places] if outcome.result else [],
        } for outcome in outcomes],
    }, indent=2), file=sys.stderr if sys.stdin is None else sys.stdout)


def _print_diff(path: str, old: str, new: str) -> None:
    import difflib

    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    colors = {"-": "\x1b[31m", "+": "\x1b[32m", "@": "\x1b[36m"}
    split = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
    name = os.path.normpath(path).replace(os.sep, "/")
    encoded = []
    for line in difflib.unified_diff(split.findall(old), split.findall(new), "a/" + name, "b/" + name):
        text = line if line.endswith(("\n", "\r")) else line + "\n\\ No newline at end of file\n"
        if colored and line[0] in colors:
            text = colors[line[0]] + text.rstrip("\r\n") + "\x1b[0m\n"
        encoded.append(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(encoded))
    sys.stdout.flush()


def _client_imports() -> bool:
    """Whether this Python can import polyaxon_client by itself; found out without importing it."""
    markupsafe = find_spec("markupsafe")
    if sys.version_info >= (3, 10) or find_spec("polyaxon_client") is None or not (markupsafe and markupsafe.origin):
        return False
    with open(markupsafe.origin, encoding="utf-8") as file:
        return "soft_unicode" in file.read()


class Progress:
    """A line on a terminal, for more than a second's work."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.shown = 0.0

    def show(self, number: int, total: int) -> None:
        now = time.monotonic()
        if now - self.started > 1 and now - self.shown > 0.1 and sys.stderr.isatty():
            self.shown = now
            sys.stderr.write("\r{} of {} files".format(number, total))
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            self.shown = 0.0
