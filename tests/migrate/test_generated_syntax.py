"""Whatever the grammar allows: never a crash, the same bytes outside, stable."""
import ast
import warnings

import hypothesmith
from hypothesis import given

from polyaxon_helper.migrate.python import migrate
from polyaxon_helper.migrate.source import Unreadable

from .conftest import examples


@examples(8)
@given(hypothesmith.from_grammar())
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
