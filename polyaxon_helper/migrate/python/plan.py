"""Holds what the edits of a module stand on, and chooses what everything new is called in it."""
import ast
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from ...replacements import CLIENT, EXCEPTIONS, SIGNATURES, TRACKING, Target
from .decide import Move
from .edits import Edits
from .experiments import STATE, WORD, maker, named
from .names import Scope, Variable, is_import
from .references import References, Site
from .source import Source

REBOUND = "  # noqa: F811"  # written behind a function that something above has the name of


class Plan(NamedTuple):  # holds what the edits of a module stand on
    refs: References
    target: Target
    moves: List[Move]
    edits: Edits
    chosen: Dict[str, str]  # what each new name is called in this module
    by_import: Dict[Optional[ast.alias], List[Move]]  # the moves of what each part of an import binds
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
    names = needed(" ".join([changed(move), move.body, move.symbol.name * (move.form == "same")]), plan.target)
    return names | {plan.target.functions[name].needs for name in names if name in plan.target.functions}


def choose(plan: Plan) -> List[str]:
    """Choose the new names; gives the target's functions that the module has yet to get."""
    refs, module, made, functions = plan.refs, plan.refs.names.module, maker(plan.refs.source, plan.refs.names), []
    sites: Dict[str, List[Site]] = {}  # where a statement may bring a name
    for move in plan.moves:
        for name in needs(plan, move):
            sites.setdefault(name, []).extend(site for site in move.symbol.parts.values() if (
                site.scope is not module or move.form != "same" or move.symbol.member))
    uses = [change.start for move in plan.moves for change in move.changes if "get_experiment" in change.new]
    if made is not None and any(start < refs.source.start(made.statements[0]) for start in uses):
        made = None  # it comes too late
    for name in sorted(sites):
        if made is not None and name == "get_experiment":
            plan.same[made.variable] = name
        plan.chosen[name] = _free_name(plan, name)
        if name in plan.target.functions and (made is None or plan.chosen[name] != made.variable.name):
            functions.append(name)
            plan.chosen[STATE] = _free_name(plan, STATE)
        starts = [refs.source.start(each.node) for each in refs.names.variable(plan.chosen[name], module).bindings]
        starts += [refs.source.start(site.node) for site in sites[name] if site.scope is module]
        if starts and all(min(starts) <= refs.source.start(site.node) for site in sites[name]):
            plan.at_top.add(name)
    return functions


def _free_name(plan: Plan, name: str) -> str:
    """Give what to call a name: as the module does already, or what means nothing else anywhere in it."""
    other = ("Polyaxon" if name[0].isupper() else "polyaxon_") + name.lstrip("_")
    module, imports = plan.refs.names.module, [variable for _, variable in plan.refs.names.imports.values()]
    candidates = [variable.name for variable in [*imports, *plan.same]
                  if variable.scope is module and _is_symbol(plan, variable, name)]
    candidates += [name, other] + ["{}_{}".format(other, number) for number in range(2, 99)]
    return next(each for each in candidates if not any(
        _is_taken(plan, scope, each, name) for scope in plan.refs.names.scopes if each in scope.variables))


def _is_taken(plan: Plan, scope: Scope, bound: str, name: str) -> bool:
    """Tell whether a name of a scope means something else than the target's `name`, or does so late."""
    variable = scope.variables[bound]
    is_there = scope.kind == "module" or any(
        each.node in getattr(scope.node, "body", ())[:2] for each in variable.bindings)
    return bool(variable.bindings or variable.uses) and not (_is_symbol(plan, variable, name) and is_there)


def _is_symbol(plan: Plan, variable: Variable, name: str) -> bool:
    """Tell whether all that binds the variable makes it the target's `name`, or will."""
    homes = (plan.target.homes.get(name), *((TRACKING, EXCEPTIONS, CLIENT) if plan.target.column == "client" else ()))
    return plan.same.get(variable) == name or is_import(variable, name, homes)


def name_as(plan: Plan, name: str) -> str:
    return name if plan.chosen[name] == name else "{} as {}".format(name, plan.chosen[name])


def definition(plan: Plan, move: Move, site: Optional[Site] = None) -> str:
    """Give the function that stands for a legacy name, where `site` imports it or behind the imports."""
    is_rebound = site is not None and any(plan.refs.source.start(binding.node) < plan.refs.source.start(site.node)
                                       for binding in move.symbol.variable.bindings)
    return "def {}({}):{}\n    {}{}\n".format(
        move.function, SIGNATURES.get(move.symbol.name, ("", ""))[0], REBOUND * is_rebound,
        "" if move.symbol.name == "send_metrics" else "return ", named(move.body, plan.chosen))


def laid_out(source: Source, text: str, indent: str = "") -> str:
    """Give a text of ours with the file's own line ends and indentation."""
    return text.replace("    ", source.unit).replace("\n", source.newline + indent)
