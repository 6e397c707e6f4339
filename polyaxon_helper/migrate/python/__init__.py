"""Rewrites Python sources: text in, text out, and what is left for a person. Nothing here reads or writes a file.

source, names -> references -> decide (experiments) -> rewrite (plan, statements, imports) -> edits; beside them, taken.
"""
from typing import FrozenSet, List, NamedTuple

from ...replacements import Target
from .decide import decide, notes
from .experiments import MADE, assigned, maker
from .names import Names
from .references import LEGACY, OF_CLIENT, References, references, use_of
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
    if target.sources:  # what is made of an Experiment becomes a run
        made = maker(refs.source, refs.names)
        uses = [use for each in refs.symbols if each.name == "Experiment" for use in each.uses]
        uses += [use_of(refs, mention) for mention in made.variable.uses] if made else []
        ours = (assigned(refs.names, use.call or use.node, use.scope) for use in uses)
        gone += filter(None, [made and made.variable, *ours])
    return frozenset(variable.name for variable in gone if variable.scope is refs.names.module)


def rewrite(refs: References, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]) -> Result:
    """Move these names to a target, but those that other files take; raises Surprise."""
    moves, found, own = decide(refs, target, selected, taken)
    edits = edits_of(refs, target, moves)
    text = edits.result() if moves else refs.source.text
    told = [found, notes(refs, target, moves)]
    before, after = (
        Report(*([Place(*position(starts, at(start)), name, says) for start, name, says in part] for part in told))
        for starts, at in ((refs.source.starts, int), (line_starts(text), edits.moved)))
    moved = {id(move.symbol): move.symbol for move in moves}
    # of each thing that stays: whether it is on the legacy package, else it is on polyaxon_client
    stays = [each.message not in OF_CLIENT for each in refs.found]
    stays += [getattr(site.node, "module", LEGACY) == LEGACY
              for symbol in refs.symbols if id(symbol) not in moved for site in symbol.parts.values()]
    return Result(text, sum(len(symbol.uses) or 1 for symbol in moved.values()), before, after, on_shim=True in stays,
                  on_client=False in stays, makes=bool(own and not target.sources or MADE.search(text)))
