"""Keeps what waits in this process to be sent: its own, and what others left behind."""
import errno
import os
import shlex
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from typing import Any, Counter as Counts, List, Mapping, Optional, Tuple

from ..replacements import FUNCTIONS
from ..request import Unsent
from ..variables import parsed
from . import journal
from .entries import is_entry
from .journal import BATCH, Batch, Experiment, Journal, NotOurs

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
    return experiment_of(parsed(FUNCTIONS["get_experiment_info"].variables[0], warns=False))


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
        self._known: Tuple[Any, Experiment] = (None, ())  # the last POLYAXON_EXPERIMENT_INFO, and what it names
        self._journals: List[Journal] = []  # whose locks this process has; the last takes what comes
        self._numbers = count(time.time_ns())  # of batches; none is in a journal that is taken over
        self._try_at = 0.0
        self._is_keeping = False

    def keep(self, info: Mapping[str, Any], line: bytes) -> str:
        """Add the entry to the last batch, and return what is to be said about it, if anything is."""
        known = self._known
        if info is not known[0]:
            known = self._known = info, experiment_of(info)
        self.experiment = experiment = known[1]
        if not experiment:
            reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
            self.give_up(reason, 1)
            return "nothing is sent: " + reason
        # a signal handler may have interrupted this very function: its metric leaves the other batches as they are
        others, was_keeping = [] if self._is_keeping else self.batches, self._is_keeping
        self._is_keeping = True
        try:
            return self._keep(experiment, line, others)
        finally:
            self._is_keeping = was_keeping

    def _keep(self, experiment: Experiment, line: bytes, others: List[Batch]) -> str:
        last, trouble = others[-1] if others else None, ""
        if last and last.path and last.takes(experiment, line):
            try:
                last.append(line)
                return ""
            except OSError:  # its file is gone, or the disk is full
                last.is_open = False
        if time.monotonic() >= self._try_at:
            try:
                self._begin(Batch(experiment, lines=[line]), others)
                return ""
            except OSError as error:
                self._try_at = time.monotonic() + TRY_AGAIN
                trouble = "metrics are kept in memory alone until they are sent: {}".format(error.strerror)
        if sum(batch.waiting for batch in self.batches if not batch.path) >= MAX_IN_MEMORY:
            self.give_up("no more fits", 1)
            return "metrics are dropped: as many wait to be sent as can be kept"
        if last and not last.path and last.takes(experiment, line):
            last.append(line)
        else:
            self.batches.append(Batch(experiment, lines=[line]))
        return trouble

    def _begin(self, begun: Batch, others: List[Batch]) -> None:
        """Write a file for a new batch, and for the others whose entries have none, or have it no more."""
        if sum(batch.size for batch in self.batches) > MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        for batch in [*others, begun]:
            if batch.lines is not None and not batch.is_kept():
                base = self._journal(batch.experiment).base
                batch.keep("{}-{}{}".format(base, next(self._numbers), BATCH))
        for batch in others[IN_MEMORY:]:
            batch.lines = None if batch.is_kept() else batch.lines
        self.batches.append(begun)

    def _journal(self, experiment: Experiment) -> Journal:
        """Return this process's journal for the experiment, made if need be."""
        for each in reversed(self._journals):
            if each.experiment == experiment and each.is_there():
                return each
        made = journal.create(experiment)
        self._journals.append(made)
        return made

    def give_up(self, reason: str, entries: int) -> None:
        """Count entries that are never sent."""
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
                    lines = list(filter(is_entry, batch.read()))
                    self.give_up("unreadable in the journal", batch.entries - len(lines))
                    batch.lines, batch.entries = lines, len(lines)
            except (FileNotFoundError, NotOurs) as error:
                reason = "it was deleted" if isinstance(error, OSError) else str(error)
                self.give_up("{}: {}".format(batch.path, reason), batch.waiting)
                self.batches.remove(batch)
            except OSError as error:
                raise Unsent("{} can't be read: {}".format(batch.path, error.strerror)) from None
            else:
                if batch.waiting:
                    return batch
                self.strike(batch, 0)

    def strike(self, batch: Batch, entries: int) -> None:
        """Take off the next entries of a batch, and the batch with the last of them."""
        with self.lock:
            batch.sent += entries
            if not batch.waiting:
                self.batches.remove(batch)
                with suppress(OSError):
                    os.unlink(batch.path)
                self.leave()

    def leave(self, ending: bool = False) -> None:
        """Delete the journals of which all was sent; but not the one that takes what comes, before the end."""
        with self.lock:
            for each in self._journals[:] if ending else self._journals[:-1]:
                self._journals.remove(each)  # first: what a signal handler sends now begins another
                if any(batch.path.startswith(each.base) for batch in self.batches):
                    self._journals.insert(0, each)
                else:
                    each.remove()

    def adopt(self) -> bool:
        """Put in front the next journal that a process of this experiment left behind; False where there is none."""
        with self.lock:
            while self.abandoned and self.experiment:
                with suppress(NotOurs):
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
        with self.lock:
            waiting: Counts[str] = Counter()
            given_up = Counter(self.given_up)
            for batch in self.batches:
                if batch.is_kept():
                    waiting[os.path.dirname(batch.path)] += batch.waiting
                else:
                    given_up["there was no file to keep them in"] += batch.waiting
        texts = ["{} metric entries wait in {} ({}). To send them: {} {}".format(
            entries, place, why_kept, RESEND, shlex.quote(place)) for place, entries in waiting.items() if entries]
        reasons = sorted((+given_up).items())
        if reasons:
            each = ", ".join("{}: {}".format(*reason) for reason in reasons)
            texts.append("{} metric entries were given up ({})".format(sum(number for _, number in reasons), each))
        return ". ".join(texts)
