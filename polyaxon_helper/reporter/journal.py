"""The entries that wait to be sent, in a file of this process's own.

    {"polyaxon_helper_journal": 1, "experiment": ["u", "p", "7", "UUID"], "locked": true, "sent":          95}
    {"values": {"loss": 0.5}, "created_at": "2026-11-22 00:37:16.310707+00:00"}
    ...

Lines are only ever added, each by one write; `sent` is the byte up to which they were sent, overwritten in place. So a
process may be killed at any moment: what it leaves is read from `sent` to the last whole line. A live process holds a
lock on its file, which says more than a number of a process in another container, or of one long gone.
"""
import errno
import json
import os
import re
import stat
from collections import deque
from contextlib import suppress
from itertools import accumulate, islice
from typing import Any, Deque, Iterable, Iterator, List, Optional, Tuple, Union

from ..replacements import FUNCTIONS

SUFFIX = ".jsonl"
FOLDER = ".polyaxon_helper"
MOUNTS = "/proc/mounts"

MAX_BYTES = 256 * 1024 * 1024
MAX_IN_MEMORY = 10000
BATCH_BYTES = 1000000
ROLL_BYTES = 4 * 1024 * 1024  # once so much was sent, what comes next begins a new journal, so that none grows for ever

_HEADER = '{{"polyaxon_helper_journal": 1, "experiment": {}, "locked": {}, "sent": {:11d}}}\n'
_PARTS = re.compile(r"[\w@+-]+/[\w@+-]+/[\w@+-]+/[\w-]*$", re.ASCII)
FLAGS = os.O_RDWR | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))

# Where a lock that we get means that no process holds it, also none on another host. Elsewhere it may mean nothing.
_LOCKING = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "aufs", "nfs", "nfs4", "ceph"}
_LOCKING_HERE_ALONE = {"nolock", "local_lock=flock", "local_lock=all"}

Experiment = Tuple[str, ...]  # user, project, number, and UUID where it is known


class Full(Exception):
    """No entry can be added."""


class InUse(Exception):
    """A journal that may be another process's; the text says why."""


class NotOurs(Exception):
    """A file that can't be read as a journal; the text says why."""


def experiment_of(parts: Iterable[Any]) -> Experiment:
    """The parts of an experiment's URL and its UUID; ValueError where they can't be."""
    found = tuple(map(str, parts))
    if not _PARTS.match("/".join(found)):
        raise ValueError("no experiment's")
    return found


def folders() -> Iterator[str]:
    """Give the folders where this environment's journals may be, best first."""
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

    path = ""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._lines: Deque[bytes] = deque()

    @property
    def waiting(self) -> int:
        return len(self._lines)

    def takes(self, experiment: Experiment) -> bool:
        return experiment == self.experiment

    def append(self, line: bytes) -> None:
        if len(self._lines) >= MAX_IN_MEMORY:
            raise Full
        self._lines.append(line)

    def read(self, limit: int) -> List[bytes]:
        lines = list(islice(self._lines.copy(), limit))
        sizes = accumulate(len(line) + 1 for line in lines)
        return [line for line, size in zip(lines, sizes) if size <= BATCH_BYTES]

    def strike(self, lines: List[bytes]) -> None:
        for _ in lines:
            self._lines.popleft()

    def close(self) -> None:
        """There is nothing to leave."""

    delete = close


class Journal:
    """Entries that wait in a file."""

    def __init__(self, path: str, handle: int) -> None:
        """Of a file that is open for reading and writing; NotOurs, and closed, where it is no journal."""
        self.path = path
        self.appending = -1  # the handle to add by, where the journal is this process's own
        self._file = os.fdopen(handle, "r+b", buffering=0)
        self._file.seek(0)
        header = self._file.read(4096).partition(b"\n")[0] + b"\n"
        try:
            found = json.loads(header.decode())
            self.experiment = experiment_of(found["experiment"])
            self.locked = found["locked"] is True
            self.sent = found["sent"]
            if header != _header(self.experiment, self.locked, self.sent) or self.sent >= 10 ** 11:
                raise ValueError("of another release")
        except (ValueError, LookupError, TypeError, RecursionError):
            self._file.close()
            is_one = header.startswith(b'{"polyaxon_helper_journal": ')
            raise NotOurs("it is a damaged journal, or one of another release" if is_one else "it is no journal")
        self.sent = max(self.sent, len(header))
        self._position = len(header) - len("}\n") - 11
        self._vanished = False  # deleted under us, so that nobody would ever find what is added
        self._size = self._file.seek(0, os.SEEK_END)
        self._file.seek(self.sent)
        self.waiting = sum(text.count(b"\n") for text in iter(lambda: self._file.read(BATCH_BYTES), b""))

    def takes(self, experiment: Experiment) -> bool:
        """Tell whether that experiment's entries may be added."""
        return self.appending >= 0 and self.sent <= ROLL_BYTES and experiment == self.experiment

    def append(self, line: bytes) -> None:
        """Add an entry. A single write, so that a thread or signal handler in between can't break a line."""
        if self._vanished:
            raise FileNotFoundError(errno.ENOENT, "{} vanished".format(self.path))
        if self._size + len(line) >= MAX_BYTES:
            raise Full
        _write(self.appending, line + b"\n")
        self._size += len(line) + 1
        self.waiting += 1

    def read(self, limit: int) -> List[bytes]:
        """The first entries that wait, at most `limit` and BATCH_BYTES of them."""
        # looked up here, for each system call may cost the caller's thread its turn
        self._vanished = os.fstat(self._file.fileno()).st_nlink == 0
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
        with suppress(OSError):  # then they arrive again, should this process be killed
            self._file.write(b"%11d" % self.sent)

    def close(self) -> None:
        """Leave the file to whoever comes next."""
        if self.appending >= 0:
            os.close(self.appending)
        self.appending = -1
        self._file.close()

    def delete(self) -> None:
        if not hasattr(os, "geteuid"):
            self.close()  # an open file can't be deleted there
        _unlink(self.path)  # while we hold the lock, so that nobody has begun to read it
        self.close()


Queue = Union[Journal, Memory]


def create(experiment: Experiment) -> Journal:
    """A new journal of this process's, in the first folder where that works; OSError where none does."""
    problem = OSError()
    for folder in folders():
        for _ in range(3):  # another process may just have cleaned up
            try:
                return _create_in(folder, experiment)
            except OSError as error:
                problem = error
    raise problem


def _create_in(folder: str, experiment: Experiment) -> Journal:
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    is_private = not hasattr(os, "geteuid") or status.st_uid == os.geteuid() and not status.st_mode & 0o077
    # among everybody's temporary files it has to be private; in an experiment's outputs it is as private as they are
    if not stat.S_ISDIR(status.st_mode) or not (is_private or os.path.basename(folder) == FOLDER):
        raise PermissionError(errno.EPERM, "{} is no private folder".format(folder))
    path = os.path.join(folder, os.urandom(8).hex() + SUFFIX)
    handle = os.open(path, FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        locked = lock(handle)
        if os.fstat(handle).st_nlink == 0 or locked is False:
            raise BlockingIOError(errno.EAGAIN, "taken for an abandoned one")
        _write(handle, _header(experiment, bool(locked), 0))
        appending = os.open(path, FLAGS | os.O_APPEND)
    except OSError:
        os.close(handle)
        _unlink(path)
        raise
    created = Journal(path, handle)
    created.appending = appending
    return created


def _header(experiment: Experiment, locked: bool, sent: int) -> bytes:
    return _HEADER.format(json.dumps(experiment), json.dumps(locked), sent).encode()


def open_abandoned(path: str, asked_for: bool = False) -> Journal:
    """The journal that a process left behind, locked as ours; InUse or NotOurs where it is none.

    Where no lock can tell whether it is in use, it is opened only if it was `asked_for`.
    """
    try:
        handle = os.open(path, FLAGS)
    except OSError as error:
        raise NotOurs(error.strerror) from None
    taken, status = lock(handle), os.fstat(handle)
    trouble: Optional[Exception] = None
    if not stat.S_ISREG(status.st_mode):
        trouble = NotOurs("it is no file")
    elif taken is False or status.st_nlink == 0:
        trouble = InUse("a running process has it")
    elif taken is None and not asked_for:
        trouble = InUse("whether it is in use can't be told here")
    elif taken and status.st_size == 0:
        _unlink(path)
        trouble = InUse("its process was killed before it wrote a word")
    if trouble:
        os.close(handle)
        raise trouble
    journal = Journal(path, handle)
    if not asked_for and not (journal.locked and _locks_reach(path)):
        journal.close()
        raise InUse("its process had no lock")
    return journal


def lock(handle: int, how: str = "LOCK_EX") -> Optional[bool]:
    """Take the lock of an open file, which ends with the process; False where it is taken, None where none work."""
    try:
        import fcntl

        fcntl.flock(handle, getattr(fcntl, how) | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None


def _locks_reach(path: str) -> bool:
    """Tell whether every process that sees this file sees a lock on it, as far as can be known."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split(" ") for line in file]
    except OSError:
        return True  # no Linux: then no cluster's node, and the file is this host's
    best, kind, options = "", "", ""
    for _, point, its_kind, its_options, *_ in mounts:
        point = point.replace("\\040", " ").rstrip("/") + "/"
        if os.path.realpath(path).startswith(point) and len(point) >= len(best):  # a later one hides an earlier
            best, kind, options = point, its_kind, its_options
    return kind in _LOCKING and not set(options.split(",")) & _LOCKING_HERE_ALONE


def _write(handle: int, text: bytes) -> None:
    if os.write(handle, text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unlink(path: str) -> None:
    """Delete the file, and its folder if that was the last."""
    with suppress(OSError):  # gone already, or another's journal is in it
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
