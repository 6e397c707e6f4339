"""Warns of each legacy call, and sums all of them up at exit."""
import atexit
import functools
import os
import shlex
import sys
from itertools import count
from typing import Any, Callable, Collection, Dict, Iterator, List, Set, Tuple, TypeVar, cast

import deprecation

from .replacements import DEPRECATED_IN, REMOVED_IN, REPLACEMENTS, RUN_INSTANCE, TRACEML, advice, client, written
from .replicas import is_main
from .warn import FILE, blame, holds_library, owner, write

F = TypeVar("F", bound=Callable[..., Any])

TARGET = TRACEML if os.environ.get(RUN_INSTANCE) else client(sys.version_info[:2])
"""The target that is told of: what works on this Python; in a pod of Polyaxon 1.x or 2.x traceml."""

SHOWN = 5  # how many places the summary names, and files its command

_ADVICE = {name: advice(name, TARGET) for name in REPLACEMENTS}

# Counters: next() and setdefault() are atomic, so no lock is held that a fork or a signal could find taken.
_calls = count()
_places: Dict[Tuple[str, int], "Iterator[int]"] = {}
_files: Set[str] = set()  # those that have something to move


def deprecated(text: str) -> Callable[[F], F]:
    """Make a function of the table warn at each call, and be counted; of `text`, a literal, type checkers tell."""
    def decorate(function: F) -> F:
        name = function.__name__
        # for the docstring alone: the library's own wrapper blames whoever calls, be it a thread's run()
        deprecation.deprecated(DEPRECATED_IN, REMOVED_IN, details=_ADVICE[name])(function)

        @functools.wraps(function)
        def legacy(*args: Any, **kwargs: Any) -> Any:
            warn_of(name)
            return function(*args, **kwargs)

        return cast(F, legacy)

    return decorate


def warn_of(name: str) -> None:
    """Warn of a legacy name, and count the place that is blamed."""
    place = blame(deprecation.DeprecatedWarning(name, DEPRECATED_IN, REMOVED_IN, _ADVICE[name]))
    if place:  # else no line is to be moved
        if next(_calls) == 0:
            atexit.register(_print_summary, os.getpid())
        next(_places.setdefault(place, count(1)))
        if written(name, TARGET).moves:
            _files.add(place[0])


def _print_summary(counting_process: int) -> None:
    """Write the summary, once a run, unless somebody types or tests."""
    setting = os.environ.get("POLYAXON_HELPER_SUMMARY")
    if (
        setting != "0" and not hasattr(sys, "ps1") and "pytest" not in sys.modules
        and os.getpid() == counting_process and is_main()
    ):
        calls = {place: next(calls) - 1 for place, calls in sorted(_places.items())}
        shown = len(calls) if setting == "all" else SHOWN
        write(summary(calls, [file for file in _files if owner(file) == FILE], shown))


def summary(calls: Dict[Tuple[str, int], int], files: Collection[str], shown: int) -> str:
    """Tell of these numbers of calls by (file, line), so many of them shown, and of the files to be moved."""
    total, places = sum(calls.values()), len(calls)
    lines = ["polyaxon_helper: {} deprecated call{} from {} place{}:".format(
        total, "s" * (total > 1), places, "s" * (places > 1))]
    lines += ["  {}:{} ({}x)".format(file, line, times) for (file, line), times in list(calls.items())[:shown]]
    if places > shown:
        lines.append("  and {} more: POLYAXON_HELPER_SUMMARY=all lists them".format(places - shown))
    if files:
        lines.append("To move them all: {} {}".format(TARGET.command, " ".join(map(shlex.quote, _paths(files)))))
    return "\n".join(lines + ["(POLYAXON_HELPER_SUMMARY=0 turns this off)", ""])


def _paths(files: Collection[str]) -> List[str]:
    """Give the files, or of many their folders; a folder that holds more than the project is not named."""
    if len(files) > SHOWN:
        folders = {file: os.path.dirname(file) or "." for file in files}
        names = {file if holds_library(folder) else folder for file, folder in folders.items()}
        files = [name for name in names if not any(name.startswith(os.path.join(other, "")) for other in names)]
    return sorted(files)
