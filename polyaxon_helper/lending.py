"""Imports polyaxon-client, also where newer Pythons or libraries dropped what it needs.

Its last release is 0.6.1, of 2020. It wants collections.Mapping, and its Jinja2 wants markupsafe.soft_unicode: both are
lent while it is imported, and while an Experiment or Job is made, which imports more; then they are taken away again.
"""
import collections
import collections.abc
import functools
import importlib
import importlib.util
import os
import re
import sys
import warnings
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import late
from .replacements import EXCEPTIONS, TRACKING
from .variables import BUCKETS
from .warn import warn_once, without_tokens

PACKAGE = TRACKING.partition(".")[0]
SETTINGS = PACKAGE + ".settings"

credentials_given = False


@functools.lru_cache(maxsize=None)
def failure() -> Optional[ImportError]:
    """Import the client, and return what its names raise: None where that worked. May itself raise late.UnderWay."""
    failed, troubles = late.alone(_import_client)
    for trouble in troubles:
        warn_once(trouble)  # here, where the user's line is found
    return failed


@functools.lru_cache(maxsize=None)  # once, also where two threads came
def _import_client() -> Tuple[Optional[ImportError], List[str]]:
    """Import the client, and return how that failed, and what is to be said about it."""
    troubles: List[str] = []
    spec = None
    try:
        if not _is_stub(PACKAGE) and not _is_stub(TRACKING):
            spec = importlib.util.find_spec(PACKAGE)  # of a zip, this compiles it
            if spec is None:
                return ModuleNotFoundError("polyaxon-client is not installed. To have the client: "
                                           "pip install 'polyaxon-helper[client]'", name=PACKAGE), troubles
            if not _is_stub("traceml") and importlib.util.find_spec("traceml") is not None:
                troubles.append(
                    "polyaxon-client and polyaxon 2 (traceml) are both installed here. They need different releases of "
                    "the same libraries, so one or both can't be imported. Have each in an environment of its own: "
                    "pip uninstall polyaxon-client polyaxon-schemas, or pip uninstall polyaxon traceml")
            with lent_names():
                # the first and the last two are what its calls import: better known now than in mid-training
                for name in ("pkg_resources", TRACKING, EXCEPTIONS, SETTINGS, "polystores.stores.local_store", "netrc"):
                    importlib.import_module(name)
                for tracker in (sys.modules[TRACKING].Experiment, sys.modules[TRACKING].Job):
                    tracker.__init__ = _lending(tracker.__init__)
    except Exception as error:
        kind = ModuleNotFoundError if isinstance(error, ModuleNotFoundError) else ImportError
        text = "polyaxon-client {} is installed but can't be imported ({}: {}). ".format(
            _installed_release(spec and spec.origin or ""), type(error).__name__, error)
        remedy = "To have the client: " + next(_REMEDIES[sign] for sign in _REMEDIES if sign in str(error))
        troubles.append(text + "polyaxon_helper goes on without it, from the environment alone. " + remedy)
        return kind(without_tokens(text + remedy), name=PACKAGE), troubles
    return None, troubles


def _is_stub(name: str) -> bool:
    """Tell whether a test put something in the place of this module."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not (isinstance(spec, ModuleSpec) and spec.loader)


@contextmanager
def lent_names() -> Iterator[None]:
    """Lend the dropped names, silence the warnings of what needs them, and put back everything as it was."""
    with late.lock:
        # Not catch_warnings: that makes Python forget which warnings it has shown, and show the script's once more.
        # What is imported sets filters of its own (to show every DeprecationWarning, each time), which go too.
        filters: Any = warnings.filters
        before, lent = list(filters), []
        filters.insert(0, ("ignore", None, Warning, None, 0))
        try:
            stand_ins: List[Tuple[Any, str, Any]] = [
                (collections, name, getattr(collections.abc, name)) for name in ("Mapping", "MutableMapping")]
            with suppress(ImportError):
                markupsafe = importlib.import_module("markupsafe")
                stand_ins.append((markupsafe, "soft_unicode", getattr(markupsafe, "soft_str", None)))
            for module, name, stand_in in stand_ins:
                if name not in vars(module):  # not hasattr: up to 3.9 collections then keeps them for good
                    setattr(module, name, stand_in)
                    lent.append((module, name))
            yield
        finally:
            for module, name in lent:
                delattr(module, name)
            filters[:] = before


def _lending(make: Callable[..., None]) -> Callable[..., None]:
    """Make an __init__ that has the dropped names."""
    @functools.wraps(make)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        global credentials_given
        with lent_names():
            make(self, *args, **kwargs)
        credentials_given = True

    return __init__


def give_credentials() -> str:
    """Put a bucket's credentials into os.environ, once, as an Experiment does; return what is to be said about it."""
    global credentials_given
    base: Any = sys.modules.get(TRACKING + ".base")
    given, credentials_given = credentials_given, True
    if given or base is None:  # a stub has none
        return ""
    try:
        if getattr(base.settings, "IS_MANAGED", base.settings.IN_CLUSTER) and base.get_outputs_path():
            with lent_names():
                base.StoreManager(path=base.get_outputs_path()).set_env_vars()
    except Exception as error:  # whose text may quote a secret
        why = str(error) if isinstance(error, ImportError) else "is what {} names right?".format(BUCKETS)
        return "A bucket's credentials can't be put into os.environ ({}: {})".format(type(error).__name__, why)
    return ""


def _installed_release(package: str) -> str:
    """Read the client's release from the folder beside it: on 3.7 there is no importlib.metadata."""
    found = None
    with suppress(OSError):  # the client is in a zip
        names = " ".join(os.listdir(os.path.dirname(os.path.dirname(package))))
        found = re.search(r"\bpolyaxon_client-(\S+?)(\.dist|-py\S*\.egg|\.egg)-info\b", names)
    return found.group(1) if found else "of an unknown release"


_REMEDIES: Dict[str, str] = {
    "Cannot convert value": "correct that variable (a switch is true or false), or unset it",
    **dict.fromkeys(("pkg_resources", "distutils"), "pip install 'setuptools<81'"),
    "": "pip install -U 'polyaxon-helper[client]'",
}
"""What to do, by what the failure's text has in it; the last suits all."""
