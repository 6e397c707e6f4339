"""Holds what the edits of a module stand on, and chooses what everything new is called in it."""
import ast
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...replacements import CLIENT, EXCEPTIONS, SIGNATURES, TRACKING, Target
from .decide import Move
from .edits import Edits
from .experiments import STATE, WORD, maker, named
from .names import Scope, Variable
from .references import References, Site
from .source import Source

OTHER_NAMES = {"Experiment": "PolyaxonExperiment", "Job": "PolyaxonJob", "get_experiment": "get_polyaxon_experiment",
               "PolyaxonClientException": "ClientException", "tracking": "traceml_tracking",
               STATE: "_polyaxon_experiment"}
# What to call something whose name means something else; others get polyaxon_ in front
REBOUND = "  # noqa: F811"  # goes into a module: what a guard's function is named is bound before it too


class Plan(NamedTuple):
    """Holds what the edits of a module stand on."""

    refs: References
    target: Target
    moves: List[Move]
    edits: Edits
    chosen: Dict[str, str]  # what each new name is called in this module
    by_import: Dict[ast.alias, List[Move]]  # the moves of what each part of an import binds
    same: Dict[Variable, str]  # the names that variables keep, by another import
    at_top: Set[str]  # those that an import at the module's top, in whatever block of it, brings before they are used
    brought: Set[Tuple[ast.AST, str]]  # those that an import in a function brings, with the function


def needed(text: str, target: Target) -> Set[str]:
    """Give the names of the target that an expression needs."""
    return {word for word in WORD.findall(text) if word in target.homes or word in target.functions}


def changed(move: Move) -> str:
    """Give all that is written in the places of a name's uses."""
    return " ".join(change.new for change in move.changes if not change.field)


def needs(plan: Plan, move: Move) -> Set[str]:
    """Give all names that a move needs, those that its functions need among them."""
    own = [move.symbol.name] * (move.form == "same")
    names = needed(changed(move) + " " + move.body, plan.target).union(own)
    return names | {plan.target.functions[name].needs for name in names if name in plan.target.functions}


def choose(plan: Plan) -> List[str]:
    """Choose the new names; gives the target's functions that the module has yet to get."""
    refs, functions, module = plan.refs, [], plan.refs.names.module  # type: References, List[str], Scope
    scopes = {scope.node: scope for scope in refs.names.scopes}
    places: Dict[str, List[Tuple[Scope, int]]] = {}
    imports: Dict[str, List[Tuple[Scope, int]]] = {}  # those of the places where a statement may bring the name
    for move in plan.moves:
        sites = [(part.site.scope, refs.source.start(part.site.node)) for part in move.symbol.parts]
        uses = [(next(scopes[node] for node in refs.names.around(change.node) if node in scopes), change.start)
                for change in move.changes]
        for name in needs(plan, move):
            places.setdefault(name, [(module, 0)]).extend(sites + uses)
            imports.setdefault(name, []).extend(
                site for site in sites if site[0] is not module or move.form != "same" or move.symbol.member)
    made = maker(refs)
    for name in sorted(places):
        if made is not None and name == "get_experiment":
            plan.same[made.variable] = name
        plan.chosen[name] = _free_name(plan, name, places[name])
        if name in plan.target.functions and (made is None or plan.chosen[name] != made.variable.name):
            functions.append(name)
            plan.chosen[STATE] = _free_name(plan, STATE, [(module, 0)])
        there = module.variables.get(plan.chosen[name])
        starts = [refs.source.start(binding.node) for binding in there.bindings] if there else []
        starts += [start for scope, start in imports[name] if scope is module]
        if starts and all(min(starts) <= start for scope, start in imports[name] if scope is not module):
            plan.at_top.add(name)
    return functions


def _free_name(plan: Plan, name: str, places: Sequence[Tuple[Scope, int]]) -> str:
    """Give what to call a name: as the module does already, or what means nothing else at these places."""
    other = OTHER_NAMES.get(name, "polyaxon_" + name)
    variables = plan.refs.names.module.variables.values()
    candidates = [variable.name for variable in variables if _is_symbol(plan, variable, name)]
    candidates += [name, other] + ["{}_{}".format(other, number) for number in range(2, 99)]
    return next(each for each in candidates if not any(_is_taken(plan, each, name, *place) for place in places))


def _is_taken(plan: Plan, bound: str, name: str, place: Scope, start: int) -> bool:
    """Tell whether a name means something else at a place, or nothing yet."""
    for scope in place.chain:
        variable = scope.variables.get(bound)
        if variable is not None and (variable.bindings or variable.uses) and not (
                _is_symbol(plan, variable, name) and (scope.kind == "module" or all(
                    binding.node in getattr(scope.node, "body", ()) and plan.refs.source.start(binding.node) <= start
                    for binding in variable.bindings))):
            return True
    return False


def _is_symbol(plan: Plan, variable: Variable, name: str) -> bool:
    """Tell whether all that binds the variable makes it the target's `name`, or will."""
    if plan.same.get(variable) == name:
        return True
    homes = (plan.target.homes.get(name), *((TRACKING, EXCEPTIONS, CLIENT) if plan.target.column == "client" else ()))
    return bool(variable.bindings) and all(
        binding.alias is not None and binding.alias.name == name and isinstance(binding.node, ast.ImportFrom)
        and binding.node.module in homes and not binding.node.level for binding in variable.bindings)


def import_line(plan: Plan, name: str) -> str:
    return "from {} import {}".format(plan.target.homes[name], name_as(plan, name))


def name_as(plan: Plan, name: str) -> str:
    bound = plan.chosen[name]
    return name if bound == name else "{} as {}".format(name, bound)


def definition(plan: Plan, move: Move, site: Optional[Site] = None) -> str:
    """Give the function that stands for a legacy name, where `site` imports it or behind the imports."""
    rebinds = site is not None and any(plan.refs.source.start(binding.node) < plan.refs.source.start(site.node)
                                       for binding in move.symbol.variable.bindings)
    returns = "" if move.symbol.name == "send_metrics" else "return "
    return "def {}({}):{}\n    {}{}\n".format(
        move.function, SIGNATURES.get(move.symbol.name, ("", ""))[0], REBOUND * rebinds, returns,
        named(move.body, plan.chosen))


def laid_out(source: Source, text: str, indent: str = "") -> str:
    """Give a text of ours with the file's own line ends and indentation."""
    return text.replace("    ", source.unit).replace("\n", source.newline + indent)
