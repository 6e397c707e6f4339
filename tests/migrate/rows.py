"""Rows of text before and after: the bulk of the rewriter's tests.

    ### what the row shows; `3.12` in front: the row is for that Python and newer ones alone
    the text before
    --- becomes
    the text after, where something moves
    --- reports
    LINE NAME: the message, or how it begins; the line is of the text after

A line `@get_experiment` stands for that function as a module gets it, `... importing` for one with its own import.
"""
import os
import re
import sys
from typing import Dict, FrozenSet, List, NamedTuple

from polyaxon_helper.migrate.python import Result, read, rewrite
from polyaxon_helper.replacements import GET_EXPERIMENT, REPLACEMENTS, Target, client

PYTHON_3_9, PYTHON_3_11 = client((3, 9)), client((3, 11))
ALL = frozenset(REPLACEMENTS)
MACROS = {
    "@get_experiment\n": GET_EXPERIMENT.text,
    "@get_experiment importing\n": GET_EXPERIMENT.text.replace(
        "():\n", "():\n    from polyaxon_client.tracking import Experiment\n\n", 1),
}


class Row(NamedTuple):
    before: str
    after: str
    reports: List[str]


def whole(text: str) -> str:
    for macro, meant in MACROS.items():
        text = text.replace(macro, meant)
    return text


def rows(name: str) -> Dict[str, Row]:
    """Give the rows of a file, by name, that this Python can parse."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        parts = re.split(r"(?m)^### ", file.read())[1:]
    found: Dict[str, Row] = {}
    for part in parts:
        title, _, texts = part.partition("\n")
        version = re.match(r"3\.(\d+) ", title)
        text, _, reports = texts.partition("--- reports\n")
        before, changes, after = map(whole, text.partition("--- becomes\n"))
        assert title not in found, title
        if not version or sys.version_info >= (3, int(version.group(1))):
            found[title] = Row(before, after if changes else before, reports.splitlines())
    return found


def move(text: str, target: Target = PYTHON_3_9, selected: FrozenSet[str] = ALL, taken: FrozenSet[str] = frozenset()
         ) -> Result:
    return rewrite(read(text, target), target, selected, taken)


def same_reports(result: Result, reports: List[str]) -> bool:
    said = ["{} {}: {}".format(line, name, message) for line, _, name, message in result.after.places]
    return len(said) == len(reports) and all(map(str.startswith, said, reports))
