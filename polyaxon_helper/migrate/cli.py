"""python -m polyaxon_helper.migrate: arguments, what is printed, the exit status."""
import argparse
import os
import sys
from typing import List, NoReturn, Optional, Tuple

from ..replacements import REPLACEMENTS, TRACEML, VERSION, client
from . import files, report, run

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


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line, without the usage before it."""
        self.exit(2, "polyaxon_helper.migrate: {}\n".format(message))


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; give its exit status."""
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


def _options(arguments: List[str]) -> argparse.Namespace:
    parser = Parser(
        prog=COMMAND if os.path.basename(sys.argv[0]).startswith(COMMAND) else "python -m polyaxon_helper.migrate",
        epilog=EXAMPLES,
        # to ask for the terminal's width, argparse would import shutil at each start
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
        description="Move Python sources from polyaxon_helper to polyaxon_client.tracking, in place; or from both to"
                    " traceml.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders; - for standard input to output")
    modes = parser.add_mutually_exclusive_group()
    for mode, says in ("diff", "print a patch, write nothing"), ("check", "write nothing, only say what would change"):
        modes.add_argument("--" + mode, dest="mode", action="store_const", const=mode, default="write", help=says)
    for name, says in ("--select", "move these names alone"), ("--ignore", "move all names but these"):
        parser.add_argument(name, metavar="NAME,...", type=names, action="append", default=[], help=says)
    parser.add_argument("--to", choices=("polyaxon-client", "traceml"), default="polyaxon-client",
                        help="what to move to: the client of Polyaxon 0.x, or traceml, of 1.x and 2.x")
    parser.add_argument("--python", metavar="X.Y", type=version, default=sys.version_info[:2],
                        help="the Python that the code will run on; default: this one")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to say what was done")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what needs a person, and what failed")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every file that changes")
    parser.add_argument("--version", action="version", version="polyaxon-helper " + VERSION)
    options = parser.parse_args(arguments)
    if not options.paths:
        parser.error("PATH is missing; for example: {} --diff .".format(parser.prog))
    if "-" in options.paths and len(options.paths) > 1:
        parser.error("- stands alone")
    return options


def names(listed: str) -> List[str]:
    found = [name.strip() for name in listed.split(",") if name.strip()]
    for name in found or [""]:
        if name not in REPLACEMENTS:
            from difflib import get_close_matches

            near = get_close_matches(name, REPLACEMENTS, 1) or sorted(REPLACEMENTS)
            raise argparse.ArgumentTypeError("there is no {!r}; {} {}".format(
                name, "there are" if near[1:] else "the nearest is", ", ".join(near)))
    return found


def version(text: str) -> Tuple[int, int]:
    major, minor = map(int, text.split("."))
    return major, minor


def _run(options: argparse.Namespace) -> int:
    target = TRACEML if options.to == "traceml" else client(options.python)
    selected = frozenset(sum(options.select, []) or REPLACEMENTS) - frozenset(sum(options.ignore, []))
    writes, is_filter = options.mode == "write", options.paths == ["-"]
    tree = files.Files(options.paths)
    outcomes = run.outcomes(tree, target, selected, writes)
    if options.mode == "diff":
        is_colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        sys.stdout.buffer.writelines(line for each in outcomes for line in report.patch(each, is_colored))
    elif writes and is_filter:
        sys.stdout.buffer.write(outcomes[0].new if outcomes else tree.piped)
    sys.stdout.flush()
    done = report.Run(outcomes, tree.problems, writes, "{}.{}".format(*options.python), target.requires,
                      any(map(os.path.isdir, options.paths)))
    said = [report.as_json(done)] if options.format == "json" else report.say(done, options.quiet, options.verbose)
    for problem in tree.problems if options.format == "text" else ():
        print(problem, file=sys.stderr)
    for line in said:
        print(line, file=sys.stderr if options.mode == "diff" or is_filter and writes else sys.stdout)
    return done.status()
