"""The thread that empties the journal, and what happens at exit and at a fork."""
import atexit
import logging  # noqa: F401 - requests imports it, and it has its own part in a fork: not while a fork waits for that
import math
import os
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from ..notices import say_once
from . import checks
from .backlog import Backlog, left_behind

if TYPE_CHECKING:  # pragma: no cover - it never runs
    from .api import Api

GATHER = 1.0
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 60.0
EXIT_TIMEOUT = 5.0
INTERRUPT_POLL = 0.2  # seconds that the exit waits at a time: an interrupt just before a wait is seen only after it
REQUEST_TIMEOUT = 60.0

ApiUrl = Callable[[], Optional[str]]

jitter = random.SystemRandom().uniform  # the global generator is the training's, and seeded


class Later(Exception):
    """Says that the batch is to be tried again."""


class Slow(Later):
    """Says that no answer came in time."""


class Refused(Exception):
    """Says that the server takes the rest, perhaps, but not this batch."""


class Stopped(Exception):
    """Says that it is no use to try again."""


class Reporter:
    """Sends what waits in this process."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.api_url: ApiUrl = str  # empty, till it is known
        self.max_failures = sys.maxsize
        self.stopped = ""  # why nothing is sent any more
        self.ending = threading.Event()  # nothing is waited for that may yet come
        self._deadline = math.inf
        self._trouble = ""  # why the last request failed
        self._api: Optional["Api"] = None
        self._limit = sys.maxsize  # entries a batch
        self._thread: Optional[threading.Thread] = None
        self._starting = threading.Lock()
        self._draining = threading.Lock()
        self._failures = 0
        self._backoff_ends = 0.0
        self._told = False

    # --- the caller's thread

    def accept(self, api: ApiUrl, info: Mapping[str, Any], line: bytes) -> str:
        """Keep the entry, have it sent soon, and return what is to be said about it, if anything is."""
        with self.backlog.lock:
            self.api_url = api
            trouble = self.backlog.keep(info, line)
            # not a second thread for a signal handler's metric that comes while the first is made
            if self._starting.acquire(False):
                try:
                    if not self._thread:
                        self._start()
                finally:
                    self._starting.release()
        main = threading.main_thread()
        if threading.current_thread() is main and (self.ending.is_set() or not main.is_alive()):
            self.end()  # in a hook at exit: our own may have no turn any more
        return trouble

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="polyaxon_helper.reporter", daemon=True)
        self.connect()
        # multiprocessing's children run its own exit functions alone; this one after all of them, so below 0
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(None, _end, exitpriority=-100)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # at exit, from 3.12 on; or there are too many
            pass
        finally:  # also where an interrupt came meanwhile
            if not thread.is_alive():
                self._thread = None

    # --- the end

    def end(self) -> None:
        """Send what is left within the exit's budget, and say what was not sent."""
        if not self.backlog.queues and not self.backlog.given_up:
            return
        if not self.ending.is_set():
            self._deadline = time.monotonic() + _exit_timeout()
            self._failures, self._backoff_ends = 0, 0.0
            self.backlog.abandoned = left_behind()  # by now perhaps by children of this process
            self.ending.set()
        try:
            while self._thread and self._thread.is_alive() and time.monotonic() < self._deadline:
                self._thread.join(min(INTERRUPT_POLL, self._deadline - time.monotonic()))
            if not self._thread or not self._thread.is_alive():
                self.drain()  # what came after the thread's end, or all
        except KeyboardInterrupt:  # somebody wants it to end now
            pass
        if self._api:
            self._api.close()  # a pool that outlives urllib3's modules is collected with a traceback
        if not self._told:
            self._told = True
            say_once(self.summary())

    def summary(self) -> str:
        """Tell what was not sent, and why; empty where all was."""
        return self.backlog.summary(self.stopped or self._trouble or "the time was up")

    # --- the sending thread

    def _run(self) -> None:
        self.backlog.abandoned = left_behind()
        is_ending = False
        while not is_ending:
            is_ending = self.ending.wait(GATHER)
            self.drain()

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
        if not self._wait(api):
            return False
        # what comes from here on is gathered again; or a steady run would use up a minute's requests at once
        waiting = self.backlog.queues[-1].waiting if self.backlog.queues else sys.maxsize
        queue, lines = self.backlog.first(self._limit if api.takes_lists else 1, self.ending)
        if queue is None or not lines:
            return False
        is_last = queue is self.backlog.queues[-1] and len(lines) >= waiting and not self.ending.is_set()
        entries = [line for line in lines if checks.is_entry(line)]
        try:
            if entries and not api.post(self.api_url(), queue.experiment, entries, self._seconds()):
                return True
        except Later as later:
            self._trouble = str(later)
            if isinstance(later, Slow):  # perhaps it was too much at once
                self._limit = max(1, len(lines) // 2)
            backoff = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 10))
            self._backoff_ends = time.monotonic() + jitter(0, backoff)
            self._failures += 1
            return self._failures < self.max_failures
        except Refused as refused:
            self._trouble = str(refused)
            if len(entries) > 1:
                self._limit = max(1, len(lines) // 2)
                return True
            self.backlog.give_up("refused by the server", 1)
            say_once("a metric entry is given up, because {}".format(refused))
        except Stopped as stopped:
            self._stop(str(stopped))
            return False
        else:
            self._failures = 0
            self._limit = min(2 * self._limit, sys.maxsize)
        self.backlog.give_up("unreadable in the journal", len(lines) - len(entries))
        with self.backlog.lock:
            queue.strike(lines)
        return not is_last

    def _wait(self, api: "Api") -> bool:
        """Wait till a request may be made, or the end cuts a backoff short; whether there is time for it."""
        while True:
            now, until = time.monotonic(), max(api.ready_at(), self._backoff_ends)
            if max(now, until) >= self._deadline:
                return False
            if now >= until:
                return True
            wait = time.sleep if self.ending.is_set() else self.ending.wait
            wait(until - now)

    def _seconds(self) -> float:
        """Tell how long a request may take: for the thread the end does not wait beyond its budget."""
        if threading.current_thread() is self._thread:
            return REQUEST_TIMEOUT
        return max(0.05, min(REQUEST_TIMEOUT, (self._deadline - time.monotonic()) / 2))

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        say_once("metrics are not sent any more, but kept: {}".format(reason))


def _exit_timeout() -> float:
    text = os.environ.get("POLYAXON_HELPER_EXIT_TIMEOUT") or EXIT_TIMEOUT
    try:
        return max(0.0, min(float(text), 86400.0))
    except ValueError:
        say_once("POLYAXON_HELPER_EXIT_TIMEOUT is no number of seconds: {} are taken".format(EXIT_TIMEOUT))
        return EXIT_TIMEOUT


def _end() -> None:
    reporter.end()


def _begin_anew() -> None:
    """In a forked child: what waits is the parent's, and so are its connection, its thread and its locks."""
    global reporter
    parents, reporter = reporter, Reporter()
    for queue in parents.backlog.queues:
        queue.close()
    _importing.release()


reporter = Reporter()
_importing = threading.RLock()
atexit.register(_end)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_begin_anew)
