"""Which values may be sent.

A text, null, list or object that reaches the server breaks the experiment's page for good, and NaN, an infinity, a NUL
in a name or a number beyond a double loses the whole batch it is in, mostly without a word. So nothing of the kind is
sent: the first are refused as the client refuses them, the second left out.
"""
import json
import math
from typing import Any, Dict, Mapping, Union

from ..exceptions import PolyaxonClientException
from ..notices import warn_once

Number = Union[int, float]

MAX_ENTRY_BYTES = 64 * 1024


def sendable(metrics: Mapping[str, Any]) -> Dict[str, Number]:
    """The metrics as finite numbers, without those that are None, NaN or infinite.

    Raises PolyaxonClientException where one is no number, where a name or number is one that the server can't keep,
    and where all together take more than MAX_ENTRY_BYTES as JSON.
    """
    numbers = {name: _number(name, value) for name, value in metrics.items()}
    values = {}
    for name, number in numbers.items():
        if number is None or not math.isfinite(number):
            warn_once("metric {!r} was {}, which Polyaxon can't keep: such values are left out".format(name, number))
        else:
            values[name] = number
    if len(json.dumps(values)) > MAX_ENTRY_BYTES:
        raise PolyaxonClientException(
            "{} metrics in one call take more than {} bytes".format(len(values), MAX_ENTRY_BYTES)
        )
    return values


def _number(name: str, value: Any) -> Any:
    if "\0" in name:
        raise PolyaxonClientException("metric name {!r} has a NUL in it, which Polyaxon can't keep".format(name))
    if not isinstance(value, (int, float, complex, type(None))) and hasattr(value, "item"):
        try:
            value = value.item()  # numpy's, torch's, tensorflow's scalars
        except (TypeError, ValueError, RuntimeError):
            pass  # of several elements: refused below, by its type
    if not isinstance(value, (int, float, type(None))):
        raise PolyaxonClientException("metric {!r} is no number but a {}".format(name, type(value).__name__))
    try:
        float(value or 0)
    except OverflowError:
        raise PolyaxonClientException("metric {!r} is beyond what a double can hold".format(name)) from None
    return value
