"""What moved and is not quite as it was."""
import re
from typing import FrozenSet, Iterator, List

from ...replacements import Target, written
from .decide import Move
from .references import LEGACY, Found, References

BUCKETS = ("azure", "boto", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs", "smart_open", "tensorflow")
"""Packages that open paths in a bucket."""
THREADS = ("Thread", "ThreadPool", "ThreadPoolExecutor")
FORKS = ("multiprocessing", "fork", "Process", "ProcessPoolExecutor", "num_workers")

COORDINATE = "{} is a coordinate of the point there, not a metric"
UNUSUAL = "the metric {!r} gets another name there"
THREADED = "call get_experiment() once before the threads start: several that send first at the same time make several"
FORKED = "what a process that is forked once the run is made sends to traceml is lost, and its 21st call never ends"


def notes(refs: References, target: Target, moves: List[Move]) -> List[Found]:
    """Give the notes on what these moves change."""
    words = frozenset(re.findall(r"\b(?:{})\b".format("|".join(BUCKETS + THREADS + FORKS)), refs.source.text))
    return sorted({found for move in moves if move.symbol.uses for found in _notes(refs, target, move, words)})


def _notes(refs: References, target: Target, move: Move, words: FrozenSet[str]) -> Iterator[Found]:
    symbol, parents = move.symbol, refs.names.parents
    first = symbol.uses[0].start
    note = written(symbol.name, target).note if symbol.legacy != LEGACY else ""
    values = [getattr(parents.get(use.parent), "attr", "") == "values" for use in symbol.uses]
    if note and not (symbol.name == "get_outputs_path" and words.isdisjoint(BUCKETS)
                     or symbol.name == "get_data_paths" and all(values)):
        yield Found(first, symbol.legacy, note)
    if symbol.name == "send_metrics":
        says, signs = (THREADED, THREADS) if target.column == "client" else (FORKED, FORKS)
        if not words.isdisjoint(signs):
            yield Found(first, symbol.legacy, says)
    for use in symbol.uses if symbol.name == "send_metrics" and target.column != "client" else ():
        for keyword in getattr(use.parent, "keywords", []):
            given = [keyword.arg] if keyword.arg else [
                refs.names.strings.get(each, "") for each in getattr(keyword.value, "keys", []) if each]
            for name in filter(None, given):
                if name in ("step", "timestamp"):
                    yield Found(use.start, symbol.legacy, COORDINATE.format(name))
                elif not name.isidentifier():
                    yield Found(use.start, symbol.legacy, UNUSUAL.format(name))
