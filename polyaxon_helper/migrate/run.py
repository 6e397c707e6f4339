"""A run: the given files are read, the others of their projects asked what they take, then each is rewritten."""
import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import Dict, FrozenSet, Iterator, List, Tuple

from ..replacements import Target
from . import elsewhere
from .files import SUFFIXES, Files, Problem, decode, own, read as read_bytes, replace, tidy
from .python import Module, Place, Report, Surprise, Unreadable, leaving, read, rewrite
from .report import Outcome, shown
from .taken import taken

GATE = b"olyaxon"
"""What each file has that names the legacy package or the client, in whatever way."""
PYTHON_SCRIPT = re.compile(rb"#!.*python")

Sources = Dict[str, Tuple[Module, str]]
"""The Python sources that may change, each with its encoding."""


def outcomes(files: Files, target: Target, selected: FrozenSet[str], writes: bool) -> List[Outcome]:
    """Rewrite the given files; give what came of each that names what is to be moved."""
    paths = list(shown("looking for files", files.given()))
    found: Dict[str, Outcome] = {}
    sources: Sources = {}
    for path in shown("reading", paths):
        with _told(path, files):
            _look(path, files, target, found, sources)
    wanted = {path: leaving(module, target, selected) for path, (module, _) in sources.items()}
    keep = taken(wanted, _contents(paths, files))
    for path, (module, encoding) in shown("rewriting", list(sources.items())):
        outcome = found.pop(path)
        with _told(path, files):
            result = rewrite(module, target, selected, keep.get(path, frozenset()))
            new = result.text.encode(encoding)
            if writes and path != "-" and new != outcome.old:
                replace(path, outcome.old, new)
            found[path] = Outcome(path, outcome.old, new, "", result.after if writes else result.before,
                                  result.uses, result.makes, result.on_shim, result.on_client)
    needed = "polyaxon-helper" in target.requires or any(each.on_shim for each in found.values())
    for path, each in found.items():
        text = each.new if writes else each.old
        uses = elsewhere.uses(path, text, needed, target.requires) if path not in sources and not each.own else []
        if os.path.basename(path) == "setup.py" and not needed:
            uses = elsewhere.setup_uses(decode(text)[0], target.requires)
        each.report.places.extend(Place(*use) for use in uses)
    for folder in {os.path.dirname(os.path.realpath(path)) for path in found if writes and path != "-"}:
        tidy(folder)
    return [found[path] for path in paths if path in found]


def _look(path: str, files: Files, target: Target, found: Dict[str, Outcome], sources: Sources) -> None:
    """Put a file to those found if it names what is to be moved, and to the sources if it is Python."""
    is_source = path == "-" or path.endswith(SUFFIXES)
    is_large = not is_source and os.path.getsize(path) >= elsewhere.LARGE
    raw = files.piped if path == "-" else b"" if is_large else read_bytes(path)
    gates = {source.partition(".")[0].encode() for source in target.sources}
    if GATE in raw and (elsewhere.GATE.search(raw) or any(gate in raw for gate in gates)):
        outcome = Outcome(path, raw, raw, own(path), Report([], []))
        if not outcome.own and (is_source or path in files.paths and PYTHON_SCRIPT.match(raw)):
            text, encoding = decode(raw)
            sources[path] = read(text), encoding
        found[path] = outcome


def _contents(paths: List[str], files: Files) -> Iterator[Tuple[str, bytes]]:
    """Give the Python files of the project, the given ones first."""
    for some in (paths, files.others()):
        for path in shown("looking for what other files take", some):
            if path.endswith(SUFFIXES):
                with suppress(Problem):  # it was said of the given ones
                    yield path, read_bytes(path)


@contextmanager
def _told(path: str, files: Files) -> Iterator[None]:
    """Tell why a file is left byte for byte."""
    try:
        yield
    except Unreadable as error:
        files.problems.append("{}:{}:1: left as it is, Python {}.{} can't parse this line: {}".format(
            path, error.line, *sys.version_info[:2], error))
    except (Problem, OSError, UnicodeError) as error:
        files.problems.append("{}: {}".format(path, error))
    except Surprise as error:
        files.problems.append(
            "{}: left as it is, and this should not be: {}; please report it with the file".format(path, error))
