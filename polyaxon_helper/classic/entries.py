"""Makes of a call's metrics what the API takes.

NaN, an infinity, or a null loses the whole batch it is in, mostly without a word: such a value is left out.
"""
import json
import math
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..checks import numbers
from ..exceptions import PolyaxonClientException

MAX_ENTRY_BYTES = 512 * 1024
_as_json = json.JSONEncoder().encode


def entries(metrics: Mapping[str, Any], created_at: Optional[datetime] = None) -> Tuple[List[bytes], List[str]]:
    """Return the metrics as lines of JSON, all stamped now, and what is to be said of those that are left out.

    It is one line where MAX_ENTRY_BYTES hold them all, and none where nothing is left to send. Raises
    PolyaxonClientException where a value is no number, or a name is one that the server can't keep.
    """
    values = numbers(metrics)
    sendable = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
    troubles = [] if len(sendable) == len(values) else [
        "metric {!r} was None, NaN or infinite, which Polyaxon can't keep: it is left out then".format(name)
        for name in values if name not in sendable]
    if metrics and not sendable:
        return [], troubles
    stamp = (created_at or datetime.now(timezone.utc)).isoformat(" ", "microseconds")
    return _lines(sendable, stamp, troubles), troubles


def _lines(values: Dict[str, Any], stamp: str, troubles: List[str]) -> List[bytes]:
    line = ('{"values": ' + _as_json(values) + ', "created_at": "' + stamp + '"}').encode()
    if len(line) <= MAX_ENTRY_BYTES:
        return [line]
    if len(values) == 1:
        troubles.append("metric {!r}... is left out: its name is too long".format(next(iter(values))[:50]))
        return []
    names, half = list(values), len(values) // 2
    return [line for part in (names[:half], names[half:])
            for line in _lines({name: values[name] for name in part}, stamp, troubles)]


def is_entry(line: bytes) -> bool:
    """Tell whether a journal's line is what `entries` makes: another one would cost the batch it is sent in."""
    try:
        found = json.loads(line.decode())
        return entries(found["values"], datetime.fromisoformat(found["created_at"])) == ([line], [])
    except (PolyaxonClientException, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return False
