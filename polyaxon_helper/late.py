"""Does what comes late, with the first call that needs it: importing requests or polyaxon-client, making an Experiment.

That is done in a thread of its own while the caller waits. So a signal handler of the caller's runs in no import, which
might swallow what it raises, or be left half done. One thing at a time is done, under a lock that a fork waits for, so
that no child finds half an import, which nobody would end there. Nothing else is imported by a call.
"""
import importlib
import logging  # noqa: F401 - it too takes a lock before a fork: registered after it, ours waits for imports first
import os
import sys
import threading
import warnings
from typing import Any, Callable, List, TypeVar

from .threads import TooLong, aside

T = TypeVar("T")

WAIT = 30.0  # seconds that a caller waits; the work goes on
FORK_WAIT = 5.0  # seconds that a fork waits; where that is too short, its child imports nothing more

_WANTED = ("gc", "encodings.punycode", "requests")  # the first by weakref at exit, the second for a host like bücher.de

lock = threading.RLock()
_is_working = False  # whether something is done under the lock
_is_lost = False  # whether this is such a child
_fork = threading.local()
_threads: List[threading.Thread] = []  # kept: what a handler raises while Python forgets a thread would be swallowed


class UnderWay(Exception):
    """It can't be done now: an import is under way in this thread (which runs a signal handler), or takes too long."""


def alone(work: Callable[[], T]) -> T:
    """Return what the work returns, or raise what it raises, or UnderWay. It must not call this."""
    if _is_lost or sys.is_finalizing() or _interrupts_an_import():
        raise UnderWay

    def locked() -> T:
        global _is_working
        _threads.append(threading.current_thread())
        library: Any = warnings
        with lock:
            _is_working = True
            # who changes the filters makes Python forget what it has shown, and show the script's warnings once more
            forget, library._filters_mutated = getattr(library, "_filters_mutated", None), lambda: None
            try:
                return work()
            finally:
                library._filters_mutated = forget
                _is_working = False

    if not threading.main_thread().is_alive():  # at exit: an interrupted import may have left this thread locks
        return locked()
    try:
        return aside(locked, WAIT, "late")
    except TooLong:
        raise UnderWay from None


def _interrupts_an_import() -> bool:
    """Tell whether a signal handler calls that interrupted an import, or our waiting for one."""
    frame, in_handler = sys._getframe(), False
    while frame.f_back:
        # a signal handler, and no other function, is given the frame that called it: the one that it interrupts
        given = map(frame.f_locals.get, frame.f_code.co_varnames[:frame.f_code.co_argcount + 1])
        each = [value for some in given for value in (some if type(some) is tuple else [some])]
        in_handler = in_handler or any(value is frame.f_back for value in each)
        frame = frame.f_back
        if in_handler and (frame.f_code is alone.__code__ or frame.f_code.co_filename.startswith("<frozen importlib")):
            return True
    return False


def requests() -> Any:
    """Return requests. Raises UnderWay, or what its import raised; then the next call tries again."""
    found = prepared()
    if isinstance(found, Exception):
        raise found
    return found


def prepared() -> Any:
    """Import requests, and return it, or what its import raised. Raises UnderWay, and what a signal handler raises."""
    if _is_there():
        return sys.modules["requests"]
    if sys.modules.get("requests") and not _is_working:  # the script itself imports it, perhaps in this thread
        raise UnderWay
    return alone(_import)


def _import() -> Any:
    try:
        return [importlib.import_module(name) for name in _WANTED][-1]
    except Exception as error:
        return error


def _is_there() -> bool:
    """Tell whether requests is imported, to its end."""
    found = sys.modules.get("requests")
    return found is not None and getattr(getattr(found, "__spec__", None), "_initializing", False) is not True


def is_over() -> bool:
    """Tell whether a request that fails now fails for ever, since what it needs can't be imported any more."""
    return sys.is_finalizing() or _is_lost and not _is_there()


def _before_fork() -> None:
    _fork.has_lock = lock.acquire(timeout=FORK_WAIT)


def _after_fork() -> None:
    if _fork.has_lock:
        lock.release()


def _begin_anew() -> None:
    global lock, _is_lost, _is_working
    if not _fork.has_lock:  # nobody will ever give back what a thread of the parent's has, as Python's own import locks
        lock, _is_lost, _is_working = threading.RLock(), True, False
    _after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_begin_anew)
