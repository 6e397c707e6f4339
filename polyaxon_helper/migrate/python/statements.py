"""Import statements: one a module, in the places of the legacy ones or where they sort."""
import ast
import re
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .decide import Move
from .edits import mark
from .imports import (
    REST_OF_LINE,
    Import,
    Item,
    Key,
    Parts,
    key,
    own_lines,
    parts,
    place,
    reworded,
    stands_alone,
    with_names,
)
from .plan import Plan, changed, definition, laid_out, name_as, needed, needs
from .references import LEGACY, Site
from .source import Source

NOQA = "  # noqa: F401"
SEPARATOR = re.compile(r"[ \t]*;[ \t]*")


class Block(NamedTuple):
    """The legacy imports of one block of statements, and what is to become of them."""

    plan: Plan
    sites: List[Site]  # those of which something moves
    old: Dict[Import, Parts]
    stays: Dict[Import, List[int]]  # the names, by their number, that a statement keeps
    moved: Dict[Import, Dict[str, List[int]]]  # names that another module has, by this module
    brought: Dict[str, List[str]]  # new names, by their module
    functions: Dict[Import, List[str]]  # the functions that follow a statement
    comments: Dict[str, str]  # the comment behind an import, by its module
    becomes: Dict[Import, Optional[Key]]  # what a statement that goes is sorted by then; None where it is taken out


def write_imports(plan: Plan, sites: List[Site]) -> None:
    """Write the import statements in the places of these."""
    bodies: Dict[int, List[Site]] = {}
    for site in sites:
        bodies.setdefault(id(site.body), []).append(site)
    for each in bodies.values():
        block = _block(plan, each)
        if block.sites:
            _write(block)


def _write(block: Block) -> None:
    free = [site.node for site in block.sites if not block.stays[site.node]]
    for module in sorted({*block.brought, *(module for each in block.moved.values() for module in each)}):
        there = _existing_import(block, module)
        if there is not None:
            _reword(block.plan, there, range(len(there.names)), _texts(block, module, None))
            continue
        near = [node for node in free if _leads_to(block.sites[0], node)]
        slot = next(iter([node for node in near if module in block.moved[node]]
                         + [node for node in near if isinstance(node, ast.ImportFrom)] + near), None)
        if slot is not None:
            free.remove(slot)
        _new_import(block, module, slot, free)
    for node in free if block.becomes else ():
        block.functions[next(iter(block.becomes))].extend(block.functions[node])
        block.functions[node] = []
    for node, stays in block.stays.items():
        if stays and len(stays) < len(node.names):
            _reword(block.plan, node, stays, [])
    _remove(block, free)
    for site in block.sites:
        for text in block.functions[site.node]:
            _put_behind(block.plan, site, text)


def _block(plan: Plan, sites: List[Site]) -> Block:
    block = Block(plan, [], {}, {}, {}, {}, {}, {}, {})
    for site in sites:
        node, names = site.node, _names_at(plan, site)
        stays, moved = _sorted_aliases(plan, site)
        if len(stays) == len(node.names) and not names:
            continue
        block.sites.append(site)
        block.old[node], block.stays[node], block.moved[node] = parts(plan.refs.source, node), stays, moved
        block.functions[node] = [definition(plan, move, site) for move in _moves_at(plan, site) if move.form == "local"]
        for name in names:
            texts = block.brought.setdefault(plan.target.homes[name], [])
            texts += [name_as(plan, name)] if name_as(plan, name) not in texts else []
    if any(site.guarded for site in block.sites) and not block.brought and not any(block.moved.values()):
        _leave_one(block)
    return block


def _moves_at(plan: Plan, site: Site) -> List[Move]:
    return [move for alias in site.node.names for move in plan.by_import.get(alias, ())]


def _leave_one(block: Block) -> None:
    """Leave an import in a `try`, so that it fails as before."""
    plan, module = block.plan, block.plan.refs.names.module
    name = "Experiment" if plan.target.column == "client" else "tracking"
    plan.chosen.setdefault(name, name)
    scope, variable = block.sites[0].scope, module.variables.get(plan.chosen[name])
    if scope is not module and name in plan.at_top and variable is not None and any(
            binding.node in plan.refs.source.tree.body for binding in variable.bindings):
        return  # it can't fail
    moves = [move for site in block.sites for move in _moves_at(plan, site)]
    hides = scope is not module and any(
        scope in use.scope.chain() for move in plan.moves if name in needed(changed(move), plan.target)
        for use in move.symbol.uses)
    inside = not hides and any(name in needed(move.body, plan.target) for move in moves if move.form == "local")
    used = any(move.symbol.uses for move in moves) and not inside
    text = "{} as _{}".format(name, name) if hides else name_as(plan, name)
    block.brought[plan.target.homes[name]] = [text]
    block.comments[plan.target.homes[name]] = NOQA * used


def _sorted_aliases(plan: Plan, site: Site) -> Tuple[List[int], Dict[str, List[int]]]:
    """Give the names that a statement keeps, and those that another module has as they are."""
    stays: List[int] = []
    moved: Dict[str, List[int]] = {}
    for number, alias in enumerate(site.node.names):
        moves = plan.by_import.get(alias, [])
        member = bool(moves) and moves[0].symbol.member
        unmoved = member and len(moves[0].symbol.variable.uses) > sum(len(move.symbol.uses) for move in moves)
        if not moves or unmoved or alias.name.startswith(LEGACY + "."):
            stays.append(number)
        elif moves[0].form == "same" and not moves[0].symbol.member:
            moved.setdefault(plan.target.homes[moves[0].symbol.name], []).append(number)
    return stays, moved


def _names_at(plan: Plan, site: Site) -> List[str]:
    """Give the names that have to be imported where this statement is."""
    names = set()
    for move in _moves_at(plan, site):
        if move.form == "same" and not move.symbol.member:
            continue
        for name in needs(plan, move).intersection(plan.target.homes):
            inside = needed(changed(move) + " " + move.body * (move.form == "local"), plan.target)
            if site.scope is plan.refs.names.module or name in inside and name not in plan.at_top:
                names.add(name)
    return sorted(name for name in names if not _is_there(plan, site, name))


def _is_there(plan: Plan, site: Site, name: str) -> bool:
    """Tell whether another statement imports a name whenever this one runs."""
    variable = plan.refs.names.variable(plan.chosen[name], site.scope)
    tree, sites = plan.refs.source.tree, {each.node for each in plan.refs.sites}
    moves = any(move.form == "same" for binding in variable.bindings if binding.alias is not None
                for move in plan.by_import.get(binding.alias, ()))
    for binding in variable.bindings:
        node = binding.node
        if binding.alias is not None and (node not in sites or moves):
            earlier = node.lineno < site.node.lineno
            if node in site.body and (node in sites or earlier or _leads_to(site, node)):
                return True
            if node in tree.body and not site.guarded and earlier:
                return True
    return False


def _leads_to(site: Site, node: ast.stmt) -> bool:
    """Tell whether imports alone stand between one and a later statement of its block."""
    return node in site.body and all(isinstance(each, (ast.Import, ast.ImportFrom))
                                     for each in site.body[site.body.index(site.node):site.body.index(node)])


def _existing_import(block: Block, module: str) -> Optional[ast.ImportFrom]:
    """Give the statement of this block that imports from a module already, when the first legacy one runs."""
    first = block.sites[0]
    return next((node for node in first.body if isinstance(node, ast.ImportFrom) and node.module == module
                 and not node.level and node.names[0].name != "*" and node not in block.old
                 and (node.lineno < first.node.lineno or _leads_to(first, node))), None)


def _texts(block: Block, module: str, slot: Optional[Import]) -> List[str]:
    """Give the names to import from a module, but those that `slot` has."""
    names = [_name(node.names[number]) for node in block.old if node is not slot
             for number in block.moved[node].get(module, ())]
    return list(dict.fromkeys(names + block.brought.get(module, [])))


def _name(alias: ast.alias) -> str:
    return "{} as {}".format(alias.name, alias.asname) if alias.asname else alias.name


def _reword(plan: Plan, node: Import, stays: Sequence[int], names: List[str]) -> None:
    """Give a statement those of its own names that stay, and new ones."""
    old = parts(plan.refs.source, node)
    text, meant = _with_names(plan, node, plan.refs.source.text[slice(*old.module)], stays, names)
    if text != plan.refs.source.text[old.start:old.end]:
        plan.edits.replace(old.start, old.end, text)
        plan.edits.statement(node, itself=meant)


def _with_names(plan: Plan, node: Import, module: str, kept: Sequence[int], names: List[str]) -> Tuple[str, str]:
    """Give the text of a statement with other names, and the same in plain words."""
    there = [_name(alias) for alias in node.names]
    texts: Callable[[Item], str] = lambda item: there[item] if isinstance(item, int) else item
    items = with_names(list(kept), texts, [name for name in names if name not in [there[number] for number in kept]])
    return reworded(plan.refs.source, parts(plan.refs.source, node), module, items), "{}import {}".format(
        "from {} ".format(module) if isinstance(node, ast.ImportFrom) else "", ", ".join(map(texts, items)))


def _new_import(block: Block, module: str, slot: Optional[Import], free: List[Import]) -> None:
    """Write the statement that imports from a module: in the place of another, or where it sorts.

    `free` are statements that may be taken out yet.
    """
    source, edits, anchor = block.plan.refs.source, block.plan.edits, slot or block.sites[0].node
    names, comment, old = _texts(block, module, slot), block.comments.get(module, ""), block.old[anchor]
    text = meant = "from {} import {}".format(module, ", ".join(map(str, with_names([], str, names))))
    if isinstance(slot, ast.ImportFrom):
        text, meant = _with_names(block.plan, slot, module, block.moved[slot].get(module, []), names)
    run = [node for node in _run(block, anchor) if isinstance(node, (ast.Import, ast.ImportFrom))
           and node not in free and block.becomes.get(node, ()) is not None]
    at = place([block.becomes.get(node) or key(node) for node in run], run.index(slot) if slot in run else None, module)
    at = None if slot is not None and any(block.functions.values()) else at
    if slot is not None and (at is None or not run):
        edits.replace(old.start, old.end, text + comment * stands_alone(source, old.end))
        edits.statement(slot, itself=meant)
        block.becomes[slot] = (True, module.lower())
        return
    if not run:  # it shares its line
        edits.replace(old.start, old.start, text + "; ")
        edits.statement(anchor, before=meant)
        return
    if slot is not None:
        comment = source.text[old.end:source.line_end(old.end)]
        edits.replace(source.line_start(old.start), source.line_end(old.end), mark(0))
        edits.statement(slot, itself="")
        block.becomes[slot] = None
    line = source.indent(old.start) + text + comment
    if at == len(run):
        end = source.line_end(parts(source, run[-1]).end)
        edits.replace(end, end, source.newline + line)
        edits.statement(run[-1], after=meant)
    else:
        before = anchor if at is None else run[at]
        start = source.line_start(source.start(before))
        edits.replace(start, start, line + source.newline)
        edits.statement(before, before=meant)


def _run(block: Block, anchor: Import) -> List[ast.stmt]:
    """Give the imports that follow each other, each in a line of its own, among which a statement stands."""
    source = block.plan.refs.source
    body = next(site.body for site in block.sites if site.node is anchor)
    first = last = body.index(anchor)
    while first and _follow(source, *body[first - 1:first + 1]):
        first -= 1
    while last + 1 < len(body) and _follow(source, *body[last:last + 2]):
        last += 1
    return list(body[first:last + 1]) if own_lines(source, anchor) else []


def _follow(source: Source, one: ast.stmt, other: ast.stmt) -> bool:
    lines, more = own_lines(source, one), own_lines(source, other)
    return lines is not None and more is not None and lines[1] == more[0]


def _remove(block: Block, free: List[Import]) -> None:
    """Take away the statements of which nothing is left."""
    source, edits = block.plan.refs.source, block.plan.edits
    body = block.sites[0].body
    spans: List[Tuple[int, int, Import]] = []  # those that share a line are one
    for node in free:
        start, end = block.old[node].start, block.old[node].end
        if block.functions[node]:
            text = block.functions[node].pop(0).rstrip("\n")
            begin = source.line_start(start)
            edits.replace(begin, begin, (mark(1) + source.newline) * (node is not body[0]))
            edits.replace(start, end, laid_out(source, text, source.indent(start)))
            edits.statement(node, itself=text)
        elif spans and SEPARATOR.fullmatch(source.text[spans[-1][1]:start]):
            spans[-1] = spans[-1][0], end, node
            edits.statement(node, itself="")
        else:
            spans.append((start, end, node))
            edits.statement(node, itself="")
    for start, end, node in spans:
        if node is free[-1] and body is not source.tree.body and all(map(edits.is_gone, body)):
            edits.replace(start, end, "pass")
            edits.statement(node, itself="pass")
        else:
            _cut(block, start, end, node is body[0] and body is not source.tree.body)


def _cut(block: Block, start: int, end: int, is_first: bool) -> None:
    """Take out a statement: its line, or its part of a line."""
    source, edits = block.plan.refs.source, block.plan.edits
    text, begin = source.text, source.line_start(start)
    after = SEPARATOR.match(text, end)
    end = after.end() if after else end
    if not REST_OF_LINE.match(text, end):
        edits.replace(start, end, "")
    elif not text[begin:start].strip():
        edits.replace(begin, source.line_end(end), mark(0, exact=is_first))
    else:
        edits.replace(len(text[:start].rstrip(" \t;")), end, "")


def _put_behind(plan: Plan, site: Site, text: str) -> None:
    """Put a function behind the import statement that it belongs to."""
    source, old = plan.refs.source, parts(plan.refs.source, site.node)
    end, indent = source.line_end(old.end), source.indent(old.start)
    gap = 2 if site.body is source.tree.body else 1
    lines = ["", mark(gap), indent + laid_out(source, text.rstrip("\n"), indent)]
    lines += [mark(gap)] * (site.node is not site.body[-1])
    plan.edits.replace(end, end, source.newline.join(lines))
    plan.edits.statement(site.node, after=text)
