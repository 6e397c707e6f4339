"""Uploads the run's files where no sidecar does: with the platform's docker and process executors.

They delete the run's folder when its process ends. A thread uploads changed files every 10 s, metrics first. At exit it
uploads the rest, and the exit waits while bytes go through. One process at a time uploads: a file in the folder is its
lock, and lists what was uploaded. Links, and files whose names begin with a dot, are left out. Seen with haupt 2.18.0.
"""
import json
import math
import os
import stat
import threading
import time
from contextlib import suppress
from typing import IO, Dict, Iterator, List, Optional, Tuple

from .. import files, late
from ..request import Unsent, stream
from ..threads import begin as begin_thread
from ..variables import EXIT_TIMEOUT, Seconds
from ..warn import say_once
from . import run

HAS_PROCESS_SIDECAR = "POLYAXON_HAS_PROCESS_SIDECAR"  # the script's own process is the sidecar
UPLOAD_TIMEOUT = Seconds("POLYAXON_HELPER_UPLOAD_TIMEOUT", 600.0)  # that the exit takes for all uploads, at most
EVERY = 10.0  # seconds from one look at the folder to the next
STILL = 2.0  # seconds since an output was written to: before, it may not be whole
PART_SECONDS, ANSWER_SECONDS = 10.0, 60.0  # that a part of a file may take, and the answer
PART_BYTES = 256 * 1024
PAUSES = (0.5, 1.0, 2.0, 4.0, 0.0)  # seconds from one try at exit to the next
SILENT_SECONDS = 2.0  # of the exit, after which it tells what it does
RECORD = ".polyaxon_helper_uploads"
IGNORED_FOLDER = ".git"  # by the platform's own sidecar, too

File = Tuple[str, List[int]]  # its path in the run's folder, with slashes; its size in bytes and its time in ns


class _Uploads:
    """Keeps what one process knows of the run's uploads."""

    def __init__(self) -> None:
        self.folder = ""  # the run's; kept, since a script may clear os.environ
        self.thread: Optional[threading.Thread] = None
        self.starting = threading.Lock()
        self.ending = threading.Event()
        self.ends = math.inf  # the time.monotonic() after which an exit waits no longer
        self.patience = EXIT_TIMEOUT.default  # seconds that it waits for the next bytes of a metric to go through
        self.patience_ends = 0.0
        self.uploaded: Dict[str, List[int]] = {}
        self.another_uploads = self.is_at_end = False
        self.trouble = "the time was up"

    def is_over(self) -> bool:
        return self.ending.is_set() and time.monotonic() >= min(self.ends, self.patience_ends)

    def left(self) -> List[File]:
        """Return the files that were changed since they were uploaded, the metrics' first."""
        changed = (file for file in _files(self.folder) if self.uploaded.get(file[0]) != file[1])
        return sorted(changed, key=lambda file: (not _is_event(file[0]), file[0]))


_this = _Uploads()


def begin() -> None:
    """Begin to upload, in a thread; in a hook at exit that has its turn after ours, upload at once."""
    folder, uploads = run.artifacts(), _this
    if folder and not uploads.folder:
        uploads.folder = os.path.abspath(folder)
        with suppress(OSError):  # for a parent that does nothing but start processes
            open(os.path.join(folder, RECORD), "a").close()
    if is_ending():
        end()
    elif uploads.folder:
        _begin_thread(uploads)


def is_begun() -> bool:
    return bool(_this.folder)


def is_ending() -> bool:
    return _this.ending.is_set()


def end() -> None:
    """Upload what is left, and tell what can't be."""
    uploads = _this
    uploads.folder = uploads.folder or run.artifacts() or ""  # of this process's children
    if os.path.exists(os.path.join(uploads.folder, RECORD)) and not uploads.is_at_end:
        uploads.is_at_end = True  # what a signal handler sends from here on is uploaded, too
        try:
            with suppress(KeyboardInterrupt):  # somebody wants it to end now
                _wait(uploads)
        finally:
            uploads.is_at_end = False
        left = [] if uploads.another_uploads else uploads.left()
        if left:
            text = "{} file{} with {:,} bytes not uploaded, {} the first ({}); the platform deletes what is in {}"
            say_once(text.format(len(left), "s"[len(left) < 2:], sum(state[0] for _, state in left), left[0][0],
                                 uploads.trouble, uploads.folder))
    uploads.ending.set()


def _wait(uploads: _Uploads) -> None:
    """Have what is left uploaded, and wait for that while bytes go through."""
    began, timeout = time.monotonic(), UPLOAD_TIMEOUT.read()
    uploads.ends, uploads.patience = began + timeout, EXIT_TIMEOUT.read()
    uploads.patience_ends = max(uploads.patience_ends, began + uploads.patience)
    uploads.ending.set()
    if uploads.thread is None or not uploads.thread.is_alive():
        uploads.thread = None
        _begin_thread(uploads)
    if uploads.thread is None:
        _run(uploads)
    while uploads.thread and uploads.thread.is_alive() and not uploads.is_over():
        uploads.thread.join(0.2)
        if time.monotonic() > began + SILENT_SECONDS:
            say_once("uploading the run's last files, for at most {:g} s ({})".format(timeout, UPLOAD_TIMEOUT.variable))


def _begin_thread(uploads: _Uploads) -> None:
    if uploads.thread is None and uploads.starting.acquire(False):
        try:
            with suppress(Exception):  # no requests: it is tried again by each upload, and told at exit
                late.requests()  # here, where a fork waits for it
            thread = threading.Thread(target=_run, args=(uploads,), name="polyaxon_helper.uploads", daemon=True)
            uploads.thread = thread if begin_thread(thread) else None
        finally:
            uploads.starting.release()


def _run(uploads: _Uploads) -> None:
    """Upload what changes, and at the end what is left."""
    while not uploads.ending.wait(EVERY):
        _upload(uploads)
    for pause in PAUSES:
        _upload(uploads)
        if uploads.is_over() or not uploads.left():
            break
        time.sleep(pause)


def _upload(uploads: _Uploads) -> None:
    """Upload what has changed, unless another process is at it."""
    try:
        with open(os.path.join(uploads.folder, RECORD), "a+") as record:
            uploads.another_uploads = files.lock(record.fileno()) is False
            if not uploads.another_uploads:
                try:
                    _upload_changed(uploads, record)
                finally:
                    files.unlock(record.fileno())  # closing alone would not, where a child was forked meanwhile
    except Exception as error:  # such as a full disk; what waits is told at exit
        uploads.trouble = getattr(error, "strerror", None) or "an internal error, {}".format(type(error).__name__)


def _upload_changed(uploads: _Uploads, record: IO[str]) -> None:
    record.seek(0)
    with suppress(ValueError, TypeError):  # new, or of a process that was killed
        uploads.uploaded = dict(json.load(record))
    left, now = uploads.left(), time.time()
    groups = [[file for file in left if _is_event(file[0])]]
    groups += [[file] for file in left if not _is_event(file[0])
               and (uploads.ending.is_set() or abs(now - file[1][1] / 1e9) >= STILL)]
    for group in groups:
        done = [file for file in group if not uploads.is_over() and _upload_file(uploads, file)]
        try:
            new = [run.lineage(os.path.basename(path)[:-len(".plx")]) for path, _ in done
                   if _is_event(path) and path not in uploads.uploaded]
            if new:  # the dashboard lists what it is told of
                run.ask("POST", new, "/lineage/artifacts")
            uploads.uploaded.update(done)
        except (Unsent, LookupError, ValueError) as error:
            uploads.trouble = str(error)
    record.truncate(0)
    json.dump(uploads.uploaded, record)


def _upload_file(uploads: _Uploads, file: File) -> bool:
    """Upload a file as it was when it was looked at, and tell whether that worked."""
    path, (size, _) = file
    try:
        url = run.url("streams/v1/{}/{{}}/{{}}/runs/{{}}/artifact".format(
            os.environ.get("POLYAXON_K8S_NAMESPACE") or "polyaxon"))
        boundary = os.urandom(16).hex()
        head, tail = _head_and_tail(path, boundary)
        headers = {**run.headers(), "Content-Type": "multipart/form-data; boundary=" + boundary}
        with open(os.path.join(uploads.folder, path), "rb") as content:
            answer = stream("POST", url, headers, PART_SECONDS, ANSWER_SECONDS, len(head) + size + len(tail),
                            _parts(uploads, file, head, content, tail))
        uploads.trouble = "status {}".format(answer.status)
        return answer.status == 200
    except (Unsent, LookupError, OSError) as error:
        uploads.trouble = getattr(error, "strerror", None) or str(error)
        return False


def _head_and_tail(path: str, boundary: str) -> Tuple[bytes, bytes]:
    """Return what stands in front of the file's bytes in the request's body, and behind them."""
    folder, _, name = path.rpartition("/")
    if "\\" in name or not path.isprintable():
        raise LookupError("a name with a backslash, or with what can't be printed, in it")
    name = name.replace("&", "&amp;").replace('"', "&quot;")  # the server reads HTML's entities
    what = json.dumps({"path": folder, "overwrite": True, "untar": False})
    head = '--{0}\r\nContent-Disposition: form-data; name="json"\r\n\r\n{1}\r\n' \
        '--{0}\r\nContent-Disposition: form-data; name="upload_file"; filename="{2}"\r\n\r\n'
    return head.format(boundary, what, name).encode(), "\r\n--{}--\r\n".format(boundary).encode()


def _parts(uploads: _Uploads, file: File, head: bytes, content: IO[bytes], tail: bytes) -> Iterator[bytes]:
    """Give the request's body. Who takes the next part has sent the one before: the exit's patience begins anew."""
    yield head
    path, (left, _) = file
    while left:
        part = content.read(min(PART_BYTES, left))
        if not part:
            raise OSError("it became shorter")
        yield part
        left -= len(part)
        uploads.patience_ends = time.monotonic() + (uploads.patience if _is_event(path) else ANSWER_SECONDS)
    yield tail


def _is_event(path: str) -> bool:
    return path.startswith(run.EVENTS + "/") and path.endswith(".plx")


def _files(folder: str) -> Iterator[File]:
    """Give the files of the run's folder, as they are now."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != IGNORED_FOLDER]
        for path in (os.path.join(place, name) for name in names if not name.startswith(".")):
            with suppress(OSError):  # it vanished
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    yield os.path.relpath(path, folder).replace(os.sep, "/"), [status.st_size, status.st_mtime_ns]


def _begin_anew() -> None:
    """Forget, in a forked child, what is the parent's."""
    global _this
    _this = _Uploads()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
