"""Does what each command, python -m polyaxon_helper.NAME, begins with."""
import os
import sys
from contextlib import suppress


def leave_current_folder() -> None:
    """Take the current folder off the path, where -m put it first: a user's uuid.py is not the standard library's."""
    with suppress(OSError):  # it is deleted
        if sys.path[0] in ("", os.getcwd()) and not getattr(sys.flags, "safe_path", False):
            del sys.path[0]
