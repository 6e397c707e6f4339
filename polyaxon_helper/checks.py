"""Checks which values may be sent.

A text, list or object that reaches the server of a 0.x breaks the experiment's page for good, a NUL in a name loses the
whole batch it is in: such a metric is refused, as the client refuses it.
"""
import math
from typing import Any, Dict, Mapping

from .exceptions import PolyaxonClientException


def numbers(metrics: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the metrics as ints, floats and None; PolyaxonClientException where one can't be, or its name is none.

    An int beyond what a double can hold is an infinity.
    """
    return {name: value if type(value) is float and name.isidentifier() else _number(name, value)
            for name, value in metrics.items()}


def _number(name: str, value: Any) -> Any:
    """Return the value as an int, float or None."""
    number = value if isinstance(value, (int, float, type(None))) else _scalar(value)
    if not isinstance(number, (int, float, type(None))):
        raise PolyaxonClientException("metric {!r} is no number but a {}".format(name, type(value).__name__))
    try:
        float(number or 0)
        name.encode()
    except OverflowError:
        number = math.inf if number > 0 else -math.inf  # type: ignore[operator]  # an int: no other overflows
    except UnicodeEncodeError:
        raise PolyaxonClientException("metric name {!r} is no valid text".format(name)) from None
    if "\0" in name:
        raise PolyaxonClientException("metric name {!r} has a NUL in it, which Polyaxon can't keep".format(name))
    return number


def _scalar(value: Any) -> Any:
    """Return what a scalar of numpy, torch or tensorflow holds, a Decimal or Fraction as a float, else the value."""
    try:
        found = value.numpy() if hasattr(value, "numpy") and not hasattr(value, "item") else value  # tensorflow's
        found = found.item() if hasattr(found, "item") else found
        if not isinstance(found, (int, float, type(None))) and not hasattr(found, "__len__"):
            found = float(found)  # a longdouble holds itself
        return found
    except Exception:  # of several elements, or not a scalar at all: refused by its type
        return value
