"""python -m polyaxon_helper.resend: what a run left behind is sent, listed, or left with its reason."""
from typing import Any, Dict

import pytest

from .conftest import Run, Server

pytestmark = pytest.mark.slow

LEFT = "for step in range({}): send_metrics(step=step)\n__import__('os')._exit(0)"


def test_nothing_to_do(server: Server, run: Run) -> None:
    done = run.resend()
    assert (done.returncode, done.stdout.partition(" in ")[0], done.stderr) == (0, "nothing waits", "")


@pytest.mark.parametrize("how", ["by default", "the outputs folder", "the journals' folder"])
def test_what_waits_is_sent_and_deleted(server: Server, run: Run, how: str) -> None:
    run(LEFT.format(20))
    path, = run.journals_folder.glob("*.lock")
    arguments = {
        "by default": [], "the outputs folder": [str(run.outputs)], "the journals' folder": [str(run.journals_folder)],
    }[how]
    done = run.resend(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}: 20 of 20 entries sent\n".format(path), "")
    assert (server.steps(), run.left()) == (list(range(20)), [])


def test_a_folder_that_somebody_else_made_is_not_deleted(server: Server, run: Run) -> None:
    run(LEFT.format(3))
    rescued = run.journals_folder.rename(run.folder / "rescued") or run.folder / "rescued"
    assert run.resend(str(rescued)).returncode == 0
    assert (server.steps(), list(rescued.iterdir())) == ([0, 1, 2], [])


def test_list_shows_and_sends_nothing(server: Server, run: Run) -> None:
    run(LEFT.format(20))
    path, = run.journals_folder.glob("*.lock")
    before = run.left()
    done = run.resend("--list")
    assert (done.returncode, done.stdout) == (0, "{}: 20 entries wait for experiment u/p/7\n".format(path))
    assert (server.seen()["requests"], run.left()) == ([], before)


def test_it_is_sent_to_its_own_experiment_where_the_environment_says(server: Server, run: Run) -> None:
    run(LEFT.format(3), POLYAXON_API_HTTP_HOST="http://nowhere")
    other = run.environment["POLYAXON_EXPERIMENT_INFO"].replace("u.p.7", "u.p.8")
    assert run.resend(POLYAXON_EXPERIMENT_INFO=other).stdout == ""  # another's is not sent unasked
    assert run.resend(str(run.outputs), POLYAXON_EXPERIMENT_INFO=other).returncode == 0
    assert {request["path"] for request in server.seen()["requests"]} == {"/api/v1/u/p/experiments/7/metrics/"}
    assert server.steps() == [0, 1, 2]


def test_with_no_experiment_around_it_all_are_sent(server: Server, run: Run) -> None:
    run(LEFT.format(3))
    assert run.resend(POLYAXON_EXPERIMENT_INFO="").returncode == 0
    assert server.steps() == [0, 1, 2]


def test_the_temporary_folder_is_looked_through_too(server: Server, run: Run) -> None:
    run(LEFT.format(3), POLYAXON_RUN_OUTPUTS_PATH="s3://bucket")
    assert len(run.journals()) == 1
    assert run.resend().returncode == 0
    assert (server.steps(), run.left()) == ([0, 1, 2], [])


FAILING: Dict[str, Any] = {
    "errors of the server": ({"kind": "error", "times": -1}, "answered with status 405"),
    **{str(status): ({"kind": "status", "status": status, "times": -1}, "answered with status {}".format(status))
       for status in (200, 302, 401, 403, 404)},
    "by the byte": ({"kind": "drip", "pace": 0.3, "times": -1}, "no answer within 0.5 s"),
}


@pytest.mark.parametrize("fault, reason", FAILING.values(), ids=FAILING)
def test_what_can_not_be_sent_stays(server: Server, run: Run, fault: Any, reason: str) -> None:
    run(LEFT.format(3))
    server.fault(fault)
    done = run.resend(FIRST_BACKOFF="0.02", REQUEST_TIMEOUT="0.5")
    assert done.returncode == 1 and len(server.seen()["requests"]) == 5
    assert "0 of 3 entries sent" in done.stdout and "3 metric entries wait" in done.stderr and reason in done.stderr
    assert len(run.journals()) == 1
    server.fault()
    assert run.resend().returncode == 0
    assert set(server.steps()) == {0, 1, 2}


def test_what_the_server_refuses_is_said(server: Server, run: Run) -> None:
    run(LEFT.format(3).replace("step=step", "**{'bad' if step == 1 else 'step': step}"))
    server.reset(poison="bad")
    done = run.resend()
    assert (done.returncode, server.steps(), run.left()) == (1, [0, 2], [])
    assert "2 of 3 entries sent" in done.stdout and "refused by the server: 1" in done.stderr


def test_what_it_can_not_read_is_left_with_its_reason(server: Server, run: Run) -> None:
    run(LEFT.format(3))
    path = run.journals_folder / "x.lock"
    path.write_text("mine")
    done = run.resend()
    assert done.returncode == 1 and "{}: left, because its name is no journal's\n".format(path) in done.stdout
    assert (server.steps(), run.left()) == ([0, 1, 2], [path])


def test_no_such_path(run: Run) -> None:
    done = run.resend("/no/such/path")
    assert done.returncode == 2 and "there is no folder '/no/such/path'" in done.stderr


def test_where_there_are_no_locks_it_is_read_all_the_same(server: Server, run: Run) -> None:
    hidden = "polyaxon_client fcntl"
    run(LEFT.format(3), HIDDEN_MODULES=hidden)
    run("send_metrics(step=3)", HIDDEN_MODULES=hidden)
    assert (server.steps(), len(run.journals())) == ([3], 1)
    assert run.resend(HIDDEN_MODULES=hidden).returncode == 0
    assert server.steps() == [3, 0, 1, 2]
