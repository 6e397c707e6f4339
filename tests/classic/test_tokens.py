"""Shows where the token comes from, by era; the one exchange; and where a token never goes."""
import json
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests

from polyaxon_helper import files
from polyaxon_helper.classic import tokens
from polyaxon_helper.classic.api import Api
from polyaxon_helper.request import Unsent

from ..processes import posix, read_line
from .conftest import AT_EXIT, TOKEN, Run, Server

BURST = "for step in range(3): send_metrics(step=step)\n"


def write(path: str, text: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return Path(path)


def token_file(path: str, token: str) -> Path:
    return write(path, json.dumps({"POLYAXON_SECRET_USER_TOKEN": token}))


def test_every_source_in_the_clients_order(monkeypatch: Any) -> None:
    assert list(tokens.candidates()) == [] and tokens.user_token() is None
    token_file(tokens.CONTEXT_FILE, "context")
    token_file(tokens.KEPT_FILE, "kept")
    for name in ("SECRET_EPHEMERAL_TOKEN", "SECRET_USER_TOKEN", "USER_TOKEN", "INTERNAL_SECRET_TOKEN"):
        monkeypatch.setenv("POLYAXON_" + name, name + "\n")
    assert [source[:2] for source in tokens.candidates()] == [
        ("Token", "context"), ("Token", "kept"), ("EphemeralToken", "SECRET_EPHEMERAL_TOKEN"),
        ("Token", "SECRET_USER_TOKEN"), ("Token", "USER_TOKEN"), ("InternalToken", "INTERNAL_SECRET_TOKEN"),
    ]
    assert tokens.user_token() == "context"


BAD_FILES = ["", "[]", "{}", '{"POLYAXON_SECRET_USER_TOKEN": 1}', '{"POLYAXON_SECRET_USER_TOKEN": ""}',
             '{"POLYAXON_SECRET_USER_TOKEN": " "}']


@pytest.mark.parametrize("text", BAD_FILES)
def test_file_without_a_token_is_passed_over(text: str) -> None:
    write(tokens.CONTEXT_FILE, text)
    assert list(tokens.candidates()) == []


@posix
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "another's"])
def test_file_that_is_not_plain_or_not_ours_is_passed_over(kind: str, monkeypatch: Any) -> None:
    path = token_file(tokens.CONTEXT_FILE, "bad")
    if kind == "another's":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        if os.getuid() == 0:  # root's would be trusted
            os.chown(str(path), 54321, -1)
    else:
        path.rename(path.with_name("real"))
        if kind == "link":
            path.symlink_to("real")
        elif kind == "pipe":
            os.mkfifo(str(path))
        else:
            path.mkdir()
    assert list(tokens.candidates()) == []


@posix
def test_exchanged_token_is_kept_for_our_eyes_only() -> None:
    os.mkdir(os.path.dirname(tokens.KEPT_FILE))
    tokens.keep("secret")
    assert json.loads(Path(tokens.KEPT_FILE).read_text()) == {"POLYAXON_SECRET_USER_TOKEN": "secret"}
    assert stat.S_IMODE(os.stat(tokens.KEPT_FILE).st_mode) == 0o600
    assert os.listdir(os.path.dirname(tokens.KEPT_FILE)) == [".authtoken"]


@posix
@pytest.mark.parametrize("folder", ["a link", "another's", "open to others"])
def test_exchanged_token_that_can_not_be_kept_is_this_process_s(
    folder: str, own_folder: Path, monkeypatch: Any
) -> None:
    kept = Path(tokens.KEPT_FILE).parent
    if folder == "a link":
        kept.symlink_to(own_folder)
    elif folder == "open to others":
        kept.mkdir()
        kept.chmod(0o777)
    elif folder == "another's":
        kept.mkdir()
        if os.getuid() == 0:
            os.chown(str(kept), 54321, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    tokens.keep("secret")
    assert [source[:2] for source in tokens.candidates()] == [("Token", "secret")]
    assert not list(own_folder.rglob(".authtoken"))


@pytest.mark.parametrize("variables, headers", [
    ({}, {"Authorization": "Token a"}),
    ({"POLYAXON_INTERNAL_HEADER": "X-P", "POLYAXON_INTERNAL_HEADER_SERVICE": "runner"},
     {"Authorization": "Token a", "X-P": "runner"}),
    ({"POLYAXON_INTERNAL_HEADER": "X-P"}, {"Authorization": "Token a"}),
])
def test_headers(monkeypatch: Any, variables: Dict[str, str], headers: Dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tokens.source("Token", "a").headers == headers
    assert tokens.source("InternalToken", "a").headers == {
        "Authorization": "InternalToken a", "X-POLYAXON-INTERNAL": "helper"}


def test_where_no_folder_can_keep_two_apart_it_is_exchanged_all_the_same() -> None:
    write(os.path.dirname(tokens.KEPT_FILE), "a file")
    with tokens.exchanging() as alone:
        assert alone


@posix
def test_one_process_exchanges_at_a_time(monkeypatch: Any) -> None:
    with tokens.exchanging() as first, tokens.exchanging() as second:
        assert (first, second) == (True, False)
    with tokens.exchanging() as third:
        assert third

    def fail(*arguments: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    with tokens.exchanging() as without_locks:
        assert without_locks
    monkeypatch.setattr(files, "fcntl", None)
    with tokens.exchanging() as without_fcntl:
        assert without_fcntl


# --- by era, with whole processes

NO_TOKEN = {"POLYAXON_SECRET_USER_TOKEN": ""}


@pytest.mark.slow
@pytest.mark.parametrize("era", ["0.2.9", "0.5.6"])
def test_ephemeral_token_is_exchanged_once_by_many_processes(server: Server, run: Run, era: str) -> None:
    server.reset(era=era, ephemeral="single-use")
    variables = {**NO_TOKEN, "POLYAXON_SECRET_EPHEMERAL_TOKEN": "single-use"}
    with ExitStack() as all_of_them:
        processes = [all_of_them.enter_context(run.start(BURST, **variables)) for _ in range(4)]
        assert [run.end(process).stderr for process in processes] == [""] * 4
    assert run(BURST, **variables).stderr == ""
    exchanges = [request for request in server.seen()["requests"] if request["path"].endswith("token/")]
    authorizations = {request["headers"]["authorization"] for request in exchanges}
    assert authorizations == {"EphemeralToken single-use"}
    assert {request["body"] for request in exchanges} == {""}
    assert [request["path"].split("/")[-2] for request in exchanges] == (
        ["ephemeraltoken", "token"] if era == "0.2.9" else ["ephemeraltoken"])
    assert len(server.stored) == 15


@pytest.mark.slow
@pytest.mark.parametrize("fault", [
    {"kind": "junk", "path": "token/"}, {"kind": "status", "status": 200, "body": "[]", "path": "token/"},
])
def test_exchange_that_fails_leaves_the_next_source(server: Server, run: Run, fault: Any) -> None:
    server.reset(ephemeral="single-use")
    server.fault(fault)
    assert run(BURST, POLYAXON_SECRET_EPHEMERAL_TOKEN="single-use").stderr == ""
    assert len(server.stored) == 3


@pytest.mark.slow
def test_exchange_that_no_endpoint_takes_leaves_the_next_source(server: Server, run: Run) -> None:
    server.reset(ephemeral="single-use")
    server.fault({"kind": "status", "status": 404, "path": "token/", "times": 2})
    assert run(BURST, POLYAXON_SECRET_EPHEMERAL_TOKEN="single-use").stderr == ""
    assert len(server.stored) == 3


def test_exchange_is_left_where_another_process_was_quicker(server: Server) -> None:
    token_file(tokens.KEPT_FILE, "kept")
    source = tokens.source(tokens.EPHEMERAL, "single-use")
    exchanged = Api()._exchange(source, server.url + "/api/v1/u/p/experiments/7/", 1)
    assert exchanged == tokens.source("Token", "kept")
    assert server.seen()["requests"] == []


@pytest.mark.slow
def test_exchange_is_tried_again_where_it_got_no_answer(server: Server, run: Run) -> None:
    server.reset(ephemeral="single-use")
    server.fault({"kind": "status", "status": 503, "path": "token/"})
    assert run(BURST, **NO_TOKEN, POLYAXON_SECRET_EPHEMERAL_TOKEN="single-use").stderr == ""
    assert len(server.stored) == 3


@pytest.mark.slow
def test_ephemeral_token_that_another_used_is_said_where_nothing_is_left(server: Server, run: Run) -> None:
    ended = run(BURST, **NO_TOKEN, POLYAXON_SECRET_EPHEMERAL_TOKEN="burnt", POLYAXON_HELPER_EXIT_TIMEOUT="3")
    assert "every token was refused" in ended.stderr and "burnt" not in ended.stderr
    assert len(run.journals()) == 1


@pytest.mark.slow
@posix
def test_while_another_process_exchanges_it_is_waited_for(server: Server, run: Run) -> None:
    script = (BURST + "import sys\nfrom tests.child import tell_when\n"
              "tell_when('another process'); sys.stdin.read()")
    variables = {**NO_TOKEN, "POLYAXON_SECRET_EPHEMERAL_TOKEN": "single-use"}
    with tokens.exchanging() as alone, run.start(script, **variables, GATHER="0.02", FIRST_BACKOFF="0.02") as process:
        assert alone and read_line(process) == "True"
        token_file(tokens.KEPT_FILE, TOKEN)  # as the other, or the client, would
        server.wait(stored=3)
        assert run.end(process).stderr == ""
    assert {request["path"].split("/")[-2] for request in server.seen()["requests"]} == {"metrics"}


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403])
def test_next_source_is_tried_where_a_token_is_refused(server: Server, run: Run, status: int) -> None:
    token_file(tokens.CONTEXT_FILE, "stale")
    server.fault({"kind": "status", "status": status})
    ended = run(BURST, **AT_EXIT, POLYAXON_USER_TOKEN="other")
    assert ended.stderr == ""
    authorizations = [request["headers"]["authorization"] for request in server.seen()["requests"]]
    assert authorizations == ["Token stale", "Token " + TOKEN]
    assert len(server.stored) == 3


@pytest.mark.slow
def test_netrc_does_not_replace_the_token(server: Server, run: Run) -> None:
    netrc = write(str(run.folder / "netrc"), "machine 127.0.0.1 login me password mine\n")
    run(BURST, **AT_EXIT, NETRC=str(netrc))
    assert [request["headers"]["authorization"] for request in server.seen()["requests"]] == ["Token " + TOKEN]


def test_tls_is_verified_by_default(monkeypatch: Any) -> None:
    def send(adapter: Any, request: Any, verify: Any, **rest: Any) -> None:
        asked.append(verify)
        raise requests.ConnectionError

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    asked: List[Any] = []
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(Unsent):
        Api().post("https://host/api/v1", [tokens.source("Token", TOKEN)], ("u", "p", "7"), [b"{}"], 1)
    assert asked == [True]


@pytest.mark.slow
@pytest.mark.parametrize("fault", [
    {"kind": "status", "status": 401, "times": -1}, {"kind": "mute", "times": -1}, {"kind": "cut"},
])
def test_token_is_in_no_message_journal_or_debug_log(server: Server, run: Run, fault: Any) -> None:
    server.fault(fault)
    ended = run("import logging; logging.basicConfig(level=1)\n" + BURST, POLYAXON_HELPER_EXIT_TIMEOUT="0.3",
                POLYAXON_API_HTTP_HOST="http://user:{}@127.0.0.1:{}".format(TOKEN, server.port))
    assert TOKEN not in ended.stderr  # and so Run.end() asserts for every process of these tests
    assert all(TOKEN not in path.read_text() for path in run.journals())
