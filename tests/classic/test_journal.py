"""The journal: where it is, who may read it, and what happens where it can't be written."""
import itertools
import os
import stat
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from polyaxon_helper import files
from polyaxon_helper.classic import backlog, journal
from polyaxon_helper.classic.backlog import Backlog
from polyaxon_helper.classic.entries import entries
from polyaxon_helper.classic.journal import InUse, NotOurs

from ..containers import INFO
from ..processes import posix, read_line, write_line
from .conftest import ALWAYS, Run, Server

EXPERIMENT = backlog.experiment_of(INFO)
LINES = [entries({"step": step})[0][0] for step in range(5)]


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: Any) -> Path:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", str(outputs))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # beside them
    return outputs


@pytest.fixture
def kept(outputs: Path) -> Iterator[Callable[..., Backlog]]:
    """A function that makes the backlog of a process, with entries in it; the process ends with the test."""
    made: List[Backlog] = []

    def keep(lines: List[bytes] = LINES) -> Backlog:
        made.append(Backlog())
        for line in lines:
            assert made[-1].keep(INFO, line) == ""
        return made[-1]

    yield keep
    for each in made:
        each.close()


@pytest.fixture
def left(kept: Callable[..., Backlog]) -> Callable[..., Path]:
    """A function that gives the locked file of a journal whose process is gone."""

    def leave(lines: List[bytes] = LINES) -> Path:
        gone = kept(lines)
        path = Path(gone._journals[-1].base + ".lock")
        gone.close()
        return path

    return leave


def taken_over(path: Path, asked_for: bool = False) -> List[bytes]:
    """The entries of a journal that was left behind, which is left again."""
    found = journal.open_abandoned(str(path), asked_for)
    try:
        return [line for batch in journal.batches_of(found) for line in batch.read()]
    finally:
        found.close()


# --- where it is

def folder_of(backlog: Backlog) -> Path:
    return Path(backlog.batches[-1].path).parent


def test_is_private_and_among_the_outputs(outputs: Path, kept: Callable[..., Backlog]) -> None:
    folder = folder_of(kept())
    assert folder == outputs / ".polyaxon_helper" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {(path.suffix, stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()} == {
        (".lock", 0o600), (".jsonl", 0o600)}
    assert folder_of(kept()) == folder and len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("value", ["", "s3://bucket/7", "relative", "/nowhere/at/all", "/dev/null"])
def test_is_in_a_private_temporary_folder_where_there_are_no_outputs(
    outputs: Path, kept: Callable[..., Backlog], monkeypatch: Any, value: str
) -> None:
    os.mkdir("relative")
    monkeypatch.setenv("POLYAXON_RUN_OUTPUTS_PATH", value)
    folder = folder_of(kept())
    assert folder.parent == outputs.parent and folder.name.startswith("polyaxon_helper")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


TEMPORARY: List[Any] = [
    pytest.param({"TMPDIR": "/a", "TEMP": "/b", "TMP": "/c"}, "/a", id="TMPDIR"),
    pytest.param({"TMPDIR": "", "TEMP": "/b", "TMP": "/c"}, "/b", id="then TEMP"),
    pytest.param({"TMPDIR": "", "TEMP": "", "TMP": "/c"}, "/c", id="then TMP"),
    pytest.param({"TMPDIR": "", "TEMP": "", "TMP": ""}, "/tmp", id="else /tmp"),
]


@pytest.mark.parametrize("variables, folder", TEMPORARY)
def test_the_folder_for_temporary_files(variables: Dict[str, str], folder: str, monkeypatch: Any) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [os.path.dirname(path) for path in journal.folders()] == [folder]


def test_is_in_the_temporary_folder_where_the_outputs_have_a_file_of_that_name(
    outputs: Path, kept: Callable[..., Backlog]
) -> None:
    (outputs / ".polyaxon_helper").write_text("mine")
    assert folder_of(kept()).parent == outputs.parent


def test_folder_that_another_process_deletes_meanwhile_is_made_again(
    outputs: Path, kept: Callable[..., Backlog], monkeypatch: Any
) -> None:
    mkdir, calls = os.mkdir, []

    def deleted(path: str, mode: int) -> None:
        mkdir(path, mode)
        calls.append(path)
        if len(calls) == 1:
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", deleted)
    assert folder_of(kept()) == outputs / ".polyaxon_helper"


@pytest.mark.parametrize("taken", ["locked", "deleted"])
def test_new_file_that_another_process_takes_for_an_abandoned_one_is_given_up(
    outputs: Path, kept: Callable[..., Backlog], monkeypatch: Any, taken: str
) -> None:
    lock, calls = files.lock, []

    def first_too_late(handle: int) -> Any:
        calls.append(handle)
        if len(calls) > 1:
            return lock(handle)
        if taken == "deleted":
            os.unlink(journal.journals_in(str(outputs / ".polyaxon_helper"))[0])
        return taken == "deleted"

    monkeypatch.setattr(journal, "lock", first_too_late)
    kept(LINES[:1])
    assert len(list((outputs / ".polyaxon_helper").glob("*.jsonl"))) == 1


# --- what is in it

def test_what_was_left_is_read_in_order(left: Callable[..., Path], monkeypatch: Any) -> None:
    lines = [entries({"step": step})[0][0] for step in range(10, 40)]
    monkeypatch.setattr(journal, "BATCH_BYTES", 2 * len(lines[0]) + 2)
    path = left(lines)
    assert len(list(path.parent.glob("*.jsonl"))) == 15
    assert taken_over(path) == lines


@pytest.mark.parametrize("torn", [LINES[0], b"\0" * 5000], ids=["all but its line end", "zeros"])
def test_torn_last_line_is_no_entry(left: Callable[..., Path], torn: bytes) -> None:
    path = left()
    with next(path.parent.glob("*.jsonl")).open("ab") as file:
        file.write(torn)
    assert taken_over(path) == LINES


def test_half_a_write_is_a_full_disk_and_the_entry_is_in_memory(
    kept: Callable[..., Backlog], monkeypatch: Any
) -> None:
    full = kept()
    with monkeypatch.context() as there:
        there.setattr(os, "write", lambda handle, text: len(text) - 1)
        assert full.keep(INFO, LINES[0]).endswith("in memory alone until they are sent: No space left on device")
    assert [batch.lines for batch in full.batches] == [LINES, LINES[:1]]


def drained(backlog: Backlog) -> List[bytes]:
    """Take all that waits, as the sending thread does when all goes well, and end."""
    taken: List[bytes] = []
    backlog.ending.set()
    for batch in iter(backlog.first, None):
        taken += batch.read()[batch.sent:]
        backlog.strike(batch, batch.waiting)
    backlog.leave(ending=True)
    return taken


def test_a_file_that_can_not_be_written_whole_is_deleted(
    outputs: Path, kept: Callable[..., Backlog], monkeypatch: Any
) -> None:
    write, full = os.write, kept()
    monkeypatch.setattr(backlog, "TRY_AGAIN", 0)
    with monkeypatch.context() as there:
        there.setattr(os, "write", lambda handle, text: write(handle, text[:-1]))
        for line in LINES:
            assert "No space left on device" in full.keep(INFO, line)
    assert full.keep(INFO, LINES[0]) == "" and len(list((outputs / ".polyaxon_helper").glob("*.jsonl"))) == 3
    assert (drained(full), os.listdir(str(outputs))) == (LINES * 2 + LINES[:1], [])


GONE: Dict[str, Callable[[Backlog], object]] = {
    "its file is deleted": lambda full: os.unlink(full._journals[0].base + ".lock"),
    "its file is replaced": lambda full: os.replace("theirs", full._journals[0].base + ".lock"),
    "its descriptor is closed": lambda full: os.close(full._journals[0].handle),
}


@posix
@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_where_the_lock_is_lost_the_next_batch_is_in_another_journal(
    outputs: Path, kept: Callable[..., Backlog], change: Callable[[Backlog], object]
) -> None:
    Path("theirs").write_text("theirs")
    full = kept()
    change(full)
    first = full.first()
    assert first and full.keep(INFO, LINES[0]) == "" and len(full._journals) == 2
    assert full.batches[1].path.startswith(full._journals[1].base) and full._journals[1].is_there()
    assert drained(full) == LINES + LINES[:1]
    left = [path.read_text() for path in outputs.rglob("*.lock")]
    assert left == ["theirs"] * (not Path("theirs").exists())


def test_experiments_that_take_turns_have_a_journal_each(kept: Callable[..., Backlog], monkeypatch: Any) -> None:
    full, other = kept([]), {**INFO, "experiment_name": "u.p.8"}
    with monkeypatch.context() as there:
        there.setattr(os, "write", lambda handle, text: 0)
        assert full.keep(other, LINES[0])
    monkeypatch.setattr(backlog, "TRY_AGAIN", full._try_at - 1000)
    full._try_at = 0
    for line in LINES:
        assert (full.keep(INFO, line), full.keep(other, line)) == ("", "")
    assert len(full._journals) == 2 and all(batch.is_kept() for batch in full.batches)
    assert sorted(drained(full)) == sorted([*LINES * 2, LINES[0]])


def test_what_was_sent_of_a_batch_is_not_sent_again_when_it_is_read_again(
    kept: Callable[..., Backlog], left: Callable[..., Path]
) -> None:
    full = kept()
    batch = full.first()
    assert batch
    full.strike(batch, 2)
    for _ in range(backlog.IN_MEMORY):
        full.take(journal.open_abandoned(str(left())))
    assert full.keep(INFO, LINES[0]) == "" and batch.lines is None
    assert drained(full) == LINES * backlog.IN_MEMORY + LINES[2:] + LINES[:1]


def test_a_batch_that_is_not_to_be_trusted_any_more_is_left_with_its_reason(
    kept: Callable[..., Backlog], monkeypatch: Any
) -> None:
    monkeypatch.setattr(journal, "BATCH_BYTES", len(LINES[0]) + 1)
    full = kept()
    assert full.keep(INFO, LINES[0]) == ""
    linked, gone = [batch.path for batch in full.batches if batch.lines is None][:2]
    os.link(linked, "backup")
    os.unlink(gone)
    assert len(drained(full)) == 4 and os.path.exists(linked)
    assert full.given_up == {linked + ": it has several names": 1, gone + ": it was deleted": 1}


def test_what_waits_in_two_folders_is_told_of_each(
    outputs: Path, kept: Callable[..., Backlog], monkeypatch: Any
) -> None:
    full = kept()
    monkeypatch.delenv("POLYAXON_RUN_OUTPUTS_PATH")
    assert full.keep({**INFO, "experiment_name": "u.p.8"}, LINES[0]) == ""
    folders = [os.path.dirname(batch.path) for batch in full.batches]
    assert folders[0] != folders[1]
    assert full.summary("why") == ". ".join(
        "{0} metric entries wait in {1} (why). To send them: python -m polyaxon_helper.resend {1}".format(*each)
        for each in zip((5, 1), folders))


# --- signal handlers

UNWRITTEN = LINES[2]


class Interrupted:
    """Do the work, and the handler's before one of its bytecodes, as a signal handler may come."""

    def __init__(self, work: Callable[[], object], handler: Callable[[], object], number: int) -> None:
        self.handler, self.left = handler, number
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            work()
        finally:
            sys.settrace(before)

    def trace(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(str(Path(journal.__file__).parent)):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                self.handler()
        return self.trace


def full_disk(full: Backlog) -> None:
    """Have entries in memory alone, and the next written."""
    write = os.write
    os.write = lambda handle, text: 0
    try:
        assert full.keep(INFO, UNWRITTEN).startswith("metrics are kept in memory")
    finally:
        os.write = write
    full._try_at = 0


def last_kept(full: Backlog) -> None:
    assert full.keep(INFO, LINES[4]) == ""


def nothing(full: Backlog) -> None:
    """Prepare nothing."""


MOMENTS: Dict[str, Any] = {
    "the first of all": ([], nothing, last_kept, LINES[4:]),
    "one of many": (LINES[:1], nothing, last_kept, LINES[4:]),
    "the first of the next batch": (LINES[:1], Backlog.first, last_kept, LINES[4:]),
    "the first after a full disk": ([], full_disk, last_kept, [UNWRITTEN, LINES[4]]),
    "while all is sent": (LINES[:1], nothing, drained, []),
}


@pytest.mark.slow
@posix
@pytest.mark.parametrize("handlers", [INFO, {**INFO, "experiment_name": "u.p.8"}], ids=["", "of another experiment"])
@pytest.mark.parametrize("before, prepare, work, after", MOMENTS.values(), ids=MOMENTS)
def test_a_signal_handlers_metric_before_any_bytecode(
    outputs: Path, kept: Callable[..., Backlog], handlers: Any, before: List[bytes], prepare: Any, work: Any,
    after: List[bytes],
) -> None:
    """All are in files when both have returned, once, and each with its experiment; and none is sent twice."""
    handlers, line, came = dict(handlers), LINES[3], [0]

    def handler(full: Backlog) -> None:
        came[0] += 1
        assert full.keep(handlers, line) == ""

    for number in itertools.count(1):
        full = kept([])
        for each in before:
            full.keep(INFO, each)
        prepare(full)
        Interrupted(lambda: work(full), lambda: handler(full), number)
        if came[0] < number:
            break
        expected = [("7", each) for each in [*before, *after]] + [(handlers["experiment_name"][-1], line)]
        waits = [(batch.experiment[2], each) for batch in full.batches for each in batch.read()[batch.sent:]]
        if work is drained:
            expected = expected[-1:] if waits else []  # else it came in time to be sent, too
        files = [(path.name.split(",")[2], each) for path in (outputs / ".polyaxon_helper").glob("*.jsonl")
                 for each in path.read_bytes().splitlines()]
        assert sorted(waits) == sorted(expected), number
        assert set(waits) - set(files) <= {("7", UNWRITTEN)}, number  # it may stay so until the next batch
        assert sorted(files) == sorted(set(files) & set(waits)), number
        assert {path.rpartition("-")[0] for batch in full.batches for path in [batch.path]} <= {
            "", *(each.base for each in full._journals if each.is_there())}, number
        drained(full)
        assert os.listdir(str(outputs)) == [], number
    assert number > 50


# --- what is left behind, again

def test_what_was_left_is_found_where_a_script_deleted_the_locked_file(left: Callable[..., Path]) -> None:
    path = left()
    path.unlink()
    assert journal.journals_in(str(path.parent)) == [str(path)] and taken_over(path) == LINES


@pytest.mark.parametrize("text", [b"", b"not an entry\n"], ids=["empty", "unreadable"])
def test_a_batch_without_entries_is_deleted(outputs: Path, left: Callable[..., Path], text: bytes) -> None:
    path, taker = left(), Backlog()
    next(path.parent.glob("*.jsonl")).write_bytes(text)
    taker.take(journal.open_abandoned(str(path)))
    assert drained(taker) == [] and os.listdir(str(outputs)) == []
    assert sum(taker.given_up.values()) == len(text.splitlines())


def test_what_vanishes_while_a_folder_is_listed_hides_nothing(left: Callable[..., Path], monkeypatch: Any) -> None:
    path, listdir = left(), os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: [*listdir(folder), "gone.lock"])
    assert str(path) in journal.journals_in(str(path.parent))


@pytest.mark.parametrize("function", ["open", "listdir"])
def test_what_can_not_be_read_when_it_is_taken_over_is_found_by_the_next(
    left: Callable[..., Path], monkeypatch: Any, function: str
) -> None:
    path, works = left(), getattr(os, function)

    def fail(path: str, *arguments: Any) -> Any:
        if path.endswith(".lock"):
            return works(path, *arguments)
        raise OSError(24, "Too many open files")

    first, second = Backlog(), Backlog()
    found = journal.open_abandoned(str(path))
    with monkeypatch.context() as there:
        there.setattr(os, function, fail)
        assert first.take(found) == []
    first.leave(ending=True)
    second.experiment, second.abandoned = EXPERIMENT, backlog.left_behind()
    assert second.adopt() and drained(second) == LINES


def test_with_the_last_entry_of_all_the_journal_and_its_folder_are_deleted(
    outputs: Path, kept: Callable[..., Backlog]
) -> None:
    first, second = kept(), kept()
    for each, files_left in ((first, 2), (second, None)):
        batch = each.first()
        assert batch
        each.strike(batch, 5)
        each.leave(ending=True)
        assert (len(list((outputs / ".polyaxon_helper").iterdir())) if files_left else list(outputs.iterdir())) == (
            files_left or [])


def test_what_fits_is_bounded(kept: Callable[..., Backlog], monkeypatch: Any) -> None:
    assert (backlog.MAX_BYTES, backlog.MAX_IN_MEMORY) == (256 * 1024 * 1024, 10000)
    monkeypatch.setattr(backlog, "MAX_BYTES", 4 * len(LINES[0]))
    monkeypatch.setattr(backlog, "MAX_IN_MEMORY", 2)
    monkeypatch.setattr(journal, "BATCH_BYTES", 2 * len(LINES[0]) + 2)
    full = kept(LINES[:4])
    told = [full.keep(INFO, line) for line in LINES * 2]
    assert [text.partition(":")[0] for text in told[:3]] == [
        "metrics are kept in memory alone until they are sent", "", "metrics are dropped"]
    assert (sum(batch.waiting for batch in full.batches), full.given_up) == (6, {"no more fits": 8})


def test_memory_holds_a_few_batches_and_files_the_rest(kept: Callable[..., Backlog], monkeypatch: Any) -> None:
    monkeypatch.setattr(journal, "BATCH_BYTES", len(LINES[0]) + 1)
    full = kept(LINES * 4)
    assert sum(batch.lines is not None for batch in full.batches) <= backlog.IN_MEMORY + 2
    full.ending.set()
    read = []
    for batch in iter(full.first, None):
        read += batch.lines or []
        full.strike(batch, 1)
    assert read == LINES * 4


# --- whose it is

Changes = List[Callable[[Path], object]]

NOT_OURS: Dict[str, Changes] = {
    "of another name": [lambda path: path.rename(path.with_name("x.lock"))],
    "with a path as its experiment": [lambda path: path.rename(path.with_name(path.name.replace("u,p", "u,..")))],
    "a link": [lambda path: path.rename(path.with_name("real")), lambda path: path.symlink_to("real")],
    "a pipe": [lambda path: path.unlink(), lambda path: os.mkfifo(str(path))],
    "a folder": [lambda path: path.unlink(), lambda path: path.mkdir()],
    "gone": [lambda path: path.unlink()],
    "with several names": [lambda path: os.link(str(path), str(path) + "2")],
}


@posix
@pytest.mark.parametrize("changes", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_no_journal_is_left(left: Callable[..., Path], changes: Changes) -> None:
    folder = left().parent
    path = next(folder.glob("*.lock"))
    for change in changes:
        change(path)
    there = sorted(folder.iterdir())
    for path in folder.glob("*.lock"):
        with pytest.raises(NotOurs):
            journal.open_abandoned(str(path), asked_for=True)
    assert sorted(folder.iterdir()) == there


BAD_BATCHES: Dict[str, Changes] = {
    "a link to a file of the victim's": [
        lambda path: path.rename("victim"), lambda path: path.symlink_to(Path("victim").resolve())],
    "another name of a file": [lambda path: path.rename("victim"), lambda path: os.link("victim", str(path))],
    "a pipe": [lambda path: path.unlink(), lambda path: os.mkfifo(str(path))],
    "8 TB of nothing": [lambda path: os.truncate(str(path), 2 ** 43 - 2 ** 13)],
}


@posix
@pytest.mark.parametrize("changes", BAD_BATCHES.values(), ids=BAD_BATCHES)
@pytest.mark.parametrize("asked_for", [False, True], ids=["found", "asked for"])
def test_a_planted_batch_is_neither_read_nor_deleted(
    left: Callable[..., Path], changes: Changes, asked_for: bool
) -> None:
    path = left()
    planted = next(path.parent.glob("*.jsonl"))
    for change in changes:
        change(planted)
    found = journal.open_abandoned(str(path), asked_for)
    taken = Backlog()
    assert taken.take(found) == []
    assert os.path.lexists(str(planted))


STRANGERS: Dict[str, Changes] = {
    "the folder is another user's": [lambda path: os.chown(str(path.parent), 54321, -1)],
    "the folder can be written by a group": [lambda path: path.parent.chmod(0o770)],
    "the folder can be written by all": [lambda path: path.parent.chmod(0o702)],
    "the folder is a link": [
        lambda path: path.parent.rename("real"), lambda path: path.parent.symlink_to(Path("real").resolve())],
}
STRANGE_FILES: Dict[str, Changes] = {
    "the lock is another user's": [lambda path: os.chown(str(path), 54321, -1)],
    "the lock can be written by all": [lambda path: path.chmod(0o666)],
    "the batch is another user's": [lambda path: os.chown(str(next(path.parent.glob("*.jsonl"))), 54321, -1)],
    "the batch can be written by all": [lambda path: next(path.parent.glob("*.jsonl")).chmod(0o666)],
}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("changes", [*STRANGERS.values(), *STRANGE_FILES.values()], ids=[*STRANGERS, *STRANGE_FILES])
def test_among_everybodys_temporary_files_only_our_own_are_trusted(
    left: Callable[..., Path], monkeypatch: Any, changes: Changes
) -> None:
    monkeypatch.delenv("POLYAXON_RUN_OUTPUTS_PATH")
    path = left()
    folder = path.parent
    there = sorted(each.name for each in folder.iterdir())
    for change in changes:
        change(path)
    taker = Backlog()
    taker.experiment, taker.abandoned = EXPERIMENT, backlog.left_behind()
    assert not taker.adopt()
    assert len(list(folder.glob("*.jsonl"))) == 1
    if changes in STRANGERS.values():
        assert sorted(each.name for each in folder.iterdir()) == there
        assert "in memory alone" in taker.keep(INFO, LINES[0])
    taker.close()


def test_only_one_process_can_take_it_over(left: Callable[..., Path]) -> None:
    path = left()
    first = journal.open_abandoned(str(path))
    for asked_for in (False, True):
        with pytest.raises(InUse, match="^a running process has it$"):
            journal.open_abandoned(str(path), asked_for)
    first.close()


def test_deleted_between_finding_and_locking(left: Callable[..., Path], monkeypatch: Any) -> None:
    path = left()

    def deleted(handle: int) -> Any:
        path.unlink()
        return files.lock(handle)

    monkeypatch.setattr(journal, "lock", deleted)
    with pytest.raises(InUse):
        journal.open_abandoned(str(path))


def test_where_there_are_no_locks_only_who_asks_for_it_takes_it_over(
    left: Callable[..., Path], monkeypatch: Any
) -> None:
    path = left()
    monkeypatch.setattr(journal, "lock", lambda handle: None)
    with pytest.raises(InUse, match="can't be told"):
        journal.open_abandoned(str(path))
    assert taken_over(path, asked_for=True) == LINES


def test_another_hosts_is_taken_over_only_by_who_asks_for_it(left: Callable[..., Path], monkeypatch: Any) -> None:
    with monkeypatch.context() as there:
        there.setattr(journal, "HOST", "another")
        path = left()
    with pytest.raises(InUse, match="on another host"):
        journal.open_abandoned(str(path))
    assert taken_over(path, asked_for=True) == LINES


class NoLocks:
    LOCK_EX = LOCK_NB = 0

    def flock(self, *arguments: Any) -> None:
        raise OSError(37, "No locks available")


@pytest.mark.parametrize("module", [None, NoLocks()], ids=["platform", "file system"])
def test_without_locks_it_is_kept_all_the_same(module: Any, kept: Callable[..., Backlog], monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "fcntl", module)
    assert kept().batches[0].is_kept()


def test_where_no_geteuid_is(kept: Callable[..., Backlog], monkeypatch: Any) -> None:
    """As on Windows, where an open file can't be deleted and modes say nothing."""
    monkeypatch.delenv("POLYAXON_RUN_OUTPUTS_PATH")
    monkeypatch.delattr(os, "geteuid")
    folder = Path(journal.folders()[0])
    assert folder.name == "polyaxon_helper"
    folder.mkdir(0o777)
    sent = kept()
    batch = sent.first()
    assert batch
    sent.strike(batch, 5)
    sent.leave(ending=True)
    assert not folder.exists()


# --- with a whole process

BY_LINE = "import sys\nfor line in sys.stdin: send_metrics(step=int(line))\n"
BURST = "for step in range(50): send_metrics(step=step)\n"
WAIT = "print('ready', flush=True)\n__import__('sys').stdin.read()\n"


def test_no_token_is_in_it(server: Server, run: Run) -> None:
    server.fault({"kind": "mute", "times": ALWAYS})
    with run.start(BURST + WAIT) as process:
        assert read_line(process) == "ready"
        texts = [path.name + path.read_text() for path in run.left()]
    assert sum(text.count("\n") for text in texts) == 50
    assert "token" not in "".join(texts).lower()


NO_COVERAGE = {"COVERAGE_PROCESS_START": ""}
"""Where the disk is full, coverage's file would be torn, too."""

NO_FILE: Dict[str, str] = {
    "a disk that takes half an entry": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n",
    "ulimit -f 0": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n",
    "no folder that can be written": "import os\nos.mkdir, before = (lambda *args: before('/dev/null/x')), os.mkdir\n",
    "no folder for temporary files": "import os; os.environ.update(TMPDIR='/nowhere', POLYAXON_RUN_OUTPUTS_PATH='')\n",
}


@posix
@pytest.mark.parametrize("script", NO_FILE.values(), ids=NO_FILE)
def test_where_no_file_can_be_written_it_is_sent_from_memory_and_told_once(
    server: Server, run: Run, script: str
) -> None:
    ended = run(script + BURST, **NO_COVERAGE)
    assert ended.stderr.count("metrics are kept in memory alone until they are sent: ") == 1
    assert (ended.returncode, server.steps()) == (0, list(range(50)))
    assert run.left() == []


def test_what_memory_can_not_hold_is_counted(server: Server, run: Run) -> None:
    server.fault({"kind": "mute", "times": ALWAYS})
    ended = run("from polyaxon_helper.classic import journal\njournal.folders = lambda: ['/dev/null/folder']\n"
                + BURST, MAX_IN_MEMORY="30", POLYAXON_HELPER_EXIT_TIMEOUT="0.2")
    assert ended.stderr.count("in memory alone until they are sent") == 1
    assert ended.stderr.count("metrics are dropped") == 1
    assert ended.stderr.splitlines()[-1] == (
        "polyaxon_helper: 50 metric entries were given up (no more fits: 20, there was no file to keep them in: 30)")


BAD_MOMENTS = {
    "the outputs folder is deleted and made again": "shutil.rmtree(out); os.makedirs(out)\n",
    "the journals' folder is deleted": "shutil.rmtree(out + '/.polyaxon_helper')\n",
    "the locked files are deleted": "for each in os.listdir(out + '/.polyaxon_helper'):\n"
    "    if each.endswith('.lock'): os.unlink(out + '/.polyaxon_helper/' + each)\n",
    "the batches are deleted": "for each in os.listdir(out + '/.polyaxon_helper'):\n"
    "    if each.endswith('.jsonl'): os.unlink(out + '/.polyaxon_helper/' + each)\n",
    "the disk is full for a moment": "import resource\nfull = resource.RLIMIT_FSIZE\n"
    "resource.setrlimit(full, (0, resource.RLIM_INFINITY))\nfor step in range(5, 10): send_metrics(step=step)\n"
    "resource.setrlimit(full, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n",
    "no descriptor is left for a moment": "opened = []\nwhile len(opened) < 2000:\n"
    "    try: opened.append(os.open('/dev/null', 0))\n    except OSError: break\n"
    "for step in range(5, 10): send_metrics(step=step)\nfor each in opened: os.close(each)\n",
}


@pytest.mark.slow
@posix
@pytest.mark.parametrize("moment", BAD_MOMENTS.values(), ids=BAD_MOMENTS)
@pytest.mark.parametrize("sleep", [0, 0.2], ids=["before", "while it is tried to send"])
def test_after_a_bad_moment_all_is_in_a_journal_again(server: Server, run: Run, moment: str, sleep: float) -> None:
    server.tell("away")
    ended = run("from polyaxon_helper.classic import backlog\nbacklog.TRY_AGAIN = 0.0\n"
                "import os, resource, shutil, time\nresource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))\n"
                "out = os.environ['POLYAXON_RUN_OUTPUTS_PATH']\nfor step in range(5): send_metrics(step=step)\n"
                "time.sleep({})\n{}for step in range(10, 12000): send_metrics(step=step)\nos.kill(os.getpid(), 9)\n"
                .format(sleep, moment), GATHER="0.01", FIRST_BACKOFF="0.01", **NO_COVERAGE)
    assert ended.returncode == -9
    server.tell("back")
    assert run.resend().returncode == 0
    expected = set(range(12000)) - (set() if "step" in moment else set(range(5, 10)))
    assert set(server.steps()) == expected


CLOSED = """
import os, threading
names_of, listing, is_at_it, is_moved = os.listdir, threading.Lock(), threading.Event(), threading.Event()
def slowly(folder):  # as on a slow disk, with a descriptor meanwhile
    with listing:
        folder = os.open(folder, os.O_RDONLY)
        names = names_of(folder)
        is_at_it.set()
        is_moved.wait(1)
        os.close(folder)
        return names
os.listdir = slowly
paths = ["checkpoint{}".format(number) for number in range(20)]
for step in range(5): send_metrics(step=step)
is_at_it.wait()  # where a thread of ours lists journals
%s
os.closerange(3, 256)
opened = [open(path, "wb", buffering=0) for path in paths]
is_moved.set()
with listing: pass
for file in opened: file.write(b"WEIGHTS!")
for step in range(5, 10): send_metrics(step=step)
%s
for file in opened: file.close()  # which nobody else did
for path in paths: assert open(path, "rb").read() == b"WEIGHTS!", path
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("up", [True, False], ids=["API up", "API away"])
def test_a_script_may_close_all_descriptors(server: Server, run: Run, up: bool) -> None:
    server.tell("back" if up else "away")
    script = CLOSED % (("from tests.child import wait_till_sent; wait_till_sent()",) * 2 if up else ("", ""))
    # where a request is on its way just then, its socket's number may be the script's when requests closes it
    how = {"GATHER": "0.05"} if up else {"GATHER": "300", "POLYAXON_HELPER_EXIT_TIMEOUT": "0.5"}
    ended = run(script, **how, **NO_COVERAGE)
    assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0), ended.stderr
    server.tell("back")
    assert run.resend().returncode == 0
    assert set(server.steps()) == set(range(10)) and run.left() == []


@pytest.mark.slow
@posix
def test_a_journal_that_cant_be_read_for_a_moment_is_neither_lost_nor_deleted(
    server: Server, run: Run
) -> None:
    run(BURST + "os = __import__('os'); os._exit(0)")
    script = """
from polyaxon_helper.classic import journal
read, fails = journal.Batch.read, [1] * 3
def failing(self):
    if fails and self.lines is None and sending.reporter.backlog.batches:
        fails.pop()
        raise OSError(5, "Input/output error")
    return read(self)
from polyaxon_helper.classic import sending
journal.Batch.read = failing
send_metrics(step=50)
"""
    ended = run(script, GATHER="0.05", FIRST_BACKOFF="0.01")
    assert (ended.stderr, set(server.steps()), run.left()) == ("", set(range(51)), [])


def test_limit_is_counted_and_said(server: Server, run: Run) -> None:
    server.fault({"kind": "error", "times": ALWAYS})
    ended = run(BURST, BATCH_BYTES="500", MAX_BYTES="2000", MAX_IN_MEMORY="0", POLYAXON_HELPER_EXIT_TIMEOUT="0.2")
    assert ended.stderr.count("RuntimeWarning: metrics are dropped") == 1
    kept = sum(path.read_text().count("\n") for path in run.journals())
    assert 20 < kept < 40 and "{} metric entries wait in".format(kept) in ended.stderr
    assert "{} metric entries were given up (no more fits: {})".format(50 - kept, 50 - kept) in ended.stderr
    server.fault()
    assert run.resend().returncode == 0
    assert server.steps() == list(range(kept))


def test_a_batch_is_deleted_when_it_was_sent(server: Server, run: Run) -> None:
    names = set()
    with run.start(BY_LINE, GATHER="0.02") as process:
        for step in range(8):
            write_line(process, step)
            server.wait(stored=step + 1)
            names |= set(run.journals())
            assert len(run.journals()) <= 2
        assert run.end(process).stderr == ""
    assert (server.steps(), run.left()) == (list(range(8)), [])


def test_what_is_unreadable_in_a_journal_is_counted_and_the_rest_sent(server: Server, run: Run) -> None:
    run(BURST + "import os; os._exit(0)")
    path, = run.journals()
    path.write_bytes(path.read_bytes().replace(b'{"step": 20}', b'{"step": NaN}'))
    ended = run("send_metrics(step=50)")
    assert set(server.steps()) == set(range(51)) - {20}
    assert "1 metric entries were given up (unreadable in the journal: 1)" in ended.stderr
    assert server.seen()["lost"] == 0
