"""Arguments, exit status, and what is printed."""
import argparse
import json
import os
import signal
import sys
import uuid
from typing import Any, Dict, List, NoReturn, Optional, Sequence

from ..replacements import VERSION
from .metrics import Metrics
from .run import Run, run_script

EXAMPLES = """\
examples:
  python -m polyaxon_helper.local train.py
  python -m polyaxon_helper.local --param lr=0.1 --param 'layers=[64, 64]' --data mnist=./mnist train.py --epochs 3
  python -m polyaxon_helper.local --params-file params.json --outputs out -m package.train
  python -m polyaxon_helper.local --platform 2 --param lr=0.1 train.py

The script finds what it would find in a Polyaxon 0.5 experiment: parameters, data and outputs paths, and an API that
takes its metrics. Each metric is in OUTPUTS/metrics.jsonl as soon as it is sent.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, "{}: {} (see --help)\n".format(self.prog, message))


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run a script as the arguments say, and end as it ended."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        command = _command(options)
        run = Run(
            params={**_params_file(options.params_file), **_params(options.param)},
            data_paths=_data_paths(options.data),
            outputs=_outputs_folder(options.outputs),
            log_level=options.log_level,
            pod=uuid.uuid4().hex if options.platform == "2" else "",
        )
        # a pod's are in its event files
        kept = Metrics(os.devnull if run.pod else os.path.join(run.outputs, "metrics.jsonl"))
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error("--outputs {!r}: {}".format(error.filename, error.strerror))
    with kept as metrics:
        status = run_script([sys.executable, *command], run, metrics)
        outputs = os.path.join(run.artifacts, "outputs") if run.pod else run.outputs
        sys.stderr.write("\n{}\noutputs: {}\n".format(metrics.table(), outputs))
    _end_like(status)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m polyaxon_helper.local",
        usage="%(prog)s [options] SCRIPT [ARGS...]\n       %(prog)s [options] -m MODULE [ARGS...]",
        description="Run a script as a Polyaxon 0.5 experiment would, or a run of Polyaxon 2, without a cluster.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--param", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter for get_params(); the value is JSON where it parses, else text; may be repeated")
    add("--params-file", metavar="F", help="a JSON file with an object of parameters; --param has the last word")
    add("--data", action="append", default=[], metavar="NAME=PATH",
        help="a data path for get_data_paths(); may be repeated")
    add("--outputs", metavar="DIR", help="where the outputs go (default: the next free polyaxon-outputs/NUMBER)")
    add("--log-level", default="INFO", metavar="L", choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        help="the answer of get_log_level() (default: INFO)")
    add("--platform", default="0.5", metavar="P", choices=["0.5", "2"],
        help="the Polyaxon to be like: 0.5, or 2, where DIR is the pod's context: outputs and event files are in its "
        "artifacts/UUID (default: 0.5)")
    add("--version", action="version", version="polyaxon-helper " + VERSION)
    add("-m", dest="module", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    add("script", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _command(options: argparse.Namespace) -> List[str]:
    if options.module is not None:
        if not options.module:
            raise ValueError("-m wants the name of a module")
        return ["-m", *options.module]
    if not options.script:
        raise ValueError("no script is named")
    if not os.path.exists(options.script[0]):
        raise ValueError("there is no script {!r}".format(options.script[0]))
    command: List[str] = options.script
    return command


def _pairs(option: str, texts: Sequence[str]) -> Dict[str, str]:
    for text in texts:
        if text.find("=") < 1:
            raise ValueError("{} wants NAME=VALUE, not {!r}".format(option, text))
    return dict(text.split("=", 1) for text in texts)


def _params(texts: Sequence[str]) -> Dict[str, Any]:
    return {name: _json_or_text(value) for name, value in _pairs("--param", texts).items()}


def _json_or_text(text: str) -> Any:
    try:
        return _loads(text)
    except ValueError:
        return text


def _loads(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:  # NaN and Infinity are Python's, not JSON's
        raise ValueError("{} is not JSON".format(constant))

    return json.loads(text, parse_constant=refuse)


def _params_file(path: Optional[str]) -> Dict[str, Any]:
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            params = _loads(file.read())
    except OSError as error:
        raise ValueError("--params-file {!r}: {}".format(path, error.strerror)) from None
    except ValueError as error:
        raise ValueError("--params-file {!r} is not JSON: {}".format(path, error)) from None
    if not isinstance(params, dict):
        raise ValueError("--params-file {!r} holds no JSON object".format(path))
    return params


def _data_paths(texts: Sequence[str]) -> Dict[str, str]:
    paths = _pairs("--data", texts)
    for name, path in paths.items():
        if not os.path.exists(path):
            raise ValueError("--data {}: there is no {!r}".format(name, path))
    return {name: os.path.abspath(path) for name, path in paths.items()}


def _outputs_folder(path: Optional[str]) -> str:
    if path is not None:
        os.makedirs(path, exist_ok=True)
        return os.path.abspath(path)
    number = 1
    while True:  # also where another run takes the same number at the same time
        path = os.path.join("polyaxon-outputs", str(number))
        try:
            os.makedirs(path)
            return os.path.abspath(path)
        except FileExistsError:
            number += 1


def _end_like(status: int) -> NoReturn:
    """Exit with the script's status; where a signal ended it, by the same signal."""
    sys.stderr.flush()
    if status < 0:  # pragma: no cover - the signal ends the process before coverage saves this
        if status != -signal.SIGKILL:  # which takes no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
