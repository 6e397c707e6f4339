"""Opens, locks and trusts files: what is needed by both platforms."""
import errno
import json
import os
import stat
from contextlib import suppress
from typing import Callable, List, Optional

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has none
    fcntl = None  # type: ignore[assignment]  # elsewhere it is a module

# no link is followed, no pipe waited for
FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


def lock(handle: int) -> Optional[bool]:
    """Lock an open file till it is closed or unlocked; False where another has it, None where no lock works."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except (AttributeError, OSError):
        return None


def unlock(handle: int) -> None:
    with suppress(AttributeError, OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)


def write(path: str, how: int, text: bytes, mode: int) -> None:
    """Write the text by a single call, so that no thread, process or signal handler in between can break a line.

    `how` are flags of os.open. Raises OSError where not all was written: then none of it is there, and no new file.
    """
    handle = os.open(path, FLAGS | os.O_WRONLY | how, mode)
    try:
        written = os.write(handle, text)
        if written < len(text):
            end = os.lseek(handle, 0, os.SEEK_CUR)
            if end == os.fstat(handle).st_size:  # no other process has added anything behind it
                os.ftruncate(handle, max(0, end - written))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        if how & os.O_EXCL:
            os.unlink(path)
        raise
    finally:
        os.close(handle)


def place(path: str, text: bytes, mode: int, put: Callable[[str, str], None] = os.replace) -> None:
    """Make a file, in the place of another if there is one, such that nobody ever finds a part of it."""
    new = "{}/.{}".format(os.path.dirname(path), os.urandom(8).hex())
    try:
        write(new, os.O_CREAT | os.O_EXCL, text, mode)
        put(new, path)
    finally:  # also where the disk is full
        with suppress(FileNotFoundError):
            os.unlink(new)


def is_ours_alone(status: os.stat_result) -> bool:
    """Tell whether nobody but this user, and root, can have written a file, or into a folder."""
    return not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def token_in(path: str, *keys: str) -> Optional[str]:
    """Return the token in a file of root's or ours, under the first of these keys that it has; else None."""
    with suppress(OSError, ValueError, AttributeError, RecursionError):  # not there, no JSON, no object
        with os.fdopen(os.open(path, os.O_RDONLY | FLAGS)) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid())):
                found = json.load(file)
                tokens: List[str] = [found[key] for key in keys if isinstance(found.get(key), str) and found[key]]
                return tokens[0] if tokens else None
    return None
