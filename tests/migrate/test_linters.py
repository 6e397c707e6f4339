"""flake8 and isort find nothing in a changed text that they did not find in the old one: one run of each."""
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Counter as Counts, Dict, List, Set

import pytest

from polyaxon_helper.replacements import TRACEML

from .conftest import write
from .rows import PYTHON_3_9, PYTHON_3_11, move, rows

pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("flake8", "isort"))), reason="they are not installed")]

APART = {
    "3.12 f-strings": "pycodestyle fails on the old text's escape",
    "in a function before the one at the top": "an import in mid-file, of what a function above it imports too",
    "a branch below the client's own import": "both have the name, and now it is one",
    "a branch below the client's own import and another meaning of its name": "as above",
    "moved before: get_experiment, importing, called in one line": "which has more in it now",
}
NO_NAMES = "show, call, f, x, xs, patch"  # which stand for anything


def lint(folder: Path, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-m", *arguments, "."], cwd=str(folder), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True).stdout


def test_linters_find_nothing_new(tmp_path: Path) -> None:
    texts: Dict[str, List[str]] = {}
    for file, targets in (
            ("transforms.txt", [PYTHON_3_9, PYTHON_3_11, TRACEML]), ("transforms_traceml.txt", [TRACEML])):
        for row in [row for name, row in rows(file).items() if name not in APART]:
            texts[row.before] = [text for text in (move(row.before, target).text for target in targets)
                                 if text != row.before]
    files = {"row_{}_{}.py".format(number, version): text for number, (before, after) in enumerate(texts.items())
             for version, text in enumerate([before, *after])}
    write(tmp_path, files)
    found: Dict[str, Counts[str]] = {}
    said = lint(tmp_path, "flake8", "--isolated", "--extend-ignore=E501", "--builtins", NO_NAMES)
    for name, code in re.findall(r"(?m)^\S*?(\w+\.py):\d+:\d+: (\w+)", said):  # among Python's own warnings
        found.setdefault(name, Counter())[code] += 1
    unsorted: Set[str] = {Path(path).name for path in re.findall(
        r"(?m)^ERROR: (.*?\.py) ", lint(tmp_path, "isort", "--check", "--settings-path=.", "--line-length=1000"))}
    wrong = []
    for name in files:
        before = re.sub(r"_\d+\.py$", "_0.py", name)
        new = found.get(name, Counter()) - found.get(before, Counter())
        del new["W191" if found.get(before, Counter())["W191"] else ""]  # tabs go on
        if new or name in unsorted and before not in unsorted:
            wrong.append("{} {}\n{}".format(dict(new), name in unsorted, files[name]))
    assert not wrong, "\n".join(wrong)
    assert len(found) > 50 and len(unsorted) > 10  # they ran
