"""Work in a thread that is waited for: what it gives, and what a signal handler raises meanwhile."""
import threading
from typing import Any

import pytest

from polyaxon_helper.threads import TooLong, aside, begin


def test_what_the_work_gives_is_given() -> None:
    assert aside(threading.current_thread, 10, "test").name == "polyaxon_helper.test"


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(SystemExit, match="3"):
        aside(lambda: exec("raise SystemExit(3)"), 10, "test")


def test_work_that_takes_longer_is_given_up() -> None:
    done = threading.Event()
    with pytest.raises(TooLong):
        aside(done.wait, 0.05, "test")
    done.set()


def test_where_no_thread_can_be_started_it_is_done_here(monkeypatch: Any) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert not begin(threading.Thread())
    assert aside(threading.current_thread, 10, "test") is threading.current_thread()


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_what_a_signal_handler_raises_while_a_thread_starts_is_raised(raised: Any, monkeypatch: Any) -> None:
    """Python may then release a lock that it has not taken, and raise that in place of the handler's exception."""

    def interrupted(thread: threading.Thread) -> None:
        try:
            raise raised
        except BaseException:
            raise RuntimeError("release unlocked lock")

    monkeypatch.setattr("threading.Thread.start", interrupted)
    with pytest.raises(raised):
        begin(threading.Thread())
