"""Finding, reading and replacing files."""
import os
import stat
import subprocess
from pathlib import Path
from typing import List

import pytest

from polyaxon_helper.migrate import files

from ..processes import Process

TEXT = b"from polyaxon_helper import get_log_level\n"


def found(*paths: Path) -> List[str]:
    problems: List[str] = []
    listed = [os.path.relpath(path, str(paths[0])).replace(os.sep, "/")
            for path in files.find([str(p) for p in paths], problems)]
    assert not problems
    return listed


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(TEXT)


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_git_files", lambda folder: None)


@pytest.mark.usefixtures("no_git")
def test_takes_python_files_below_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "b.pyw", "c.txt", "d/e.py", "d/.hidden/f.py", "x.py/y.py")
    assert found(tmp_path) == ["a.py", "b.pyw", "d/e.py", "d/.hidden/f.py", "x.py/y.py"]


@pytest.mark.usefixtures("no_git")
@pytest.mark.parametrize("folder", [
    ".git", ".hg", ".tox", ".nox", "__pycache__", "build", "dist", "node_modules", "lib/site-packages", "x.egg-info",
    ".mypy_cache", ".pytest_cache", ".ipynb_checkpoints"])
def test_leaves_out(folder: str, tmp_path: Path) -> None:
    fill(tmp_path, "a.py", folder + "/b.py")
    assert found(tmp_path) == ["a.py"]
    assert found(tmp_path / folder) == ["b.py"]  # named outright


@pytest.mark.usefixtures("no_git")
@pytest.mark.parametrize("sign", ["pyvenv.cfg", "conda-meta/x"])
def test_leaves_out_virtual_environments(sign: str, tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "env/b.py", "env/" + sign)
    assert found(tmp_path) == ["a.py"]


@pytest.mark.usefixtures("no_git")
def test_leaves_out_the_legacy_package_itself(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "polyaxon_helper/__init__.py", "other/polyaxon_helper/x.py")
    assert found(tmp_path) == ["a.py", "other/polyaxon_helper/x.py"]


def test_takes_a_named_file_whatever_its_name(tmp_path: Path) -> None:
    fill(tmp_path, "script", "build/x.txt")
    assert found(tmp_path / "script", tmp_path / "build" / "x.txt") == [".", "../build/x.txt"]


def test_takes_a_file_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.py")
    (tmp_path / "b.py").symlink_to("a.py")
    assert found(tmp_path, tmp_path / "a.py", tmp_path) == ["a.py"]


def test_says_what_is_not_there(tmp_path: Path) -> None:
    problems: List[str] = []
    assert not list(files.find([str(tmp_path / "x")], problems))
    assert "no such file" in problems[0]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(("git", "-C", str(folder)) + arguments, check=True, stdout=subprocess.DEVNULL)


def test_asks_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "tracked.py", "build/tracked.py", "new.py", "ignored/x.py", "gone.py", "é.py")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "tracked.py", "build/tracked.py", "gone.py")
    (tmp_path / "gone.py").unlink()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as in a hook
    assert found(tmp_path) == ["build/tracked.py", "new.py", "tracked.py", "é.py"]
    assert found(tmp_path / "ignored") == ["x.py"]  # named outright


def test_does_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.py")
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("PATH", "")
    assert found(tmp_path) == ["a.py"]


def test_what_git_takes_for_no_work_tree_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "build/b.py", ".git/c.py")
    assert found(tmp_path) == ["a.py"]


# Reading

DECODED = {
    "ascii": b"x = 1\n",
    "utf-8": "x = 'é'\n".encode(),
    "a BOM": b"\xef\xbb\xbf" + TEXT,
    "a BOM and a coding line": b"\xef\xbb\xbf# coding: utf-8\nx = 1\r\n",
    "latin-1": "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
    "cp1252 in the second line": "#!/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n".encode("cp1252"),
    "shift-jis": "# coding: shift_jis\nx = '日本'\n".encode("shift_jis"),
    "line ends": b"a\r\nb\rc\nd",
    "nothing": b"",
}


@pytest.mark.parametrize("raw", list(DECODED.values()), ids=list(DECODED))
def test_gives_back_the_same_bytes(raw: bytes) -> None:
    text = files.decode(raw)
    assert files.encode(text.text, text) == raw


@pytest.mark.parametrize("raw, why", [
    (b"x\0y", "binary"), (b"x = '\xff'\n", "decoded"), (b"# coding: nonsense\n", "decoded"),
    (b"\xef\xbb\xbf# coding: latin-1\n", "decoded"), (b"# coding: utf-7\nx = '+AGE-'\n", "same bytes"),
    (b"# coding: rot13\n", "decoded"),
], ids=["binary", "no utf-8", "no such encoding", "BOM and another encoding", "no way back", "no encoding of text"])
def test_says_what_can_not_be_decoded(raw: bytes, why: str) -> None:
    with pytest.raises(files.Problem, match=why):
        files.decode(raw)


def test_reads_a_huge_file_only_as_far_as_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "HUGE", 10)
    path = tmp_path / "a.py"
    path.write_bytes(b"x" * (1024 * 1024 - 7) + b"y" * 100)
    assert files.read(str(path)) == b""
    path.write_bytes(b"x" * (1024 * 1024 - 7) + TEXT)  # the name over two pieces
    with pytest.raises(files.Problem, match="too many"):
        files.read(str(path))


def test_says_what_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(files.Problem, match="could not be read"):
        files.read(str(tmp_path / "gone.py"))
    with pytest.raises(files.Problem, match="no regular file"):
        files.read(str(tmp_path))


# Replacing

def test_replaces_with_the_same_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o751)
    files.replace(str(path), b"old", b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert os.listdir(str(tmp_path)) == ["a.py"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.py", tmp_path / "b.py"
    target.write_bytes(b"old")
    link.symlink_to(target)
    files.replace(str(link), b"old", b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_refuses_to_replace(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    with pytest.raises(files.Problem, match="changed"):
        files.replace(str(path), b"other", b"new")
    path.chmod(0o444)
    with pytest.raises(files.Problem, match="read-only"):
        files.replace(str(path), b"old", b"new")
    with pytest.raises(files.Problem, match="could not be written"):
        files.replace(str(tmp_path / "gone.py"), b"old", b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "chown", "chmod", "replace"])
def test_whenever_it_fails_the_file_is_whole(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")

    def fail(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    module = "tempfile" if step == "mkstemp" else "polyaxon_helper.migrate.files.os"
    monkeypatch.setattr("{}.{}".format(module, step), fail)
    if step == "chown":
        files.replace(str(path), b"old", b"new")
    else:
        with pytest.raises(files.Problem, match="No space"):
            files.replace(str(path), b"old", b"new")
    assert path.read_bytes() == (b"new" if step == "chown" else b"old")
    assert os.listdir(str(tmp_path)) == ["a.py"]


@pytest.mark.parametrize("step", ["write", "fsync", "chmod", "replace"])
def test_killed_at_any_moment_the_file_is_whole(step: str, python: Process, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    script = (
        "import os\nfrom polyaxon_helper.migrate import files\n"
        "def die(*a, **k): os.kill(os.getpid(), 9)\n"
        "if {0!r} == 'write':\n    files.os.fdopen = die\nelse:\n    setattr(files.os, {0!r}, die)\n"
        "files.replace({1!r}, b'old', b'new')\n").format(step, str(path))
    assert abs(python("-c", script).returncode) == 9  # 9 on Windows
    assert path.read_bytes() == b"old"


@pytest.mark.usefixtures("no_git")
def test_leaves_out_a_link_to_nowhere(tmp_path: Path) -> None:
    fill(tmp_path, "a.py")
    (tmp_path / "b.py").symlink_to("gone.py")
    assert found(tmp_path) == ["a.py"]


def test_replaces_where_files_have_no_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("polyaxon_helper.migrate.files.os.chown")
    (tmp_path / "a.py").write_bytes(b"old")
    files.replace(str(tmp_path / "a.py"), b"old", b"new")
    assert (tmp_path / "a.py").read_bytes() == b"new"
