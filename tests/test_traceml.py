"""Event files beside real traceml's: the same calls give the same files, but where the table below says why not."""
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from .processes import ROOT, Process, needs_traceml, python_in

pytestmark = [pytest.mark.slow, needs_traceml]

STAMP = re.compile(r"\|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00\|")
Files = Dict[str, List[str]]

SAME: Dict[str, str] = {
    "a float": "dict(float_=0.5)",
    "integers and booleans": "dict(integer=3, true=True, false=False)",
    "numpy's scalars": "dict(np32=np.float32(0.1), np64=np.float64(0.1), npint=np.int64(7), npbool=np.bool_(True))",
    "an array of one element": "dict(array=np.array([0.25]))",
    "NaN and infinities": "dict(nan=float('nan'), inf=float('inf'), negative=float('-inf'))",
    "large and small": "dict(large=1e300, small=1e-300, long=0.1 + 0.2, whole=1e16)",
    "an integer step": "dict(step=3, stepped=1.0)",
    "a step of numpy's": "dict(step=np.int64(4), stepped_np=1.0)",
    "a step of zero": "dict(step=0, stepped_0=1.0)",
    "several metrics": "dict(step=5, one=1.0, two=2.0)",
    "a dotted name, a spaced one and one with dashes share a file": "{'a.b': 1.0, 'a b': 2.0, 'a--b': 3.0}",
    "names of folders": "{'val/acc': 1.0, 'x\\\\y': 2.0, '../up': 3.0, '/root': 4.0}",
    "other letters": "{'caf\\u00e9': 1.0, '\\uff11': 2.0, 'm\\u00fc/\\u00b2': 3.0}",
    "signs": "{' a:b*c? ': 1.0, '-d-': 2.0, 'e_F': 3.0, 'g\\t\\nh': 4.0, 'i(j)': 5.0}",
}

# the call, what is in the files by us and by traceml ("raises" where it raises), why
DIFFERENT: Dict[str, Tuple[str, Files, Any, str]] = {
    "None": ("dict(none=None, beside_none=1.0)", {"beside_none.plx": ["|1.0"]}, "raises",
             "training goes on; a legacy server took the rest, too"),
    "a text that is a number": ("dict(text='0.5')", {}, {"text.plx": ["|0.5"]},
                                "PolyaxonClientException on every Polyaxon that these scripts were written for"),
    "a step that is no integer": ("dict(step=3.5, odd=1.0)", {"odd.plx": ["|1.0"], "step.plx": ["|3.5"]}, "raises",
                                  "to a legacy server it was a metric like any other"),
    "a whole step that is a float": ("dict(step=3.0, whole_step=1.0)",
                                     {"step.plx": ["|3.0"], "whole_step.plx": ["|1.0"]},
                                     {"whole_step.plx": ["3|1.0"]}, "the same: only an integer is surely a step"),
    "a step that is true": ("dict(step=True, true_step=1.0)", {"step.plx": ["|1.0"], "true_step.plx": ["|1.0"]},
                            {"true_step.plx": ["1|1.0"]}, "the same"),
    "a step of nothing": ("dict(step=3)", {"step.plx": ["|3.0"]}, {}, "what is accepted is not lost"),
    "a timestamp, which is the point's own there": (
        "dict(timestamp=7.5, timed=1.0)", {"timed.plx": ["|1.0"], "timestamp.plx": ["|7.5"]}, {"timed.plx": ["|1.0"]},
        "to a legacy server it was a metric like any other"),
}

SCRIPT = """
import sys, warnings
import numpy as np
warnings.simplefilter("ignore")
{log}
for number, call in enumerate({calls!r}):
    try:
        log(**eval(call))
    except Exception as error:
        print(number, "raises")
"""
OURS = "from polyaxon_helper import send_metrics as log"
THEIRS = "from traceml import tracking\ntracking.get_or_create_run()\nlog = tracking.log_metrics"


def written(python: Process, folder: Path, log: str, calls: List[str]) -> Tuple[Files, List[str]]:
    """The points in the files that the calls lead to, by file, without their stamps; and what was printed."""
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT.format(log=log, calls=calls))
    process = python("-m", "polyaxon_helper.local", "--platform", "2", "--outputs", "out", "script.py", cwd=folder,
                     environment={"POLYAXON_HELPER_SUMMARY": "0"})
    assert process.returncode == 0, process.stderr
    files: Files = {}
    for path in folder.glob("out/artifacts/*/events/metric/*"):
        header, *points = path.read_text().split("\n")
        assert header == "step|timestamp|metric"
        files[path.name] = [STAMP.sub("|", point) for point in points]
    return files, process.stdout.splitlines()


@pytest.fixture(scope="module")
def same(new_folders: Iterator[Path]) -> Tuple[Files, Files]:
    folder = next(new_folders)
    python = python_in(folder)
    calls = list(SAME.values())
    return written(python, folder / "ours", OURS, calls)[0], written(python, folder / "theirs", THEIRS, calls)[0]


def test_the_same_calls_give_the_same_files(same: Tuple[Files, Files]) -> None:
    ours, theirs = same
    assert ours == theirs
    assert len(ours) > 30


@pytest.mark.parametrize("case", DIFFERENT)
def test_where_we_differ(case: str, python: Process, tmp_path: Path) -> None:
    call, ours, _, _ = DIFFERENT[case]
    assert written(python, tmp_path / "ours", OURS, [call])[0] == ours


def test_where_traceml_differs(python: Process, tmp_path: Path) -> None:
    """All in one process, for one takes seconds."""
    files, raised = written(python, tmp_path / "theirs", THEIRS, [call for call, _, _, _ in DIFFERENT.values()])
    expected: Files = {}
    for _, _, theirs, _ in DIFFERENT.values():
        expected.update(theirs if theirs != "raises" else {})
    assert files == expected
    assert raised == ["{} raises".format(number) for number, (_, _, theirs, _) in enumerate(DIFFERENT.values())
                      if theirs == "raises"]


def test_traceml_reads_our_files(python: Process, tmp_path: Path) -> None:
    calls = ["dict(step=1, loss=0.5)", "dict(loss=0.25)", "dict(step=3, loss=float('nan'))", "dict(step=4, loss=1e-7)"]
    written(python, tmp_path / "ours", OURS, calls)
    (path,) = tmp_path.glob("ours/out/artifacts/*/events/metric/loss.plx")
    process = python("-c", (
        "import json, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from traceml.events import V1Events\n"
        "read = V1Events.read(kind='metric', name='loss', data=sys.argv[1])\n"
        "print(json.dumps([len(read.df), [None if v != v else v for v in read.df.metric],\n"
        "                  [None if v != v else int(v) for v in read.df.step]]))\n"
        "print(json.dumps(read.get_summary()['metric'], default=str))\n"
    ), str(path))
    assert process.returncode == 0, process.stderr
    read, summary = map(json.loads, process.stdout.splitlines())
    assert read == [4, [0.5, 0.25, None, 1e-7], [1, None, 3, 4]]
    assert (summary["min"], summary["max"], summary["last"]) == (1e-7, 0.5, 1e-7)


def test_every_name_is_made_safe_as_traceml_does(python: Process) -> None:
    """All characters of the first plane, alone and between others, and some thousand mixtures of the hard ones."""
    process = python("-c", """
import itertools, sys
sys.path.insert(0, {!r})
from polyaxon._utils.fqn_utils import to_fqn_name
from polyaxon_helper.modern.events import safe_name
names = [chr(n) for n in range(1, 0x10000) if not 0xd800 <= n < 0xe000]
names += ["a" + name + "b" for name in names]
names += map("".join, itertools.product(" a-./\\\\\\t\\u00e9\\u635f", repeat=4))
odd = [name for name in names if safe_name(name) != to_fqn_name(name)]
print(len(names), odd[:5])
""".format(str(ROOT)))
    count, odd = process.stdout.split(None, 1)
    assert (int(count) > 100000, odd) == (True, "[]\n"), process.stderr
