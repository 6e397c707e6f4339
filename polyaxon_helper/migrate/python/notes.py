"""What moved and is not quite as it was."""
import ast
import re
from typing import Iterator, List, Optional, Sequence

from ...replacements import Target, written
from .decide import Move
from .experiments import Made
from .names import Names
from .references import LEGACY, Found, References

BUCKETS = ("azure", "boto", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs", "smart_open", "tensorflow")
"""Packages that open paths in a bucket."""
THREADS = ("Thread", "ThreadPool", "ThreadPoolExecutor")
FORKS = ("multiprocessing", "fork", "Process", "ProcessPoolExecutor", "num_workers")
COORDINATES = ("step", "timestamp")

COORDINATE = "{} is a coordinate of the point there, not a metric"
UNUSUAL = "the metric {!r} gets another name there"
THREADED = "call get_experiment() once before the threads start: several that send first at the same time make several"
FORKED = "what a process that is forked once the run is made sends to traceml is lost, and its 21st call never ends"


def notes(refs: References, target: Target, moves: List[Move], own: Optional[Made]) -> List[Found]:
    """Give the notes on what these moves change."""
    found: List[Found] = []
    for move in moves:
        found += _of_row(refs, target, move)
        if move.symbol.name == "send_metrics":
            found += _of_metrics(refs, target, move)
    return sorted(set(found))


def _of_row(refs: References, target: Target, move: Move) -> Iterator[Found]:
    symbol = move.symbol
    note = written(symbol.name, target).note if symbol.legacy != LEGACY else ""
    if not note or not symbol.uses:
        return
    if symbol.name == "get_outputs_path" and not _names(refs, BUCKETS):
        return
    if symbol.name == "get_data_paths" and all(_reads_values(refs.names, use.parent) for use in symbol.uses):
        return
    yield Found(symbol.uses[0].start, symbol.legacy, note)


def _reads_values(names: Names, call: ast.AST) -> bool:
    parent = names.parents.get(call)
    return isinstance(parent, ast.Attribute) and parent.attr == "values"


def _of_metrics(refs: References, target: Target, move: Move) -> Iterator[Found]:
    names = refs.names
    symbol = move.symbol
    if target.column == "client":
        if symbol.uses and _names(refs, THREADS):
            yield Found(symbol.uses[0].start, symbol.legacy, THREADED)
        return
    if symbol.uses and _names(refs, FORKS):
        yield Found(symbol.uses[0].start, symbol.legacy, FORKED)
    for use in symbol.uses:
        for keyword in getattr(use.parent, "keywords", []):
            given = [keyword.arg] if keyword.arg else [names.strings.get(each, "") for each in
                                                       getattr(keyword.value, "keys", [])]
            for name in filter(None, given):
                if name in COORDINATES:
                    yield Found(use.start, symbol.legacy, COORDINATE.format(name))
                elif not name.isidentifier():
                    yield Found(use.start, symbol.legacy, UNUSUAL.format(name))


def _names(refs: References, words: Sequence[str]) -> bool:
    """Tell whether a module has one of these words in it."""
    return re.search(r"\b(?:{})\b".format("|".join(words)), refs.source.text) is not None
