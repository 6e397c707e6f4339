"""A run: the given files are read, the others of their projects asked what they take, then each is rewritten."""
import os
import re
from contextlib import contextmanager, suppress
from typing import Dict, FrozenSet, Iterator, List, Tuple

from ..replacements import Target
from . import elsewhere
from .files import PYTHON, Files, Problem, decode, own, read as read_bytes, replace, tidy
from .python import References, Report, Unreadable, leaving, read, rewrite
from .python.taken import taken
from .report import Outcome, shown

GATES = (b"olyaxon", b"OLYAXON", b"o\0l\0y\0a\0x\0o\0n")  # a file that names Polyaxon has one; an import the first
PYTHON_SCRIPT = re.compile(rb"#!.*python")
UNREADABLE = "{}:{}:1: left as it is, this Python can't parse the line: {}"
UNEXPECTED = "{0}: left as it is, and this should not be: {2!r}; please report it with the file"


def outcomes(files: Files, target: Target, selected: FrozenSet[str], writes: bool) -> List[Outcome]:
    """Rewrite the given files; give what came of each that names what is to be moved."""
    paths = list(shown("looking for files", files.given()))
    found: Dict[str, Outcome] = {}
    modules: Dict[str, Tuple[References, str]] = {}
    wanted: Dict[str, FrozenSet[str]] = {}
    for path in shown("reading", paths):
        with _told(path, files):
            outcome, is_source = _look(path, files, target)
            if is_source:
                text, encoding = decode(outcome.old)
                modules[path] = read(text, target), encoding
                wanted[path] = leaving(modules[path][0], target, selected)
            if outcome.old:
                found[path] = outcome
    keep = taken(wanted, _contents(paths, files))
    for folder in {os.path.dirname(os.path.realpath(path)) for path in wanted if writes and path != "-"}:
        tidy(folder)
    for path in shown("rewriting", list(wanted)):
        old, (module, encoding) = found.pop(path).old, modules.pop(path)
        with _told(path, files):
            result = rewrite(module, target, selected, keep.get(path, frozenset()))
            new = result.text.encode(encoding)
            if writes and path != "-" and new != old:
                replace(path, old, new)
            found[path] = Outcome(path, old, new, "", result.after if writes else result.before,
                                  result.uses, result.makes, result.on_shim, result.on_client)
    needed = "polyaxon-helper" in target.requires or any(each.on_shim for each in found.values())
    for path, each in found.items():
        raw = each.new if writes else each.old
        uses = elsewhere.uses(path, raw, needed, target.requires) if path not in wanted and not each.own else []
        if path in wanted and os.path.basename(path) == "setup.py" and not needed:
            uses = elsewhere.setup_uses(decode(raw)[0], target.requires)
        each.report.places.extend(uses)
    return [found[path] for path in paths if path in found]


def _look(path: str, files: Files, target: Target) -> Tuple[Outcome, bool]:
    """Give a file, empty where it names nothing that is to be moved, and whether it is a Python source."""
    is_source = path == "-" or bool(PYTHON.search(path))
    is_large = not is_source and os.path.getsize(path) >= elsewhere.LARGE
    raw = files.piped if path == "-" else b"" if is_large else read_bytes(path)
    words = {source.partition(".")[0].encode() for source in target.sources}
    words.update(variable.encode() for variable in target.unset if is_source)
    if any(gate in raw for gate in (GATES[:1] if is_source and not target.unset else GATES)) and (
            elsewhere.GATE.search(raw) or any(word in raw for word in words)):
        outcome = Outcome(path, raw, raw, own(path), Report([], []))
        return outcome, not outcome.own and (is_source or path in files.paths and bool(PYTHON_SCRIPT.match(raw)))
    return Outcome(path, b"", b"", "", Report([], [])), False


def _contents(paths: List[str], files: Files) -> Iterator[Tuple[str, bytes]]:
    """Give the Python files of the project, the given ones first."""
    for path in shown("looking for what other files take", [*paths, *files.others()]):
        if PYTHON.search(path):
            with suppress(Problem):  # it was said of the given ones
                yield path, read_bytes(path)


@contextmanager
def _told(path: str, files: Files) -> Iterator[None]:
    """Tell why a file is left byte for byte, whatever the reason: it never stops the rest."""
    try:
        yield
    except Exception as error:
        is_known = isinstance(error, (Problem, OSError, UnicodeError))
        says = UNREADABLE if isinstance(error, Unreadable) else "{0}: {2}" if is_known else UNEXPECTED
        files.problems.append(says.format(path, getattr(error, "lineno", 1), getattr(error, "msg", error)))
