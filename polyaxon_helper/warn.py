"""Speaks to the user: by a warning, blamed on the line of the user's that led to it, or on standard error."""
import os
import sys
import warnings
from typing import Set

# importlib's frames stand between the user's line and a module of ours that works on import
_NOT_THE_USERS = {"polyaxon_helper", "deprecation", "importlib", "_frozen_importlib"}
_told: Set[str] = set()


def warn_once(text: str) -> None:
    """Give a RuntimeWarning of this text, the first time in this process."""
    if text in _told:
        return
    _told.add(text)
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _NOT_THE_USERS:
        frame = frame.f_back
    path, module = frame.f_code.co_filename, frame.f_globals.get("__name__")
    warnings.warn_explicit(without_tokens(text), RuntimeWarning, path, frame.f_lineno, module)


def say_once(text: str) -> None:
    """On standard error, the first time in this process: a warning would blame a line of nobody's, or be an error."""
    if text and text not in _told:
        _told.add(text)
        write("polyaxon_helper: {}\n".format(without_tokens(text)))


def write(text: str) -> None:
    """To standard error, if anybody reads it."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):  # closed by the script, or a pipe that nobody reads any more
        pass


def without_tokens(text: str) -> str:
    """The text with each of this environment's Polyaxon tokens struck out: a library's exception may quote one."""
    for variable, value in os.environ.items():
        if variable.startswith("POLYAXON_") and "TOKEN" in variable and value:
            text = text.replace(value, "***")
    return text
