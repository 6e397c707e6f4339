"""Finding, reading and replacing files."""
import io
import os
import stat
import tokenize
from functools import lru_cache
from typing import Iterator, List, NamedTuple, Optional, Set

from .python import LEGACY

GATE = LEGACY.encode()
FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_BINARY"))  # a pipe must not block
HUGE = 8 * 1024 * 1024
"""More bytes than a person writes; the tree of as many would not fit into a small machine."""

SKIPPED = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "dist-packages",
))
VIRTUAL_ENVIRONMENT = frozenset(("pyvenv.cfg", "conda-meta"))
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
    real = lru_cache(maxsize=None)(os.path.realpath)
    for path in paths:
        found = iter([path])
        if os.path.isdir(path):
            listed = _git_files(path)
            found = (each for each in (_walk(path) if listed is None else listed)
                     if os.path.isfile(each) and not (LEGACY in each and _is_ours(each)))
        elif not os.path.exists(path):
            problems.append("{}: no such file or folder".format(path))
            continue
        for each in found:
            parent, name = os.path.split(each)
            target = os.path.realpath(each) if os.path.islink(each) else os.path.join(real(parent), name)
            if target not in seen:
                seen.add(target)
                yield each


def _git_files(folder: str) -> Optional[List[str]]:
    """What git tracks or does not ignore; None outside of a work tree, and in a folder that git ignores."""
    above = os.path.realpath(folder)
    while not os.path.exists(os.path.join(above, ".git")):
        if above == os.path.dirname(above):
            return None  # and nothing is imported to ask
        above = os.path.dirname(above)
    import subprocess

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
    return [os.path.join(folder, os.fsdecode(name)) for name in sorted(set(listed.stdout.split(b"\0")) - {b""})]


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        if parent != folder and not VIRTUAL_ENVIRONMENT.isdisjoint(folders + names):
            folders[:] = names[:] = []
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.endswith(".egg-info"))
        yield from (os.path.join(parent, name) for name in sorted(names) if name.endswith(SUFFIXES))


def _is_ours(path: str) -> bool:
    """Whether the file is part of a copy of the legacy package itself."""
    before, found, _ = (os.sep + os.path.normpath(path)).rpartition(os.sep + LEGACY + os.sep)
    return bool(found) and os.path.exists(os.path.join(before[1:], LEGACY, "__init__.py"))


def read(path: str) -> bytes:
    """A file's bytes; of a huge one that does not name the legacy package, none."""
    try:
        handle = os.open(path, FLAGS)  # a file object costs as much again
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Problem("no regular file")
            if status.st_size <= HUGE:
                return os.read(handle, status.st_size)
            import mmap

            with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as pages:
                if pages.find(GATE) >= 0:
                    raise Problem("names the legacy package, but {} MB are too many".format(status.st_size >> 20))
            return b""
        finally:
            os.close(handle)
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
    import tempfile

    target = os.path.realpath(path)
    temporary = ""
    try:
        status = os.stat(target)
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise Problem("is read-only")
        if read(target) != old:
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
