"""What moved and is not quite as it was."""
import re
from typing import FrozenSet, Iterator, List, Tuple

from ...replacements import Target, written
from .decide import Move
from .references import LEGACY, Found, References, Symbol

BUCKETS = ("azure", "boto", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs", "smart_open", "tensorflow")
# packages that open paths in a bucket
AT_ONCE = {
    "client": (("Thread", "ThreadPool", "ThreadPoolExecutor"), "call get_experiment() once before the threads start: "
               "several that send first at the same time make several"),
    "traceml": (("multiprocessing", "fork", "Process", "ProcessPoolExecutor", "num_workers"), "what a process that is "
                "forked once the run is made sends to traceml is lost, and its 21st call never ends"),
}
COORDINATE = "{} is a coordinate of the point there, not a metric"
UNUSUAL = "the metric {!r} gets another name there"


def notes(refs: References, target: Target, moves: List[Move]) -> List[Found]:
    """Give the notes on what these moves change."""
    words, symbols = frozenset(re.findall(r"\w+", refs.source.text)), [move.symbol for move in moves]
    return sorted({Found(start, symbol.legacy, message) for symbol in symbols if symbol.uses and symbol.legacy != LEGACY
                   for start, message in _notes(refs, target, symbol, words)})


def _notes(refs: References, target: Target, symbol: Symbol, words: FrozenSet[str]) -> Iterator[Tuple[int, str]]:
    start, note = symbol.uses[0].start, written(symbol.name, target).note
    on_values = [getattr(refs.names.parents.get(use.parent), "attr", "") == "values" for use in symbol.uses]
    if note and not (symbol.name == "get_outputs_path" and words.isdisjoint(BUCKETS)
                     or symbol.name == "get_data_paths" and all(on_values)):
        yield start, note
    signs, message = AT_ONCE[target.column]
    if symbol.name == "send_metrics" and not words.isdisjoint(signs):
        yield start, message
    for use in symbol.uses if symbol.name == "send_metrics" and target.column == "traceml" else ():
        for keyword in getattr(use.parent, "keywords", []):
            keys = getattr(keyword.value, "keys", []) if keyword.arg is None else []
            for name in [keyword.arg or "", *(refs.names.strings.get(key, "") for key in keys)]:
                if name in ("step", "timestamp"):
                    yield use.start, COORDINATE.format(name)
                elif name and not name.isidentifier():
                    yield use.start, UNUSUAL.format(name)
