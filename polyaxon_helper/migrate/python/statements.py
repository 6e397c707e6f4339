"""Import statements: one a module and block, in the places of the legacy ones or where they sort."""
import ast
from typing import Dict, List, NamedTuple, Optional, Sequence, Set

from .decide import Move
from .edits import mark
from .imports import Import, import_text, key, name_key, own_lines, parts, place, reworded, texts
from .plan import Plan, changed, definition, laid_out, name_as, needed, needs
from .references import LEGACY, Site
from .source import Source

NOQA = "  # noqa: F401"  # goes into a module: only its `try` needs the import


class Block(NamedTuple):
    """The legacy imports of one block of statements, and what is to become of them."""

    plan: Plan
    sites: List[Site]  # those of which something moves
    stays: Dict[Import, List[str]]  # the names that a statement keeps
    names: Dict[str, List[str]]  # those to import, by their module
    functions: List[str]
    becomes: Dict[Import, str]  # the module that a statement imports from instead
    comment: str = ""  # what stands behind the new import


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
    gone = [node for node, stays in block.stays.items() if not stays]
    near = _near(block.sites[0])
    slots = [node for node in gone if node in near]
    for module, names in sorted(block.names.items()):
        there = _existing_import(block, module)
        if there is not None:
            _reword(block.plan, there, texts(there) + names)
            continue
        slots.sort(key=lambda node: (set(names).isdisjoint(texts(node)), isinstance(node, ast.Import)))
        _new_import(block, module, slots.pop(0) if slots else None, gone)
    for node, stays in block.stays.items():
        if stays:
            _reword(block.plan, node, stays)
    for node in gone:
        block.plan.edits.statement(node, itself="")
    if block.functions:
        _write_functions(block)
    _remove(block, gone)


def _block(plan: Plan, sites: List[Site]) -> Block:
    block = Block(plan, [], {}, {}, [], {})
    for site in sites:
        names, homes = _names_at(plan, site), [_home(plan, alias) for alias in site.node.names]
        stays = [name for name, home in zip(texts(site.node), homes) if home is None]
        if len(stays) == len(homes) and not names:
            continue
        block.sites.append(site)
        block.stays[site.node] = stays
        block.functions.extend(definition(plan, move, site) for move in _moves_at(plan, site) if move.form == "local")
        new = [(name_as(plan, name), plan.target.homes[name]) for name in names]
        for name, home in [*zip(texts(site.node), homes), *new]:
            if home:
                block.names.setdefault(home, []).append(name)
        plan.brought.update((site.scope.node, name) for name in names)
    if any(site.guarded for site in block.sites) and not block.names:
        return _leave_one(block)
    return block


def _moves_at(plan: Plan, site: Site) -> List[Move]:
    return [move for alias in site.node.names for move in plan.by_import.get(alias, ())]


def _home(plan: Plan, alias: ast.alias) -> Optional[str]:
    """Give the module that has a name now, "" for none; None where the name stays."""
    moves = plan.by_import.get(alias, [])
    if not moves or alias.name.startswith(LEGACY + "."):
        return None
    symbol = moves[0].symbol
    if symbol.member:
        return None if len(symbol.variable.uses) > sum(len(move.symbol.uses) for move in moves) else ""
    return plan.target.homes[symbol.name] if moves[0].form == "same" else ""


def _leave_one(block: Block) -> Block:
    """Leave an import in a `try`, so that it fails as before."""
    plan, module = block.plan, block.plan.refs.names.module
    name = "Experiment" if plan.target.column == "client" else "tracking"
    bound, scope = plan.chosen.setdefault(name, name), block.sites[0].scope
    if scope is not module and name in plan.at_top and bound in module.variables and any(
            binding.node in plan.refs.source.tree.body for binding in module.variables[bound].bindings):
        return block  # it can't fail
    moves = [move for site in block.sites for move in _moves_at(plan, site)]
    hides = scope is not module and any(
        scope in use.scope.chain for move in plan.moves if name in needed(changed(move), plan.target)
        for use in move.symbol.uses)
    inside = not hides and any(name in needed(move.body, plan.target) for move in moves if move.form == "local")
    used = any(move.symbol.uses for move in moves) and not inside
    text = "{} as _{}".format(name, name) if hides else name_as(plan, name)
    plan.brought.update([(scope.node, name)] * (not hides))
    return block._replace(names={plan.target.homes[name]: [text]}, comment=NOQA * used)


def _names_at(plan: Plan, site: Site) -> List[str]:
    """Give the names that have to be imported where this statement is."""
    names: Set[str] = set()
    for move in _moves_at(plan, site):
        if move.form != "same" or move.symbol.member:
            inside = needed(changed(move) + " " + move.body * (move.form == "local"), plan.target)
            at_top = site.scope is plan.refs.names.module
            names |= inside | needs(plan, move).intersection(plan.at_top) if at_top else inside - plan.at_top
    return sorted(name for name in names.intersection(plan.target.homes) if not _is_there(plan, site, name))


def _is_there(plan: Plan, site: Site, name: str) -> bool:
    """Tell whether another statement imports a name whenever this one runs."""
    bindings = plan.refs.names.variable(plan.chosen[name], site.scope).bindings
    sites = {each.node for each in plan.refs.sites}
    stays = any(move.form == "same" for each in bindings if each.alias for move in plan.by_import.get(each.alias, ()))
    for node in [each.node for each in bindings if each.alias and (stays or each.node not in sites)]:
        earlier = node.lineno < site.node.lineno
        if node in site.body and (node in sites or earlier or node in _near(site)) \
                or node in plan.refs.source.tree.body and not site.guarded and earlier:
            return True
    return False


def _near(site: Site) -> List[Import]:
    """Give a statement, and the imports that follow it in its block."""
    near: List[Import] = []
    for node in site.body[site.body.index(site.node):]:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            break
        near.append(node)
    return near


def _existing_import(block: Block, module: str) -> Optional[ast.ImportFrom]:
    """Give the statement of this block that imports from a module already, when the first legacy one runs."""
    first = block.sites[0]
    body = [*first.body[:first.body.index(first.node)], *_near(first)]
    return next((node for node in body if isinstance(node, ast.ImportFrom) and node.module == module
                 and not node.level and node.names[0].name != "*" and node not in block.stays), None)


def _reword(plan: Plan, node: Import, names: List[str]) -> None:
    """Give a statement these names."""
    source, old = plan.refs.source, parts(plan.refs.source, node)
    text, plain = reworded(source, node, source.text[slice(*old.module)], names)
    if text != source.text[old.start:old.end]:
        plan.edits.replace(old.start, old.end, text)
        plan.edits.statement(node, itself=plain)


def _new_import(block: Block, module: str, slot: Optional[Import], gone: List[Import]) -> None:
    """Write the statement that imports from a module, where it sorts; it is laid out as `slot`, one that goes."""
    source, edits, anchor = block.plan.refs.source, block.plan.edits, slot or block.sites[0].node
    old, comment = parts(source, anchor), block.comment
    text = plain = import_text(module, sorted(set(block.names[module]), key=name_key))
    if isinstance(slot, ast.ImportFrom):
        text, plain = reworded(source, slot, module, block.names[module])
    line = source.indent(old.start) + text + comment
    run = [node for node in _run(source, block.sites[0].body, anchor) if node is anchor or node not in gone]
    keys = [key(block.becomes.get(node, node)) for node in run]
    at = place(keys, run.index(anchor), anchor in gone, module)
    if slot is not None:
        line += source.text[old.end:source.line_end(old.end)]
    if slot is not None and run[at:at + 1] == [slot]:
        edits.replace(old.start, old.end, text + comment)
        edits.statement(slot, itself=plain)
        block.becomes[slot] = module
        gone.remove(slot)
        return
    if at < len(run):
        start = source.line_start(source.start(run[at]))
        edits.replace(start, start, line + source.newline)
        edits.statement(run[at], before=plain)
    else:
        end = source.line_end(parts(source, run[-1]).end)
        edits.replace(end, end, source.newline + line)
        edits.statement(run[-1], after=plain)


def _run(source: Source, body: Sequence[ast.stmt], anchor: Import) -> List[Import]:
    """Give the imports that follow each other, each in a line of its own, among which a statement stands."""
    first = last = body.index(anchor)
    while first and _follow(source, *body[first - 1:first + 1]):
        first -= 1
    while last + 1 < len(body) and _follow(source, *body[last:last + 2]):
        last += 1
    return [node for node in body[first:last + 1] if isinstance(node, (ast.Import, ast.ImportFrom))]


def _follow(source: Source, one: ast.stmt, other: ast.stmt) -> bool:
    lines, more = own_lines(source, one), own_lines(source, other)
    return lines is not None and more is not None and lines[1] == more[0]


def _write_functions(block: Block) -> None:
    """Put the functions behind the first imports of the block."""
    source, edits, body = block.plan.refs.source, block.plan.edits, block.sites[0].body
    last = [node for node in _near(block.sites[0]) if own_lines(source, node)][-1]
    number = body.index(last) + 1
    end, indent = source.line_end(parts(source, last).end), source.indent(source.start(last))
    gap = mark(2 if body is source.tree.body else 1)
    above = mark(0) if all(map(edits.is_gone, body[:number])) else gap
    for text in block.functions:
        lines = ["", above, indent + laid_out(source, text.rstrip("\n"), indent)]
        edits.replace(end, end, source.newline.join(lines))
        edits.statement(last, after=text)
        above = gap
    if not all(map(edits.is_gone, body[number:])):
        edits.replace(end, end, source.newline + gap)


def _remove(block: Block, gone: List[Import]) -> None:
    """Take away the lines of the statements of which nothing is left."""
    source, edits, body = block.plan.refs.source, block.plan.edits, block.sites[0].body
    is_empty = body is not source.tree.body and all(map(edits.is_gone, body))
    for node in gone:
        old = parts(source, node)
        if is_empty and node is gone[-1]:
            edits.replace(old.start, old.end, "pass")
            edits.statement(node, itself="pass")
        else:
            is_first = node is body[0] and body is not source.tree.body and edits.is_gone(node)
            edits.replace(source.line_start(old.start), source.line_end(old.end), mark(0, exact=is_first))
