"""The entries that wait to be sent, in a file of this process's own.

    {"polyaxon_helper_journal": 1, "experiment": ["u", "p", "7", "UUID"], "locked": true, "sent":          123}
    {"values": {"loss": 0.5}, "created_at": "2026-11-22 00:37:16.310707+00:00"}
    ...

Lines are only ever added, each by one write; `sent` is the byte up to which they were sent, and is overwritten in place.
So a process may be killed at any moment: what it leaves is read from `sent` to the last whole line. A live process holds
a lock on its file, which says more than a number of a process in another container, or of one long gone.
"""
import json
import os
import re
import stat
from collections import deque
from itertools import islice
from typing import Any, Deque, Iterable, Iterator, List, Optional, Tuple, Union

from ..replacements import FUNCTIONS

VERSION = 1
SUFFIX = ".jsonl"
FOLDER = ".polyaxon_helper"

MAX_BYTES = 256 * 1024 * 1024
MAX_IN_MEMORY = 10000
BATCH_BYTES = 1000000
ROLL_BYTES = 4 * 1024 * 1024
"""Once so much of a journal was sent, what comes next begins a new one, so that it does not grow for ever."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_POSITION = 12  # digits of `sent`
_PART = re.compile(r"[\w@+-]+$", re.ASCII)

# Where a lock that we get means that no process holds it, also none on another host. Elsewhere it may mean nothing.
_LOCKING = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "aufs", "nfs", "nfs4", "ceph"}
MOUNTS = "/proc/mounts"
_LOCKING_HERE_ALONE = {"nolock", "local_lock=flock", "local_lock=all"}

Experiment = Tuple[str, str, str, str]
"""User, project, number, and UUID where it is known."""


class Full(Exception):
    """No entry can be added."""


class NotOurs(Exception):
    """A journal that is not to be touched; the text says why."""


def experiment_of(parts: Iterable[Any]) -> Experiment:
    """The parts, if they can be those of an experiment's URL; else ValueError."""
    user, project, number, uuid = parts
    if all(isinstance(part, str) and _PART.match(part) for part in (user, project, number)) and isinstance(uuid, str):
        return user, project, number, uuid
    raise ValueError("not an experiment: {!r}".format(parts))


def folders() -> Iterator[str]:
    """Where this environment's journals may be, best first."""
    outputs = next(filter(None, map(os.environ.get, FUNCTIONS["get_outputs_path"].variables)), "")
    if os.path.isabs(outputs) and os.path.isdir(outputs):  # it may be a bucket's URL
        yield os.path.join(outputs, FOLDER)
    import tempfile  # slow to import, and seldom needed

    owner = "-{}".format(os.geteuid()) if hasattr(os, "geteuid") else ""
    yield os.path.join(tempfile.gettempdir(), FOLDER.strip(".") + owner)


def journals_in(folder: str) -> List[str]:
    """The paths of its journals, the oldest first; none where it can't be read."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in entries]
    except OSError:
        return []
    return [path for _, path in sorted(found) if path.endswith(SUFFIX)]


class Memory:
    """Entries that wait where no file can be written."""

    path: Optional[str] = None
    sent = 0

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._lines: Deque[bytes] = deque()

    @property
    def waiting(self) -> int:
        return len(self._lines)

    def append(self, line: bytes) -> None:
        if len(self._lines) >= MAX_IN_MEMORY:
            raise Full
        self._lines.append(line)

    def read(self, limit: int) -> List[bytes]:
        lines, size = [], 0
        for line in islice(self._lines.copy(), limit):
            size += len(line) + 1
            if size > BATCH_BYTES:
                break
            lines.append(line)
        return lines

    def strike(self, lines: List[bytes]) -> None:
        for _ in lines:
            self._lines.popleft()

    def vanished(self) -> bool:
        return False

    def close(self) -> None:
        pass

    delete = close


class Journal:
    """Entries that wait in a file."""

    def __init__(self, path: str, handle: int) -> None:
        """Of a file that is open for reading and writing, and is known to be ours; ValueError where it is no journal."""
        self.path: Optional[str] = path
        self._file = os.fdopen(handle, "r+b", buffering=0)
        self._appending: Optional[int] = None
        try:
            header = self._file.read(4096).split(b"\n")[0] + b"\n"
            self.locked, self.experiment, self.sent = _read_header(header)
            self._position = len(header) - 2 - _POSITION
            self._size = os.fstat(handle).st_size
            self.waiting = self._count_waiting()
        except BaseException:
            self._file.close()
            raise

    def append(self, line: bytes) -> None:
        """Add an entry. A single write, so that a thread or signal handler in between can't break a line."""
        if self._size + len(line) >= MAX_BYTES:
            raise Full
        if self._appending is None:
            self._appending = os.open(str(self.path), os.O_WRONLY | os.O_APPEND | _NO_LINK)
        if os.write(self._appending, line + b"\n") <= len(line):
            raise OSError(28, "No space left on device")
        self._size += len(line) + 1
        self.waiting += 1

    def read(self, limit: int) -> List[bytes]:
        """The first entries that wait, at most `limit` and BATCH_BYTES of them."""
        self._file.seek(self.sent)
        text = self._file.read(BATCH_BYTES)
        end = text.rfind(b"\n")
        if end < 0 and len(text) == BATCH_BYTES:
            return [text[:-1]]  # no entry of ours is that long; struck off, it is gone
        return text[:end].split(b"\n", limit)[:limit] if end >= 0 else []

    def strike(self, lines: List[bytes]) -> None:
        """Take off the first entries, as they were read."""
        self.sent += sum(map(len, lines)) + len(lines)
        self.waiting -= len(lines)
        self._file.seek(self._position)
        self._file.write(b"%*d" % (_POSITION, self.sent))

    def vanished(self) -> bool:
        """Whether the file was deleted under us, so that nobody will ever find what it has."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def close(self) -> None:
        """Leave the file to whoever comes next."""
        if self._appending is not None:
            os.close(self._appending)
            self._appending = None
        self._file.close()

    def delete(self) -> None:
        path = str(self.path)
        if not hasattr(os, "geteuid"):
            self.close()  # an open file can't be deleted there
        try:
            os.unlink(path)  # while we hold the lock, so that nobody has begun to read it
            os.rmdir(os.path.dirname(path))
        except OSError:  # gone already, or another's journal is in it
            pass
        self.close()

    def _count_waiting(self) -> int:
        self._file.seek(self.sent)
        return sum(text.count(b"\n") for text in iter(lambda: self._file.read(BATCH_BYTES), b""))


Queue = Union[Journal, Memory]


def create(experiment: Experiment) -> Journal:
    """A new journal of this process's, in the first folder where that works; OSError where none does."""
    problem = OSError(2, "No such file or directory")
    for folder in folders():
        for _ in range(10):  # another process may just have deleted what was empty
            try:
                return _create_in(folder, experiment)
            except (FileNotFoundError, BlockingIOError, FileExistsError) as error:
                problem = error
            except OSError as error:
                problem = error
                break
    raise problem


def _create_in(folder: str, experiment: Experiment) -> Journal:
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    _check_folder(folder)
    path = os.path.join(folder, os.urandom(8).hex() + SUFFIX)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
    try:
        locked = lock(handle)
        if os.fstat(handle).st_nlink == 0 or locked is False:
            raise BlockingIOError(11, "Taken for an abandoned one")
        header = _header(experiment, bool(locked))
        if os.write(handle, header) != len(header):
            raise OSError(28, "No space left on device")
        os.lseek(handle, 0, os.SEEK_SET)
    except OSError:
        os.close(handle)
        _unlink(path)
        raise
    return Journal(path, handle)


def _check_folder(folder: str) -> None:
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(20, "Not a directory")
    if os.path.basename(folder) != FOLDER and hasattr(os, "geteuid"):  # the one among everybody's temporary files
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(13, "Not a private folder of this user's")


def open_abandoned(path: str, asked_for: bool = False) -> Journal:
    """The journal that a process left behind, locked as ours; NotOurs where it is not one, or is in use.

    Where no lock can tell whether it is in use, it is opened only if it was `asked_for`.
    """
    try:
        handle = os.open(path, os.O_RDWR | _NO_LINK)
    except OSError as error:
        raise NotOurs(error.strerror or "it can't be opened") from None
    status = os.fstat(handle)
    taken = lock(handle) if stat.S_ISREG(status.st_mode) else False
    if not taken and (taken is False or not asked_for) or os.fstat(handle).st_nlink == 0:
        os.close(handle)
        raise NotOurs("a running process writes it" if taken is False else "whether it is in use can't be told here")
    if taken and status.st_size == 0:  # killed before it wrote a word
        os.close(handle)
        _unlink(path)
        raise NotOurs("it is empty")
    try:
        journal = Journal(path, handle)
    except ValueError as error:
        raise NotOurs(str(error)) from None
    if not asked_for and not (journal.locked and _locks_reach(path)):
        journal.close()
        raise NotOurs("its process had no lock")
    return journal


def lock(handle: int) -> Optional[bool]:
    """Take the lock of an open file, which ends with the process; False where it is taken, None where there are none."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None


def _locks_reach(path: str) -> bool:
    """Whether a lock on this file is seen by every process that sees the file, as far as can be known."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split(" ") for line in file]
    except OSError:
        return True  # no Linux: then no cluster's node, and the file is this host's
    path = os.path.realpath(path)
    best, kind, options = "", "", ""
    for _, point, its_kind, its_options, *_ in mounts:
        point = point.replace("\\040", " ").rstrip("/") + "/"
        if path.startswith(point) and len(point) >= len(best):  # of two in one place, the later hides the earlier
            best, kind, options = point, its_kind, its_options
    return kind in _LOCKING and not set(options.split(",")) & _LOCKING_HERE_ALONE


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    except OSError:
        pass


def _header(experiment: Experiment, locked: bool) -> bytes:
    text = '{{"polyaxon_helper_journal": {}, "experiment": {}, "locked": {}, "sent": '.format(
        VERSION, json.dumps(experiment), json.dumps(locked)
    )
    return "{}{:{}}}}\n".format(text, len(text) + _POSITION + 2, _POSITION).encode()


def _read_header(line: bytes) -> Tuple[bool, Experiment, int]:
    """Whether its process had a lock, the experiment, and up to which byte it was sent; else ValueError."""
    try:
        header = json.loads(line.decode())
        version = header["polyaxon_helper_journal"]
    except (ValueError, LookupError, TypeError):
        raise ValueError("it is no journal") from None
    if version != VERSION:
        raise ValueError("it is a journal of version {!r}, not {}".format(version, VERSION))
    try:
        experiment = experiment_of(header["experiment"])
        if line != _header(experiment, header["locked"])[:-2 - _POSITION] + b"%*d}\n" % (_POSITION, header["sent"]):
            raise ValueError
    except (ValueError, LookupError, TypeError):
        raise ValueError("its first line is damaged") from None
    return header["locked"] is True, experiment, max(header["sent"], len(line))
