"""Whatever the grammar allows: never a crash, the same bytes outside, stable."""
import ast
import warnings
from typing import Any

import pytest
from hypothesis import given, strategies as st

from polyaxon_helper.migrate.python import migrate
from polyaxon_helper.migrate.source import Unreadable

from .conftest import examples


def sources() -> Any:
    import hypothesmith  # only now: it takes seconds, for all of LibCST comes with it

    return hypothesmith.from_grammar()


@pytest.mark.slow
@examples(8)
@given(st.deferred(sources))
def test_generated_syntax(source: str) -> None:
    text = source + "\nimport polyaxon_helper as ph_\nph_.get_log_level()\n"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
        result = migrate(text)
    except (SyntaxError, ValueError, Unreadable):
        return
    assert result.text.startswith(source)
    assert "\nget_log_level()\n" in result.text or "_get_log_level()" in result.text or result.places
    assert migrate(result.text).text == result.text
