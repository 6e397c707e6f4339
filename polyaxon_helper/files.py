"""Opens, locks and trusts files: what is needed by both platforms."""
import errno
import json
import os
import stat
from contextlib import suppress
from typing import Callable, List, Optional, Tuple

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


def identity(status: os.stat_result) -> Tuple[int, int]:
    """Return what tells a file from any other."""
    return status.st_ino, status.st_dev


def is_still(handle: int, file: Tuple[int, int]) -> bool:
    """Tell whether a descriptor is still of this file: a script may have closed it, and have it for one of its own."""
    with suppress(OSError):
        return identity(os.fstat(handle)) == file
    return False


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


def read(path: str, at: int, count: int) -> bytes:
    """Return so many bytes of a file. Raises OSError, also where it has become shorter."""
    handle = os.open(path, FLAGS | os.O_RDONLY)
    try:
        os.lseek(handle, at, os.SEEK_SET)
        found = os.read(handle, count)
    finally:
        os.close(handle)
    if len(found) < count:
        raise OSError(errno.EIO, "it has become shorter")
    return found


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
