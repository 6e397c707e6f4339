"""Speaks to the user: by a warning, blamed on the line of the user's that led to it, or on standard error."""
import functools
import linecache  # noqa: F401 - warnings imports it to show the first one
import os
import sys
import warnings
from contextlib import suppress
from types import FrameType
from typing import Optional, Set, Tuple

OURS, LIBRARY, TEXT, FILE = range(4)  # the last two are the user's: what is typed or given to exec, and a file

_OURS = os.path.join(os.path.dirname(__file__), "")
# the standard library, and the scripts that pip makes for installed projects
_LIBRARIES = tuple(os.path.join(os.path.dirname(file), "") for file in (os.__file__, sys.executable) if file)
_INSTALLED = {"site-packages", "dist-packages"}
_told: Set[str] = set()


@functools.lru_cache(None)
def owner(file: str) -> int:
    """Tell whose the code is that has this file name."""
    if file.startswith(_OURS):
        return OURS
    if file.startswith(("<frozen ", *_LIBRARIES)) or _INSTALLED & set(file.replace("\\", "/").split("/")):
        return LIBRARY
    try:
        return FILE if os.path.isfile(file) else TEXT
    except ValueError:  # pragma: no cover - on Python 3.7 alone, of a name that no file can have
        return TEXT


def holds_library(folder: str) -> bool:
    """Tell whether the standard library or installed packages are in this folder, as they are in the root."""
    try:
        above = os.path.join(os.path.abspath(folder), "")
    except OSError:  # the current one, which is deleted
        return True
    paths = (*_LIBRARIES, *map(str, sys.path))  # a script may put a Path there
    return any(path.startswith(above) and owner(os.path.join(path, "")) == LIBRARY for path in paths)


def blame(warning: Warning) -> Optional[Tuple[str, int]]:
    """Give this warning, and return the place that it blames: the nearest of the user's that led here.

    Where there is none, as in a thread whose target is ours, that is a library's; None where Python itself called.
    """
    frame: Optional[FrameType] = sys._getframe(1)
    library = None
    while frame:
        whose = owner(frame.f_code.co_filename)
        if whose >= TEXT:
            break
        if whose == LIBRARY:
            library = library or frame
        frame = frame.f_back
    frame = frame or library
    if not frame:
        warnings.warn_explicit(warning, None, "sys", 1)  # as Python does
        return None
    place, scope = (frame.f_code.co_filename, frame.f_lineno or 1), frame.f_globals  # made code may have no lines
    name, registry = scope.get("__name__", "<string>"), scope.setdefault("__warningregistry__", {})
    warnings.warn_explicit(warning, None, *place, name, registry)
    return place


def warn_once(text: str) -> None:
    """Give a RuntimeWarning of this text, the first time in this process."""
    if text not in _told:
        _told.add(text)
        blame(RuntimeWarning(without_tokens(text)))


def say_once(text: str) -> None:
    """Write to standard error, the first time in this process: a warning would blame no line, or be an error."""
    if text and text not in _told:
        _told.add(text)
        write("polyaxon_helper: {}\n".format(without_tokens(text)))


def write(text: str) -> None:
    """Write to standard error, if anybody reads it."""
    with suppress(Exception):  # None, closed, a pipe that nobody reads any more, or the script's own without a flush()
        sys.stderr.write(text)
        sys.stderr.flush()


def without_tokens(text: str) -> str:
    """Strike out each of this environment's Polyaxon tokens: a library's exception may quote one."""
    for variable, value in os.environ.items():
        if variable.startswith("POLYAXON_") and "TOKEN" in variable and value:
            text = text.replace(value, "***")
    return text
