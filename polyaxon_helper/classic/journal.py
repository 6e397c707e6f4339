"""Keeps what waits to be sent in files of this process's own, so that it may be killed at any moment.

    .polyaxon_helper/                   in the outputs folder, else in that for temporary files
        u,p,7,UUID,HOST,5f0c.lock       whose it is; empty, and locked while its process lives, for all of its host
        u,p,7,UUID,HOST,5f0c-17.jsonl   a batch, what one request can take: a line an entry, each added by one write
            {"values": {"loss": 0.5}, "created_at": "2026-11-22 00:37:16.310707+00:00"}

A batch is deleted when all of it was sent; so one may be sent twice, by who comes after a process that was killed.
"""
import errno
import os
import re
import stat
from contextlib import suppress
from typing import List, NamedTuple, Optional, Tuple

from ..files import FLAGS, identity, is_ours_alone, is_still, lock, write
from ..replacements import FUNCTIONS

FOLDER, LOCK, BATCH = ".polyaxon_helper", ".lock", ".jsonl"
BATCH_BYTES = 1000000
MODE = 0o600  # of the files
HOST = re.sub(r"[^\w.-]", "_", os.uname().nodename if hasattr(os, "uname") else "", flags=re.ASCII)
_EXPERIMENT = re.compile(r"([\w@+-]+),([\w@+-]+),([\w@+-]+),([\w-]*)\Z", re.ASCII)
_NAME = re.compile(r"\A(((?:[^,]*,){3}[^,]*),([^,]*),[0-9a-f]{16})(?:\.lock|-\d+\.jsonl)\Z")

Experiment = Tuple[str, ...]  # user, project, number, and UUID where it is known


class NotOurs(Exception):
    """A file that can't be read as a journal's, or is not to be trusted; the text says why."""


class InUse(NotOurs):
    """A journal that may be another process's."""


class Journal(NamedTuple):
    """The files of one process."""

    base: str  # the path that theirs begin with
    handle: int  # the descriptor that has the lock
    identity: Tuple[int, int]  # of the locked file, by which it is known again
    experiment: Experiment

    def is_there(self) -> bool:
        """Tell whether we have the lock, and its file the name, so that only who comes next takes the batches."""
        with suppress(OSError):
            return identity(os.lstat(self.base + LOCK)) == self.identity and is_still(self.handle, self.identity)
        return False

    def close(self) -> None:
        """Give the lock back."""
        if is_still(self.handle, self.identity):
            os.close(self.handle)

    def remove(self) -> None:
        """Delete the locked file, and our folder if that was all."""
        if not hasattr(os, "geteuid"):
            self.close()  # on Windows an open file can't be deleted
        with suppress(OSError):  # gone already, or another's journal is in it
            if identity(os.lstat(self.base + LOCK)) == self.identity:
                os.unlink(self.base + LOCK)  # while we hold the lock, so that nobody has begun to read it
                if FOLDER.strip(".") in os.path.basename(os.path.dirname(self.base)):
                    os.rmdir(os.path.dirname(self.base))
        self.close()


class Batch:
    """Entries of one experiment that one request can take: in memory, in a file, or in both."""

    def __init__(self, experiment: Experiment, path: str = "", lines: Optional[List[bytes]] = None) -> None:
        self.experiment = experiment
        self.path = path  # "" where no file could be written
        self.lines = lines  # None where the file alone has them
        self.entries, self.sent = len(lines or ()), 0
        self.size = sum(len(line) + 1 for line in lines or ())
        self.is_open = True  # until it is sent

    @property
    def waiting(self) -> int:
        """Return the number of entries that are not sent."""
        return max(0, self.entries - self.sent)

    def takes(self, experiment: Experiment, line: bytes) -> bool:
        """Tell whether the entry may be added."""
        return self.is_open and experiment == self.experiment and self.size + len(line) < BATCH_BYTES

    def append(self, line: bytes) -> None:
        """Add an entry. The file is opened for it: a script may have deleted it, or close descriptors that are ours."""
        if self.path:
            write(self.path, os.O_APPEND, line + b"\n", MODE)
        self.read().append(line)
        self.entries += 1
        self.size += len(line) + 1

    def is_kept(self) -> bool:
        """Tell whether a file has the entries."""
        return bool(self.path) and os.path.exists(self.path)

    def keep(self, path: str) -> None:
        """Write a file of all that is in memory."""
        write(path, os.O_CREAT | os.O_EXCL, b"".join(line + b"\n" for line in self.read()), MODE)
        self.path = path

    def read(self) -> List[bytes]:
        """Return the entries, read from the file if need be. Raises OSError, or NotOurs."""
        if self.lines is None:
            with os.fdopen(os.open(self.path, FLAGS | os.O_RDONLY), "rb") as file:
                check(self.path, os.fstat(file.fileno()))
                self.lines = file.read(BATCH_BYTES).split(b"\n")[:-1]  # a last one without an end is torn
        return self.lines


def experiment_of(*parts: str) -> Experiment:
    """Check the parts of an experiment's URL and its UUID; ValueError where they can't be."""
    match = _EXPERIMENT.match(",".join(parts))
    if match is None:
        raise ValueError("no experiment's")
    return match.groups()


def folders() -> List[str]:
    """Return the folders where this environment's journals may be, best first.

    No generator: what a signal handler raises while Python closes one is lost.
    """
    outputs = next(filter(None, map(os.environ.get, FUNCTIONS["get_outputs_path"].variables)), "")
    is_folder = os.path.isabs(outputs) and os.path.isdir(outputs)  # it may be a bucket's URL
    owner = "-{}".format(os.geteuid()) if hasattr(os, "geteuid") else ""
    temporary = next(filter(None, map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))), "/tmp")
    return [os.path.join(outputs, FOLDER)] * is_folder + [os.path.join(temporary, FOLDER.strip(".") + owner)]


def journals_in(folder: str) -> List[str]:
    """Return the paths of the locked files, the oldest first; none where the folder is not to be read.

    Where a script deleted one, the batches still tell its name.
    """
    with suppress(OSError, NotOurs):
        _check_folder(folder)
        matches = [(name, _NAME.match(name)) for name in os.listdir(folder)]
        names = {match.group(1) + LOCK if match else name for name, match in matches}
        return sorted((os.path.join(folder, name) for name in names if name.endswith(LOCK)), key=_modified)
    return []


def create(experiment: Experiment) -> Journal:
    """Make a journal of this process's in the first folder where that works; OSError where none does."""
    problem = OSError()
    for folder in [folder for folder in folders() for _ in range(3)]:  # another process may just have cleaned up
        try:
            return _create_in(folder, experiment)
        except NotOurs as reason:
            problem = PermissionError(errno.EPERM, str(reason))
        except OSError as error:
            problem = error
    raise problem


def _create_in(folder: str, experiment: Experiment) -> Journal:
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    _check_folder(folder)
    base = os.path.join(folder, ",".join([*experiment, HOST, os.urandom(8).hex()]))
    handle = os.open(base + LOCK, FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL, MODE)
    locked, status = lock(handle), os.fstat(handle)
    if locked is False or status.st_nlink == 0:
        os.close(handle)
        raise BlockingIOError(errno.EAGAIN, "taken for an abandoned one")
    return Journal(base, handle, identity(status), experiment)


def open_abandoned(path: str, asked_for: bool = False) -> Journal:
    """Lock the journal that a process left behind; InUse or NotOurs where it is none.

    One of another host, or where no lock can tell whether it is in use, is opened only if it was `asked_for`.
    """
    name = _NAME.match(os.path.basename(path))
    if not name:
        raise NotOurs("its name is no journal's")
    if name.group(3) != HOST and not asked_for:
        raise InUse("its process was on another host, whose locks may not be seen here")
    try:
        experiment, handle = experiment_of(name.group(2)), os.open(path, FLAGS | os.O_RDWR | os.O_CREAT, MODE)
    except ValueError as error:
        raise NotOurs(str(error)) from None
    except OSError as error:
        raise NotOurs(error.strerror) from None
    try:
        check(path, os.fstat(handle))
        locked, status = lock(handle), os.fstat(handle)
        if locked is False or status.st_nlink == 0:
            raise InUse("a running process has it")
        if locked is None and not asked_for:
            raise InUse("whether it is in use can't be told here")
    except NotOurs:
        os.close(handle)
        raise
    return Journal(path[:-len(LOCK)], handle, identity(status), experiment)


def batches_of(journal: Journal) -> List[Batch]:
    """Return the batches of a journal that was left behind, the oldest first; those alone that are to be trusted."""
    folder, name = os.path.split(journal.base)
    batches = []
    with suppress(OSError):
        for each in sorted(os.listdir(folder), key=lambda each: (len(each), each)):
            if each.startswith(name + "-") and _NAME.match(each):
                batch = Batch(journal.experiment, os.path.join(folder, each))
                with suppress(OSError, NotOurs):
                    batch.entries = len(batch.read())
                    batch.lines = None
                    batches.append(batch)
    return batches


def check(path: str, status: os.stat_result) -> None:
    """Raise NotOurs where a file is not to be read, or deleted, as a journal's."""
    if not stat.S_ISREG(status.st_mode):
        raise NotOurs("it is no file")
    if status.st_nlink > 1:
        raise NotOurs("it has several names")
    if status.st_size > BATCH_BYTES:
        raise NotOurs("it is too large")
    if _is_private(os.path.dirname(path)) and not is_ours_alone(status):
        raise NotOurs("another user can write to it")


def _check_folder(folder: str) -> None:
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or _is_private(folder) and not is_ours_alone(status):
        raise NotOurs("{} is no folder of this user's alone".format(folder))


def _is_private(folder: str) -> bool:
    """Tell whether a folder is among everybody's temporary files; in the outputs it is as private as they are."""
    return os.path.basename(folder).startswith(FOLDER.strip("."))


def _modified(path: str) -> float:
    with suppress(OSError):
        return os.lstat(path).st_mtime
    return 0.0
