"""Reads parameters, from JSON, Python literals and plain texts, as what JSON can hold."""
import ast
import json
import warnings
from typing import Any


def value(text: str) -> Any:
    """Read what was typed: JSON, else a Python literal such as True or 1e-3, else the text. Raises ValueError."""
    try:
        return plain(loads(text))
    except json.JSONDecodeError:
        return literal(text)


def loads(text: str) -> Any:
    """Read JSON, without the NaN and Infinity that Python takes. Raises ValueError."""
    def refuse(constant: str) -> None:
        raise json.JSONDecodeError("{} is not JSON".format(constant), text, 0)

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def literal(text: str) -> Any:
    """Read a Python literal that JSON can hold; other texts stay. Raises ValueError of a number beyond a float."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a text such as "\d"
            found = ast.literal_eval(ast.parse(text, mode="eval"))  # not of the text, which later Pythons strip
        json.dumps(found)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
    return plain(found)


def plain(found: Any) -> Any:
    """Make of a value what JSON makes of it: a list of a tuple. Raises TypeError, and ValueError of an infinity."""
    try:
        return json.loads(json.dumps(found, allow_nan=False))
    except ValueError:
        raise ValueError("a number in it is not finite") from None
