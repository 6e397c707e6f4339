"""Sends what waits, in a thread of its own, and at exit; and begins anew in a forked child."""
import atexit
import math
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any, List, Mapping, Optional

from .. import late
from ..request import Slow, Unsent, Unset
from ..threads import begin, end_after_children
from ..variables import EXIT_TIMEOUT, NO_OP, OFFLINE, flag
from ..warn import say_once
from . import api, tokens
from .backlog import Backlog, left_behind, this_experiment
from .journal import Batch

GATHER = 1.0
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 60.0
INTERRUPT_POLL = 0.2  # seconds that the exit waits at a time: an interrupt just before a wait is seen only after it
REQUEST_TIMEOUT = 10.0


def jitter(most: float) -> float:
    """Return a random number up to this. The generator of `random` is the training's, and seeded."""
    return most * int.from_bytes(os.urandom(4), "big") / 2 ** 32


class Reporter:
    """Sends what waits in this process."""

    def __init__(self, max_failures: int = sys.maxsize) -> None:
        self.backlog = Backlog()
        self.api = api.Api()
        self.ending = self.backlog.ending
        self._url: Optional[str] = None  # the last that was set, and the last tokens: a script may clear os.environ
        self._sources: List[tokens.Source] = []
        self._deadline = math.inf
        self._max_failures = max_failures
        self._trouble = ""  # why the last request failed
        self._limit = sys.maxsize  # entries a batch
        self._thread: Optional[threading.Thread] = None
        self._starting = threading.Lock()
        self._draining = threading.Lock()
        self._failures = 0
        self._backoff_ends = 0.0
        self._finalizer: Any = None
        self._is_at_end = False

    def accept(self, info: Mapping[str, Any], line: bytes) -> str:
        """Keep the entry, have it sent soon, and return what is to be said about it, if anything is."""
        if sys.is_finalizing():  # pragma: no cover - nothing is measured any more
            self.backlog.lock = threading.RLock()  # no other thread runs any more: who has the old one keeps it
        with self.backlog.lock:
            trouble = self.backlog.keep(info, line)
            # not a second thread for a signal handler's metric that comes while the first is made
            if not self._thread and self._starting.acquire(False):
                try:
                    self.start()
                finally:
                    self._starting.release()
        if self.ending.is_set() and threading.current_thread() is threading.main_thread():
            self.end()  # in a hook at exit that has its turn after ours
        return trouble

    def start(self) -> None:
        """Learn where to send to, import requests, and begin the thread."""
        self.find_api()
        try:
            late.prepared()  # before the thread begins, which tries again where that fails
        except late.UnderWay:
            return
        self._finalizer = end_after_children(self.end, self._finalizer)
        self.backlog.abandoned = left_behind()  # not in the thread: a script may close descriptors just then
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

    def end(self) -> None:
        """Send what is left within the exit's budget, what children of this process left too, and say what was not."""
        if self._is_at_end:
            return  # a signal handler's metric: the end that it interrupted sends it, or tells of it
        self._is_at_end = True
        try:
            with suppress(KeyboardInterrupt):  # somebody wants it to end now
                self._send_all()
        finally:
            while self.backlog.adopt():  # what there was no time for is told
                pass
            self.backlog.leave(ending=True)
            self._is_at_end = False
            say_once(self.summary())

    def _send_all(self) -> None:
        self._finalizer = end_after_children(self.end, self._finalizer)
        this = self.backlog.experiment or this_experiment()
        if this and not flag(NO_OP) and not flag(OFFLINE):
            self.backlog.experiment = this
        if self._deadline == math.inf:
            self._deadline = time.monotonic() + EXIT_TIMEOUT.read()
            self._failures, self._backoff_ends = 0, 0.0
        self.backlog.abandoned = left_behind()
        self.ending.set()
        while self._thread and self._thread.is_alive() and time.monotonic() < self._deadline:
            self._thread.join(min(INTERRUPT_POLL, self._deadline - time.monotonic()))
        if not self._thread or not self._thread.is_alive():
            self.drain()  # what came after the thread's end, or all
        if not self.backlog.batches:
            self._deadline = math.inf  # a later hook's metric has the whole budget again

    def summary(self) -> str:
        """Tell what was not sent, and why; empty where all was."""
        return self.backlog.summary(self._trouble or "the time was up")

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            is_ending = self.ending.wait(GATHER)
            self.drain()

    def drain(self) -> None:
        """Send what waits, until nothing does, or nothing can be sent now."""
        if not self._draining.acquire(False):
            return  # a signal handler's metric, while this thread is at it
        try:
            # what comes from here on is gathered again; or a steady run would use up a minute's requests at once
            last = self.backlog.batches[-1:]
            while self._wait() and self._send_first(last):
                pass
        except Exception as error:  # an error of ours: the journal has what waits
            self._trouble = "an internal error, {}".format(type(error).__name__)
            say_once("metrics are kept, but not sent: {}".format(self._trouble))
        finally:
            self._draining.release()

    def _send_first(self, last: List[Batch]) -> bool:
        """Send what of the first batch one request takes, and tell whether it is worth to go on."""
        try:
            batch = self.backlog.first()
            if batch:
                self._send(batch)
        except Unsent as unsent:
            return self._fail(unsent)
        return batch is not None and (batch not in last or batch.waiting > 0 or self.ending.is_set())

    def _send(self, batch: Batch) -> None:
        lines = batch.read()[batch.sent:][:self._limit if self.api.takes_lists else 1]
        self.find_api()
        try:
            if not self.api.post(self._url, self._sources, batch.experiment, lines, self._seconds()):
                return
        except (Slow, api.Refused) as failure:
            self._trouble = str(failure)
            self._limit = max(1, len(lines) // 2)  # perhaps it was too much at once
            if isinstance(failure, Slow):
                raise
            if len(lines) > 1:
                return
            self.backlog.give_up("refused by the server", 1)
            say_once("a metric entry is given up, because {}".format(failure))
        else:
            self._failures = 0
            self._limit = min(2 * self._limit, sys.maxsize)
        self.backlog.strike(batch, len(lines))

    def _fail(self, unsent: Unsent) -> bool:
        """Put off the next try, and tell whether there is to be one when that time is over."""
        self._trouble = str(unsent)
        if isinstance(unsent, Unset):
            say_once("metrics are kept, but can't be sent now: {}".format(unsent))
        backoff = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 10))
        self._backoff_ends = time.monotonic() + jitter(backoff)
        self._failures += 1
        return self._failures < self._max_failures and not late.is_over()

    def _wait(self) -> bool:
        """Wait till a request may be made, or the end cuts a backoff short; tell whether there is time for it."""
        while True:
            now, until = time.monotonic(), max(self.api.ready_at(), self._backoff_ends)
            if max(now, until) >= self._deadline:
                return False
            if now >= until:
                return True
            (time.sleep if self.ending.is_set() else self.ending.wait)(until - now)

    def _seconds(self) -> float:
        """Tell how long a request may take: for the thread the end does not wait beyond its budget."""
        if threading.current_thread() is self._thread:
            return REQUEST_TIMEOUT
        return max(0.05, min(REQUEST_TIMEOUT, (self._deadline - time.monotonic()) / 2))


def end() -> None:
    """At exit, send what this process or its children left."""
    reporter.end()


def _begin_anew() -> None:
    """In a forked child: what waits is the parent's, and so are its thread and its locks."""
    global reporter
    parents, reporter = reporter, Reporter()
    parents.backlog.close()


reporter = Reporter()
atexit.register(end)
if not threading.main_thread().is_alive():  # first imported in a hook at exit: no new one has a turn any more
    end()
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
