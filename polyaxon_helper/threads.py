"""Starts threads, and waits for them, such that what a signal handler raises meanwhile is raised."""
import sys
import threading
from contextlib import suppress
from typing import Any, Callable, List, TypeVar

T = TypeVar("T")

if sys.version_info < (3, 10):
    # There glibc loads this library when a process's first thread ends. A child that is forked meanwhile finds half of
    # it, and crashes or hangs; so it is loaded now, while no thread of ours can end.
    with suppress(ImportError, OSError):  # a Python without ctypes; no glibc
        import ctypes

        ctypes.CDLL("libgcc_s.so.1")


class TooLong(Exception):
    """The work was not done in time; it goes on."""


def aside(work: Callable[[], T], seconds: float, name: str) -> T:
    """Do the work in a thread, wait for it at most so many seconds, and return what it returns or raise what it raises.

    Raises TooLong. Where there can be no thread it is done here.
    """
    done: List[T] = []
    failed: List[BaseException] = []

    def do() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=do, name="polyaxon_helper." + name, daemon=True)
    if begin(thread):
        thread.join(seconds)
    else:
        do()
    if failed:
        raise failed[0]
    if not done:
        raise TooLong
    return done[0]


def begin(thread: threading.Thread) -> bool:
    """Start a thread; False where none can be: at exit, from Python 3.12 on, or there are too many."""
    handled = sys.exc_info()[1]
    try:
        thread.start()
    except RuntimeError as error:
        if error.__context__ is not None and error.__context__ is not handled:
            raise error.__context__  # a signal handler's, which left a lock unlocked that Python then unlocks
        return False
    return True


def end_after_children(end: Callable[[], None], finalizer: Any) -> Any:
    """Have multiprocessing call this at its own exit: children run nothing else, a parent's have ended by then.

    Returns what it was given where it was asked before; where nobody has imported multiprocessing, None.
    """
    util = sys.modules.get("multiprocessing.util")
    return finalizer if finalizer or util is None else util.Finalize(None, end, exitpriority=-100)
