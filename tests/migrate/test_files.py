"""Finding, reading and replacing files."""
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from polyaxon_helper.migrate import files

from ..processes import ROOT, Process, posix

TEXT = b"from polyaxon_helper import get_log_level\n"


def spelled(folder: Path, paths: List[str]) -> List[str]:
    return [os.path.relpath(path, str(folder)).replace(os.sep, "/") for path in paths]


def found(*paths: Path) -> List[str]:
    some = files.Files([str(path) for path in paths])
    listed = spelled(paths[0], list(some.given()))
    assert not some.problems
    return listed


def others(folder: Path, *names: str) -> List[str]:
    some = files.Files([str(folder / name) for name in names])
    list(some.given())
    return spelled(folder, list(some.others()))


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(TEXT)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(("git", "-C", str(folder)) + arguments, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


# In a folder

def test_takes_files_of_every_kind_below_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "b.pyw", "c.txt", "d/e.py", "d/.hidden/f.py", "x.py/y.py")
    assert found(tmp_path) == ["a.py", "b.pyw", "c.txt", "d/e.py", "d/.hidden/f.py", "x.py/y.py"]


@pytest.mark.parametrize("in_work_tree", [False, True], ids=["outside of a work tree", "untracked"])
@pytest.mark.parametrize("folder", [
    ".hg", ".tox", ".nox", "__pycache__", "build", "dist", "node_modules", "lib/site-packages", "x.egg-info",
    ".mypy_cache", ".pytest_cache", ".ipynb_checkpoints", "a/build/b"])
def test_leaves_out(folder: str, in_work_tree: bool, tmp_path: Path) -> None:
    fill(tmp_path, "a.py", folder + "/b.py")
    if in_work_tree:
        git(tmp_path, "init", "-q")
    assert found(tmp_path) == ["a.py"]
    assert found(tmp_path / folder) == ["b.py"]  # named outright


@pytest.mark.parametrize("kind", ["outside of a work tree", "untracked", "tracked"])
@pytest.mark.parametrize("sign", ["pyvenv.cfg", "conda-meta/x"])
def test_leaves_out_virtual_environments(sign: str, kind: str, tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "env/lib/b.py", "env/" + sign)
    if kind != "outside of a work tree":
        git(tmp_path, "init", "-q")
    if kind == "tracked":
        git(tmp_path, "add", "-f", ".")
    assert found(tmp_path) == ["a.py"]
    assert "lib/b.py" in found(tmp_path / "env")


@pytest.mark.parametrize("in_work_tree", [False, True])
def test_leaves_out_what_git_has_for_itself(in_work_tree: bool, tmp_path: Path) -> None:
    fill(tmp_path, "a.py", ".git/b.py")
    if in_work_tree:
        git(tmp_path, "init", "-q")
    assert found(tmp_path) == ["a.py"]


def test_takes_a_named_file_whatever_its_name(tmp_path: Path) -> None:
    fill(tmp_path, "script", "build/x.txt")
    assert found(tmp_path / "script", tmp_path / "build" / "x.txt") == [".", "../build/x.txt"]


@pytest.mark.parametrize("in_work_tree", [False, True], ids=["outside of a work tree", "in a work tree"])
def test_takes_a_file_once(in_work_tree: bool, tmp_path: Path) -> None:
    fill(tmp_path, "d/a.py")
    (tmp_path / "d" / "e.py").symlink_to("a.py")
    (tmp_path / "f").symlink_to("d")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    if in_work_tree:
        git(tmp_path, "init", "-q")
    assert found(tmp_path, tmp_path / "d" / "a.py", tmp_path / "f", tmp_path) == ["d/a.py"]


def test_takes_the_paths_in_their_order(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "b/c.py", "b/d.py")
    assert found(tmp_path / "b" / "d.py", tmp_path / "a.py", tmp_path / "b") == [".", "../../a.py", "../c.py"]


def test_says_what_is_not_there(tmp_path: Path) -> None:
    paths = [str(tmp_path / "x")]
    if hasattr(os, "mkfifo"):
        os.mkfifo(str(tmp_path / "pipe"))  # to open it would wait for ever
        paths.append(str(tmp_path / "pipe"))
    some = files.Files(paths)
    assert list(some.given()) == []
    assert some.problems == [path + ": no such file or folder" for path in paths]


# What git says

def test_asks_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "tracked.py", "build/tracked.py", "build/new.py", "new.py", "ignored/x.py", "gone.py", "é.py",
         "node_modules/tracked.py", "a.sh")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "tracked.py", "build/tracked.py", "gone.py", "node_modules/tracked.py")
    (tmp_path / "gone.py").unlink()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as in a hook
    assert found(tmp_path) == [".gitignore", "a.sh", "build/tracked.py", "new.py", "tracked.py", "é.py"]
    assert found(tmp_path / "build") == ["tracked.py"]
    assert found(tmp_path / "ignored") == ["x.py"]  # named outright
    assert found(tmp_path / "ignored" / "x.py") == ["."]


def test_asks_git_by_way_of_a_link(tmp_path: Path) -> None:
    fill(tmp_path, "top/pkg/a.py", "top/pkg/b.py", "top/other.py")
    (tmp_path / "top" / ".gitignore").write_text("b.py\n")
    git(tmp_path / "top", "init", "-q")
    (tmp_path / "link").symlink_to(Path("top") / "pkg")
    assert found(tmp_path / "link") == ["a.py"]
    assert others(tmp_path, "link") == ["top/other.py"]


def test_leaves_out_submodules(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "sub/b.py", "nested/c.py")
    git(tmp_path, "init", "-q")
    for name in ("sub", "nested"):
        git(tmp_path / name, "init", "-q")
    git(tmp_path / "sub", "add", ".")
    git(tmp_path / "sub", "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")
    git(tmp_path, "add", "sub")
    assert found(tmp_path) == ["a.py"]
    assert found(tmp_path / "sub") == ["b.py"]
    assert others(tmp_path, "a.py") == []
    assert others(tmp_path, "sub/b.py") == []


def test_does_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.py", "b.py")
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("PATH", "")
    assert found(tmp_path) == ["a.py", "b.py"]
    assert others(tmp_path, "a.py") == []


def test_what_git_takes_for_no_work_tree_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "build/b.py", ".git/c.py")
    assert found(tmp_path) == ["a.py"]


# The others around them

def test_others_are_the_rest_of_the_work_tree(tmp_path: Path) -> None:
    fill(tmp_path, "top/a.py", "top/b/c.py", "top/d/e.pyw", "top/x.txt", "top/node_modules/f.py", "second/g.py",
         "second/h.py", "outside/i.py", "outside/j.py")
    for name in ("top", "second"):
        git(tmp_path / name, "init", "-q")
    assert others(tmp_path, "top/a.py") == ["top/b/c.py", "top/d/e.pyw"]
    assert others(tmp_path, "top/b") == ["top/a.py", "top/d/e.pyw"]
    assert others(tmp_path, "top/d", "second/g.py", "outside/i.py") == ["top/a.py", "top/b/c.py", "second/h.py"]
    assert others(tmp_path, "top") == []
    assert others(tmp_path, "outside") == []


def test_no_others_for_what_git_ignores(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "b.py", "out/c.py")
    (tmp_path / ".gitignore").write_text("a.py\nout\n")
    git(tmp_path, "init", "-q")
    assert others(tmp_path, "a.py") == others(tmp_path, "out") == others(tmp_path, "out/c.py") == []
    assert others(tmp_path, "a.py", "out/c.py", "b.py") == []
    fill(tmp_path, "d.py")
    assert others(tmp_path, "a.py", "b.py") == ["d.py"]


# Reading

DECODED = {
    "ascii": b"x = 1\n",
    "utf-8": "x = 'é'\n".encode(),
    "a BOM": b"\xef\xbb\xbf" + TEXT,
    "a BOM and a coding line": b"\xef\xbb\xbf# coding: utf-8\nx = 1\r\n",
    "two BOMs": b"\xef\xbb\xbf\xef\xbb\xbfx = 1\n",
    "latin-1": "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
    "cp1252 in the second line": "#!/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n".encode("cp1252"),
    "shift-jis": "# coding: shift_jis\nx = '日本'\n".encode("shift_jis"),
    "line ends": b"a\r\nb\rc\nd",
    "nothing": b"",
}


@pytest.mark.parametrize("raw", list(DECODED.values()), ids=list(DECODED))
def test_gives_back_the_same_bytes(raw: bytes) -> None:
    text, encoding = files.decode(raw)
    assert text.encode(encoding) == raw


def test_a_bom_is_no_part_of_the_text() -> None:
    assert files.decode(b"\xef\xbb\xbfx = 1\n")[0] == "x = 1\n"


@pytest.mark.parametrize("raw, why", [
    (b"x\0y", "binary"), (b"x = '\xff'\n", "decoded"), (b"# coding: nonsense\n", "decoded"),
    (b"\xef\xbb\xbf# coding: latin-1\n", "decoded"), (b"# coding: utf-7\nx = '+AGE-'\n", "same bytes"),
    (b"# coding: rot13\n", "decoded"),
], ids=["binary", "no utf-8", "no such encoding", "BOM and another encoding", "no way back", "no encoding of text"])
def test_says_what_can_not_be_decoded(raw: bytes, why: str) -> None:
    with pytest.raises(files.Problem, match=why):
        files.decode(raw)


def test_says_what_can_not_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.py", tmp_path):
        with pytest.raises(files.Problem, match="could not be read"):
            files.read(str(path))


# Replacing

@posix
def test_replaces_with_the_same_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o751)
    files.replace(str(path), b"old", b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert os.listdir(str(tmp_path)) == ["a.py"]


def test_replaces_a_file_with_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 80 + ".py")
    path.write_bytes(b"old")
    files.replace(str(path), b"old", b"new")
    assert path.read_bytes() == b"new"


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


@pytest.mark.parametrize("step", ["open", "fsync", "chown", "chmod", "replace"])
def test_whenever_it_fails_the_file_is_whole(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")

    def fail(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("polyaxon_helper.migrate.files.os." + step, fail, raising=False)
    if step == "chown":
        files.replace(str(path), b"old", b"new")
    else:
        with pytest.raises(files.Problem, match="No space"):
            files.replace(str(path), b"old", b"new")
    assert path.read_bytes() == (b"new" if step == "chown" else b"old")
    assert os.listdir(str(tmp_path)) == ["a.py"]


def test_replaces_where_files_have_no_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("polyaxon_helper.migrate.files.os.chown", raising=False)
    (tmp_path / "a.py").write_bytes(b"old")
    files.replace(str(tmp_path / "a.py"), b"old", b"new")
    assert (tmp_path / "a.py").read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_killed_at_any_moment_the_file_is_whole(step: str, python: Process, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    script = (
        "import os\nfrom polyaxon_helper.migrate import files\n"
        "files.os.{} = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        "files.replace({!r}, b'old', b'new')\n").format(step, str(path))
    assert abs(python("-c", script, cwd=ROOT).returncode) == 9  # 9 on Windows
    assert path.read_bytes() == b"old"
    left = [name for name in os.listdir(str(tmp_path)) if name != "a.py"]
    assert len(left) == 1 and left[0].startswith(".a.py.polyaxon-helper-")
    files.tidy(str(tmp_path))
    if sys.platform != "win32":
        assert os.listdir(str(tmp_path)) == ["a.py"]


def test_leaves_the_file_of_a_run_that_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    names = [".a.py.polyaxon-helper-{}.tmp".format(os.getppid()), ".b.polyaxon-helper-x.tmp", "c.polyaxon-helper-1.tmp"]
    fill(tmp_path, *names)
    files.tidy(str(tmp_path))
    assert sorted(os.listdir(str(tmp_path))) == sorted(names)


def test_another_user_s_process_runs(tmp_path: Path, monkeypatch: Any) -> None:
    def refuse(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("polyaxon_helper.migrate.files.os.kill", refuse)
    fill(tmp_path, ".a.py.polyaxon-helper-1.tmp")
    files.tidy(str(tmp_path))
    assert os.listdir(str(tmp_path)) == [".a.py.polyaxon-helper-1.tmp"]


def test_on_windows_nobody_can_tell_what_runs(tmp_path: Path, monkeypatch: Any) -> None:
    fill(tmp_path, ".a.py.polyaxon-helper-999999999.tmp")
    monkeypatch.setattr("polyaxon_helper.migrate.files.os.kill", lambda *_: pytest.fail("that would end it"))
    monkeypatch.setattr("polyaxon_helper.migrate.files.os.name", "nt")
    files.tidy(str(tmp_path))
    monkeypatch.undo()
    assert os.listdir(str(tmp_path)) == [".a.py.polyaxon-helper-999999999.tmp"]


def test_a_folder_that_is_gone_needs_no_tidying(tmp_path: Path) -> None:
    files.tidy(str(tmp_path / "gone"))
