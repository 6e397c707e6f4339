"""Imports what comes late, with the first call that needs it: requests, and polyaxon-client.

It comes in the thread that calls, under one lock. A fork waits for the lock, so that no child finds half an import,
which nobody would end there. Nothing else is imported by a call.
"""
import importlib
import logging  # noqa: F401 - it too takes a lock before a fork: registered after it, ours waits for imports first
import os
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import Any, Iterator

WAIT = 30.0  # seconds for an import of another thread, which may itself wait for one of this thread's
FORK_WAIT = 5.0  # seconds that a fork waits; in its child all is then as if nothing had been begun

_lock = threading.RLock()
_working = False  # whether the lock's owner imports
_fork = threading.local()


class UnderWay(Exception):
    """An import is under way in this thread (which then runs a signal handler), or takes too long, or Python ends."""


@contextmanager
def importing(*packages: str) -> Iterator[None]:
    """Have the lock, and Python's memory of the warnings that it showed unchanged, while these packages are imported.

    Raises UnderWay where that can't be done now.
    """
    global _working
    taken = _lock
    if not taken.acquire(timeout=WAIT):
        raise UnderWay
    try:
        if _working or sys.is_finalizing() or any(map(_is_half_imported, packages)):
            raise UnderWay
        _working = True
        try:
            with _warnings_remembered():
                yield
        finally:
            _working = False
    finally:
        taken.release()


def _is_half_imported(package: str) -> bool:
    """Tell whether the script itself is just importing it, or a part of it."""
    return any(
        getattr(getattr(module, "__spec__", None), "_initializing", False) is True
        for name, module in list(sys.modules.items()) if name.partition(".")[0] == package)


@contextmanager
def _warnings_remembered() -> Iterator[None]:
    # whoever changes the filters makes Python forget what it has shown, and show the script's warnings once more
    library: Any = warnings
    forget, library._filters_mutated = getattr(library, "_filters_mutated", None), lambda: None
    try:
        yield
    finally:
        library._filters_mutated = forget


def requests() -> Any:
    """Return requests. Raises UnderWay, or what its import raised; then the next call tries again."""
    if sys.modules.get("requests") is None or _is_half_imported("requests"):
        with importing("requests", "urllib3"):
            return importlib.import_module("requests")
    return sys.modules["requests"]


def _before_fork() -> None:
    _fork.has_lock = _lock.acquire(timeout=FORK_WAIT)


def _after_fork() -> None:
    if _fork.has_lock:
        _lock.release()


def _begin_anew() -> None:
    global _lock, _working
    _after_fork()
    if not _fork.has_lock:
        _lock, _working = threading.RLock(), False


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_begin_anew)
