"""The journal: where it is, who may read it, and what happens where it can't be written."""
import json
import os
import re
import stat

from pathlib import Path
from typing import Any, Iterator, List

import pytest

from polyaxon_helper import files
from polyaxon_helper.classic import journal
from polyaxon_helper.classic.entries import entries, is_entry
from polyaxon_helper.classic.journal import Experiment, Full, InUse, Journal, Memory, NotOurs

from ..processes import posix, read_line, write_line
from .conftest import Run, Server

EXPERIMENT: Experiment = ("u", "p", "7", "b")
ENTRY = entries({"step": 1})[0][0]


@pytest.fixture(autouse=True)
def all_closed(monkeypatch: Any) -> Iterator[None]:
    """Close what a test leaves open, as the end of its process would."""
    opened: List[Journal] = []
    open_journal = Journal.__init__

    def recorded(self: Journal, path: str, handle: int) -> None:
        opened.append(self)
        open_journal(self, path, handle)

    monkeypatch.setattr(Journal, "__init__", recorded)
    yield
    for each in opened:
        each.close()


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: Any) -> Path:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", str(outputs))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # beside them
    return outputs


def created(lines: List[bytes] = [], experiment: Experiment = EXPERIMENT) -> Journal:
    made = journal.create(experiment)
    for line in lines:
        made.append(line)
    return made


def left(lines: List[bytes] = []) -> Path:
    """A journal whose process is gone."""
    made = created(lines)
    made.close()
    return Path(str(made.path))


def test_is_private_and_among_the_outputs(outputs: Path) -> None:
    path = Path(str(created([ENTRY]).path))
    assert path.parent == outputs / ".polyaxon_helper"
    assert re.match("[0-9a-f]{16}.jsonl$", path.name) and path.name != Path(str(created().path)).name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("value", ["", "s3://bucket/7", "relative", "/nowhere/at/all", "/dev/null"])
def test_is_in_a_private_temporary_folder_where_there_are_no_outputs(
    outputs: Path, monkeypatch: Any, value: str
) -> None:
    os.mkdir("relative")
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", value)
    path = Path(str(created().path))
    assert path.parent.parent == outputs.parent and path.parent.name.startswith("polyaxon_helper")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_is_in_the_temporary_folder_where_the_outputs_have_a_file_of_that_name(outputs: Path) -> None:
    (outputs / ".polyaxon_helper").write_text("mine")
    assert Path(str(created().path)).parent.parent == outputs.parent


@posix
@pytest.mark.parametrize("bad", ["open to others", "a link", "another's"])
def test_a_temporary_folder_that_is_not_private_is_not_used(
    outputs: Path, monkeypatch: Any, bad: str, tmp_path: Path
) -> None:
    monkeypatch.delenv("POLYAXON_RUN_OUTPUTS_PATH")
    folder = Path(next(journal.folders()))
    if bad == "a link":
        (tmp_path / "real").mkdir(0o700)
        folder.symlink_to(tmp_path / "real")
    else:
        folder.mkdir(0o700)
        if bad == "open to others":
            folder.chmod(0o770)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
            folder.rename(next(journal.folders()))
    with pytest.raises(OSError):
        journal.create(EXPERIMENT)


def test_folder_that_another_process_deletes_meanwhile_is_made_again(outputs: Path, monkeypatch: Any) -> None:
    mkdir, calls = os.mkdir, []

    def deleted(path: str, mode: int) -> None:
        mkdir(path, mode)
        calls.append(path)
        if len(calls) == 1:
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", deleted)
    assert Path(str(created().path)).parent == outputs / ".polyaxon_helper"


@pytest.mark.parametrize("taken", ["locked", "deleted"])
def test_new_file_that_another_process_takes_for_an_abandoned_one_is_given_up(
    outputs: Path, monkeypatch: Any, taken: str
) -> None:
    lock, calls = journal.lock, []

    def first_too_late(handle: int) -> Any:
        calls.append(handle)
        if len(calls) > 1:
            return lock(handle)
        if taken == "locked":
            return False
        os.unlink(journal.journals_in(str(outputs / ".polyaxon_helper"))[0])
        return True

    monkeypatch.setattr(journal, "lock", first_too_late)
    created([ENTRY])
    assert len(list((outputs / ".polyaxon_helper").iterdir())) == 1


def test_entries_are_read_in_order_and_struck_off(outputs: Path) -> None:
    lines = [entries({"step": step})[0][0] for step in range(5)]
    waiting = created(lines)
    assert waiting.read(2) == lines[:2]
    waiting.strike(lines[:2])
    assert (waiting.waiting, waiting.read(99)) == (3, lines[2:])
    waiting.close()
    again = journal.open_abandoned(str(waiting.path))
    assert (again.waiting, again.read(99), again.experiment) == (3, lines[2:], EXPERIMENT)


def test_what_can_not_be_struck_off_on_disk_is_so_in_memory(outputs: Path) -> None:
    waiting = created([ENTRY, ENTRY])
    os.close(waiting._handle)
    waiting._handle = os.open(waiting.path, os.O_RDONLY)
    waiting.strike([ENTRY])
    assert waiting.read(9) == [ENTRY]


def test_half_a_write_is_a_full_disk(outputs: Path, monkeypatch: Any) -> None:
    waiting = created()
    monkeypatch.setattr(os, "write", lambda handle, text: len(text) - 1)
    with pytest.raises(OSError, match="No space left"):
        waiting.append(ENTRY)


def test_empty_journal_and_its_folder_are_deleted(outputs: Path) -> None:
    first, second = created(), created()
    first.delete()
    assert len(list((outputs / ".polyaxon_helper").iterdir())) == 1
    second.delete()
    assert list(outputs.iterdir()) == []


def test_a_batch_is_at_most_a_megabyte(outputs: Path) -> None:
    line = entries({"m" * 60000: 1})[0][0]
    for queue in (created([line] * 40), Memory(EXPERIMENT)):
        if isinstance(queue, Memory):
            for _ in range(40):
                queue.append(line)
        batch = queue.read(99)
        assert 15 <= len(batch) <= 16 and sum(map(len, batch)) <= 1000000
        queue.strike(batch)
        assert queue.waiting == 40 - len(batch)


def test_a_journal_stops_growing_at_its_limit(outputs: Path, monkeypatch: Any) -> None:
    assert journal.MAX_BYTES == 256 * 1024 * 1024
    monkeypatch.setattr(journal, "MAX_BYTES", 500)
    full = created()
    with pytest.raises(Full):
        for _ in range(10):
            full.append(ENTRY)
    assert os.path.getsize(str(full.path)) <= 500
    assert full.waiting == len(full.read(99)) > 1


def test_memory_is_bounded(monkeypatch: Any) -> None:
    memory = Memory(EXPERIMENT)
    for _ in range(10000):
        memory.append(ENTRY)
    with pytest.raises(Full):
        memory.append(ENTRY)
    assert memory.waiting == 10000


TORN = {"all but its line end": ENTRY, "zeros": b"\0" * 5000}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_torn_last_line_is_no_entry(outputs: Path, torn: bytes) -> None:
    path = left([ENTRY])
    with path.open("ab") as file:
        file.write(torn)
    found = journal.open_abandoned(str(path))
    assert (found.waiting, found.read(9)) == (1, [ENTRY])
    found.strike([ENTRY])
    assert found.read(9) == []


def test_a_line_without_an_end_is_passed_over(outputs: Path) -> None:
    path = left()
    with path.open("ab") as file:
        file.write(b"x" * 1500000 + b"\n" + ENTRY + b"\n")
    found = journal.open_abandoned(str(path))
    lines = []
    while found.read(9):
        lines += found.read(9)
        found.strike(found.read(9))
    assert [line for line in lines if is_entry(line)] == [ENTRY]


def header(**changes: Any) -> bytes:
    made = {"polyaxon_helper_journal": 1, "experiment": list(EXPERIMENT), "locked": True, "sent": 12345678901}
    return json.dumps({**made, **changes}).encode() + b"\n"


DAMAGED = "it is a damaged journal, or one of another release"
NOT_OURS = {
    "of another version": (header(polyaxon_helper_journal=2), DAMAGED),
    "no JSON": (b"step,loss\n", "it is no journal"),
    "of JSON, but no journal": (b"[1]\n", "it is no journal"),
    "with a path as its experiment": (header(experiment=["u", "..", "../7", ""]), DAMAGED),
    "with no experiment": (header(experiment=None), DAMAGED),
    "with a text as what was sent": (header(sent="1"), DAMAGED),
    "with more sent than there is room for": (header(sent=10 ** 30), DAMAGED),
    "with a list as what was sent": (header(sent=[1]), DAMAGED),
    "of lists without end": (b"[" * 4000 + b"\n", "it is no journal"),
    "of bytes that are no text": (b'{"\xff": 1}\n', "it is no journal"),
    "with half of its first line": (header()[:-9], DAMAGED),
}


@pytest.mark.parametrize("text, reason", NOT_OURS.values(), ids=["file " + name for name in NOT_OURS])
def test_file_that_is_no_journal_of_ours_is_left(outputs: Path, text: bytes, reason: str) -> None:
    path = left()
    path.write_bytes(text)
    with pytest.raises(NotOurs, match="^{}$".format(reason)):
        journal.open_abandoned(str(path), asked_for=True)
    assert path.read_bytes() == text


def test_sent_beyond_the_end_means_that_nothing_waits(outputs: Path) -> None:
    path = left([ENTRY])
    path.write_bytes(re.sub(b" [ 0-9]{11}}\n", b"        9999}\n", path.read_bytes(), count=1))
    assert journal.open_abandoned(str(path)).waiting == 0


def test_file_of_a_process_killed_before_its_first_word_is_deleted(outputs: Path) -> None:
    path = left()
    path.write_bytes(b"")
    with pytest.raises(InUse, match="^its process was killed before it wrote a word$"):
        journal.open_abandoned(str(path))
    assert list(outputs.iterdir()) == []


def test_what_is_no_plain_file_is_left(outputs: Path) -> None:
    path = left([ENTRY])
    link, pipe = path.with_name("link.jsonl"), path.with_name("pipe.jsonl")
    link.symlink_to(path)
    os.mkfifo(str(pipe))
    for other in (link, pipe, path.parent, path.with_name("gone.jsonl")):
        with pytest.raises(NotOurs):
            journal.open_abandoned(str(other))


def test_only_one_process_can_take_it_over(outputs: Path) -> None:
    path = left([ENTRY])
    first = journal.open_abandoned(str(path))
    for asked_for in (False, True):
        with pytest.raises(InUse, match="^a running process has it$"):
            journal.open_abandoned(str(path), asked_for)
    first.close()


def test_deleted_between_finding_and_locking(outputs: Path, monkeypatch: Any) -> None:
    path = left([ENTRY])
    lock = journal.lock

    def deleted(handle: int) -> Any:
        path.unlink()
        return lock(handle)

    monkeypatch.setattr(journal, "lock", deleted)
    with pytest.raises(InUse):
        journal.open_abandoned(str(path))


def test_where_there_are_no_locks_only_who_asks_for_it_takes_it_over(outputs: Path, monkeypatch: Any) -> None:
    path = left([ENTRY])
    monkeypatch.setattr(journal, "lock", lambda handle: None)
    with pytest.raises(InUse, match="can't be told"):
        journal.open_abandoned(str(path))
    assert journal.open_abandoned(str(path), asked_for=True).read(9) == [ENTRY]


def test_whose_process_had_no_lock_is_not_taken_over(outputs: Path, monkeypatch: Any) -> None:
    with monkeypatch.context() as there:
        there.setattr(journal, "lock", lambda handle: None)
        path = left([ENTRY])
    with pytest.raises(InUse, match="had no lock, or was on another host"):
        journal.open_abandoned(str(path))
    assert journal.open_abandoned(str(path), asked_for=True).read(9) == [ENTRY]


def test_another_hosts_is_not_taken_over(outputs: Path, monkeypatch: Any) -> None:
    with monkeypatch.context() as there:
        there.setattr(journal, "HOST", "another")
        path = left([ENTRY])
    with pytest.raises(InUse, match="had no lock, or was on another host"):
        journal.open_abandoned(str(path))
    assert journal.open_abandoned(str(path), asked_for=True).read(9) == [ENTRY]


@pytest.mark.parametrize("error", [None, OSError(37, "No locks available")])
def test_file_system_or_platform_without_locks(outputs: Path, monkeypatch: Any, error: Any) -> None:
    class NoLocks:
        LOCK_EX = LOCK_NB = 0

        def __getattr__(self, name: str) -> Any:
            raise error

    monkeypatch.setattr(files, "fcntl", NoLocks() if error else None)
    assert created([ENTRY]).host == ""


def test_where_no_geteuid_is(outputs: Path, monkeypatch: Any) -> None:
    """As on Windows, where an open file can't be deleted and modes say nothing."""
    monkeypatch.delenv("POLYAXON_RUN_OUTPUTS_PATH")
    monkeypatch.delattr(os, "geteuid")
    folder = Path(next(journal.folders()))
    assert folder.name == "polyaxon_helper"
    folder.mkdir(0o777)
    created([ENTRY]).delete()
    assert not folder.exists()


# --- with a whole process

BY_LINE = "import sys\nfor line in sys.stdin: send_metrics(step=int(line))\n"
BURST = "for step in range(50): send_metrics(step=step)\n"


def test_one_file_a_process_with_no_token_in_it(server: Server, run: Run) -> None:
    server.fault({"kind": "mute", "times": -1})
    with run.start(BURST + "print('ready', flush=True)\n__import__('sys').stdin.read()") as process:
        assert read_line(process) == "ready"
        path, = run.journals()
        text = path.read_text()
    assert text.count("\n") == 51
    assert "token" not in text.lower()


NO_COVERAGE = {"COVERAGE_PROCESS_START": ""}
"""Where the disk is full, coverage's file would be torn, too."""


@posix
def test_full_disk_is_said_once_and_sending_goes_on_from_memory(server: Server, run: Run) -> None:
    ended = run("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n" + BURST, **NO_COVERAGE)
    assert ended.stderr.count("metrics are kept in memory alone until they are sent: ") == 1
    assert server.steps() == list(range(50))
    assert run.journals() == []


@posix
def test_disk_so_full_that_no_journal_can_be_begun(server: Server, run: Run) -> None:
    ended = run("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n" + BURST, **NO_COVERAGE)
    assert ended.stderr.count("in memory alone") == 1
    assert server.steps() == list(range(50))
    assert run.journals() == []


def test_no_folder_at_all_is_said_once_and_what_memory_can_not_hold_is_counted(server: Server, run: Run) -> None:
    server.fault({"kind": "mute", "times": -1})
    ended = run("from polyaxon_helper.classic import journal\njournal.folders = lambda: iter(['/dev/null/folder'])\n"
                + BURST, MAX_IN_MEMORY="30", POLYAXON_HELPER_EXIT_TIMEOUT="0.2")
    assert ended.stderr.count("in memory alone until they are sent") == 1
    assert ended.stderr.count("metrics are dropped") == 1
    assert ended.stderr.splitlines()[-1] == (
        "polyaxon_helper: 50 metric entries were given up (no more fits: 20, there was no file to keep them in: 30)")


def test_vanished_folder_is_said_once_and_sending_goes_on(server: Server, run: Run) -> None:
    server.fault({"kind": "error", "times": 1})
    with run.start(BY_LINE, GATHER="0.05", FIRST_BACKOFF="0.05") as process:
        for step in range(3):
            write_line(process, step)
            server.wait(stored=step + 1)
            if not step:
                for path in run.journals():
                    path.unlink()
                run.journals_folder.rmdir()
        ended = run.end(process)
    assert ended.stderr.count("metrics are kept in memory alone until they are sent: ") == 1
    assert ended.stderr.count("jsonl vanished") == 1
    assert server.steps() == [0, 1, 2]


def test_limit_is_counted_and_said(server: Server, run: Run) -> None:
    server.fault({"kind": "error", "times": -1})
    ended = run(BURST, MAX_BYTES="2000", POLYAXON_HELPER_EXIT_TIMEOUT="0.2")
    assert ended.stderr.count("RuntimeWarning: metrics are dropped") == 1
    kept = run.journals()[0].read_text().count("\n") - 1
    assert "{} metric entries wait in".format(kept) in ended.stderr
    assert "{} metric entries were given up (no more fits: {})".format(50 - kept, 50 - kept) in ended.stderr
    server.fault()
    assert run.resend().returncode == 0
    assert server.steps() == list(range(kept))


def test_a_long_run_begins_a_new_journal_now_and_then(server: Server, run: Run) -> None:
    names = set()
    with run.start(BY_LINE, ROLL_BYTES="200", GATHER="0.02") as process:
        for step in range(8):
            write_line(process, step)
            server.wait(stored=step + 1)
            names |= set(run.journals())
        assert run.end(process).stderr == ""
    assert server.steps() == list(range(8))
    assert len(names) > 2
    assert run.journals() == []


def test_what_is_unreadable_in_a_journal_is_counted_and_the_rest_sent(server: Server, run: Run) -> None:
    run(BURST + "import os; os._exit(0)")
    path, = run.journals()
    path.write_bytes(path.read_bytes().replace(b'{"step": 20}', b'{"step": NaN}'))
    ended = run("send_metrics(step=50)")
    assert server.steps() == [step for step in range(51) if step != 20] or set(server.steps()) == set(range(51)) - {20}
    assert "1 metric entries were given up (unreadable in the journal: 1)" in ended.stderr
    assert server.seen()["lost"] == 0
