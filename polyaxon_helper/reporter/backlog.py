"""Keeps what waits in this process to be sent: in its own journal, and in those that others left behind."""
import os
import shlex
import threading
from collections import Counter
from typing import Any, Counter as Counts, Iterator, List, Mapping, Optional, Tuple

from . import journal
from .journal import Experiment, Full, InUse, Memory, NotOurs, Queue

RESEND = "python -m polyaxon_helper.resend"


def experiment_of(info: Mapping[str, Any]) -> Experiment:
    user, project = info["project_name"].split(".")
    number = info["experiment_name"].split(".")[-1]
    return journal.experiment_of((user, project, number, info.get("experiment_uuid") or ""))


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
        self._experiment: Experiment = ()

    def keep(self, info: Mapping[str, Any], line: bytes) -> str:
        """Add the entry to the last queue, and return what is to be said about it, if anything is."""
        try:
            self._experiment = experiment_of(info)
            if not self.queues or not self.queues[-1].takes(self._experiment):
                self.queues.append(journal.create(self._experiment))
            self.queues[-1].append(line)
            return ""
        except (LookupError, AttributeError, TypeError, ValueError):
            reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
            self.give_up(reason, 1)
            return "nothing is sent: " + reason
        except Full:
            self.give_up("no more fits", 1)
            return "metrics are dropped: as many wait to be sent as can be kept"
        except OSError as error:
            self.queues.append(Memory(self._experiment))
            self.queues[-1].append(line)
            return "metrics are kept in memory alone until they are sent: {}".format(error.strerror)

    def give_up(self, reason: str, entries: int) -> None:
        with self.lock:
            self.given_up += Counter({reason: entries})

    def first(self, limit: int, ending: threading.Event) -> Tuple[Optional[Queue], List[bytes]]:
        """Give the first queue that has entries, or that takes more, and these; delete queues before it."""
        while True:
            if len(self.queues) < (1 if ending.is_set() else 2):
                self._adopt()
            if not self.queues:
                return None, []
            queue = self.queues[0]
            try:
                lines = queue.read(limit)
                with self.lock:
                    lines = lines or queue.read(1)  # added just now
                    if lines or queue is self.queues[-1] and not ending.is_set():
                        return queue, lines
                    self.queues.remove(queue)
            except OSError as error:
                with self.lock:
                    self.queues.remove(queue)
                self.give_up("{} can't be read: {}".format(queue.path, error.strerror), queue.waiting)
            queue.delete()

    def _adopt(self) -> None:
        """Put in front the next journal that a process of the same experiment left behind."""
        for path in self.abandoned:
            try:
                found = journal.open_abandoned(path)
            except (InUse, NotOurs):
                continue
            if found.experiment == self._experiment:
                with self.lock:
                    self.queues.insert(0, found)
                return
            found.close()

    def summary(self, why_kept: str) -> str:
        """Tell how many entries were not sent, why, and what sends them; empty where all were."""
        kept = [queue for queue in self.queues if queue.waiting > 0 and os.path.exists(queue.path)]
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
