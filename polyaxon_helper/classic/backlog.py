"""Keeps what waits in this process to be sent: in its own journal, and in those that others left behind."""
import json
import os
import shlex
import threading
import time
from collections import Counter
from typing import Any, Counter as Counts, Iterator, List, Mapping, Optional, Tuple

from ..replacements import FUNCTIONS
from ..request import Unsent
from . import journal
from .journal import Experiment, Full, InUse, Memory, NotOurs, Queue

RESEND = "python -m polyaxon_helper.resend"
TRY_AGAIN = 1.0  # seconds from one try to begin a journal, where none could be, to the next


def experiment_of(info: Any) -> Experiment:
    """Return the experiment that a POLYAXON_EXPERIMENT_INFO names; () where it names none."""
    try:
        user, project = info["project_name"].split(".")
        return journal.experiment_of((user, project, info["experiment_name"].split(".")[-1],
                                      info.get("experiment_uuid") or ""))
    except (LookupError, AttributeError, TypeError, ValueError):
        return ()


def this_experiment() -> Experiment:
    """Return the environment's experiment; () where there is none."""
    try:
        return experiment_of(json.loads(os.environ.get(FUNCTIONS["get_experiment_info"].variables[0], "")))
    except (ValueError, RecursionError):
        return ()


def left_behind() -> Iterator[str]:
    """Give the journals of this environment, looked up when they are asked for."""
    for folder in journal.folders():
        yield from journal.journals_in(folder)


class Backlog:
    """Holds the queues, and counts what was given up."""

    def __init__(self) -> None:
        self.queues: List[Queue] = []  # in the order to be sent; the last takes what comes
        self.given_up: Counts[str] = Counter()
        self.abandoned: Iterator[str] = iter(())  # journals that may be taken over
        self.lock = threading.RLock()  # for the queues; never held over network I/O. A signal handler may send, too
        self.sending: Optional[Queue] = None  # the queue of the batch that is on its way
        self.experiment: Experiment = ()
        self._info: Any = None
        self._try_at = 0.0

    def keep(self, info: Mapping[str, Any], line: bytes) -> str:
        """Add the entry to the last queue, and return what is to be said about it, if anything is."""
        if info is not self._info:
            self._info, self.experiment = info, experiment_of(info)
        if not self.experiment:
            reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
            self.give_up(reason, 1)
            return "nothing is sent: " + reason
        try:
            self._append(line)
            return ""
        except Full:
            self.give_up("no more fits", 1)
            return "metrics are dropped: as many wait to be sent as can be kept"
        except OSError as error:
            self._try_at = time.monotonic() + TRY_AGAIN
            self.queues.append(Memory(self.experiment))
            self.queues[-1].append(line)
            return "metrics are kept in memory alone until they are sent: {}".format(error.strerror)

    def _append(self, line: bytes) -> None:
        last = self.queues[-1] if self.queues else None
        if last and last.takes(self.experiment) and (last.path or time.monotonic() < self._try_at):
            try:
                last.append(line)
                return
            except OSError:  # its file is full, gone or closed
                pass
        try:
            self.queues.append(self._begun())
        except OSError:
            if not isinstance(last, Memory):
                raise
            self._try_at = time.monotonic() + TRY_AGAIN
        self.queues[-1].append(line)

    def _begun(self) -> journal.Journal:
        """Begin a journal, with what is in no file yet."""
        begun = journal.create(self.experiment)
        for queue in list(self.queues):
            if queue is not self.sending and queue.experiment == self.experiment and not queue.is_kept:
                self.queues.remove(queue)  # a signal handler's metric may come now
                try:
                    for lines in iter(lambda: queue.read(journal.MAX_IN_MEMORY), []):
                        for line in lines:
                            begun.append(line)
                        queue.strike(lines)
                    queue.close()
                except (OSError, Full):
                    self.queues.insert(0, queue)
        return begun

    def give_up(self, reason: str, entries: int) -> None:
        with self.lock:
            self.given_up += Counter({reason: entries})

    def first(self, limit: int, ending: threading.Event) -> Tuple[Optional[Queue], List[bytes]]:
        """Return the first queue that has entries, or that takes more, and these; delete queues before it.

        Raises Unsent where a journal can't be read now.
        """
        while True:
            if len(self.queues) < (1 if ending.is_set() else 2):
                self.adopt()
            with self.lock:
                self.sending = queue = self.queues[0] if self.queues else None
            if queue is None:
                return None, []
            try:
                lines = queue.read(limit)
                if lines or queue is self.queues[-1] and not ending.is_set():
                    return queue, lines
                with self.lock:
                    self.queues.remove(queue)  # from here on nothing is added to it
                    lines = queue.read(1)
                    if lines:
                        self.queues.insert(0, queue)
                        return queue, lines
            except FileNotFoundError:
                with self.lock:
                    self.queues.remove(queue)
                self.give_up("{} was deleted".format(queue.path), queue.waiting)
            except OSError as error:
                raise Unsent("{} can't be read: {}".format(queue.path, error.strerror)) from None
            queue.delete()

    def strike(self, lines: List[bytes]) -> None:
        """Take off what was sent."""
        with self.lock:
            if self.sending is not None:
                self.sending.strike(lines)

    def adopt(self) -> bool:
        """Put in front the next journal that a process of this experiment left behind; False where there is none."""
        with self.lock:
            for path in self.abandoned if self.experiment else ():
                try:
                    found = journal.open_abandoned(path)
                except (InUse, NotOurs):
                    continue
                if found.experiment == self.experiment:
                    self.queues.insert(0, found)
                    return True
                found.close()
        return False

    def summary(self, why_kept: str) -> str:
        """Tell how many entries were not sent, why, and what sends them; empty where all were."""
        kept = [queue for queue in self.queues if queue.waiting > 0 and queue.is_kept]
        lost = sum(queue.waiting for queue in self.queues if queue not in kept)
        reasons = self.given_up + Counter({"there was no file to keep them in": lost})
        texts = []
        if kept:
            place = kept[0].path if len(kept) == 1 else os.path.dirname(kept[0].path)
            texts.append("{} metric entries wait in {} ({}). To send them: {} {}".format(
                sum(queue.waiting for queue in kept), place, why_kept, RESEND, shlex.quote(place)))
        if reasons:
            each = ", ".join("{}: {}".format(*reason) for reason in sorted(reasons.items()))
            texts.append("{} metric entries were given up ({})".format(sum(reasons.values()), each))
        return ". ".join(texts)
