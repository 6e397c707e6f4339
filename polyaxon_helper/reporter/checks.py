"""Checks which values may be sent.

A text, null, list or object that reaches the server breaks the experiment's page for good, and NaN, an infinity, a NUL
in a name or a number beyond a double loses the whole batch it is in, mostly without a word. So nothing of the kind is
sent: the first are refused as the client refuses them, the second left out.
"""
import json
import math
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..exceptions import PolyaxonClientException

MAX_ENTRY_BYTES = 64 * 1024


def entry(metrics: Mapping[str, Any], created_at: Optional[datetime] = None) -> Tuple[bytes, List[str]]:
    """The metrics as a line of JSON, stamped now, and the names of those that are None, NaN or infinite, left out.

    The line is empty where nothing is left to send. Raises PolyaxonClientException where a value is no number, where a
    name or number is one that the server can't keep, and where all together take more than MAX_ENTRY_BYTES.
    """
    found = numbers(metrics)
    values = {name: value for name, value in found.items() if value is not None and math.isfinite(value)}
    left_out = [name for name in found if name not in values]
    if metrics and not values:
        return b"", left_out
    stamp = (created_at or datetime.now(timezone.utc)).isoformat(" ", "microseconds")
    line = '{{"values": {}, "created_at": "{}"}}'.format(json.dumps(values), stamp).encode()
    if len(line) > MAX_ENTRY_BYTES:
        text = "{} metrics in one call take more than {} bytes"
        raise PolyaxonClientException(text.format(len(values), MAX_ENTRY_BYTES))
    return line, left_out


def numbers(metrics: Mapping[str, Any]) -> Dict[str, Any]:
    """The metrics as ints, floats and None; PolyaxonClientException where one can't be, or its name is none."""
    return {name: _number(name, value) for name, value in metrics.items()}


def is_entry(line: bytes) -> bool:
    """Tell whether a journal's line is what `entry` makes: another one would cost the batch it is sent in."""
    try:
        found = json.loads(line.decode())
        return entry(found["values"], datetime.fromisoformat(found["created_at"])) == (line, [])
    except (PolyaxonClientException, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return False


def _number(name: str, value: Any) -> Any:
    """The value as an int, float or None."""
    if isinstance(value, (int, float, type(None))):
        number = value
    else:
        number = _scalar(value)
        if not isinstance(number, (int, float, type(None))):
            raise PolyaxonClientException("metric {!r} is no number but a {}".format(name, type(value).__name__))
    try:
        float(number or 0)
        name.encode()
    except OverflowError:
        raise PolyaxonClientException("metric {!r} is beyond what a double can hold".format(name)) from None
    except UnicodeEncodeError:
        raise PolyaxonClientException("metric name {!r} is no valid text".format(name)) from None
    if "\0" in name:
        raise PolyaxonClientException("metric name {!r} has a NUL in it, which Polyaxon can't keep".format(name))
    return number


def _scalar(value: Any) -> Any:
    """Return what a scalar of numpy, torch or tensorflow holds; the value itself where it is no such thing."""
    try:
        if not hasattr(value, "item") and hasattr(value, "numpy"):
            value = value.numpy()  # tensorflow's, which have no item() of their own
        return value.item()
    except Exception:  # of several elements, or not a scalar at all: refused by its type
        return value
