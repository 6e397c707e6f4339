"""Finding, reading and replacing files."""
import io
import os
import re
import sys
import tokenize
from contextlib import suppress
from functools import lru_cache
from typing import Dict, Iterable, Iterator, List, Set, Tuple

from .python.references import LEGACY

NAMESAKES = (os.path.join(LEGACY, "__init__.py"), LEGACY + ".py")
RELEASED = (b"get_cluster_def", b"get_tf_config")  # in the __init__.py of every release, and of hardly anybody else

NOT_READ = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "dist-packages",
))
ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
PYTHON = re.compile(r"\.pyw?\Z", re.I)
LEFT_BEHIND = re.compile(r"\..*\.polyaxon-helper-(\d{1,9})\.tmp")


class Problem(Exception):
    """A file that could not be read or written; the text says why."""


class Files:
    """The files of a run, each once, a link and its target together once: those given, and the others around them."""

    def __init__(self, paths: List[str]) -> None:
        self.paths = paths
        self.piped = sys.stdin.buffer.read() if paths == ["-"] else b""
        self.problems: List[str] = []
        self._seen: Set[str] = set()
        self._real = lru_cache(maxsize=None)(os.path.realpath)
        self._listed = lru_cache(maxsize=None)(_listed)

    def given(self) -> Iterator[str]:
        """Find the files of the paths, of whatever kind; in a folder those that git lists, if it lists any."""
        for path in self.paths:
            if os.path.isdir(path):
                top, inside = _where(path)
                listed = [name[len(inside):] for name in self._listed(top) if name.startswith(inside)]
                yield from self._new((os.path.join(path, name) for name in listed) if listed else _walk(path))
            elif path == "-" or os.path.isfile(path):
                yield from [path] if path == "-" else self._new([path])
            else:
                self.problems.append(path + ": no such file or folder")

    def others(self) -> Iterator[str]:
        """Find the other Python files of the work trees that list a path; from standard input there is none."""
        tops = {top: None for top, inside in map(_where, filter("-".__ne__, self.paths)) if inside in self._listed(top)
                or any(name.startswith(inside) for name in self._listed(top))}
        for top in tops:
            yield from self._new(os.path.join(top, name) for name in filter(PYTHON.search, self._listed(top)))

    def _new(self, paths: Iterable[str]) -> Iterator[str]:
        for path in paths:
            parent, name = os.path.split(path)
            target = os.path.realpath(path) if os.path.islink(path) else os.path.join(self._real(parent), name)
            if target not in self._seen and os.path.isfile(path):
                self._seen.add(target)
                yield path


def own(path: str) -> str:
    """Find the project's own package or module, or the copy it is part of, that a file gets as the legacy package."""
    places = _around(os.path.realpath(os.path.dirname(path)))
    for found in (os.path.join(place, name) for place in places for name in NAMESAKES):
        if os.path.isfile(found):
            return found if os.path.dirname(found) in places or not all(map(read(found).__contains__, RELEASED)) else ""
    return ""


def _where(path: str) -> Tuple[str, str]:
    """Give the top of the work tree that a path is in, and where in it that is; a link is where it lies."""
    parent, name = (path, "") if os.path.isdir(path) else os.path.split(path)
    place = os.path.join(os.path.realpath(parent), name)
    top = _around(os.path.dirname(place))[-1]
    return top, place[len(os.path.join(top, "")):]


def _around(place: str) -> List[str]:
    """Give a place and the folders around it, up to the top of its work tree, or of all."""
    found = [place]
    while not os.path.exists(os.path.join(found[-1], ".git")) and found[-1] != os.path.dirname(found[-1]):
        found.append(os.path.dirname(found[-1]))
    return found


def _listed(top: str) -> Dict[str, bool]:
    """Give what git tracks or does not ignore in a work tree, and which of it it tracks; none where it can't say."""
    if not os.path.exists(os.path.join(top, ".git")):
        return {}  # and nothing is imported to ask
    import subprocess

    @lru_cache(maxsize=None)
    def is_read(folder: str, is_tracked: bool) -> bool:
        return not folder or _is_read(os.path.join(top, folder), is_tracked) and is_read(
            folder.rpartition(os.sep)[0], is_tracked)

    command = ["git", "-C", top, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    raw = b""
    with suppress(OSError):  # there is no git
        raw = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout
    entries = {entry[2:]: entry[0] != "?" for entry in os.fsdecode(raw).replace("/", os.sep).split("\0") if entry}
    return {name: entries[name] for name in sorted(entries) if is_read(name.rpartition(os.sep)[0], entries[name])}


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_read(os.path.join(parent, name), False))
        yield from (os.path.join(parent, name) for name in sorted(names))


def _is_read(folder: str, is_tracked: bool) -> bool:
    name = os.path.basename(folder)
    is_left_out = name == "node_modules" or not is_tracked and (name in NOT_READ or name.endswith(".egg-info"))
    return not is_left_out and not any(map(os.path.exists, (folder + os.sep + sign for sign in ENVIRONMENT)))


def read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Problem("could not be read: {}".format(error.strerror or error)) from None


def decode(raw: bytes) -> Tuple[str, str]:
    """Give the text as Python itself would read it, and the encoding that makes the same bytes of it again."""
    if b"\0" in raw:
        raise Problem("a binary file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
        if text.encode(encoding) != raw:
            raise Problem("{} does not give back the same bytes".format(encoding))
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise Problem("could not be decoded: {}".format(error)) from None
    return text, encoding


def replace(path: str, old: bytes, new: bytes) -> None:
    """Put `new` in the place of `old` in one step, with the same mode; a link's target is replaced, not the link."""
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, ".{}.polyaxon-helper-{}.tmp".format(name[:40], os.getpid()))
    try:
        status = os.stat(target)
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise Problem("is read-only")
        if read(target) != old:
            raise Problem("was changed by someone else meanwhile")
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        with suppress(AttributeError, OSError):  # on Windows; another owner's file, and we are not root
            os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, status.st_mode & 0o7777)
        os.replace(temporary, target)
    except OSError as error:
        raise Problem("could not be written: {}".format(error.strerror or error)) from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def tidy(folder: str) -> None:
    """Remove what killed runs left in a folder."""
    with suppress(OSError):  # another user's folder, or another run was faster
        for match in filter(None, map(LEFT_BEHIND.fullmatch, os.listdir(folder))):
            if not _runs(int(match.group(1))):
                os.unlink(os.path.join(folder, match.group()))


def _runs(process: int) -> bool:
    try:
        if os.name != "nt":  # there os.kill ends it
            os.kill(process, 0)
        return process != os.getpid()
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
