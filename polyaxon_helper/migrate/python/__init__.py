"""Python sources: text in, text out, and what is left for a person. Pure: nothing here touches a file.

source, names -> references -> decide (experiments) -> rewrite (plan, statements, imports) -> edits; beside them, taken.
Each phase takes values and gives values.
"""
from bisect import bisect_right
from typing import FrozenSet, List, NamedTuple, Tuple

from ...replacements import Target
from .decide import decide, notes
from .experiments import maker, own_experiment
from .names import Names
from .references import CLIENT_ONLY, LEGACY, OF_CLIENT, Found, references
from .rewrite import rewrite as edits_of
from .source import LINE_END, Source, Surprise, Unreadable

__all__ = ["Module", "Place", "Report", "Result", "Surprise", "Unreadable", "leaving", "read", "rewrite"]

Module = Tuple[Source, Names]  # a module, read


class Place(NamedTuple):  # a place in a text that a person has to read about
    line: int  # from 1, as the column
    column: int
    name: str
    message: str


class Report(NamedTuple):  # what a person has to know of a text
    places: List[Place]  # what stays, and what to type for it
    notes: List[Place]  # what moved and is not quite as it was


class Result(NamedTuple):  # a module, rewritten
    text: str
    uses: int  # how many uses of legacy names moved
    before: Report  # as the lines were in the old text
    after: Report  # the same, as the lines are in the new one
    makes: bool  # whether the module now makes an Experiment of its own
    on_shim: bool  # whether something in it stays with the legacy package
    on_client: bool  # whether something in it stays with polyaxon_client


def read(text: str) -> Module:
    """Read a module; raises Unreadable where Python can't parse it."""
    source = Source(text)
    return source, Names(source.tree)


def leaving(module: Module, target: Target, selected: FrozenSet[str]) -> FrozenSet[str]:
    """Give the names of the module's top that would go, were nothing else to need them."""
    refs = references(*module, target)
    gone = [move.symbol.variable for move in decide(refs, target, selected, frozenset())[0]
            if move.form == "inline" or move.function not in ("", move.symbol.variable.name)]
    gone += [made.variable for made in (maker(refs), own_experiment(refs)) if made and target.sources]
    return frozenset(variable.name for variable in gone if variable.scope is refs.names.module)


def rewrite(module: Module, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]) -> Result:
    """Move these names to a target, but those that other files take; raises Surprise."""
    refs = references(*module, target)
    moves, found, own = decide(refs, target, selected, taken)
    edits = edits_of(refs, target, moves)
    text = edits.result() if moves else refs.source.text
    told = found, notes(refs, target, moves)
    starts = [0] + [end.end() for end in LINE_END.finditer(text)]
    before = Report(*([_place(refs.source.starts, each.offset, each) for each in part] for part in told))
    after = Report(*([_place(starts, edits.moved(each.offset), each) for each in part] for part in told))
    moved = [move.symbol for move in moves]
    # of each thing that stays: whether it is on the legacy package, else it is on polyaxon_client
    stays = [each.message not in OF_CLIENT for each in refs.found if each.message != CLIENT_ONLY]
    stays += [getattr(part.site.node, "module", LEGACY) == LEGACY
              for symbol in refs.symbols if symbol not in moved for part in symbol.parts]
    return Result(text, sum(len(symbol.uses) or 1 for symbol in moved), before, after, on_shim=True in stays,
                  on_client=False in stays, makes=own is not None or "_experiment = None" in text)


def _place(starts: List[int], offset: int, found: Found) -> Place:
    line = bisect_right(starts, offset)
    return Place(line, offset - starts[line - 1] + 1, found.name, found.message)
