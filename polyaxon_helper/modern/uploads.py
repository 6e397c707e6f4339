"""Uploads the run's files where no sidecar does: with the platform's docker and process executors.

They delete the run's folder when its process ends. So a thread uploads what has changed every 10 s, metrics first, and
what is left at exit, as long as bytes go through. One process at a time does: a file in the folder is the lock for
that, and keeps what has been uploaded. Links, and files whose names begin with a dot, are left out.
Seen with haupt 2.18.0.
"""
import atexit
import json
import math
import os
import stat
import threading
import time
from contextlib import suppress
from typing import IO, Dict, Iterator, List, NamedTuple, Optional

from .. import files, late
from ..request import Unsent, stream
from ..threads import begin as begin_thread
from ..variables import EXIT_TIMEOUT, OFFLINE, flag, seconds
from ..warn import say_once
from . import run

HAS_PROCESS_SIDECAR = "POLYAXON_HAS_PROCESS_SIDECAR"
EVERY = 10.0  # seconds from one look at the folder to the next
STILL = 2.0  # seconds since an output was written to: before, it may not be whole
UPLOAD_TIMEOUT = "POLYAXON_HELPER_UPLOAD_TIMEOUT", 600.0  # seconds that the exit takes for all uploads, at most
PART_SECONDS, ANSWER_SECONDS = 10.0, 60.0  # that a part of a file may take, and the answer
PART_BYTES = 256 * 1024
PAUSES = (0.5, 1.0, 2.0, 4.0, 0.0)  # seconds from one try at exit to the next
SILENT_SECONDS = 2.0  # of the exit, after which it tells what it does
RECORD = ".polyaxon_helper"
LEFT_OUT = ".git"  # the folder that the platform's own sidecar leaves out


class File(NamedTuple):
    """A file of the run's folder, as it was when it was looked at."""

    path: str  # in the folder, with slashes
    size: int  # bytes
    modified: int  # ns

    def is_event(self) -> bool:
        return self.path.startswith(run.EVENTS + "/")


class _Process:
    """Keeps what one process knows of the uploads."""

    def __init__(self) -> None:
        self.folder = ""  # the run's; kept, since a script may clear os.environ
        self.thread: Optional[threading.Thread] = None
        self.starting = threading.Lock()
        self.ending = threading.Event()
        self.ends = math.inf  # the time.monotonic() after which an exit waits no longer
        self.patience = EXIT_TIMEOUT[1]  # seconds that it waits for the next bytes of a metric's file to go through
        self.patience_ends = 0.0
        self.uploaded: Dict[str, List[int]] = {}  # the size and the time of each file, by its path
        self.is_left_to_others = self.is_at_end = False
        self.trouble = "the time was up"

    def moved(self, file: File) -> None:
        """Put off the end of the exit's patience, since bytes of this file have gone through."""
        self.patience_ends = time.monotonic() + (self.patience if file.is_event() else ANSWER_SECONDS)

    def is_over(self) -> bool:
        return self.ending.is_set() and time.monotonic() >= min(self.ends, self.patience_ends)

    def left(self) -> List[File]:
        """Return the files that were changed since they were uploaded, the metrics' first."""
        changed = (file for file in _files(self.folder) if self.uploaded.get(file.path) != [file.size, file.modified])
        return sorted(changed, key=lambda file: (not file.is_event(), file.path))


_this = _Process()


def begin() -> None:
    """Begin the thread, if there is none; in a hook at exit that comes after ours, upload at once."""
    folder, process = run.artifacts(), _this
    if folder and not process.folder:
        process.folder = os.path.abspath(folder)
    if process.ending.is_set():
        _end()
    elif process.folder:
        _begin(process)


def is_ending() -> bool:
    return _this.ending.is_set()


def _begin(process: _Process) -> None:
    if process.thread is None and process.starting.acquire(False):
        try:
            with suppress(Exception):  # no requests: it is tried again by each upload, and told at exit
                late.requests()  # here, where a fork waits for it
            thread = threading.Thread(target=_run, args=(process,), name="polyaxon_helper.uploads", daemon=True)
            process.thread = thread if begin_thread(thread) else None
        finally:
            process.starting.release()


def _run(process: _Process) -> None:
    while not process.ending.wait(EVERY):
        _upload(process)
    for pause in PAUSES:
        _upload(process)
        if process.is_over() or not process.left():
            break
        time.sleep(pause)


def _upload(process: _Process) -> None:
    """Upload what has changed, unless another process is at it."""
    with suppress(OSError), open(os.path.join(process.folder, RECORD), "a+") as record:
        process.is_left_to_others = files.lock(record.fileno()) is False
        if process.is_left_to_others:
            return
        try:
            with suppress(ValueError):  # new, or of a process that was killed
                record.seek(0)
                process.uploaded = json.load(record)
            _upload_files(process)
            record.truncate(0)
            json.dump(process.uploaded, record)
            record.flush()
        finally:
            files.unlock(record.fileno())  # closing alone would not, where a child was forked meanwhile


def _upload_files(process: _Process) -> None:
    left, now = process.left(), time.time()
    groups = [[file for file in left if file.is_event()]]
    groups += [[file] for file in left if not file.is_event()
               and (process.ending.is_set() or abs(now - file.modified / 1e9) >= STILL)]
    for group in groups:
        done = [file for file in group if not process.is_over() and _upload_file(process, file)]
        try:
            new = [run.lineage(os.path.basename(file.path)[:-4]) for file in done
                   if file.is_event() and file.path not in process.uploaded]
            if new:  # the dashboard lists what is told of
                run.ask("POST", new, "/lineage/artifacts")
            process.uploaded.update((file.path, [file.size, file.modified]) for file in done)
        except (Unsent, LookupError, ValueError) as error:
            process.trouble = str(error)


def _upload_file(process: _Process, file: File) -> bool:
    """Upload a file as it was when it was looked at, and tell whether that worked."""
    try:
        target = run.url("streams/v1/{}/{{}}/{{}}/runs/{{}}/artifact".format(
            os.environ.get("POLYAXON_K8S_NAMESPACE") or "polyaxon"))
        boundary = os.urandom(16).hex()
        head, tail = _around(file, boundary)
        headers = {**run.headers(), "Content-Type": "multipart/form-data; boundary=" + boundary}
        with open(os.path.join(process.folder, file.path), "rb") as content:
            answer = stream("POST", target, headers, (PART_SECONDS, ANSWER_SECONDS),
                            len(head) + file.size + len(tail), _parts(process, file, head, content, tail))
        process.trouble = "status {}".format(answer.status)
        return answer.status == 200
    except (Unsent, LookupError, OSError) as error:
        process.trouble = getattr(error, "strerror", None) or str(error)
        return False


def _around(file: File, boundary: str) -> "tuple[bytes, bytes]":
    """Return what stands in front of the file's bytes in the request's body, and behind them."""
    folder, _, name = file.path.rpartition("/")
    if "\\" in name or not file.path.isprintable():
        raise LookupError("a name with a backslash, or with what can't be printed, in it")
    name = name.replace("&", "&amp;").replace('"', "&quot;")  # the server reads HTML's entities
    what = json.dumps({"path": folder, "overwrite": True, "untar": False})
    head = '--{0}\r\nContent-Disposition: form-data; name="json"\r\n\r\n{1}\r\n' \
        '--{0}\r\nContent-Disposition: form-data; name="upload_file"; filename="{2}"\r\n\r\n'
    return head.format(boundary, what, name).encode(), "\r\n--{}--\r\n".format(boundary).encode()


def _parts(process: _Process, file: File, head: bytes, content: IO[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    left = file.size
    while left:
        part = content.read(min(PART_BYTES, left))
        if not part:
            raise OSError("it became shorter")
        yield part
        left -= len(part)
        process.moved(file)  # whoever takes the next part has sent this one
    yield tail


def _files(folder: str) -> Iterator[File]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != LEFT_OUT]
        for path in (os.path.join(place, name) for name in names if not name.startswith(".")):
            with suppress(FileNotFoundError):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    yield File(os.path.relpath(path, folder).replace(os.sep, "/"), status.st_size, status.st_mtime_ns)


def _end() -> None:
    """Upload what is left, and tell what can't be."""
    process = _this
    if not process.folder and run.is_here() and flag(HAS_PROCESS_SIDECAR) and not flag(OFFLINE):
        process.folder = run.artifacts() or ""  # of this process's children
    if os.path.isdir(process.folder) and not process.is_at_end:  # else a signal handler's metric: it is uploaded anyway
        process.is_at_end = True
        try:
            with suppress(KeyboardInterrupt):  # somebody wants it to end now
                _wait(process)
        finally:
            process.is_at_end = False
        left = [] if process.is_left_to_others else process.left()
        if left:
            say_once("{} files with {:,} bytes were not uploaded, {} the first ({}); they are in {}".format(
                len(left), sum(file.size for file in left), left[0].path, process.trouble, process.folder))
    process.ending.set()


def _wait(process: _Process) -> None:
    """Have what is left uploaded, and wait for that as long as bytes go through."""
    began = time.monotonic()
    process.ends = began + seconds(*UPLOAD_TIMEOUT)
    process.patience = seconds(*EXIT_TIMEOUT)
    process.patience_ends = max(process.patience_ends, began + process.patience)
    process.ending.set()
    if process.thread is None or not process.thread.is_alive():
        process.thread = None
        _begin(process)
    if process.thread is None:
        _run(process)
    while process.thread and process.thread.is_alive() and not process.is_over():
        process.thread.join(0.2)
        if time.monotonic() > began + SILENT_SECONDS:
            say_once("uploading the run's last files; {} is how many seconds at most".format(UPLOAD_TIMEOUT[0]))


def _begin_anew() -> None:
    global _this
    _this = _Process()


atexit.register(_end)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
