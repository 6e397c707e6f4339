"""Imports polyaxon-client, also where newer Pythons or libraries dropped what it needs.

polyaxon-client 0.6.1, of 2020, is the last. As pip installs it today it can be imported on no Python by itself: its
Jinja2 wants markupsafe.soft_unicode, it wants collections.Mapping itself. These names are lent to it while it is being
imported, and while an Experiment or Job is made (polystores imports its bucket clients only then); then each is put
back as it was.
"""
import collections
import collections.abc
import functools
import importlib
import importlib.util
import os
import re
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import late
from .replacements import EXCEPTIONS, TRACKING
from .warn import warn_once, without_tokens

PACKAGE = TRACKING.partition(".")[0]
SETTINGS = PACKAGE + ".settings"
IMPORTED_LATER = ("pkg_resources", "polystores.stores.local_store", "netrc")  # by the client's calls

failure: Optional[ImportError] = ModuleNotFoundError(
    "polyaxon-client is not installed. To have the client: pip install 'polyaxon-helper[client]'", name=PACKAGE)
"""What a name of the client's raises; None where the client could be imported."""

_tried = False
_lock = threading.RLock()


def has_client() -> bool:
    """Tell whether there is a client, imported now if need be. Raises late.UnderWay where that can't be done now."""
    if not _tried:
        for trouble in late.alone(_troubles):
            warn_once(trouble)  # here, where the user's line is found
    return failure is None


def _troubles() -> List[str]:
    global _tried
    troubles = [] if _tried else list(_import_client())
    _tried = True
    return troubles


def _import_client() -> Iterator[str]:
    """Import the client, and give what is to be said about it."""
    global failure
    stub = sys.modules.get(PACKAGE)
    if stub is not None and getattr(stub, "__spec__", None) is None:  # a test's
        for name in (TRACKING, EXCEPTIONS, SETTINGS):
            with suppress(ImportError):
                importlib.import_module(name)
        failure = None
        return
    spec = None if PACKAGE in sys.modules and stub is None else importlib.util.find_spec(PACKAGE)
    if spec is None:
        return
    if importlib.util.find_spec("traceml") is not None:
        yield (
            "polyaxon-client and polyaxon 2 (traceml) are both installed here. They need different releases of the "
            "same libraries, so one or both can't be imported. Have each in an environment of its own: "
            "pip uninstall polyaxon-client polyaxon-schemas, or pip uninstall polyaxon traceml"
        )
    try:
        _import_real_client()
        failure = None
    except Exception as error:
        kind = ModuleNotFoundError if isinstance(error, ModuleNotFoundError) else ImportError
        text = "polyaxon-client {} is installed but can't be imported ({}: {}). ".format(
            _installed_release(list(spec.submodule_search_locations or [])), type(error).__name__, error)
        remedy = "To have the client: " + _remedy_of(error)
        failure = kind(without_tokens(text + remedy), name=PACKAGE)
        yield text + "polyaxon_helper goes on without it, from the environment alone. " + remedy


def _import_real_client() -> None:
    with lent_names():
        if importlib.util.find_spec("pkg_resources") is None:
            # every Experiment needs it, when it reports its packages: better known now than in mid-training
            raise ModuleNotFoundError("No module named 'pkg_resources', which setuptools had up to release 80")
        tracking = importlib.import_module(TRACKING)
        for name in (EXCEPTIONS, SETTINGS):
            importlib.import_module(name)
        for name in IMPORTED_LATER:
            with suppress(ImportError):
                importlib.import_module(name)
        for tracker in (tracking.Experiment, tracking.Job):
            _lend_while_made(tracker)


def _lendable() -> Iterator[Tuple[ModuleType, str, Any]]:
    """Give module, name and stand-in for what the client and its libraries need and may be gone."""
    for name in ("Mapping", "MutableMapping"):
        yield collections, name, getattr(collections.abc, name)
    if importlib.util.find_spec("markupsafe"):
        markupsafe = importlib.import_module("markupsafe")
        yield markupsafe, "soft_unicode", getattr(markupsafe, "soft_str", None)


@contextmanager
def lent_names() -> Iterator[None]:
    """Lend the dropped names, silence the warnings of what needs them, and put back everything as it was."""
    with _lock, _silence():
        lent: List[Tuple[ModuleType, str]] = []
        try:
            for module, name, stand_in in _lendable():
                if name not in vars(module):  # not hasattr: up to 3.9 collections then keeps them for good
                    setattr(module, name, stand_in)
                    lent.append((module, name))
            yield
        finally:
            for module, name in lent:
                delattr(module, name)


@contextmanager
def _silence() -> Iterator[None]:
    # Not catch_warnings: that makes Python forget which warnings it has shown, and show the script's once more.
    # What is imported sets filters of its own (to show every DeprecationWarning, each time), which go too.
    filters: Any = warnings.filters
    before = list(filters)
    filters.insert(0, ("ignore", None, Warning, None, 0))
    try:
        yield
    finally:
        filters[:] = before


def _lend_while_made(tracker: Any) -> None:
    made = tracker.__init__

    @functools.wraps(made)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        with lent_names():
            made(self, *args, **kwargs)

    tracker.__init__ = __init__


def _installed_release(folders: List[str]) -> str:
    # importlib.metadata is not there on 3.7; its folder beside the package says the same
    names: List[str] = []
    for folder in folders:
        with suppress(OSError):  # in a zip
            names += os.listdir(os.path.dirname(folder))
    found = [re.match(r"polyaxon_client-(.+?)(\.dist|-py.*\.egg|\.egg)-info$", name) for name in names]
    return next((match.group(1) for match in found if match), "of an unknown release")


_REMEDIES: Dict[str, str] = {
    "boolean": "set that variable to true or false, or unset it",
    "pkg_resources": "pip install 'setuptools<81'",
    "distutils": "pip install 'setuptools<81'",
    "": "pip install -U 'polyaxon-helper[client]'",
}
"""What to do, by what the failure's text has in it; the last suits all."""


def _remedy_of(error: Exception) -> str:
    text = str(error).replace("<class 'bool'>", "boolean")
    return next(remedy for sign, remedy in _REMEDIES.items() if sign in text)
