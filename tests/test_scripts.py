"""The scripts of a user, run as such: each way to import, as the main module and as an imported one."""
import json
from pathlib import Path
from typing import Any, Dict

import pytest

from .containers import NOT_MANAGED
from .processes import BACKENDS, CLIENT_IS_0_4, Process, needs_client

pytestmark = pytest.mark.slow

# Each sends one metric under a name of its own; where `{name}` is that name
STYLES: Dict[str, str] = {
    "from_import": "from polyaxon_helper import get_params, send_metrics\nsend_metrics({name}=get_params()['x'])\n",
    "from_as": "from polyaxon_helper import get_declarations as d, send_metrics as log\nlog({name}=d()['x'])\n",
    "module": "import polyaxon_helper\npolyaxon_helper.send_metrics({name}=polyaxon_helper.get_params()['x'])\n",
    "alias": "import polyaxon_helper as plx\nplx.send_metrics({name}=plx.get_params()['x'])\n",
    "star": "from polyaxon_helper import *\nexperiment.log_metrics({name}=get_params()['x'])\n",
    "experiment": "from polyaxon_helper import experiment\nexperiment.log_metrics({name}=3)\n",
    "in_function": "def f():\n    from polyaxon_helper import send_metrics\n    send_metrics({name}=3)\nf()\n",
    "in_try": (
        "try:\n    from polyaxon_helper import send_metrics\n"
        "except ImportError:\n    send_metrics = None\n"
        "if send_metrics: send_metrics(**{{'{name}': 3}})\n"
    ),
    "in_except": (
        "from polyaxon_helper import PolyaxonClientException, get_outputs_path, send_metrics\n"
        "try:\n    get_outputs_path()\n    send_metrics({name}='three')\n"
        "except PolyaxonClientException:\n    send_metrics({name}=3)\n"
    ),
}


def local_run(python: Process, script: Path, backend: str) -> Any:
    outputs = script.parent / "outputs"
    process = python("-m", "polyaxon_helper.local", "--param", "x=3", "--outputs", str(outputs), str(script),
                     backend=backend)
    assert process.returncode == 0, process.stderr
    lines = (outputs / "metrics.jsonl").read_text().splitlines()
    return process, [json.loads(line)["values"] for line in lines]


@pytest.mark.parametrize("style", [style for style in STYLES if style not in ("alias", "in_try")])  # as two others
def test_main_module_without_the_client(style: str, python: Process, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(STYLES[style].format(name=style))
    process, metrics = local_run(python, script, "environment")
    assert metrics == [{style: 3}]
    told = [line for line in process.stderr.splitlines() if "DeprecatedWarning" in line]
    assert told and all(line.startswith("{}:".format(script)) for line in told)  # of the main module: shown


@pytest.mark.parametrize("backend", [
    pytest.param(backend, marks=pytest.mark.skipif(
        backend == "client" and CLIENT_IS_0_4, reason="it finds no parameters in a run of 0.5"))
    for backend in BACKENDS
])
def test_imported_modules_in_one_process(backend: str, python: Process, tmp_path: Path) -> None:
    for style, code in STYLES.items():
        (tmp_path / "{}_style.py".format(style)).write_text(code.format(name=style))
    script = tmp_path / "train.py"
    script.write_text("".join("import {}_style\n".format(style) for style in STYLES))
    process, metrics = local_run(python, script, backend)
    assert metrics == [{style: 3} for style in STYLES]
    assert "DeprecatedWarning" not in process.stderr  # Python hides it in imported modules; the summary tells
    assert "  {}:2 (2x)\n".format(tmp_path / "alias_style.py") in process.stderr


# Those of the functions that the metric goes through, as arguments
NAMES = ["self", "this", "cls", "metrics", "kwargs", "args", "name", "function", "step"]
GIVEN = {
    "send_metrics": "from polyaxon_helper import send_metrics as log",
    "the attribute's method": "from polyaxon_helper import experiment\nlog = experiment.log_metrics",
    "an Experiment's method": "from polyaxon_helper import Experiment\nlog = Experiment().log_metrics",
    "the class's method": "import functools\nfrom polyaxon_helper import Experiment\n"
                          "log = functools.partial(Experiment.log_metrics, Experiment())",
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_metric_may_have_any_name_without_the_client(given: str, python: Process, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("{}\nfor name in {}: log(**{{name: 3}})\n".format(given, NAMES))
    _, metrics = local_run(python, script, "environment")
    assert metrics == [{name: 3} for name in NAMES]


OUTSIDE = {
    "from_import": NOT_MANAGED + "\n",
    "star": "AttributeError: 'NoneType' object has no attribute 'log_metrics'\n",
    "in_except": "",  # swallowed by the script; that nothing is sent is a warning
}


@needs_client
@pytest.mark.parametrize("style, error", OUTSIDE.items(), ids=OUTSIDE)
def test_outside_polyaxon_the_client_ends_it_as_ever(style: str, error: str, python: Process, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(STYLES[style].format(name="loss"))
    process = python("-W", "ignore", str(script), backend="client")
    assert (process.returncode, "Traceback" in process.stderr) == (bool(error), bool(error))
    assert error in process.stderr


def test_an_alias_kept_from_the_module_is_the_function(python: Process) -> None:
    process = python("-W", "ignore", "-c", (
        "import functools, polyaxon_helper\n"
        "callback = functools.partial(polyaxon_helper.send_metrics, loss=1)\n"
        "callback(); print(callback.func.__name__, callback.func.__module__)\n"
    ))
    assert process.stdout == "send_metrics polyaxon_helper\n"
