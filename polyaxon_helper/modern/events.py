"""Writes metrics as Polyaxon 1.x and 2.x do: an event file a metric, in the run's folder, which a sidecar uploads.

    step|timestamp|metric
    1|2026-11-22 00:11:19.017849+00:00|0.9
    |2026-11-22 00:11:19.018605+00:00|0.92          no line end behind the last

A point is one append by one system call, in the file when `write` returns: nothing waits that an exit, a signal or a
fork could lose. Files, names and numbers are as traceml 1.5.0 writes them; tests/test_traceml.py has where they differ.
"""
import atexit
import os
import re
import threading
import unicodedata
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Counter as Counts, Dict, List, Mapping, Optional

from .. import checks, files, late
from ..replicas import replica
from ..threads import begin
from ..variables import OFFLINE, flag
from ..warn import say_once, warn_once
from . import collect, run, uploads

HEADER = b"step|timestamp|metric"
MODE = 0o666  # of the files: the sidecar may be another user
REPLICAS = "POLYAXON_HELPER_REPLICAS"  # whose metrics are written: those of all, or of the first alone
TELL_SECONDS = 0.5  # how long an exit waits for the request that tells the API of metrics

_names: Dict[str, str] = {}  # the metrics that this process wrote first, by their files
_lost: Counts[str] = Counter()
_told = threading.Lock()  # taken for good by who tells the API
_telling: Optional[threading.Thread] = None


def write(metrics: Mapping[str, Any]) -> None:
    """Add one point of each metric, stamped now, to its file; `step`, where it is an integer beside others, is theirs.

    Raises PolyaxonClientException for a value that is no number, and nothing else: what else goes wrong is a
    RuntimeWarning, and at exit a line that counts what was lost.
    """
    numbers, step = checks.numbers(metrics), ""
    if type(numbers.get("step")) is int and len(numbers) > 1:
        step = str(numbers.pop("step"))
    for trouble in _write(step, numbers):  # after all is written: warnings may be errors
        warn_once(trouble)


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """Make a metric's name fit for a file, as traceml does."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(char for char in plain if char.isalnum() or char.isspace() or char in "_-./\\").strip()
    return re.sub(r"[\s.-]+", "-", re.sub(r"[/\\]+", "__", plain))


def _write(step: str, numbers: Mapping[str, Any]) -> List[str]:
    """Add the points, and return what is to be said about it."""
    which, folder, known = replica(), run.artifacts(), len(_names)
    if folder is None or which and os.environ.get(REPLICAS) == "first":
        return []
    folder, suffix = os.path.join(folder, run.EVENTS), which and "-" + which
    stamp = datetime.now(timezone.utc).isoformat(" ", "microseconds")
    troubles = []
    for name, number in numbers.items():
        file = safe_name(name)
        path = "{}/{}{}.plx".format(folder, file, suffix)
        if number is None:
            troubles.append("metric {!r} was None, which is no number: it is left out then".format(name))
        elif not file:
            troubles.append("metric {!r} is left out: its name has nothing in it that a file's can have".format(name))
        else:
            troubles += _add(path, name, "\n{}|{}|{}".format(step, stamp, float(number)).encode())
            if _names.get(path, name) != name:
                troubles.append("metrics {!r} and {!r} share the file {}".format(_names[path], name, path))
    if _told.acquire(False):
        troubles += _settings_troubles(folder)
        _tell()
    if len(_names) > known or uploads.is_ending():
        collect()
    return troubles


def _settings_troubles(folder: str) -> List[str]:
    """Return what is to be said about the variables of a run with metrics in this folder."""
    troubles = []
    if os.environ.get(REPLICAS) not in (None, "", "first", "all"):
        troubles.append("{} is neither first nor all, and is taken as all".format(REPLICAS))
    if not any(map(flag, ("POLYAXON_COLLECT_ARTIFACTS", OFFLINE, uploads.HAS_PROCESS_SIDECAR))):
        troubles.append("POLYAXON_COLLECT_ARTIFACTS is not true: nobody collects the metrics from {}, where they are "
                        "written; the polyaxonfile's plugins can have collectArtifacts: true".format(folder))
    return troubles


def _add(path: str, name: str, point: bytes) -> List[str]:
    """Append the metric's point to the file, and return what is to be said about it."""
    troubles = []
    try:
        was_there = path in _names  # asked first: another thread may make the file meanwhile
        try:
            files.write(path, os.O_APPEND, point, MODE)
        except FileNotFoundError:
            if was_there:
                troubles.append("{} was deleted, with the points in it; it begins anew".format(path))
            _begin(path)
            files.write(path, os.O_APPEND, point, MODE)
        _names.setdefault(path, name)
    except OSError as error:  # training must go on; what a signal handler raises is another's
        reason = error.strerror or type(error).__name__
        _lost[reason] += 1
        troubles.append("metrics can't be written to {}: {}".format(os.path.dirname(path), reason))
    return troubles


def _begin(path: str) -> None:
    """Make the file, unless another process was quicker; with its header from the first moment on."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    files.place(path, HEADER, MODE, _link)


def _link(new: str, path: str) -> None:
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    except OSError:  # there are no links on this file system
        os.replace(new, path)


def _tell() -> None:
    """Have the API told, once and in the background, that this run has metrics, as traceml does; if it can be."""
    global _telling
    if flag(OFFLINE) or not os.environ.get("POLYAXON_HOST"):
        return
    try:
        late.prepared()  # here, where a fork waits for it
    except late.UnderWay:
        return _told.release()  # by the next metric, then
    thread = threading.Thread(target=_patch, name="polyaxon_helper.events", daemon=True)
    _telling = thread if begin(thread) else None


def _patch() -> None:
    with suppress(Exception):  # its text may quote a token
        run.api().ask("PATCH", {"meta_info": {"has_metrics": True, "has_events": True}, "merge": True})


def _end() -> None:
    """Wait a moment for the request, and say what was not written."""
    if _telling is not None:
        _telling.join(TELL_SECONDS)
    if _lost:
        say_once("{} points of metrics were not written ({})".format(
            sum(_lost.values()), ", ".join("{}: {}".format(*each) for each in _lost.items())))


def _begin_anew() -> None:
    """Forget, in a forked child, what the parent tells of."""
    _lost.clear()
    _names.clear()


atexit.register(_end)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
