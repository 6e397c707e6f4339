"""Python sources: text in, text out, and what is left for a person. Pure: nothing here touches a file.

source, names -> references -> decide (experiments) -> rewrite (plan, statements, imports) -> edits; beside them, taken.
Each phase takes values and gives values.
"""
from typing import FrozenSet, List, NamedTuple

from ...replacements import Target
from .decide import decide, notes
from .experiments import maker, own_experiment
from .names import Names
from .references import CLIENT_ONLY, LEGACY, OF_CLIENT, Found, References, references
from .rewrite import rewrite as edits_of
from .source import Source, Surprise, Unreadable, line_starts, position

__all__ = ["Place", "References", "Report", "Result", "Surprise", "Unreadable", "leaving", "read", "rewrite"]


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


def read(text: str, target: Target) -> References:
    """Read a module, for a target; raises Unreadable where Python can't parse it."""
    source = Source(text)
    return references(source, Names(source.tree), target)


def leaving(refs: References, target: Target, selected: FrozenSet[str]) -> FrozenSet[str]:
    """Give the names of the module's top that would go, were nothing else to need them."""
    gone = [move.symbol.variable for move in decide(refs, target, selected, frozenset())[0]
            if move.form == "inline" or move.function not in ("", move.symbol.variable.name)]
    gone += [made.variable for made in (maker(refs), own_experiment(refs)) if made and target.sources]
    return frozenset(variable.name for variable in gone if variable.scope is refs.names.module)


def rewrite(refs: References, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]) -> Result:
    """Move these names to a target, but those that other files take; raises Surprise."""
    moves, found, own = decide(refs, target, selected, taken)
    edits = edits_of(refs, target, moves)
    text = edits.result() if moves else refs.source.text
    told = found, notes(refs, target, moves)
    starts = line_starts(text)
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
    return Place(*position(starts, offset), name=found.name, message=found.message)
