"""Batches, backoff and the end, in this process, where a test can come between any two steps."""
import threading
import time
from typing import Any, Iterator, List

import pytest

from polyaxon_helper import late, warn
from polyaxon_helper.classic import api, journal, sending
from polyaxon_helper.classic.backlog import Backlog
from polyaxon_helper.classic.entries import entries

from ..containers import INFO
from .conftest import ALWAYS, TOKEN, Run, Server


def test_limit_of_requests_is_a_sliding_minute(monkeypatch: Any) -> None:
    connection = api.Api()
    now = time.monotonic()
    connection._times.extend(now + number for number in range(99))
    assert connection.ready_at() == 0
    connection._times.append(now + 99)
    assert connection.ready_at() == now + 60


@pytest.fixture
def here(server: Server, run: Run, monkeypatch: Any) -> Iterator[sending.Reporter]:
    """A reporter in this process, with the API's token and no thread, as at exit from Python 3.12 on."""
    monkeypatch.setenv("POLYAXON_API_HTTP_HOST", server.url)
    monkeypatch.setenv("POLYAXON_SECRET_USER_TOKEN", TOKEN)
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", str(run.outputs))

    def refuse(thread: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refuse)
    reporter = sending.Reporter()
    yield reporter
    reporter.backlog.close()


def accept(here: sending.Reporter, server: Server, step: int) -> str:
    """Give the reporter a metric for the server, and return what it says about it."""
    return here.accept(INFO, entries({"step": step})[0][0])


def test_a_drain_within_a_drain_does_nothing(server: Server, run: Run, here: sending.Reporter) -> None:
    accept(here, server, 0)
    with here._draining:
        here.drain()
    assert server.steps() == []
    here.drain()
    assert server.steps() == [0]


def test_where_no_thread_can_be_started_it_is_sent_inline(server: Server, run: Run, here: sending.Reporter) -> None:
    for step in range(3):
        assert accept(here, server, step) == ""
    assert len(run.journals()) == 1
    here.end()
    assert (server.steps(), run.journals(), here.summary()) == ([0, 1, 2], [], "")
    here.end()


def test_backoff_doubles_up_to_a_ceiling_with_full_jitter_and_then_begins_anew(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    def none(most: float) -> float:
        asked.append(most)
        return 0.0

    asked: List[Any] = []
    jitter = sending.jitter
    monkeypatch.setattr(sending, "jitter", none)
    for errors in (9, 1):
        server.fault({"kind": "error", "times": errors})
        accept(here, server, errors)
        here.drain()
    assert asked == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 0.5]
    assert all(0 <= jitter(2) < 2 for _ in range(100)) and len({jitter(2) for _ in range(100)}) > 90
    assert server.steps() == [9, 1]


def test_no_lock_is_held_over_a_request(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    request: Any = api.Api._request
    lock: Any = here.backlog.lock
    held: List[bool] = []

    def look(*arguments: Any) -> Any:
        held.append(lock._is_owned())
        return request(*arguments)

    monkeypatch.setattr(api.Api, "_request", look)
    accept(here, server, 0)
    here.end()
    assert held == [False]


def test_connections_are_closed_at_the_end(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    closed: List[Any] = []
    monkeypatch.setattr("requests.Session.close", lambda session: closed.append(session))
    accept(here, server, 0)
    here.end()
    assert (server.steps(), len(closed)) == ([0], 1)


@pytest.mark.parametrize("moment", ["first", "strike"], ids=["after it is read", "before it is deleted"])
def test_entry_that_comes_while_a_batch_is_sent_is_gathered_for_the_next(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any, moment: str
) -> None:
    """As a signal handler's, or another thread's, may."""
    method = getattr(here.backlog, moment)
    meanwhile = [1]

    def added(*arguments: Any) -> Any:
        found = method(*arguments) if moment == "first" else None
        if meanwhile:
            accept(here, server, meanwhile.pop())
        return found or method(*arguments)

    accept(here, server, 0)
    monkeypatch.setattr(here.backlog, moment, added)
    here.drain()
    assert server.steps() == [0]
    here.end()
    assert (server.steps(), run.left(), here.summary()) == ([0, 1], [], "")


def test_of_what_was_left_behind_only_its_own_experiments_is_taken(
    server: Server, run: Run, here: sending.Reporter
) -> None:
    used, left, others = Backlog(), Backlog(), Backlog()
    for each, name in ((used, "u.p.7"), (left, "u.p.7"), (others, "u.p.8")):
        each.keep({**INFO, "experiment_name": name}, entries({"step": 1})[0][0])
    for each in (left, others):
        each.close()
    accept(here, server, 0)
    here.end()
    used.close()
    assert server.steps() == [0, 1]
    assert [str(path) for path in run.journals()] == sorted(each.batches[0].path for each in (used, others))


def test_interrupt_while_the_thread_is_started_leaves_it_to_the_next_metric(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr(here, "find_api", interrupt)
        accept(here, server, 0)
    accept(here, server, 0)
    here.end()
    assert server.steps() == [0, 0]


def test_a_metric_in_the_midst_of_an_import_leaves_the_thread_to_the_next(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    def under_way() -> None:
        raise late.UnderWay

    with monkeypatch.context() as amid:
        amid.setattr(late, "prepared", under_way)
        assert accept(here, server, 0) == ""
        assert len(run.journals()) == 1
    accept(here, server, 1)
    here.end()
    assert server.steps() == [0, 1]


def test_a_signal_handlers_metric_while_the_thread_is_made_makes_no_second(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    def interrupted(thread: Any, *arguments: Any, **named: Any) -> None:
        if named["name"] == "polyaxon_helper.reporter":
            made.append(thread)
            if len(made) == 1:
                accept(here, server, 1)
        make(thread, *arguments, **named)

    make: Any = threading.Thread.__init__
    made: List[Any] = []
    monkeypatch.setattr("threading.Thread.__init__", interrupted)
    accept(here, server, 0)
    assert len(made) == 1
    here.end()
    assert server.steps() == [0, 1]


def test_a_thread_that_could_not_be_started_is_tried_again_by_the_next_metric(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    def refuse(thread: Any) -> None:
        refused.append(thread)
        raise RuntimeError("can't start new thread")

    refused: List[Any] = []
    monkeypatch.setattr("threading.Thread.start", refuse)
    for step in range(2):
        accept(here, server, step)
    assert len(refused) == 2
    here.end()
    assert server.steps() == [0, 1]


def test_inline_the_budget_holds_too(server: Server, run: Run, here: sending.Reporter, monkeypatch: Any) -> None:
    monkeypatch.setenv("POLYAXON_HELPER_EXIT_TIMEOUT", "0.5")
    server.fault({"kind": "mute", "times": ALWAYS})
    accept(here, server, 0)
    began = time.monotonic()
    here.end()
    assert time.monotonic() - began < 3
    assert "1 metric entries wait" in here.summary()


def test_interrupt_in_the_wait_is_taken(server: Server, run: Run, here: sending.Reporter, monkeypatch: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    accept(here, server, 0)
    monkeypatch.setattr(here, "drain", interrupt)
    here.end()
    assert "1 metric entries wait" in here.summary()


def test_who_exits_in_the_wait_is_told_all_the_same(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any, capsys: Any
) -> None:
    def leave() -> None:
        raise SystemExit

    accept(here, server, 0)
    monkeypatch.setattr(here, "drain", leave)
    with pytest.raises(SystemExit):
        here.end()
    assert "1 metric entries wait" in capsys.readouterr().err


def test_a_signal_handlers_metric_at_exit_is_sent_by_the_end_that_it_interrupts(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any, capsys: Any
) -> None:
    post, meanwhile = api.Api.post, [1]

    def interrupted(*arguments: Any) -> Any:
        if meanwhile:
            accept(here, server, meanwhile.pop())
        return post(*arguments)

    monkeypatch.setattr(api.Api, "post", interrupted)
    accept(here, server, 0)
    here.end()
    assert (server.steps(), run.left(), capsys.readouterr().err) == ([0, 1], [], "")


def test_a_hook_long_after_ours_has_the_whole_budget_where_all_was_sent(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    monotonic, late = time.monotonic, [0]
    monkeypatch.setattr("time.monotonic", lambda: monotonic() + late[0])
    for step in range(2):
        accept(here, server, step)
        here.end()
        late[0] += 1000
    assert (server.steps(), here.summary()) == ([0, 1], "")


def test_journals_are_deleted_under_the_lock(
    server: Server, run: Run, here: sending.Reporter, monkeypatch: Any
) -> None:
    """Or the end and the thread might both delete the same one."""
    lock: Any = here.backlog.lock
    held: List[bool] = []
    monkeypatch.setattr(journal.Journal, "remove", lambda each: held.append(lock._is_owned()))
    accept(here, server, 0)
    here.end()
    assert held == [True]


def test_many_messages_are_each_said_once(capsys: Any) -> None:
    for text in ("a", "b", "a", ""):
        warn.say_once(text)
    assert capsys.readouterr().err == "polyaxon_helper: a\npolyaxon_helper: b\n"
