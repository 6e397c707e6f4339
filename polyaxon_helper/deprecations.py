"""The warning that a legacy call gives, and the summary of all of them at exit."""
import atexit
import functools
import os
import sys
import warnings
from itertools import count
from types import FrameType
from typing import Any, Callable, Dict, Iterator, List, Tuple, TypeVar, cast

import deprecation

from .replacements import DEPRECATED_IN, REMOVED_IN, RUN_INSTANCE, TRACEML, VERSION, advice, client, command
from .warn import write

F = TypeVar("F", bound=Callable[..., Any])

TARGET = TRACEML if os.environ.get(RUN_INSTANCE) else client(sys.version_info[:2])
"""What to tell of: what works on this Python, in a pod of Polyaxon 1.x or 2.x traceml, for no client can read that."""

SHOWN = 5  # how many places the summary names, and files its command

# A counter a place: next() and setdefault() are atomic, so no lock is held that a fork or a signal could find taken.
_places: Dict[Tuple[str, int], "Iterator[int]"] = {}


def deprecated(text: str) -> Callable[[F], F]:
    """Make a function of the table warn at each call and be counted.

    `text` is for type checkers (PEP 702), which read nothing but a literal; what is said here comes from the table.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            user = sys._getframe(1).f_back  # over deprecation's wrapper: the caller
            if user is not None:  # else Python itself calls, at exit or as a thread: no line is to be moved
                _count(user)
            return function(*args, **kwargs)

        warning = deprecation.deprecated(DEPRECATED_IN, REMOVED_IN, VERSION, advice(function.__name__, TARGET))
        return cast(F, warning(counted))

    return decorate


def warn_of_attribute(name: str) -> None:
    """The same for a module attribute; called from the module's __getattr__, whose caller uses the attribute."""
    user = sys._getframe(2)
    # `from package import name` asks twice: importlib does first, the user's own line does after it
    if user.f_code.co_filename.startswith("<frozen importlib"):
        return
    warnings.warn(deprecation.DeprecatedWarning(name, DEPRECATED_IN, REMOVED_IN, advice(name, TARGET)), stacklevel=3)
    _count(user)


def _count(user: FrameType) -> None:
    if not _places:
        atexit.register(_print_summary, os.getpid())
    next(_places.setdefault((user.f_code.co_filename, user.f_lineno), count(1)))


def _print_summary(counting_process: int) -> None:
    if _is_wanted(counting_process):
        write(summary({place: next(calls) - 1 for place, calls in sorted(_places.items())}))


def _is_wanted(counting_process: int) -> bool:
    multiprocessing = sys.modules.get("multiprocessing")
    return (
        os.environ.get("POLYAXON_HELPER_SUMMARY") != "0"
        and os.environ.get("RANK", "0") in ("", "0")
        and os.getpid() == counting_process
        and (multiprocessing is None or multiprocessing.current_process().name == "MainProcess")
        and not hasattr(sys, "ps1")
        and "pytest" not in sys.modules
    )


def summary(calls: Dict[Tuple[str, int], int]) -> str:
    """The text for these numbers of calls by (file, line); shows SHOWN places and counts the rest."""
    import shlex  # slow to import, and needed only here

    total = sum(calls.values())
    lines = ["polyaxon_helper: {} deprecated {} from {} {}:".format(
        total, _plural("call", total), len(calls), _plural("place", len(calls)))]
    lines += ["  {}:{} ({}x)".format(file, line, times) for (file, line), times in list(calls.items())[:SHOWN]]
    if len(calls) > SHOWN:
        lines.append("  and {} more".format(len(calls) - SHOWN))
    files = sorted({file for file, _ in calls if not file.startswith("<")})
    if files:
        lines.append("To move them all: {} {}".format(command(TARGET), " ".join(map(shlex.quote, _paths(files)))))
    return "\n".join(lines + ["(POLYAXON_HELPER_SUMMARY=0 turns this off)", ""])


def _paths(files: List[str]) -> List[str]:
    if len(files) <= SHOWN:
        return files
    folders = {os.path.dirname(os.path.abspath(file)) for file in files}
    try:
        return [os.path.commonpath(sorted(folders))]
    except ValueError:  # on several drives of Windows
        return sorted(folders)


def _plural(noun: str, number: int) -> str:
    return noun if number == 1 else noun + "s"
