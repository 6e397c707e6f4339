"""Reads the arguments, runs what they say, and exits with its status."""
import argparse
import itertools
import json
import os
import shlex
import shutil
import signal
import sys
import uuid
from contextlib import nullcontext, suppress
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from ..replacements import VERSION
from . import polyaxonfile
from .experiments import printable, run_group, run_one, say, view
from .run import GROUP, NotStarted, Run, our_python, take_signals
from .values import value

OUTPUTS = "polyaxon-outputs"
EXAMPLES = """\
examples:
  python -m polyaxon_helper.local polyaxonfile.yml --param lr=0.1
  python -m polyaxon_helper.local group.yml --jobs 2 --sort loss
  python -m polyaxon_helper.local --param lr=0.1 --param 'layers=[64, 64]' --data mnist=./mnist train.py --epochs 3
  python -m polyaxon_helper.local --platform 2 --outputs out -m package.train
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say("{}: {} (see --help)".format(self.prog, message))
        _end_like(2)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run what the arguments say, and end as it ended."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.script = options.script[int(options.script[:1] == ["--"]):]
    file = next((name for name in options.script[:1] if name.endswith((".yml", ".yaml"))), None)
    if file:
        options = parser.parse_args(options.script[1:], options)  # those behind the file
    elif not (options.script or options.view) and options.module is None:
        file = next(filter(os.path.exists, polyaxonfile.NAMES), None)
    try:
        if options.view:
            print(view(options.view, options.outputs or (options.view[0] if len(options.view) == 1 else OUTPUTS)))
            _end_like(0)
        plan = _plan(options, file)
        say(*("{}: {}".format(file, note) for note in plan.notes))
        status = _show(plan) if options.dry_run else _run(plan, options)
    except BrokenPipeError:  # --dry-run | head
        status = 0
    except (OSError, ValueError) as error:
        parser.error((file + ": " if file else "") + str(error))
    _end_like(status)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m polyaxon_helper.local",
        usage="%(prog)s [POLYAXONFILE] [options]\n       %(prog)s [options] SCRIPT [ARGS...]\n"
        "       %(prog)s [options] -m MODULE [ARGS...]\n       %(prog)s --view OUTPUTS [OUTPUTS...]",
        description="Run what a polyaxonfile of Polyaxon 0.x says, or a script as its experiment or as a run of "
        "Polyaxon 2, without a cluster. Without a name: polyaxonfile.yml or polyaxon.yml of the current folder. Metrics"
        " are in OUTPUTS/metrics.jsonl as soon as they are sent, and at the end drawn in OUTPUTS/metrics.html.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("--param", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter for get_params(), instead of the polyaxonfile's; the value is JSON or a Python literal where "
        "it parses, else text; may be repeated")
    add("--data", action="append", default=[], metavar="NAME=PATH", help="a path for get_data_paths(); may be repeated")
    add("--outputs", metavar="DIR", help="where the outputs go (default: the next free polyaxon-outputs/NUMBER)")
    add("--log-level", metavar="L", choices=polyaxonfile.LEVELS,
        help="the answer of get_log_level() (default: the polyaxonfile's, or INFO)")
    add("--platform", default="0.5", metavar="P", choices=["0.5", "2"],
        help="the Polyaxon to be like: 0.5 (the default) or 2, where outputs and event files are in DIR/artifacts/UUID")
    add("--dry-run", action="store_true", help="print each command and its parameters, and run nothing")
    add("--jobs", type=_count, metavar="N", help="of a group: run N experiments at a time (default: its concurrency)")
    add("--random", type=_count, metavar="N", help="of a group: run N experiments drawn at random")
    add("--sort", metavar="METRIC", help="of a group: the table's lines by this metric's last value, the lowest first")
    add("--view", nargs="+", metavar="OUTPUTS", help="draw the curves in these folders, and run nothing; the page is "
        "OUTPUTS/metrics.html, of several folders polyaxon-outputs/metrics.html, or in --outputs")
    add("--version", action="version", version="polyaxon-helper " + VERSION)
    add("-m", dest="module", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    add("script", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a whole number of 1 or more is wanted, not {!r}".format(text))
    return int(text)


def _plan(options: argparse.Namespace, file: Optional[str]) -> polyaxonfile.Plan:
    given = _params(options.param)
    if not file:
        plan = polyaxonfile.Plan([Run(_command(options), given)])
    elif options.script or options.module is not None:
        raise ValueError("a polyaxonfile takes no arguments but the options")
    else:
        plan = polyaxonfile.read(file, given, options.random)
    for name in ("jobs", "random", "sort"):
        if getattr(options, name) is not None and not plan.runs[0].in_group:
            raise ValueError("--{} is for groups".format(name))
    return plan


def _show(plan: polyaxonfile.Plan) -> int:
    for run in plan.runs:
        command = run.command if isinstance(run.command, str) else " ".join(map(shlex.quote, run.command))
        print("{}\n    {}".format(printable(command), json.dumps(run.params)), flush=True)
    return 0


def _run(plan: polyaxonfile.Plan, options: argparse.Namespace) -> int:
    data_paths, is_group = _data_paths(options.data), plan.runs[0].in_group
    outputs, is_new = _outputs_folder(options.outputs)
    signals = take_signals()
    try:
        with our_python() if isinstance(plan.runs[0].command, str) else nullcontext("") as programs:
            runs = [run._replace(
                outputs=os.path.join(outputs, "groups", GROUP, str(run.number)) if is_group else outputs,
                data_paths=data_paths, log_level=options.log_level or run.log_level,
                pod=uuid.uuid4().hex if options.platform == "2" else "", programs=programs) for run in plan.runs]
            if is_group:
                return run_group(runs, outputs, options.jobs or plan.concurrency, options.sort, signals)
            return run_one(runs[0], signals)
    except NotStarted:
        if is_new:
            shutil.rmtree(outputs)
            if options.outputs is None and not os.listdir(OUTPUTS):
                os.rmdir(OUTPUTS)
        raise


def _command(options: argparse.Namespace) -> List[str]:
    if options.module is not None:
        if not options.module:
            raise ValueError("-m wants the name of a module")
        return [sys.executable, "-m", *options.module]
    if not options.script:
        raise ValueError("no script is named, and there is no " + " or ".join(polyaxonfile.NAMES))
    if not os.path.exists(options.script[0]):
        raise ValueError("there is no script {!r}".format(options.script[0]))
    return [sys.executable, *options.script]


def _pairs(wanted: str, texts: Sequence[str]) -> Dict[str, str]:
    for text in texts:
        if text.find("=") < 1:
            raise ValueError("{} is wanted, not {!r}".format(wanted, text))
    return dict(text.split("=", 1) for text in texts)


def _params(texts: Sequence[str]) -> Dict[str, Any]:
    params = {}
    for name, text in _pairs("--param NAME=VALUE", texts).items():
        try:
            params[name] = value(text)
        except ValueError as error:
            raise ValueError("--param {}: {}".format(name, error)) from None
    return params


def _data_paths(texts: Sequence[str]) -> Dict[str, str]:
    paths = _pairs("--data NAME=PATH", texts)
    for name, path in paths.items():
        if not os.path.exists(path):
            raise ValueError("--data {}: there is no {!r}".format(name, path))
    return {name: os.path.abspath(path) for name, path in paths.items()}


def _outputs_folder(path: Optional[str]) -> Tuple[str, bool]:
    """Make the folder, if it is not there; tell whether it is new."""
    if path is not None:
        is_new = not os.path.exists(path)
        os.makedirs(path, exist_ok=True)
        return os.path.abspath(path), is_new
    # also where another run takes the same number at the same time
    for number in itertools.count(1):  # pragma: no branch - it has no end
        with suppress(FileExistsError):
            os.makedirs(os.path.join(OUTPUTS, str(number)))
            break
    return os.path.abspath(os.path.join(OUTPUTS, str(number))), True


def _end_like(status: int) -> NoReturn:
    """Exit with the script's status; where a signal ended it, by the same signal."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:  # nobody reads it any more, which would change the status
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if status < 0:  # pragma: no cover - the signal ends the process before coverage saves this
        with suppress(OSError):  # SIGKILL takes no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
