"""The thread that empties the journal, and what happens at exit and at a fork."""
import atexit
import logging  # noqa: F401 - requests imports it, and it has its own part in a fork: not while a fork waits for that
import os
import random
import shlex
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, Counter as Counts, Iterator, List, Mapping, Optional, Set, Tuple

from ..notices import without_tokens
from . import checks, journal
from .journal import Experiment, Full, InUse, Memory, NotOurs, Queue

if TYPE_CHECKING:
    from .api import Api

GATHER = 1.0
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 60.0
EXIT_TIMEOUT = 5.0
REQUEST_TIMEOUT = 60.0
RESEND = "python -m polyaxon_helper.resend"

ApiUrl = Callable[[], Optional[str]]

_said: Set[str] = set()

jitter = random.SystemRandom().uniform  # the global generator is the training's, and seeded


class Later(Exception):
    """To be tried again, after `seconds` where the server says so; `slow` where no answer came in time."""

    def __init__(self, reason: str, seconds: float = 0.0, slow: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.slow = slow


class Refused(Exception):
    """The server takes the rest, perhaps, but not this batch."""


class Stopped(Exception):
    """No use in trying again."""


class Reporter:
    """What waits in this process, and its sending."""

    def __init__(self) -> None:
        self.queues: List[Queue] = []  # in the order to be sent; the last may be the one that is added to
        self.api_url: ApiUrl = str  # empty, till it is known
        self.max_failures = sys.maxsize
        self.given_up: Counts[str] = Counter()
        self.stopped = ""
        """Why nothing is sent any more."""
        self._trouble = ""  # why the last request failed
        self._current: Optional[Queue] = None
        self._info: Optional[Mapping[str, Any]] = None
        self._experiment: Experiment = ("", "", "", "")
        self._abandoned: Iterator[str] = iter(())
        self._lock = threading.RLock()  # for the queues; never held over network I/O. A signal handler may send, too
        self._api: Optional["Api"] = None
        self._limit = sys.maxsize  # entries a batch
        self._thread: Optional[threading.Thread] = None
        self._bell = threading.Lock()  # free: there is something to do. An Event could deadlock in a signal handler
        self._bell.acquire()
        self._draining = threading.Lock()
        self._ending = threading.Event()
        self._deadline = 0.0
        self._asked = self._answered = 0  # how often the thread was waited for at the end
        self._drained = threading.Event()
        self._told = self._starting = False
        self._failures = 0

    # --- the caller's thread

    def accept(self, api: ApiUrl, info: Mapping[str, Any], line: bytes) -> str:
        """Keep the entry, have it sent soon, and return what is to be said about it, if anything is."""
        with self._lock:
            trouble = self._keep(api, info, line)
            if not self._thread and not self._starting:  # a signal handler's metric may come while it starts
                self._starting = True
                try:
                    self.connect()
                    self._start()
                finally:
                    self._starting = False
        self._ring()
        if self._ending.is_set() or _is_shutting_down():
            self.end()
        return trouble

    def _keep(self, api: ApiUrl, info: Mapping[str, Any], line: bytes) -> str:
        self.api_url = api
        try:
            if info is not self._info:
                self._experiment, self._info = experiment_of(info), info
            queue = self._current
            if queue is None or queue.sent > journal.ROLL_BYTES or queue.experiment != self._experiment:
                queue = self._begin(journal.create(self._experiment))
            queue.append(line)
            return ""
        except (LookupError, AttributeError, TypeError, ValueError):
            reason = "POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment"
            self._give_up(reason, 1)
            return "nothing is sent: " + reason
        except Full:
            self._give_up("no more fits", 1)
            return "metrics are dropped: as many wait to be sent as can be kept"
        except OSError as error:
            self._begin(Memory(self._experiment)).append(line)
            return "metrics are kept in memory alone until they are sent: {}".format(error.strerror)

    def _begin(self, queue: Queue) -> Queue:
        self._current = queue
        self.queues.append(queue)
        return queue

    def _start(self) -> None:
        # multiprocessing's children run its own exit functions alone; this one after all of them, so below 0
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, _end, exitpriority=-100)
        thread = threading.Thread(target=self._run, name="polyaxon_helper.reporter", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:  # at exit, from 3.12 on; or there are too many
            pass

    def _ring(self) -> None:
        try:
            self._bell.release()
        except RuntimeError:  # rung already
            pass

    # --- the end

    def end(self) -> None:
        """Send what is left within the exit's budget, and say what was not sent."""
        if not self.queues and not self.given_up:
            return
        if not self._ending.is_set():
            self._deadline = time.monotonic() + _exit_timeout()
            self._failures = 0
            self._abandoned = _left_behind()  # by now perhaps by children of this process
            self._ending.set()
        try:
            if self._thread:
                self._wait_for(self._thread)
            else:
                self.drain()
        except KeyboardInterrupt:  # somebody wants it to end now
            pass
        if not self._told:
            self._told = True
            _say(self.summary())

    def _wait_for(self, thread: threading.Thread) -> None:
        self._asked = asked = self._asked + 1
        self._ring()
        while self._answered < asked and thread.is_alive() and time.monotonic() < self._deadline:
            self._drained.wait(max(0.0, self._deadline - time.monotonic()))
            self._drained.clear()

    def summary(self) -> str:
        """How many entries were not sent, why, and what sends them; empty where all were."""
        kept = [queue for queue in self.queues if queue.waiting > 0 and os.path.exists(queue.path)]
        lost = sum(queue.waiting for queue in self.queues if queue not in kept)
        reasons = self.given_up + Counter({"there was no file to keep them in": lost})
        texts = []
        if kept:
            place = kept[0].path if len(kept) == 1 else os.path.dirname(kept[0].path)
            texts.append("{} metric entries wait in {} ({}). To send them: {} {}".format(
                sum(queue.waiting for queue in kept), place, self.stopped or self._trouble or "the time was up",
                RESEND, shlex.quote(place),
            ))
        if reasons:
            each = ", ".join("{}: {}".format(*reason) for reason in sorted(reasons.items()))
            texts.append("{} metric entries were given up ({})".format(sum(reasons.values()), each))
        return ". ".join(texts)

    # --- the sending thread

    def _run(self) -> None:
        self._abandoned = _left_behind()
        while True:
            self._bell.acquire()
            self._ending.wait(GATHER)
            asked = self._asked
            self.drain()
            self._answered = asked
            self._drained.set()

    def connect(self) -> None:
        """Import requests; in the caller's thread, where mostly no fork can leave it half imported in a child."""
        try:
            with _importing:
                from .api import Api
            self._api = self._api or Api()
        except Exception as error:  # a broken requests is no reason for a traceback in a training
            self._stop("requests can't be imported: {}".format(type(error).__name__))

    def drain(self) -> None:
        """Send what waits, until nothing does, or nothing can be sent now."""
        if not self._draining.acquire(False):
            return  # a signal handler's metric, while this thread is at it
        try:
            while self._api and not self.stopped and self._send_batch(self._api):
                pass
        except Exception as error:  # an error of ours: the journal has what waits
            self._stop("an internal error, {}".format(type(error).__name__))
        finally:
            self._draining.release()

    def _send_batch(self, api: "Api") -> bool:
        """Send the first batch that waits; whether it is worth to go on."""
        if not self._pause(api.ready_at(), hurry=False):
            return False
        queue, lines = self._first(self._limit if api.takes_lists else 1)
        if queue is None:
            return False
        # what comes meanwhile is gathered again; or a steady run would use up a minute's requests at once
        is_last = queue is self._current and len(lines) >= queue.waiting and not self._ending.is_set()
        entries = [line for line in lines if checks.is_entry(line)]
        try:
            stored = api.post(self.api_url(), queue.experiment, entries, self._seconds()) if entries else 0
        except Later as later:
            self._trouble = str(later)
            if later.slow:  # perhaps it was too much at once
                self._limit = max(1, len(lines) // 2)
            backoff = jitter(0, min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 10)))
            self._failures += 1
            until = time.monotonic() + max(later.seconds, backoff)
            return self._failures < self.max_failures and self._pause(until, hurry=not later.seconds)
        except Refused as refused:
            self._trouble = str(refused)
            if len(entries) > 1:
                self._limit = max(1, len(lines) // 2)
                return True
            self._give_up("refused by the server", 1)
            _say("a metric entry is given up, because {}".format(refused))
        except Stopped as stopped:
            self._stop(str(stopped))
            return False
        else:
            self._failures = 0
            self._limit *= 2 if self._limit < sys.maxsize else 1
            if stored < len(entries):
                lines = lines[:lines.index(entries[0]) + 1]
            self._give_up("unreadable in the journal", len(lines) - stored)
        with self._lock:
            queue.strike(lines)
        return not is_last

    def _first(self, limit: int) -> Tuple[Optional[Queue], List[bytes]]:
        """The first queue that has entries, and these; deletes queues that have none any more."""
        while True:
            if not self.queues or self.queues[0] is self._current and not self._ending.is_set():
                self._adopt()
            queue = next(iter(self.queues), None)
            if queue is None:
                return None, []
            try:
                if queue is self._current and queue.vanished():
                    with self._lock:
                        self._begin(Memory(queue.experiment))
                    _say("{} vanished: metrics are kept in memory alone until they are sent".format(queue.path))
                lines = queue.read(limit)
                if lines:
                    return queue, lines
                with self._lock:
                    if queue.read(1):
                        continue  # added just now
                    if queue is self._current:
                        if not self._ending.is_set():
                            return None, []
                        self._current = None
                    self.queues.remove(queue)
            except OSError as error:
                with self._lock:
                    self._current = None if queue is self._current else self._current
                    self.queues.remove(queue)
                self._give_up("{} can't be read: {}".format(queue.path, error.strerror), queue.waiting)
            queue.delete()

    def _adopt(self) -> None:
        """Put in front the next journal that a process of the same experiment left behind."""
        for path in self._abandoned:
            try:
                found = journal.open_abandoned(path)
            except (InUse, NotOurs):
                continue
            if found.experiment == self._experiment:
                self.queues.insert(0, found)
                return
            found.close()

    def _seconds(self) -> float:
        """How long a request may take: with a thread the end does not wait for it."""
        if self._thread or not self._ending.is_set():
            return REQUEST_TIMEOUT
        return max(0.05, (self._deadline - time.monotonic()) / 2)

    def _pause(self, until: float, hurry: bool) -> bool:
        """Wait till then, or where there is a hurry till the end begins; whether there is time to go on."""
        if not self._ending.is_set():
            began = self._ending.wait(max(0.0, until - time.monotonic()))
            if hurry or not began:
                return True
        if max(until, time.monotonic()) >= self._deadline:
            return False
        time.sleep(max(0.0, until - time.monotonic()))
        return True

    def _give_up(self, reason: str, entries: int) -> None:
        with self._lock:
            self.given_up += Counter({reason: entries})

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        _say("metrics are not sent any more, but kept: {}".format(reason))


def experiment_of(info: Mapping[str, Any]) -> Experiment:
    user, project = info["project_name"].split(".")
    number = info["experiment_name"].split(".")[-1]
    return journal.experiment_of((user, project, number, info.get("experiment_uuid") or ""))


def _left_behind() -> Iterator[str]:
    for folder in journal.folders():
        yield from journal.journals_in(folder)


def _exit_timeout() -> float:
    try:
        return max(0.0, min(float(os.environ["POLYAXON_HELPER_EXIT_TIMEOUT"]), 86400.0))
    except (KeyError, ValueError):
        return EXIT_TIMEOUT


def _is_shutting_down() -> bool:
    """Whether this is a hook at exit: our own may have no turn any more."""
    main = threading.main_thread()
    return not main.is_alive() and threading.current_thread() is main


def _say(text: str) -> None:
    """On standard error, once: a warning would blame a line of nobody's, and may be made an exception."""
    if text and text not in _said and sys.stderr is not None:
        _said.add(text)
        try:
            sys.stderr.write("polyaxon_helper: {}\n".format(without_tokens(text)))
            sys.stderr.flush()
        except (OSError, ValueError):  # closed by the script, or a pipe that nobody reads any more
            pass


def _end() -> None:
    reporter.end()


def _begin_anew() -> None:
    """In a forked child: what waits is the parent's, and so are its connection, its thread and its locks."""
    global reporter
    parents, reporter = reporter, Reporter()
    for queue in parents.queues:
        queue.close()
    _importing.release()


reporter = Reporter()
_importing = threading.RLock()
atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_begin_anew)
