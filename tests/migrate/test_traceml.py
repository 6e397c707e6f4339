"""What `--to traceml` makes of each form of use, what it leaves, and what it says."""
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.migrate import cli
from polyaxon_helper.migrate.python import Context, Result
from polyaxon_helper.migrate.traceml import Traceml
from polyaxon_helper.replacements import REPLACEMENTS

with open(os.path.join(os.path.dirname(__file__), "transforms_traceml.txt"), encoding="utf-8") as file:
    ROWS = [row.partition("\n")[::2] for row in re.split(r"(?m)^### ", file.read())[1:]]
TRANSFORMS = {name: tuple(texts.split("--- becomes\n")) for name, texts in ROWS}


def migrate(text: str, context: Context = Context()) -> Result:
    return Traceml(text).result(context)


@pytest.mark.parametrize("before, after", list(TRANSFORMS.values()), ids=list(TRANSFORMS))
def test_moves(before: str, after: str) -> None:
    result = migrate(before)
    assert result.text == after
    assert result.uses
