"""python -m polyaxon_helper.migrate: arguments, what is printed, the exit status."""
import argparse
import gc
import os
import re
import sys
import time
from importlib.util import find_spec
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple, Type

from ..replacements import VERSION
from . import files
from .project import Project
from .python import ALL, LEGACY, Place, Result, Rewrite
from .source import LINE_END, Surprise, Unreadable

COMMAND = "polyaxon-helper-migrate"
EXAMPLES = """\
examples:
  %(prog)s --diff .                      show what would change
  %(prog)s .                             change it
  %(prog)s --select get_params train.py  one function after the other
  %(prog)s --check -v .                  in CI: exit status 1 while anything is left
  %(prog)s --to traceml .                go on to Polyaxon 1.x and 2.x
  %(prog)s - < old.py > new.py

exit status: 0, nothing of the legacy package is left; 1, something is, or would have to change; 2, wrong usage, or a
file could not be read, parsed or written
"""

RUNS_ON = {"polyaxon-client": (
    "What is rewritten runs on Python 3.7 to 3.9 with markupsafe<2.1. On this Python, put "
    "`import polyaxon_helper.client` above it; what still imports polyaxon_helper goes on working as well. "
    "On Polyaxon 1.x and 2.x, run this again with `--to traceml`."
), "traceml": (
    "What is rewritten needs polyaxon 2.7 or newer and numpy, without polyaxon-client beside them: "
    "pip install 'polyaxon-helper[traceml]'"
)}
LEGACY_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+{0}\b|import\b.*\b{0}\b)".format(LEGACY), re.M)
LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
COLORS = {"-": "\x1b[31m", "+": "\x1b[32m", "@": "\x1b[36m"}


class Outcome(NamedTuple):
    """What came of one file."""

    path: str
    old: str
    result: Result
    failure: Optional[Place] = None
    """Why nothing came of it."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """One line, without the usage before it."""
        self.exit(2, "polyaxon_helper.migrate: {}\n".format(message))


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; returns its exit status."""
    gc.disable()  # trees are many objects and few cycles: collecting takes a third of the time and finds little
    try:
        status = _run(_options(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        print("\npolyaxon_helper.migrate: interrupted; what was rewritten stays so, run it again for the rest",
              file=sys.stderr)
        return 130
    finally:
        gc.enable()


def _options(arguments: List[str]) -> Any:
    parser = Parser(
        prog=COMMAND if os.path.basename(sys.argv[0]).startswith(COMMAND) else "python -m polyaxon_helper.migrate",
        epilog=EXAMPLES,
        # to ask for the terminal's width, argparse would import shutil at each start
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
        description="Move Python sources from polyaxon_helper to polyaxon_client.tracking, in place; or from both to"
                    " traceml.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files or folders; - for standard input to output")
    modes = parser.add_mutually_exclusive_group()
    for mode, says in (("diff", "print a unified diff, write nothing"),
                       ("check", "write nothing, only say what would change")):
        modes.add_argument("--" + mode, dest="mode", action="store_const", const=mode, default="write", help=says)
    for name, says, default in (("--select", "move these names alone", ALL),
                                ("--ignore", "move all names but these", frozenset())):
        parser.add_argument(name, metavar="NAME,...", type=_names, default=default, help=says)
    parser.add_argument("--to", choices=tuple(RUNS_ON), default="polyaxon-client",
                        help="what to move to: the client of Polyaxon 0.x, or traceml, of 1.x and 2.x")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to say what was done")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what needs a person, and what failed")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every file that changes")
    parser.add_argument("--version", action="version", version="polyaxon-helper {}".format(VERSION))
    if not arguments:
        parser.print_usage(sys.stderr)
        raise SystemExit(2)
    options = parser.parse_args(arguments)
    if "-" in options.paths[1:] or options.paths[0] == "-" != options.paths[-1]:
        parser.error("- stands alone")
    return options


def _names(listed: str) -> FrozenSet[str]:
    names = frozenset(name.strip() for name in listed.split(",") if name.strip())
    unknown = sorted(names - ALL)
    if unknown or not names:
        raise argparse.ArgumentTypeError("no such name: {}; there are {}".format(
            ", ".join(unknown) or repr(listed), ", ".join(sorted(ALL))))
    return names


def _run(options: Any) -> int:
    problems: List[str] = []
    out = sys.stderr if options.mode == "diff" or options.paths == ["-"] else sys.stdout
    if options.paths == ["-"]:
        texts = [sys.stdin.buffer.read()]
        outcomes = list(_outcomes(["-"], options, lambda path: texts[0], lambda path, old, new: texts.append(new)))
        if options.mode == "write":
            sys.stdout.buffer.write(texts[-1])
            sys.stdout.flush()
    else:
        paths = list(files.find(options.paths, problems))
        order = {path: number for number, path in enumerate(paths)}
        outcomes = sorted(_outcomes(paths, options, files.read, files.replace), key=lambda each: order[each.path])
    for outcome in outcomes if options.mode == "diff" else ():
        _print_diff(outcome)
    return _say(outcomes, problems, options, out)


def _outcomes(paths: List[str], options: Any, read: Callable[[str], bytes],
              write: Callable[[str, bytes, bytes], None]) -> Iterator[Outcome]:
    """What comes of each file that names the legacy package."""
    selected = options.select - options.ignore
    rewrite, project, gates = _target(options.to)
    texts: Dict[str, files.Text] = {}
    rewrites: Dict[str, Rewrite] = {}
    for path in _shown(paths):
        try:
            raw = read(path)
            if any(map(raw.__contains__, gates)):
                texts[path] = files.decode(raw)
                rewrites[path] = rewrite(texts[path].text)
        except (files.Problem, Unreadable, Surprise) as error:
            yield _failed(path, texts[path].text if path in texts else "", error)
    for module in _shown(project(paths, rewrites).plan(selected)):
        text = texts[module.path]
        try:
            result = rewrites.pop(module.path).result(module.context(selected))
            if result.text != text.text and options.mode == "write":
                write(module.path, files.encode(text.text, text), files.encode(result.text, text))
        except (files.Problem, UnicodeError, Unreadable, Surprise) as error:
            yield _failed(module.path, text.text, error)
        else:
            module.rewrite = None
            module.makes = result.provides
            yield Outcome(module.path, text.text, result)


def _target(to: str) -> Tuple[Type[Rewrite], Type[Project], Tuple[bytes, ...]]:
    """Who rewrites a file and who knows the others, and what a file names that is read at all."""
    if to == "traceml":
        from .traceml import CLIENT, Traceml, TracemlProject  # nobody else pays for it

        return Traceml, TracemlProject, (files.GATE, CLIENT.encode())
    return Rewrite, Project, (files.GATE,)


def _failed(path: str, text: str, error: Exception) -> Outcome:
    """A file that is left byte for byte; with the line of its legacy import, where it could be read."""
    match = LEGACY_IMPORT.search(text)
    line = len(LINE_END.findall(text[:match.start()])) + 1 if match else getattr(error, "line", 1)
    message = str(error)
    if isinstance(error, Unreadable):
        message = "left as it is, Python {}.{} can't parse line {}: {}".format(*sys.version_info[:2], error.line, error)
    elif isinstance(error, Surprise):
        message = "left as it is, and this should not be: {}; please report it with the file".format(error)
    else:
        line, match = 1, None
    return Outcome(path, text, Result(text, 0, []), Place(line, 1, LEGACY if match else "", message))


def _shown(items: List[Any]) -> Iterator[Any]:
    """The items; on a terminal, and for more than a second's work, with a line that says how far it is."""
    started = shown = time.monotonic()
    for number, item in enumerate(items):
        now = time.monotonic()
        if now - started > 1 and now - shown > 0.1 and sys.stderr.isatty():
            shown = now
            sys.stderr.write("\r{} of {} files".format(number, len(items)))
            sys.stderr.flush()
        yield item
    if shown != started:
        sys.stderr.write("\r\x1b[K")


# Saying it

def _say(outcomes: List[Outcome], problems: List[str], options: Any, out: Any) -> int:
    changed = [each for each in outcomes if each.result.uses]
    failures = [(each.path, each.failure) for each in outcomes if each.failure]
    write = options.mode == "write"
    left = {each.path: each.result.left if write else each.result.places for each in outcomes}
    places = [(path, place) for path in left for place in left[path]]
    notes = [(each.path, note) for each in outcomes for note in each.result.notes]
    status = 2 if failures or problems else 1 if places or changed and not write else 0
    if options.format == "json":
        import json

        print(json.dumps({"exit_status": status, "problems": problems, "files": [{
            "path": each.path,
            "uses": each.result.uses,
            "failure": each.failure._asdict() if each.failure else None,
            "places": [place._asdict() for place in left[each.path]],
            "notes": [note._asdict() for note in each.result.notes],
        } for each in outcomes]}, indent=2), file=sys.stdout if options.mode == "check" else out)
        return status
    for problem in problems:
        print("polyaxon_helper.migrate: {}".format(problem), file=sys.stderr)
    for path, failure in failures:
        where = ":{}:{}".format(failure.line, failure.column) if failure.name or failure.line > 1 else ""
        print("{}{}: {}".format(path, where, failure.message), file=sys.stderr)
    for each in changed if options.verbose else ():
        print("{}: {}".format(each.path, _count(each.result.uses, "use")), file=out)
    runs = _traceml_imports if options.to == "traceml" else _client_imports
    if changed and write and not options.quiet and not runs():
        print(RUNS_ON[options.to], file=out)
    if places or not options.quiet:
        verb = "rewrote" if write else "would rewrite"
        summary = "{} {} in {}".format(
            verb, _count(sum(each.result.uses for each in changed), "use"), _count(len(changed), "file")
        ) if changed else verb + " nothing" if failures else "nothing to rewrite"
        needing = "; {} need{} you:".format(_count(len(places), "place"), "s" if len(places) == 1 else "")
        print(summary + (needing if places else ""), file=out)
    for index, (path, place) in enumerate(places + notes):
        if index == len(places):
            print("{} to read:".format(_count(len(notes), "note")), file=out)
        print("{}:{}:{}: {}: {}".format(path, place.line, place.column, place.name, place.message), file=out)
    return status


def _count(number: int, thing: str) -> str:
    return "{} {}{}".format(number, thing, "" if number == 1 else "s")


def _print_diff(outcome: Outcome) -> None:
    import difflib

    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    name = os.path.normpath(outcome.path).replace(os.sep, "/")
    old, new = LINES.findall(outcome.old), LINES.findall(outcome.result.text)
    for line in difflib.unified_diff(old, new, "a/" + name, "b/" + name) if old != new else ():
        if not line.endswith(("\n", "\r")):
            line += "\n\\ No newline at end of file\n"
        if colored and line[0] in COLORS:
            line = COLORS[line[0]] + line.rstrip("\r\n") + "\x1b[0m\n"
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def _traceml_imports() -> bool:
    return None not in map(find_spec, ("traceml", "polyaxon", "numpy")) and find_spec("polyaxon_client") is None


def _client_imports() -> bool:
    """Whether this Python can import polyaxon_client by itself; found out without importing it."""
    markupsafe = find_spec("markupsafe")
    if sys.version_info >= (3, 10) or find_spec("polyaxon_client") is None or not (markupsafe and markupsafe.origin):
        return False
    with open(markupsafe.origin, encoding="utf-8") as file:
        return "soft_unicode" in file.read()
