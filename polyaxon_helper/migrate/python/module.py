"""The way of one module, from its text to its new text."""
from typing import FrozenSet, List, NamedTuple

from ...replacements import Target
from . import decide, rewrite as writing
from .names import Names
from .notes import notes
from .references import CLIENT_ONLY, LEGACY, OF_CLIENT, References, references
from .source import LINE_END, Source


class Place(NamedTuple):
    """A place in a text that a person has to read about."""

    line: int  # from 1, as the column
    column: int
    name: str
    message: str


class Report(NamedTuple):
    """What a person has to know of a text."""

    places: List[Place]  # what stays, and what to type for it
    notes: List[Place]  # what moved and is not quite as it was


class Result(NamedTuple):
    """A module, rewritten."""

    text: str
    uses: int  # how many uses of legacy names moved
    before: Report  # as the lines were in the old text
    after: Report  # the same, as the lines are in the new one
    makes: bool  # whether the module now makes an Experiment of its own
    on_shim: bool  # whether something in it stays with the legacy package
    on_client: bool  # whether something in it stays with polyaxon_client


class Module(NamedTuple):
    """A module, read."""

    source: Source
    names: Names


def read(text: str) -> Module:
    """Read a module; raises Unreadable where Python can't parse it."""
    source = Source(text)
    return Module(source, Names(source.tree))


def leaving(module: Module, target: Target, selected: FrozenSet[str]) -> FrozenSet[str]:
    """Give the names of the module's top that would go, were nothing else to need them."""
    return decide.leaving(references(module.source, module.names, target), target, selected)


def rewrite(module: Module, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]) -> Result:
    """Move these names to a target, but those that other files take; raises Surprise."""
    refs = references(module.source, module.names, target)
    moves, found, own = decide.decide(refs, target, selected, taken)
    edits = writing.rewrite(refs, target, moves)
    text = edits.result() if moves else module.source.text
    notable = notes(refs, target, moves)
    old, new = [], []
    ends: List[int] = [0] + [end.end() for end in LINE_END.finditer(text)]
    for each in (found, notable):
        old.append([Place(*module.source.position(offset), name=name, message=message)
                    for offset, name, message in each if offset >= 0])
        new.append([_place(ends, edits.moved(offset) if moves else offset, name, message)
                    for offset, name, message in each if offset >= 0])
    uses = sum(len(move.symbol.uses) or 1 for move in moves)
    return Result(text, uses, Report(*old), Report(*new), makes=own is not None or "_experiment = None" in text,
                  on_shim=_stays(refs, moves, True), on_client=_stays(refs, moves, False))


def _place(ends: List[int], offset: int, name: str, message: str) -> Place:
    from bisect import bisect_right

    line = bisect_right(ends, offset)
    return Place(line, offset - ends[line - 1] + 1, name, message)


def _stays(refs: References, moves: List[decide.Move], legacy: bool) -> bool:
    """Tell whether something of the legacy package, or of the client, is left."""
    moved = [move.symbol for move in moves]
    return any((each.message in OF_CLIENT) != legacy for each in refs.found if each.message != CLIENT_ONLY) or any(
        (getattr(part.site.node, "module", LEGACY) == LEGACY) == legacy
        for symbol in refs.symbols if symbol not in moved for part in symbol.parts)
