"""polyaxon_client's names, also where newer Pythons or libraries dropped what it needs.

    from polyaxon_helper.client import Experiment, get_data_paths

These are the client's own objects, on Python 3.7 to 3.13: Experiment, Job and the getters of polyaxon_client.tracking,
and PolyaxonClientException. Once this module is imported, `import polyaxon_client` works in the process too.

polyaxon-client 0.6.1, of 2020, is the last. As pip installs it today it can be imported on no Python by itself: its
Jinja2 wants markupsafe.soft_unicode, it wants collections.Mapping itself. These names are lent to it while it is being
imported, and while an Experiment or Job is made (polystores imports its bucket clients only then); then each is put
back as it was.

Importing this module never fails. Where polyaxon_client is installed and can't be imported even so, a RuntimeWarning
says which release it is, what failed and what to do; `settings` is then None. Where there is no client that works, each
of its names is an ImportError that says the same.
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
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Type

from .notices import warn_once, without_tokens
from .replacements import REPLACEMENTS

if TYPE_CHECKING:  # pragma: no cover - it never runs
    class Experiment(Any):  # type: ignore[misc]  # it may have any attribute: the client's own has no types
        pass

    class Job(Any):  # type: ignore[misc]  # the same
        pass

    class PolyaxonClientException(Exception):
        pass

    get_data_paths: Any
    get_log_level: Any
    get_outputs_path: Any
    get_outputs_refs_paths: Any

settings: Optional[ModuleType] = None  # polyaxon_client.settings, where the client could be imported

_HOMES = {name: row.home for name, row in REPLACEMENTS.items() if row.home and row.path == name}
"""The client's module that each of its names is in."""

_missing: Type[ImportError] = ModuleNotFoundError
_reason = "polyaxon-client is not installed. To have the client: pip install 'polyaxon-helper[client]'"
"""What is raised for a name of the client's, where it could not be imported."""

_lock = threading.RLock()


def _lendable() -> Iterator[Tuple[ModuleType, str, Any]]:
    """Module, name and stand-in for what the client and its libraries need and may be gone."""
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


def _import_client() -> ModuleType:
    with lent_names():
        if importlib.util.find_spec("pkg_resources") is None:
            # every Experiment needs it, when it reports its packages: better known now than in mid-training
            raise ModuleNotFoundError("No module named 'pkg_resources', which setuptools had up to release 80")
        tracking = importlib.import_module("polyaxon_client.tracking")
        importlib.import_module("polyaxon_client.exceptions")
        for tracker in (tracking.Experiment, tracking.Job):
            _lend_while_made(tracker)
        return importlib.import_module("polyaxon_client.settings")


def _installed_release(folders: List[str]) -> str:
    # importlib.metadata is not there on 3.7; its folder beside the package says the same
    names = [name for folder in folders for name in os.listdir(os.path.dirname(folder))]
    found = [re.match(r"polyaxon_client-(.+?)(\.dist|-py.*\.egg|\.egg)-info$", name) for name in names]
    return next((match.group(1) for match in found if match), "of an unknown release")


_REMEDIES: Dict[str, str] = {
    "boolean": "set that variable to true or false, or unset it",
    "pkg_resources": "pip install 'setuptools<81'",
    "distutils": "pip install 'setuptools<81'",
    "": "pip install -U 'polyaxon-helper[client]'",
}
"""What to do, by what the failure's text has in it; the last suits all."""


def _remedy_of(failure: Exception) -> str:
    text = str(failure).replace("<class 'bool'>", "boolean")
    return next(remedy for sign, remedy in _REMEDIES.items() if sign in text)


_spec = importlib.util.find_spec("polyaxon_client")
if _spec is not None:
    if importlib.util.find_spec("traceml") is not None:
        warn_once(
            "polyaxon-client and polyaxon 2 (traceml) are both installed here. They need different releases of the "
            "same libraries, so one or both can't be imported. Have each in an environment of its own: "
            "pip uninstall polyaxon-client polyaxon-schemas, or pip uninstall polyaxon traceml"
        )
    try:
        settings = _import_client()
    except Exception as failure:
        _missing = ModuleNotFoundError if isinstance(failure, ModuleNotFoundError) else ImportError
        _failed = "polyaxon-client {} is installed but can't be imported ({}: {}). ".format(
            _installed_release(list(_spec.submodule_search_locations or [])), type(failure).__name__, failure)
        _remedy = "To have the client: " + _remedy_of(failure)
        _reason = without_tokens(_failed + _remedy)
        warn_once(_failed + "polyaxon_helper goes on without it, from the environment alone. " + _remedy)

if not TYPE_CHECKING:  # pragma: no branch - a checker would take any name for the client's

    def __getattr__(name: str) -> Any:
        """Give the client's own object of this name, or raise what says why there is none."""
        if name not in _HOMES:
            raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
        if settings is None:
            raise _missing(_reason, name="polyaxon_client")
        return getattr(sys.modules[_HOMES[name]], name)
