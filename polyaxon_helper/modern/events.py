"""Metrics as Polyaxon 1.x and 2.x keep them: an event file a metric, in the run's folder, which a sidecar uploads.

    step|timestamp|metric
    1|2026-11-22 00:11:19.017849+00:00|0.9
    |2026-11-22 00:11:19.018605+00:00|0.92          no line end behind the last

A point is one append by one system call, in the file when `write` returns: nothing waits that an exit, a signal or a
fork could lose. Files, names and numbers are as traceml 1.5.0 writes them; tests/test_traceml.py has where they differ.
"""
import atexit
import errno
import os
import re
import threading
import time
import unicodedata
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Counter as Counts, Dict, List, Mapping, Optional, Set

from .. import checks, late
from ..files import FLAGS, lock, unlock
from ..threads import begin
from ..variables import OFFLINE, flag
from ..warn import say_once, warn_once
from . import run

HEADER = b"step|timestamp|metric"
LAST_BYTES = 256  # more than a point takes
WRITING_SECONDS = 1  # how long a last line that is not whole may be one that another process is just writing
TELL_SECONDS = 0.5  # how long an exit waits for the request that tells the API of metrics

_POINT = re.compile(
    rb"(-?\d+)?\|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00\|-?(\d+(\.\d+)?(e[+-]\d+)?|nan|inf)$")

_names: Dict[str, str] = {}  # the metrics of this process, by their files
_begun: Set[str] = set()  # the files that this process added to
_lost: Counts[str] = Counter()
_told = threading.Lock()  # taken for good by who tells the API
_telling: Optional[threading.Thread] = None


def write(metrics: Mapping[str, Any]) -> None:
    """Add one point of each metric, stamped now, to its file; `step`, where it is an integer beside others, is theirs.

    Raises PolyaxonClientException for a value that is no number, and nothing else: what else goes wrong is a
    RuntimeWarning, and at exit a line that counts what was lost.
    """
    numbers = checks.numbers(metrics)
    step = ""
    if type(numbers.get("step")) is int and len(numbers) > 1:
        step = str(numbers.pop("step"))
    if run.is_first_replica():
        troubles = _write(step, numbers)
    else:
        troubles = ["send_metrics writes nothing here: of a distributed run, the first replica's metrics are kept"]
    for trouble in troubles:  # last: where warnings are errors, all is written
        warn_once(trouble)


def safe_name(name: str) -> str:
    """A metric's name as traceml makes it fit for a file."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(char for char in plain if char.isalnum() or char.isspace() or char in "_-./\\").strip()
    return re.sub(r"[\s.-]+", "-", re.sub(r"[/\\]+", "__", plain))


def _write(step: str, numbers: Mapping[str, Any]) -> List[str]:
    """Add the points, and return what is to be said about it."""
    artifacts = run.artifacts()
    if artifacts is None:
        return []
    folder = os.path.join(artifacts, "events", "metric")
    stamp = datetime.now(timezone.utc).isoformat(" ", "microseconds")
    troubles = []
    for name, number in numbers.items():
        path = os.path.join(folder, safe_name(name) + ".plx")
        others = _names.setdefault(path, name)
        if number is None:
            troubles.append("metric {!r} was None, which is no number: it is left out then".format(name))
        elif os.path.basename(path) == ".plx":
            troubles.append("metric {!r} is left out: its name has nothing in it that a file's can have".format(name))
        else:
            if others != name:
                troubles.append("metrics {!r} and {!r} share the file {}".format(others, name, path))
            troubles += _add(path, "{}|{}|{}".format(step, stamp, float(number)).encode())
    if not (flag("POLYAXON_COLLECT_ARTIFACTS") or flag(OFFLINE)):
        troubles.append("POLYAXON_COLLECT_ARTIFACTS is not true: nobody collects the metrics from {}, where they are "
                        "written; the polyaxonfile's plugins can have collectArtifacts: true".format(folder))
    if _told.acquire(False):
        _tell()
    return troubles


def _add(path: str, point: bytes) -> List[str]:
    """Append the point to the file; what is to be said about it."""
    troubles = []
    try:
        begun = path in _begun  # asked first: another thread may make the file meanwhile
        try:
            handle = os.open(path, FLAGS | os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            if begun:
                troubles.append("{} was deleted, with the points in it; it begins anew".format(path))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle = os.open(path, FLAGS | os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)  # the sidecar may be another's
            _begun.discard(path)
        try:
            if path not in _begun:
                _begin(handle)
                _begun.add(path)
            _append(handle, b"\n" + point)
        finally:
            os.close(handle)
    except Exception as error:  # training must go on, whatever this was
        reason = getattr(error, "strerror", None) or type(error).__name__
        _lost[reason] += 1
        troubles.append("metrics can't be written to {}: {}".format(os.path.dirname(path), reason))
    return troubles


def _append(handle: int, text: bytes) -> None:
    """By a single write, so that no thread, process or signal handler in between can break a line."""
    written = os.write(handle, text)
    if written < len(text):
        end = os.lseek(handle, 0, os.SEEK_CUR)
        if end == os.fstat(handle).st_size:  # no other process has added a point behind it
            os.ftruncate(handle, end - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _begin(handle: int) -> None:
    """See that the file has its header, and no last line that a crash tore."""
    for _ in range(1000):  # another process holds it for a few system calls; should it be stopped there, go on
        if lock(handle) is not False:
            break
        time.sleep(0.001)
    try:
        for _ in range(1000 * WRITING_SECONDS):
            status = os.fstat(handle)
            whole = _whole(handle, status.st_size)
            if whole == status.st_size or time.time() - status.st_mtime > WRITING_SECONDS:
                break
            time.sleep(0.001)
        if whole < status.st_size:
            os.ftruncate(handle, whole)
        if not whole:
            _append(handle, HEADER)
    finally:
        unlock(handle)


def _whole(handle: int, size: int) -> int:
    """Return the length of the first `size` bytes, without a last line that is neither the header nor a point."""
    for length in (LAST_BYTES, size):  # all, where a machine that went down left a long tail of zeros
        start = max(0, size - length)
        os.lseek(handle, start, os.SEEK_SET)
        text = os.read(handle, size - start)  # not what others add meanwhile, of which the end may be cut off
        if b"\n" in text:
            break
    before, end, last = text.rpartition(b"\n")
    if end:
        return size if _POINT.match(last) else start + len(before)
    return size if text == HEADER else 0


def _tell() -> None:
    """Have the API told, once and in the background, that this run has metrics, as traceml does; if it can be."""
    global _telling
    if flag(OFFLINE) or not os.environ.get("POLYAXON_HOST"):
        return
    try:
        late.requests()  # in the caller's thread
        _telling = threading.Thread(target=_patch, name="polyaxon_helper.events", daemon=True)
        if not begin(_telling):
            _telling = None
    except late.UnderWay:
        _told.release()  # by the next metric, then
    except Exception:  # no requests: the metrics are in the files all the same
        pass


def _patch() -> None:
    with suppress(Exception):  # its text may quote a token
        run.ask("PATCH", {"meta_info": {"has_metrics": True, "has_events": True}, "merge": True})


def _end() -> None:
    if _telling is not None:
        _telling.join(TELL_SECONDS)
    if _lost:
        say_once("{} points of metrics were not written ({})".format(
            sum(_lost.values()), ", ".join("{}: {}".format(*each) for each in _lost.items())))


atexit.register(_end)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_lost.clear)  # the parent tells of its own
