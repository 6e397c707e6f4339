"""python -m polyaxon_helper.migrate: arguments, what is printed, the exit status."""
import argparse
import gc
import os
import sys
from typing import List, NoReturn, Optional, Tuple

from ..replacements import MIGRATE, REPLACEMENTS, TRACEML, VERSION, client
from . import files, report, run

EXAMPLES = """\
examples:
  %(prog)s --diff .                      show what would change
  %(prog)s .                             change it
  %(prog)s --select get_params train.py  one function after the other
  %(prog)s --check -v .                  in CI: exit status 1 while anything is left
  %(prog)s --to traceml .                go on to Polyaxon 1.x and 2.x
  %(prog)s - < old.py > new.py

exit status: 0, nothing is left to move; 1, something is, or would change; 2, a file or the usage is wrong
"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:  # in one line, without the usage before it
        self.exit(2, "polyaxon_helper.migrate: {}\n".format(message))


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; give its exit status."""
    gc.disable()  # trees are many objects, and are needed to the end: to look for cycles takes a sixth of the time
    try:
        return _run(_options(sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\npolyaxon_helper.migrate: interrupted; what was rewritten stays so, the rest as it was\n")
        return 130
    finally:
        gc.enable()


def _options(arguments: List[str]) -> argparse.Namespace:
    parser = Parser(
        prog="polyaxon-helper-migrate" if "helper-migrate" in os.path.basename(sys.argv[0]) else MIGRATE,
        epilog=EXAMPLES,
        # to ask for the terminal's width, argparse would import shutil at each start
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
        description="Move Python sources from polyaxon_helper to polyaxon-client, or from both to traceml, in place.")
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
    for name in found or [listed]:
        if name not in REPLACEMENTS:
            from difflib import get_close_matches

            near = get_close_matches(name, REPLACEMENTS, n=1, cutoff=0)
            raise argparse.ArgumentTypeError("there is no {!r}; the nearest is {}".format(name, *near))
    return found


def version(text: str) -> Tuple[int, int]:
    major, minor = map(int, text.split("."))
    return major, minor


def _run(options: argparse.Namespace) -> int:
    target = TRACEML if options.to == "traceml" else client(options.python)
    selected = frozenset(sum(options.select, []) or REPLACEMENTS) - frozenset(sum(options.ignore, []))
    tree, writes = files.Files(options.paths), options.mode == "write"
    outcomes = run.outcomes(tree, target, selected, writes)
    if options.mode == "diff":
        sys.stdout.buffer.writelines(line for each in outcomes for line in report.patch(each))
    elif writes and options.paths == ["-"]:
        sys.stdout.buffer.write(outcomes[0].new if outcomes else tree.piped)
    sys.stdout.flush()
    say = report.as_json if options.format == "json" else report.say
    sys.stderr.writelines(problem + "\n" for problem in tree.problems)
    out = sys.stderr if options.mode == "diff" or writes and options.paths == ["-"] else sys.stdout
    said = "".join(line + "\n" for line in say(outcomes, options, target.requires, tree.problems))
    out.write(said.encode(out.encoding or "utf-8", "backslashreplace").decode(out.encoding or "utf-8"))
    sys.stdout.flush()
    return report.status(outcomes, tree.problems, writes)
