"""Does the work of a test's child process."""
import os
import time
from typing import Any

from polyaxon_helper import send_metrics
from polyaxon_helper.classic import sending


def burst() -> None:
    for step in range(20, 40):
        send_metrics(step=step)


def one(step: int) -> None:
    send_metrics(step=step)


def one_later(step: int) -> None:
    """Send one when the parent has done all that it does."""
    time.sleep(1)
    send_metrics(step=step)


def tell_when(trouble: str) -> None:
    """Say so when a request had this trouble, which the reporter itself says at the exit alone."""
    ends = time.monotonic() + 50
    while trouble not in sending.reporter.summary() and time.monotonic() < ends:
        time.sleep(0.01)
    print(trouble in sending.reporter.summary(), flush=True)


def wait_till_sent() -> None:
    """Wait until nothing waits any more in this process."""
    ends = time.monotonic() + 50
    while sending.reporter.backlog.batches and time.monotonic() < ends:
        time.sleep(0.01)


def steps(writer: Any) -> None:
    """Send 20 metrics, say so, and wait to be ended."""
    for step in range(20):
        send_metrics(step=step)
    writer.send("sent")
    time.sleep(600)


def steps_and_exit() -> None:
    """Send 20 metrics, and end at once, a while after the parent's own code."""
    time.sleep(0.3)
    for step in range(20):
        send_metrics(step=step)
    os._exit(0)
