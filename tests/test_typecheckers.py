"""Type checkers strike the legacy names through, and know their types: shown by mypy's and pyright's output."""
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.replacements import REPLACEMENTS, advice, client

from .processes import Process

SCRIPT = """\
from typing import Any, Dict, Optional

from polyaxon_helper import get_outputs_path, send_metrics
import polyaxon_helper

path: Optional[str] = get_outputs_path()
params: Optional[Dict[str, Any]] = polyaxon_helper.get_params()
send_metrics(loss=0.1)
wrong: int = polyaxon_helper.get_data_paths()
if polyaxon_helper.experiment:
    polyaxon_helper.experiment.log_metrics(loss=0.1)
    polyaxon_helper.experiment.log_params(lr=0.1)
polyaxon_helper.get_output_path
"""

# command; how it tells a deprecated name; where it does; how it tells a wrong type, and a name that is none
CHECKERS: List[Any] = [
    pytest.param(
        ["-m", "mypy", "--strict", "--enable-error-code", "deprecated"],
        "error: function polyaxon_helper.{} is deprecated: {}",
        {"get_outputs_path": [3], "send_metrics": [3], "get_params": [7], "get_data_paths": [9]},
        ["[assignment]", "[attr-defined]"], id="mypy",
    ),
    pytest.param(
        ["-m", "pyright", "--pythonpath", sys.executable],
        'error: The function "{}" is deprecated {}',
        {"get_outputs_path": [3, 6], "send_metrics": [3, 8], "get_params": [7], "get_data_paths": [9]},
        ["(reportAssignmentType)", "(reportAttributeAccessIssue)"], id="pyright",
    ),
]


def in_one_line(text: str) -> str:
    """Return the text without its line ends and indentation, in which the checkers differ."""
    return " ".join(text.split())


@pytest.mark.parametrize("command, deprecated, places, errors", CHECKERS)
def test_checker(
    command: List[str], deprecated: str, places: Dict[str, List[int]], errors: List[str], python: Process,
    own_folder: Path
) -> None:
    (own_folder / "train.py").write_text(SCRIPT)
    (own_folder / "pyrightconfig.json").write_text('{"reportDeprecated": "error"}')
    process = python(*command, "train.py")
    output = process.stdout + process.stderr
    told = {name: advice(name, client((3, 9))).partition(" Or run: ")[0] for name in places}
    texts = {name: in_one_line(deprecated.format(name, text)) for name, text in told.items()}
    found = {
        name: [int(line) for line in re.findall(
            r"train\.py:(\d+)\S* (?:- )?" + re.escape(text), in_one_line(output)
        )]
        for name, text in texts.items()
    }
    assert found == places, output
    assert [output.count(error) for error in errors] == [1, 1], output
    assert output.count("error:") == sum(map(len, places.values())) + len(errors), output


OF_THE_CLIENT = """\
from polyaxon_helper.client import {}

_experiment = None


def get_experiment() -> Experiment:
    global _experiment
    if _experiment is None:
        _experiment = Experiment()
    return _experiment


class Mine(Experiment):
    pass


try:
    get_experiment().log_metrics(loss=Experiment.get_params()["x"], path=get_data_paths()["data"])
except PolyaxonClientException as error:
    print(error, Job().get_job_info(), get_log_level(), get_outputs_path(), get_outputs_refs_paths())
""".format(", ".join(sorted(name for name, row in REPLACEMENTS.items() if row.path == name)))


@pytest.mark.parametrize("command", [case.values[0] for case in CHECKERS], ids=["mypy", "pyright"])
def test_the_clients_names_are_known_and_no_others(command: List[str], python: Process, own_folder: Path) -> None:
    (own_folder / "train.py").write_text(OF_THE_CLIENT)
    process = python(*command, "train.py")
    assert process.returncode == 0, process.stdout
    (own_folder / "train.py").write_text("from polyaxon_helper.client import nothing\n")
    process = python(*command, "train.py")
    assert process.returncode == 1 and '"nothing"' in process.stdout
