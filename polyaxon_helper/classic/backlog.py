"""Keeps what waits in this process to be sent: its own, and what others left behind."""
import errno
import json
import os
import shlex
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from typing import Any, Counter as Counts, List, Mapping, Optional

from ..replacements import FUNCTIONS
from ..request import Unsent
from . import journal
from .entries import is_entry
from .journal import BATCH, Batch, Experiment, InUse, Journal, NotOurs

RESEND = "python -m polyaxon_helper.resend"

MAX_BYTES = 256 * 1024 * 1024
MAX_IN_MEMORY = 10000  # entries that are in no file
IN_MEMORY = 3  # batches that are not read from their files again
TRY_AGAIN = 1.0  # seconds from one try to write, where that failed, to the next


def experiment_of(info: Any) -> Experiment:
    """Return the experiment that a POLYAXON_EXPERIMENT_INFO names; () where it names none."""
    try:
        user, project = info["project_name"].split(".")
        return journal.experiment_of(user, project, info["experiment_name"].split(".")[-1],
                                     str(info.get("experiment_uuid") or ""))
    except (LookupError, AttributeError, TypeError, ValueError):
        return ()


def this_experiment() -> Experiment:
    """Return the environment's experiment; () where there is none."""
    try:
        return experiment_of(json.loads(os.environ.get(FUNCTIONS["get_experiment_info"].variables[0], "")))
    except (ValueError, RecursionError):
        return ()


def left_behind() -> List[str]:
    """Return the journals of this environment."""
    return [path for folder in journal.folders() for path in journal.journals_in(folder)]


class Backlog:
    """Holds the batches, and counts what was given up."""

    def __init__(self) -> None:
        self.batches: List[Batch] = []  # in the order to be sent; the last takes what comes
        self.given_up: Counts[str] = Counter()
        self.abandoned: List[str] = []  # journals that may be taken over
        self.lock = threading.RLock()  # for all of this; never held over network I/O. A signal handler may send, too
        self.ending = threading.Event()  # nothing is waited for that may yet come
        self.experiment: Experiment = ()
        self._info: Any = None
        self._journals: List[Journal] = []  # whose locks this process has; the last takes what comes
        self._numbers = count(1)
        self._try_at = 0.0

    def keep(self, info: Mapping[str, Any], line: bytes) -> str:
        """Add the entry to the last batch, and return what is to be said about it, if anything is."""
        if info is not self._info:
            self._info, self.experiment = info, experiment_of(info)
        if not self.experiment:
            reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
            self.give_up(reason, 1)
            return "nothing is sent: " + reason
        last, trouble = self.batches[-1] if self.batches else None, ""
        if last and last.path and last.takes(self.experiment, line):
            with suppress(OSError):
                last.append(line)
                return ""
            last.is_open = False  # its file is gone, or the disk is full
        if time.monotonic() >= self._try_at:
            try:
                self._begin().append(line)
                return ""
            except OSError as error:
                self._try_at = time.monotonic() + TRY_AGAIN
                trouble = "metrics are kept in memory alone until they are sent: {}".format(error.strerror)
        if sum(batch.waiting for batch in self.batches if not batch.path) >= MAX_IN_MEMORY:
            self.give_up("no more fits", 1)
            return "metrics are dropped: as many wait to be sent as can be kept"
        if not last or last.path or not last.takes(self.experiment, line):
            last = Batch(self.experiment, lines=[])
            self.batches.append(last)
        last.append(line)
        return trouble

    def _begin(self) -> Batch:
        """Begin a batch in a file, and write files for the entries that have none, or have it no more."""
        if sum(batch.size for batch in self.batches) > MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        own = self._journals[-1] if self._journals else None
        if own is None or own.experiment != self.experiment or not own.is_there():
            own = journal.create(self.experiment)
            self._journals.append(own)
        begun = Batch(self.experiment, lines=[])
        for batch in [*self.batches, begun]:
            if batch.lines is not None and batch.experiment == self.experiment and not batch.is_kept():
                batch.keep("{}-{}{}".format(own.base, next(self._numbers), BATCH))
        for batch in self.batches[IN_MEMORY:]:
            batch.lines = None if batch.is_kept() else batch.lines
        self.batches.append(begun)
        return begun

    def give_up(self, reason: str, entries: int) -> None:
        with self.lock:
            self.given_up += Counter({reason: entries})

    def first(self) -> Optional[Batch]:
        """Return the first batch that has entries, in memory; what comes from here on begins another.

        Raises Unsent where it can't be read now.
        """
        while True:
            if len(self.batches) < (1 if self.ending.is_set() else 2):
                self.adopt()
            with self.lock:
                if not self.batches:
                    return None
                batch = self.batches[0]
                batch.is_open = False
            try:
                if batch.lines is None:
                    lines = batch.read()
                    batch.lines = list(filter(is_entry, lines))
                    self.give_up("unreadable in the journal", len(lines) - len(batch.lines))
                if batch.lines:
                    return batch
                self.strike(batch, 0)
            except (FileNotFoundError, NotOurs):
                self.give_up("{} was deleted".format(batch.path), batch.waiting)
                self.batches.remove(batch)
            except OSError as error:
                raise Unsent("{} can't be read: {}".format(batch.path, error.strerror)) from None

    def strike(self, batch: Batch, entries: int) -> None:
        """Take off the first entries of a batch, and the batch with the last of them."""
        with self.lock:
            batch.lines = (batch.lines or [])[entries:]
            batch.waiting = len(batch.lines)
            if not batch.lines:
                self.batches.remove(batch)
                with suppress(OSError):
                    os.unlink(batch.path)
                self.leave()

    def leave(self, ending: bool = False) -> None:
        """Delete the journals of which all was sent; but not the one that takes what comes, before the end."""
        for each in self._journals[:] if ending else self._journals[:-1]:
            if not any(batch.path.startswith(each.base) for batch in self.batches):
                self._journals.remove(each)
                each.remove()

    def adopt(self) -> bool:
        """Put in front the next journal that a process of this experiment left behind; False where there is none."""
        with self.lock:
            while self.abandoned and self.experiment:
                with suppress(InUse, NotOurs):
                    found = journal.open_abandoned(self.abandoned.pop(0))
                    if found.experiment != self.experiment:
                        found.close()
                    elif self.take(found):
                        return True
        return False

    def take(self, found: Journal) -> List[Batch]:
        """Put the batches of a journal in front, and return them."""
        batches = journal.batches_of(found)
        self._journals.insert(0, found)
        self.batches[:0] = batches
        self.leave()
        return batches

    def close(self) -> None:
        """Leave all to the parent, in a forked child."""
        for each in self._journals:
            each.close()

    def summary(self, why_kept: str) -> str:
        """Tell how many entries were not sent, why, and what sends them; empty where all were."""
        kept = [batch for batch in self.batches if batch.waiting and batch.is_kept()]
        lost = sum(batch.waiting for batch in self.batches if batch not in kept)
        reasons = self.given_up + Counter({"there was no file to keep them in": lost})
        texts = []
        if kept:
            place = os.path.dirname(kept[0].path)
            texts.append("{} metric entries wait in {} ({}). To send them: {} {}".format(
                sum(batch.waiting for batch in kept), place, why_kept, RESEND, shlex.quote(place)))
        if reasons:
            each = ", ".join("{}: {}".format(*reason) for reason in sorted(reasons.items()))
            texts.append("{} metric entries were given up ({})".format(sum(reasons.values()), each))
        return ". ".join(texts)
