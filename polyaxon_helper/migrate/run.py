"""A run: the given files are read, the others of their projects asked what they take, then each is rewritten."""
import os
import re
import sys
from contextlib import suppress
from typing import Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from ..replacements import Target
from . import elsewhere
from .files import LEGACY, SUFFIXES, Files, Problem, decode, own, read as read_bytes
from .python import Module, Place, Surprise, Unreadable, leaving, read, rewrite
from .report import Outcome, shown
from .taken import taken

GATE = b"olyaxon"
"""What each file has that names the legacy package or the client, in whatever way."""
PYTHON_SCRIPT = re.compile(rb"#!.*python")
FAILURES = (Problem, Unreadable, Surprise, UnicodeError)
NONE: FrozenSet[str] = frozenset()


class Work(NamedTuple):
    """What is to be done, and how files are read and written."""

    target: Target
    selected: FrozenSet[str]
    read: Callable[[str], bytes]
    write: Optional[Callable[[str, bytes, bytes], None]]
    """None where nothing is to be written."""


def outcomes(work: Work, files: Files, paths: List[str]) -> List[Outcome]:
    """Do the work; give what came of each of the paths that names the legacy package."""
    found: Dict[str, Outcome] = {}
    named: Dict[str, bytes] = {}
    modules: Dict[str, Tuple[Module, str]] = {}
    for path in shown("reading", paths):
        try:
            raw = work.read(path) if _is_worth_it(path, files) else b""
            if _is_named(raw, work.target):
                named[path] = raw
                found[path] = Outcome(path, own=own(path))
                if not found[path].own and _is_source(path, raw, files):
                    text, encoding = decode(raw)
                    modules[path] = read(text), encoding
        except FAILURES as error:
            found[path] = _failed(path, error)
    wanted = {path: leaving(module, work.target, work.selected) for path, (module, _) in modules.items()}
    wanted = {path: names for path, names in wanted.items() if names}
    keep = taken(wanted, _contents(paths, files)) if wanted else {}
    for path in shown("rewriting", list(modules)):
        found[path] = _rewritten(work, path, named[path], modules.pop(path), keep.get(path, NONE))
    needed = "polyaxon-helper" in work.target.requires or any(each.on_shim for each in found.values())
    for path, raw in named.items():
        if not found[path].own and not found[path].failure:
            raw = found[path].new if work.write and found[path].uses else raw
            more = [] if _is_source(path, raw, files) else elsewhere.uses(path, raw, needed, work.target.requires)
            if os.path.basename(path) == "setup.py" and not needed:
                more = elsewhere.setup_uses(decode(raw)[0], work.target.requires)
            found[path] = found[path]._replace(places=[*found[path].places, *(Place(*use) for use in more)])
    return [found[path] for path in paths if path in found]


def _is_worth_it(path: str, files: Files) -> bool:
    """Tell whether to read a file: other kinds than Python's may be large data."""
    return path in files.paths or path.endswith(SUFFIXES) or os.path.getsize(path) < elsewhere.LARGE


def _is_named(raw: bytes, target: Target) -> bool:
    return GATE in raw and bool(elsewhere.GATE.search(raw) or any(
        source.partition(".")[0].encode() in raw for source in target.sources))


def _is_source(path: str, raw: bytes, files: Files) -> bool:
    return path.endswith(SUFFIXES) or path == "-" or path in files.paths and bool(PYTHON_SCRIPT.match(raw))


def _contents(paths: List[str], files: Files) -> Iterator[Tuple[str, bytes]]:
    """Give the Python files of the project, the given ones first; of what comes from standard input there are none."""
    for some in (paths, files.others()) if paths != ["-"] else ():
        for path in shown("looking for what other files take", some):
            if path.endswith(SUFFIXES):
                with suppress(Problem):  # it was said of the given ones
                    yield path, read_bytes(path)


def _rewritten(work: Work, path: str, raw: bytes, source: Tuple[Module, str], keep: FrozenSet[str]) -> Outcome:
    try:
        result = rewrite(source[0], work.target, work.selected, keep)
        new = result.text.encode(source[1])
        if work.write and new != raw:
            work.write(path, raw, new)
    except FAILURES as error:
        return _failed(path, error)
    report = result.after if work.write else result.before
    return Outcome(path, result.uses, report.places, report.notes, makes=result.makes, on_shim=result.on_shim,
                   on_client=result.on_client, old=raw, new=new)


def _failed(path: str, error: Exception) -> Outcome:
    """Give the outcome of a file that is left byte for byte."""
    message = {
        Unreadable: "left as it is, Python {}.{} can't parse this line: {}".format(*sys.version_info[:2], error),
        Surprise: "left as it is, and this should not be: {}; please report it with the file".format(error),
    }.get(type(error), str(error))
    return Outcome(path, failure=Place(getattr(error, "line", 1), 1, LEGACY, message))
