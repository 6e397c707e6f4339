"""Whatever the grammar allows: never a crash, the same bytes outside, stable."""
from typing import Any

import pytest
from hypothesis import given, strategies as st

from polyaxon_helper.migrate.python import Unreadable
from polyaxon_helper.replacements import TRACEML, Target

from .conftest import examples
from .rows import PYTHON_3_9, move


def sources() -> Any:
    import hypothesmith  # only now: it takes seconds, for all of LibCST comes with it

    return hypothesmith.from_grammar()


@pytest.mark.slow
@pytest.mark.parametrize("target", [PYTHON_3_9, TRACEML], ids=["client", "traceml"])
@examples(8)
@given(st.deferred(sources))
def test_generated_syntax(target: Target, source: str) -> None:
    text = source + "\nimport polyaxon_helper as ph_\nph_.get_log_level()\n"
    try:
        assert move(source, target).text == source
        result = move(text, target)
    except Unreadable:
        return
    assert result.text.startswith(source)
    assert "ph_" not in result.text[len(source):] or result.after.places
    assert move(result.text, target).text == result.text
