"""The entries that wait to be sent, in a file of this process's own.

    {"polyaxon_helper_journal": 2, "experiment": ["u", "p", "7", "UUID"], "host": "plx-UUID-master-0", "sent":     95}
    {"values": {"loss": 0.5}, "created_at": "2026-11-22 00:37:16.310707+00:00"}
    ...

Lines are only ever added, each by one write; `sent` is the byte up to which they were sent, overwritten in place. So a
process may be killed at any moment: what it leaves is read from `sent` to the last whole line. A live process holds a
lock on its file, which every process of its host sees.
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

from ..files import FLAGS, is_ours_alone, lock
from ..replacements import FUNCTIONS

SUFFIX = ".jsonl"
FOLDER = ".polyaxon_helper"

MAX_BYTES = 256 * 1024 * 1024
MAX_IN_MEMORY = 10000
BATCH_BYTES = 1000000
ROLL_BYTES = 4 * 1024 * 1024  # once so much was sent, what comes next begins a new journal, so that none grows for ever

_HEADER = '{{"polyaxon_helper_journal": 2, "experiment": {}, "host": {}, "sent": {:11d}}}\n'
_PARTS = re.compile(r"[\w@+-]+/[\w@+-]+/[\w@+-]+/[\w-]*$", re.ASCII)
HOST = os.uname().nodename if hasattr(os, "uname") else ""

Experiment = Tuple[str, ...]  # user, project, number, and UUID where it is known


class Full(Exception):
    """No entry can be added."""


class InUse(Exception):
    """A journal that may be another process's; the text says why."""


class NotOurs(Exception):
    """A file that can't be read as a journal, or is not to be trusted; the text says why."""


def experiment_of(parts: Iterable[Any]) -> Experiment:
    """Check the parts of an experiment's URL and its UUID; ValueError where they can't be."""
    found = tuple(map(str, parts))
    if not _PARTS.match("/".join(found)):
        raise ValueError("no experiment's")
    return found


def folders() -> Iterator[str]:
    """Give the folders where this environment's journals may be, best first."""
    outputs = next(filter(None, map(os.environ.get, FUNCTIONS["get_outputs_path"].variables)), "")
    if os.path.isabs(outputs) and os.path.isdir(outputs):  # it may be a bucket's URL
        yield os.path.join(outputs, FOLDER)
    owner = "-{}".format(os.geteuid()) if hasattr(os, "geteuid") else ""
    temporary = next(filter(None, map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))), "/tmp")
    yield os.path.join(temporary, FOLDER.strip(".") + owner)


def journals_in(folder: str) -> List[str]:
    """Return the paths of its journals, the oldest first; none where it can't be read, or others may write in it."""
    try:
        _check_folder(folder)
        with os.scandir(folder) as entries:
            found = [(entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in entries]
    except OSError:
        return []
    return [path for _, path in sorted(found) if path.endswith(SUFFIX)]


def _is_shared(folder: str) -> bool:
    """Tell whether a folder is as private as the outputs that it is in; else it has to be private itself."""
    return os.path.basename(folder) == FOLDER or not os.path.basename(folder).startswith(FOLDER.strip("."))


def _check_folder(folder: str) -> None:
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or not (_is_shared(folder) or is_ours_alone(status)):
        raise PermissionError(errno.EPERM, "{} is no folder of this user's alone".format(folder))


class Memory:
    """Entries that wait where no file can be written."""

    path = ""
    is_kept = False

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
    """Entries that wait in a file.

    A script may close descriptors that it does not know, and open files of its own by their numbers: each use of one of
    ours first looks whose it is.
    """

    def __init__(self, path: str, handle: int, own: bool = False) -> None:
        """Of a file that is open for reading and writing; NotOurs, and closed, where it is no journal."""
        self.path = path
        self._handle = handle
        self._appending = -1
        self._file = _identity(handle)
        header = os.read(handle, 4096).partition(b"\n")[0] + b"\n"
        try:
            found = json.loads(header.decode())
            self.experiment = experiment_of(found["experiment"])
            self.host = found["host"]
            self.sent = found["sent"]
            if header != _header(self.experiment, self.host, self.sent) or self.sent >= 10 ** 11:
                raise ValueError("of another release")
        except (ValueError, LookupError, TypeError, RecursionError):
            os.close(handle)
            is_one = header.startswith(b'{"polyaxon_helper_journal": ')
            raise NotOurs("it is a damaged journal, or one of another release" if is_one else "it is no journal")
        self.sent = max(self.sent, len(header))
        self._position = len(header) - len("}\n") - 11
        self._size = os.lseek(handle, self.sent, os.SEEK_SET)
        self.waiting = 0
        if own:
            self._appending = os.open(path, FLAGS | os.O_WRONLY | os.O_APPEND)
        else:
            self.waiting = sum(text.count(b"\n") for text in iter(lambda: os.read(handle, BATCH_BYTES), b""))

    @property
    def is_kept(self) -> bool:
        """Whether who comes next finds the file."""
        with suppress(OSError):
            return os.stat(self.path, follow_symlinks=False)[1:3] == self._file
        return False

    def takes(self, experiment: Experiment) -> bool:
        """Tell whether that experiment's entries may be added."""
        return self._appending >= 0 and self.sent <= ROLL_BYTES and experiment == self.experiment

    def append(self, line: bytes) -> None:
        """Add an entry. A single write, so that a thread or signal handler in between can't break a line."""
        status = os.fstat(self._appending)
        if (status.st_ino, status.st_dev) != self._file:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not status.st_nlink:  # deleted under us, so that nobody would ever find what is added
            raise FileNotFoundError(errno.ENOENT, "{} vanished".format(self.path))
        if status.st_size + len(line) >= MAX_BYTES:
            raise Full
        _write(self._appending, line + b"\n")
        self.waiting += 1

    def read(self, limit: int) -> List[bytes]:
        """Return the first entries that wait, at most `limit` and BATCH_BYTES of them."""
        handle = self._opened()
        os.lseek(handle, self.sent, os.SEEK_SET)
        text = os.read(handle, BATCH_BYTES)
        end = text.rfind(b"\n")
        if end < 0 and len(text) == BATCH_BYTES:
            return [text[:-1]]  # no entry of ours is that long; struck off, it is gone
        return text[:end].split(b"\n", limit)[:limit] if end >= 0 else []

    def strike(self, lines: List[bytes]) -> None:
        """Take off the first entries, as they were read."""
        self.sent += sum(map(len, lines)) + len(lines)
        self.waiting -= len(lines)
        with suppress(OSError):  # then they arrive again, should this process be killed
            handle = self._opened()
            os.lseek(handle, self._position, os.SEEK_SET)
            os.write(handle, b"%11d" % self.sent)

    def _opened(self) -> int:
        """Return the descriptor that holds the lock, opened anew where the script closed it."""
        if not _is(self._handle, self._file):
            self._handle = os.open(self.path, FLAGS | os.O_RDWR)
            if not _is(self._handle, self._file):
                self.close()
                raise FileNotFoundError(errno.ENOENT, "{} vanished".format(self.path))
            lock(self._handle)
        return self._handle

    def close(self) -> None:
        """Leave the file to whoever comes next."""
        for handle in (self._appending, self._handle):
            if _is(handle, self._file):
                os.close(handle)
        self._appending = self._handle = -1

    def delete(self) -> None:
        if not hasattr(os, "geteuid"):
            self.close()  # an open file can't be deleted there
        if self.is_kept:
            _unlink(self.path)  # while we hold the lock, so that nobody has begun to read it
        self.close()


Queue = Union[Journal, Memory]


def _identity(handle: int) -> Tuple[int, int]:
    status = os.fstat(handle)
    return status.st_ino, status.st_dev


def _is(handle: int, file: Tuple[int, int]) -> bool:
    try:
        return handle >= 0 and _identity(handle) == file
    except OSError:
        return False


def create(experiment: Experiment) -> Journal:
    """Make a new journal of this process's, in the first folder where that works; OSError where none does."""
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
    _check_folder(folder)
    path = os.path.join(folder, os.urandom(8).hex() + SUFFIX)
    handle = os.open(path, FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        locked = lock(handle)
        if locked is False or os.fstat(handle).st_nlink == 0:
            raise BlockingIOError(errno.EAGAIN, "taken for an abandoned one")
        _write(handle, _header(experiment, HOST if locked else "", 0))
        os.lseek(handle, 0, os.SEEK_SET)
        return Journal(path, handle, own=True)
    except OSError:
        os.close(handle)
        _unlink(path)
        raise


def _header(experiment: Experiment, host: str, sent: int) -> bytes:
    return _HEADER.format(json.dumps(experiment), json.dumps(host), sent).encode()


def open_abandoned(path: str, asked_for: bool = False) -> Journal:
    """Open the journal that a process left behind, locked as ours; InUse or NotOurs where it is none.

    One of another host, or where no lock can tell whether it is in use, is opened only if it was `asked_for`.
    """
    try:
        handle = os.open(path, FLAGS | os.O_RDWR)
    except OSError as error:
        raise NotOurs(error.strerror) from None
    taken, status = lock(handle), os.fstat(handle)
    reason = _why_not(path, status)
    trouble: Optional[Exception] = NotOurs(reason) if reason else None
    if taken is False or status.st_nlink == 0:
        trouble = InUse("a running process has it")
    elif taken is None and not asked_for:
        trouble = InUse("whether it is in use can't be told here")
    elif not trouble and taken and status.st_size == 0:
        _unlink(path)
        trouble = InUse("its process was killed before it wrote a word")
    if trouble:
        os.close(handle)
        raise trouble
    journal = Journal(path, handle)
    if not asked_for and journal.host != HOST:
        journal.close()
        raise InUse("its process had no lock, or was on another host, whose locks may not be seen here")
    return journal


def _why_not(path: str, status: os.stat_result) -> str:
    """Tell why a file is not to be read as a journal; "" where it may be."""
    if not stat.S_ISREG(status.st_mode):
        return "it is no file"
    if status.st_nlink > 1:
        return "it has several names"
    if status.st_size > MAX_BYTES:
        return "it is too large"
    if not _is_shared(os.path.dirname(path)) and not is_ours_alone(status):
        return "another user can write to it"
    return ""


def _write(handle: int, text: bytes) -> None:
    if os.write(handle, text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unlink(path: str) -> None:
    """Delete the file, and its folder if that was the last."""
    with suppress(OSError):  # gone already, or another's journal is in it
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
