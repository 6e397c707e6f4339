"""Finding, reading and replacing files."""
import io
import os
import stat
import subprocess
import tempfile
import tokenize
from typing import Iterator, List, NamedTuple, Optional, Set

from .python import LEGACY

GATE = LEGACY.encode()
HUGE = 8 * 1024 * 1024
"""More bytes than a person writes; the tree of as many would not fit into a small machine."""

SKIPPED = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "dist-packages",
))
VIRTUAL_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
SUFFIXES = (".py", ".pyw")


class Problem(Exception):
    """A file that could not be read or written; the text says why."""


class Text(NamedTuple):
    text: str
    encoding: str
    bom: bytes


def find(paths: List[str], problems: List[str]) -> Iterator[str]:
    """The files to look at, each once, a link and its target together once."""
    seen: Set[str] = set()
    for path in paths:
        if os.path.isdir(path):
            found: Iterator[str] = _below(path)
        elif os.path.exists(path):
            found = iter([path])
        else:
            problems.append("{}: no such file or folder".format(path))
            continue
        for each in found:
            target = os.path.realpath(each)
            if target not in seen:
                seen.add(target)
                yield each


def _below(folder: str) -> Iterator[str]:
    listed = _git_files(folder)
    if listed is None:
        yield from _walk(folder)
    else:
        yield from (path for path in listed if not _is_ours(path) and os.path.isfile(path))


def _git_files(folder: str) -> Optional[List[str]]:
    """What git tracks or does not ignore; None outside of a work tree, and in a folder that git ignores."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(("git", "-C", folder) + arguments, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    try:
        listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py", "*.pyw")
        if listed.returncode or not listed.stdout and git("check-ignore", "-q", ".").returncode == 0:
            return None
    except OSError:
        return None
    names = sorted(set(listed.stdout.split(b"\0")) - {b""})
    return [os.path.join(folder, os.fsdecode(name)) for name in names]


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(parent, name))
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                path = os.path.join(parent, name)
                if os.path.isfile(path):
                    yield path


def _is_skipped(parent: str, name: str) -> bool:
    path = os.path.join(parent, name)
    return (name in SKIPPED or name.endswith(".egg-info") or _is_ours(os.path.join(path, "x"))
            or any(os.path.exists(os.path.join(path, sign)) for sign in VIRTUAL_ENVIRONMENT))


def _is_ours(path: str) -> bool:
    """Whether the file is part of a copy of the legacy package itself."""
    parts = os.path.normpath(path).split(os.sep)
    return LEGACY in parts[:-1] and os.path.exists(
        os.path.join(os.sep.join(parts[:parts.index(LEGACY) + 1]), "__init__.py"))


def read(path: str) -> bytes:
    """A file's bytes; of a huge one that does not name the legacy package, none."""
    try:
        size = os.stat(path)
        if not stat.S_ISREG(size.st_mode):
            raise Problem("no regular file")
        with open(path, "rb") as file:
            if size.st_size <= HUGE:
                return file.read()
            tail = b""
            for chunk in iter(lambda: file.read(1024 * 1024), b""):
                if GATE in tail + chunk:
                    raise Problem("names the legacy package, but {} MB are too many".format(size.st_size >> 20))
                tail = chunk[-len(GATE):]
            return b""
    except OSError as error:
        raise Problem("could not be read: {}".format(error.strerror or error)) from None


def decode(raw: bytes) -> Text:
    """Text as Python itself would read it, ready to go back byte for byte."""
    if b"\0" in raw:
        raise Problem("a binary file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        bom = raw[:3] if encoding == "utf-8-sig" else b""
        encoding = "utf-8" if bom else encoding
        text = raw[len(bom):].decode(encoding)
        if text.encode(encoding) != raw[len(bom):]:
            raise Problem("{} does not give back the same bytes".format(encoding))
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise Problem("could not be decoded: {}".format(error)) from None
    return Text(text, encoding, bom)


def encode(text: str, like: Text) -> bytes:
    return like.bom + text.encode(like.encoding)


def replace(path: str, old: bytes, new: bytes) -> None:
    """Put `new` in the place of `old` in one step, with the same mode; a link's target is replaced, not the link."""
    target = os.path.realpath(path)
    temporary = ""
    try:
        status = os.stat(target)
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise Problem("is read-only")
        with open(target, "rb") as file:
            if file.read() != old:
                raise Problem("was changed by someone else meanwhile")
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(target))
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, "chown"):
            try:
                os.chown(temporary, status.st_uid, status.st_gid)
            except OSError:
                pass  # another owner's file, and we are not root
        os.chmod(temporary, stat.S_IMODE(status.st_mode))
        os.replace(temporary, target)
    except OSError as error:
        raise Problem("could not be written: {}".format(error.strerror or error)) from None
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
