"""The thread that empties the journal, and what happens at exit and at a fork."""
import atexit
import math
import os
import random
import sys
import threading
import time
from typing import Any, List, Mapping, Optional

from .. import late
from ..request import Slow, Unsent, Unset
from ..threads import begin
from ..variables import NO_OP, OFFLINE, flag
from ..warn import say_once
from . import api, entries, tokens
from .backlog import Backlog, left_behind, this_experiment

GATHER = 1.0
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 60.0
EXIT_TIMEOUT = 5.0
INTERRUPT_POLL = 0.2  # seconds that the exit waits at a time: an interrupt just before a wait is seen only after it
REQUEST_TIMEOUT = 10.0

jitter = random.SystemRandom().uniform  # the global generator is the training's, and seeded


class Reporter:
    """Sends what waits in this process."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.api = api.Api()
        self.max_failures = sys.maxsize
        self.ending = threading.Event()  # nothing is waited for that may yet come
        self._url: Optional[str] = None  # the last that was set, and the last tokens: a script may clear os.environ
        self._sources: List[tokens.Source] = []
        self._deadline = math.inf
        self._trouble = ""  # why the last request failed
        self._limit = sys.maxsize  # entries a batch
        self._thread: Optional[threading.Thread] = None
        self._starting = threading.Lock()
        self._draining = threading.Lock()
        self._failures = 0
        self._backoff_ends = 0.0
        self._waits = False  # the exit, for the thread: a signal handler can't wait for it too, up to Python 3.12
        self._finalizer: Any = None

    # --- the caller's thread

    def accept(self, info: Mapping[str, Any], line: bytes) -> str:
        """Keep the entry, have it sent soon, and return what is to be said about it, if anything is."""
        with self.backlog.lock:
            trouble = self.backlog.keep(info, line)
            # not a second thread for a signal handler's metric that comes while the first is made
            if not self._thread and self._starting.acquire(False):
                try:
                    self.start()
                finally:
                    self._starting.release()
        if self.ending.is_set() or not threading.main_thread().is_alive():
            if threading.current_thread() is threading.main_thread() and not self._waits:
                self.end()  # in a hook at exit: our own may have no turn any more
        return trouble

    def start(self) -> None:
        """Learn where to send to, import requests, and begin the thread."""
        self.find_api()
        try:
            late.requests()  # in the caller's thread
        except late.UnderWay:
            return
        except Exception:  # tried again by the thread
            pass
        self._end_after_children()
        thread = self._thread = threading.Thread(target=self._run, name="polyaxon_helper.reporter", daemon=True)
        try:
            begin(thread)
        finally:  # also where an interrupt came meanwhile
            if not thread.is_alive():
                self._thread = None

    def find_api(self) -> None:
        """Read where to send to, and what authorises; what can't be had any more stays as it was."""
        self._url = api.url() or self._url
        self._sources = list(tokens.candidates()) or self._sources

    # --- the end

    def _end_after_children(self) -> None:
        """Have multiprocessing end this at its own exit: children run nothing else, a parent's have ended by then."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self._finalizer is None:
            self._finalizer = util.Finalize(None, self.end, exitpriority=-100)

    def end(self) -> None:
        """Send what is left within the exit's budget, what children of this process left too, and say what was not."""
        self._end_after_children()
        if not self.backlog.experiment and not flag(NO_OP) and not flag(OFFLINE):
            self.backlog.experiment = this_experiment()
        if not self.ending.is_set() or not self.backlog.queues:
            self._deadline = time.monotonic() + _exit_timeout()
            self._failures, self._backoff_ends = 0, 0.0
        self.backlog.abandoned = left_behind()
        self.ending.set()
        try:
            self._waits = True
            while self._thread and self._thread.is_alive() and time.monotonic() < self._deadline:
                self._thread.join(min(INTERRUPT_POLL, self._deadline - time.monotonic()))
            self._waits = False
            if not self._thread or not self._thread.is_alive():
                self.drain()  # what came after the thread's end, or all
        except KeyboardInterrupt:  # somebody wants it to end now
            self._waits = False
        while self.backlog.adopt():  # what there was no time for is told
            pass
        say_once(self.summary())

    def summary(self) -> str:
        """Tell what was not sent, and why; empty where all was."""
        return self.backlog.summary(self._trouble or "the time was up")

    # --- the sending thread

    def _run(self) -> None:
        self.backlog.abandoned = left_behind()
        is_ending = False
        while not is_ending:
            is_ending = self.ending.wait(GATHER)
            self.drain()

    def drain(self) -> None:
        """Send what waits, until nothing does, or nothing can be sent now."""
        if not self._draining.acquire(False):
            return  # a signal handler's metric, while this thread is at it
        try:
            while self._send_batch():
                pass
        except Exception as error:  # an error of ours: the journal has what waits
            self._trouble = "an internal error, {}".format(type(error).__name__)
            say_once("metrics are kept, but not sent: {}".format(self._trouble))
        finally:
            self.backlog.sending = None
            self._draining.release()

    def _send_batch(self) -> bool:
        """Send the first batch that waits; whether it is worth to go on."""
        if not self._wait():
            return False
        try:
            # what comes from here on is gathered again; or a steady run would use up a minute's requests at once
            waiting = self.backlog.queues[-1].waiting if self.backlog.queues else sys.maxsize
            queue, lines = self.backlog.first(self._limit if self.api.takes_lists else 1, self.ending)
            if queue is None or not lines:
                return False
            is_last = queue is self.backlog.queues[-1] and len(lines) >= waiting and not self.ending.is_set()
            sent = [line for line in lines if entries.is_entry(line)]
            self.find_api()
            if sent and not self.api.post(self._url, self._sources, queue.experiment, sent, self._seconds()):
                return True
        except Unsent as unsent:
            if isinstance(unsent, Slow):  # perhaps it was too much at once
                self._limit = max(1, len(lines) // 2)
            return self._fail(unsent)
        except api.Refused as refused:
            self._trouble = str(refused)
            if len(sent) > 1:
                self._limit = max(1, len(lines) // 2)
                return True
            self.backlog.give_up("refused by the server", 1)
            say_once("a metric entry is given up, because {}".format(refused))
        else:
            self._failures = 0
            self._limit = min(2 * self._limit, sys.maxsize)
        self.backlog.give_up("unreadable in the journal", len(lines) - len(sent))
        self.backlog.strike(lines)
        return not is_last

    def _fail(self, unsent: Unsent) -> bool:
        """Put off the next try; whether there is to be one at once, when that time is over."""
        self._trouble = str(unsent)
        if isinstance(unsent, Unset):
            say_once("metrics are kept, but can't be sent now: {}".format(unsent))
        backoff = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 10))
        self._backoff_ends = time.monotonic() + jitter(0, backoff)
        self._failures += 1
        return self._failures < self.max_failures

    def _wait(self) -> bool:
        """Wait till a request may be made, or the end cuts a backoff short; whether there is time for it."""
        while True:
            now, until = time.monotonic(), max(self.api.ready_at(), self._backoff_ends)
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
    """In a forked child: what waits is the parent's, and so are its thread and its locks."""
    global reporter
    parents, reporter = reporter, Reporter()
    for queue in parents.backlog.queues:
        queue.close()


reporter = Reporter()
atexit.register(_end)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
