"""Uploads the run's files where no sidecar does: with the platform's docker and process executors.

They delete the run's folder when its process ends. A thread uploads changed files every 10 s, metrics first. At exit it
uploads the rest, and the exit waits while bytes go through. One process at a time uploads, by a lock; a file in the
folder lists what was uploaded. Links, and files whose names begin with a dot, are left out.
Seen with haupt 2.18.0 and 2.0.6.
"""
import json
import math
import os
import stat
import threading
import time
from contextlib import suppress
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .. import files, late
from ..request import Unsent, stream
from ..threads import begin as begin_thread, end_after_children
from ..variables import EXIT_TIMEOUT, Seconds
from ..warn import say_once
from . import run

HAS_PROCESS_SIDECAR = "POLYAXON_HAS_PROCESS_SIDECAR"  # the script's own process is the sidecar
UPLOAD_TIMEOUT = Seconds("POLYAXON_HELPER_UPLOAD_TIMEOUT", 600.0)  # that the exit takes for all uploads, at most
EVERY = 10.0  # seconds from one look at the folder to the next
STILL = 2.0  # seconds since an output was written to: before, it may not be whole
PART_SECONDS, ANSWER_SECONDS = 20.0, 60.0  # that a part of a file may take, and the answer
PART_BYTES = 64 * 1024
PAUSES = (0.5, 1.0, 2.0, 4.0, 0.0)  # seconds from one try at exit to the next
SILENT_SECONDS = 2.0  # of the exit, after which it tells what it does
# refusals of which another attempt may have a better answer, as of 500 and more; what is really an error comes as a 405
PASSING = (401, 403, 405, 408, 429)
LOCK, RECORD = ".polyaxon_helper_lock", ".polyaxon_helper_uploads"
NO_LOCK = -1, (0, 0)
MAX_STALLS = 2  # after which the parts that a server takes put off nothing: it may be its buffers alone that do
TIME_WAS_UP = "the time was up"
IGNORED_FOLDER = ".git"  # by the platform's own sidecar, too

File = Tuple[str, List[int]]  # its path in the run's folder, with slashes; its size in bytes and its time in ns


class _Uploads:
    """Keeps what one process knows of the run's uploads."""

    def __init__(self) -> None:
        self.folder = ""  # the run's; kept like the API, since a script may clear os.environ
        self.api: Optional[run.Api] = None
        self.lock = NO_LOCK  # the descriptor that has it, and what tells the file
        self.thread: Optional[threading.Thread] = None
        self.starting = threading.Lock()
        self.ending = threading.Event()
        self.ends = math.inf  # the time.monotonic() after which an exit waits no longer
        self.patience = EXIT_TIMEOUT.default  # seconds that it waits for an answer, or for the next bytes of a metric
        self.patience_ends = 0.0
        self.stalls = 0  # how many files in a row were taken in part, and not answered
        self.uploaded: Dict[str, List[int]] = {}
        self.refused: Dict[str, List[int]] = {}  # for good, as they are
        self.told: List[File] = []  # what could not be uploaded by the last end
        self.is_at_end = self.is_unwritten = False  # within an end; whether the record lacks what this process knows
        self.trouble = TIME_WAS_UP
        self.finalizer: Any = None

    def is_over(self) -> bool:
        return self.ending.is_set() and time.monotonic() >= min(self.ends, self.patience_ends)

    def wait_on(self, more: Optional[float] = None) -> None:
        """Put off the end of the exit's patience, since an answer came, or bytes went through."""
        self.patience_ends = max(self.patience_ends, time.monotonic() + (self.patience if more is None else more))

    def left(self) -> List[File]:
        """Return the files that were changed since they were uploaded, the metrics' first."""
        changed = (file for file in _files(self.folder) if self.uploaded.get(file[0]) != file[1])
        return sorted(changed, key=lambda file: (not _is_event(file[0]), file[0]))


_this, _began = _Uploads(), time.time()


def begin() -> None:
    """Begin to upload, in a thread; in a hook at exit that has its turn after ours, upload at once."""
    folder, uploads = run.artifacts(), _this
    if folder and not uploads.folder:
        uploads.folder = os.path.abspath(folder)
        with suppress(LookupError):  # told at exit
            uploads.api = run.api()
        with suppress(OSError):  # for a parent that does nothing but start processes
            os.close(os.open(os.path.join(folder, LOCK), files.FLAGS | os.O_RDWR | os.O_CREAT, 0o600))
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
    if not uploads.folder:
        folder = run.artifacts() or ""
        with suppress(OSError):
            if os.stat(os.path.join(folder, LOCK)).st_mtime > _began:
                uploads.folder = folder  # of children of this process: it was there before
    if uploads.folder and not uploads.is_at_end and not (is_ending() and uploads.left() == uploads.told):
        uploads.is_at_end = True  # what a signal handler sends from here on is uploaded, too
        try:
            with suppress(KeyboardInterrupt):  # somebody wants it to end now
                _wait(uploads)
        finally:
            uploads.is_at_end = False
            say_once(_summary(uploads))
    uploads.ending.set()


def _wait(uploads: _Uploads) -> None:
    """Have what is left uploaded, and wait for that while bytes go through."""
    began, timeout = time.monotonic(), UPLOAD_TIMEOUT.read()
    uploads.ends, uploads.patience = min(uploads.ends, began + timeout), EXIT_TIMEOUT.read()
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
            say_once("uploading the run's last files, while bytes go through and for at most {:g} s ({})".format(
                timeout, UPLOAD_TIMEOUT.variable))


def _summary(uploads: _Uploads) -> str:
    """Tell what was not uploaded, and why; empty where all was."""
    if uploads.lock == NO_LOCK:  # else the thread knows what it has uploaded so far
        _read_record(uploads)  # of what another process has
    left = uploads.told = uploads.left()
    text = "{} file{} with {:,} bytes not uploaded, {} the first ({}); the platform deletes what is in {}"
    first = left[0][0] if left else ""
    return text.format(
        len(left), "s"[len(left) < 2:], sum(state[0] for _, state in left),
        first if first.isprintable() else ascii(first), uploads.trouble, uploads.folder) if left else ""


def _begin_thread(uploads: _Uploads) -> None:
    if uploads.thread is None and uploads.starting.acquire(False):
        try:
            uploads.finalizer = end_after_children(end, uploads.finalizer)
            with suppress(late.UnderWay):  # it is tried again by each upload
                late.prepared()  # here, where a fork waits for it
            thread = threading.Thread(target=_run, args=(uploads,), name="polyaxon_helper.uploads", daemon=True)
            uploads.thread = thread if begin_thread(thread) else None
        finally:
            uploads.starting.release()


def _run(uploads: _Uploads) -> None:
    """Upload what changes, and at the end what is left."""
    pause = EVERY
    while not uploads.ending.wait(pause):
        pause = EVERY if _upload(uploads) else 0.0
    for pause in PAUSES:
        _upload(uploads)
        if uploads.is_over() or all(uploads.refused.get(path) == state for path, state in uploads.left()):
            break
        time.sleep(pause)


def _upload(uploads: _Uploads) -> bool:
    """Upload what has changed, unless another process is at it; False where outputs wait for metrics."""
    is_done = True
    try:
        if _lock(uploads):
            try:
                _read_record(uploads)
                is_done = _upload_changed(uploads)
                _write_record(uploads)
            finally:
                if files.is_still(*uploads.lock):
                    files.unlock(uploads.lock[0])  # closing alone would not, where a child was forked meanwhile
                _close(uploads)
    except Exception as error:
        uploads.trouble = str(error) if isinstance(error, Unsent) or type(error) is LookupError \
            else "an internal error, {}".format(type(error).__name__)
        if type(error) is LookupError:  # no other try can help
            uploads.patience_ends = 0.0
    return is_done


def _lock(uploads: _Uploads) -> bool:
    """Lock the run's folder; False where another process has. Where no lock can be, each uploads."""
    with suppress(OSError):
        handle = os.open(os.path.join(uploads.folder, LOCK), files.FLAGS | os.O_RDWR | os.O_CREAT, 0o600)
        uploads.lock = handle, files.identity(os.fstat(handle))
        if files.lock(handle) is False:
            _close(uploads)
            uploads.trouble = "another process of this run is uploading"
            return False
    return True


def _close(uploads: _Uploads) -> None:
    if files.is_still(*uploads.lock):
        os.close(uploads.lock[0])
    uploads.lock = NO_LOCK


def _read_record(uploads: _Uploads) -> None:
    with suppress(OSError, ValueError, TypeError):  # it is new, or can't be read
        if not uploads.is_unwritten:
            with open(os.path.join(uploads.folder, RECORD), encoding="utf-8") as record:
                uploads.uploaded = dict(json.load(record))


def _write_record(uploads: _Uploads) -> None:
    uploads.is_unwritten = True
    with suppress(OSError):  # the folder can't be written, or the disk is full
        files.place(os.path.join(uploads.folder, RECORD), json.dumps(uploads.uploaded).encode(), 0o600)
        uploads.is_unwritten = False


def _upload_changed(uploads: _Uploads) -> bool:
    api = uploads.api = uploads.api or run.api()
    left, now = [file for file in uploads.left() if uploads.refused.get(file[0]) != file[1]], time.time()
    groups = [[file for file in left if _is_event(file[0])]]
    groups += [[file] for file in left if not _is_event(file[0])
               and (uploads.ending.is_set() or abs(now - file[1][1] / 1e9) >= STILL)]
    for number, group in enumerate(groups):
        if number > 1 and not uploads.ending.is_set() and time.time() - now > EVERY:
            return False
        done = [file for file in group if not uploads.is_over() and _upload_file(uploads, api, file)]
        try:
            new = [run.lineage(os.path.basename(path)[:-len(".plx")]) for path, _ in done
                   if _is_event(path) and path not in uploads.uploaded]
            if new:  # the dashboard lists what it is told of
                api.ask("POST", new, "/lineage/artifacts")
                uploads.wait_on()
            uploads.uploaded.update(done)
        except (Unsent, LookupError, ValueError) as error:
            uploads.trouble = "{}, asked to list metrics of run {}/{}/{}".format(error, *api.run)
    return True


def _upload_file(uploads: _Uploads, api: run.Api, file: File) -> bool:
    """Upload a file as it was when it was looked at, and tell whether that worked."""
    path, state = file
    url = api.url("streams/v1/{}/{{}}/{{}}/runs/{{}}/artifact".format(
        os.environ.get("POLYAXON_K8S_NAMESPACE") or "polyaxon"))
    boundary, patience_ends = os.urandom(16).hex(), uploads.patience_ends
    headers = {**api.headers, "Content-Type": "multipart/form-data; boundary=" + boundary}
    try:
        head, tail = _head_and_tail(path, boundary)
        files.read(os.path.join(uploads.folder, path), 0, min(1, state[0]))  # a fault of ours is none of the server's
        answer = stream("POST", url, headers, PART_SECONDS, ANSWER_SECONDS, len(head) + state[0] + len(tail),
                        _parts(uploads, file, head, tail))
    except Unsent as error:
        uploads.stalls += uploads.patience_ends > patience_ends
        uploads.trouble = str(error)
        return False
    except (LookupError, OSError) as error:
        uploads.refused[path] = state
        uploads.trouble = getattr(error, "strerror", None) or str(error)
        return False
    uploads.stalls = 0
    uploads.wait_on()
    if answer.status != 200 and answer.status < 500 and answer.status not in PASSING:
        uploads.refused[path] = state
    uploads.trouble = TIME_WAS_UP if answer.status == 200 else "status {}".format(answer.status)
    return answer.status == 200


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


def _parts(uploads: _Uploads, file: File, head: bytes, tail: bytes) -> Iterator[bytes]:
    """Give the request's body. The file is opened for each part: a script may close descriptors that are ours."""
    yield head
    path, (size, _) = file
    for at in range(0, size, PART_BYTES):
        part = files.read(os.path.join(uploads.folder, path), at, min(PART_BYTES, size - at))
        yield part
        if uploads.stalls < MAX_STALLS:  # who takes the next part has sent this one
            uploads.wait_on(uploads.patience if _is_event(path) else ANSWER_SECONDS)
    yield tail


def _is_event(path: str) -> bool:
    return path.startswith(run.EVENTS + "/") and path.endswith(".plx")


def _files(folder: str) -> Iterator[File]:
    """Give the files of the run's folder, as they are now."""
    for place, folders, names in os.walk(folder, onerror=_tell):
        folders[:] = [name for name in folders if name != IGNORED_FOLDER]
        for path in (os.path.join(place, name) for name in names if not name.startswith(".")):
            try:
                status = os.lstat(path)
            except OSError as error:
                _tell(error)
            else:
                if stat.S_ISREG(status.st_mode):
                    yield os.path.relpath(path, folder).replace(os.sep, "/"), [status.st_size, status.st_mtime_ns]


def _tell(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # it vanished
        say_once("{!r} is not uploaded: {}".format(error.filename, error.strerror))


def _begin_anew() -> None:
    """Forget, in a forked child, what is the parent's, so that its lock ends with it."""
    global _this, _began
    parents, _this, _began = _this, _Uploads(), time.time()
    _close(parents)


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
