"""Import statements: one a module and block, in the places of the legacy ones or where they sort."""
import ast
from itertools import takewhile
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, cast

from .decide import Move
from .edits import mark
from .imports import Import, has_comment, import_text, ordered, own_lines, parts, place, reworded, texts
from .plan import Plan, changed, definition, laid_out, name_as, needed, needs
from .references import LEGACY, Site
from .source import Source

UNUSED = "  # noqa: F401"  # written behind an import that only its `try` needs


class Block(NamedTuple):  # the legacy imports of one block of statements, and what is to become of them
    plan: Plan
    sites: List[Site]  # those of which something moves
    moves: List[Move]
    stays: Dict[Import, List[str]]  # the names that a statement keeps
    names: Dict[str, List[str]]  # those to import, by their module
    functions: List[str]
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
    plan, first = block.plan, block.sites[0]
    became = {node: "" for node, stays in block.stays.items() if not stays}  # the module that each imports from now
    near = [node for node in [*first.body[:first.body.index(first.node)], *_near(first)]
            if isinstance(node, ast.ImportFrom) and not node.level and node.names[0].name != "*"]
    for module, names in sorted(block.names.items()):
        there = next((node for node in near if node.module == module and node not in block.stays
                      and not has_comment(plan.refs.source, node)), None)
        if there is not None:
            _reword(plan, there, [*texts(there), *names])
        else:
            _new_import(block, module, became)
    for node, stays in block.stays.items():
        if stays:
            _reword(plan, node, stays)
    gone = [node for node, module in became.items() if not module]
    for node in gone:
        plan.edits.statement(node, itself="")
    if block.functions:
        _write_functions(block)
    _remove(block, gone)


def _block(plan: Plan, sites: List[Site]) -> Block:
    block = Block(plan, [], [], {}, {}, [])
    for site in sites:
        moves = [move for alias in site.node.names for move in plan.by_import.get(alias, ())]
        names, homes = _names_at(plan, site, moves), [_home(plan, alias) for alias in site.node.names]
        stays = [name for name, home in zip(texts(site.node), homes) if home is None]
        if len(stays) == len(homes) and not names:
            continue
        block.sites.append(site)
        block.moves.extend(moves)
        block.stays[site.node] = stays
        block.functions.extend(definition(plan, move, site) for move in moves if move.form == "local")
        new = [(name_as(plan, name), plan.target.homes[name]) for name in names]
        for name, home in [*zip(texts(site.node), homes), *new]:
            if home:
                block.names.setdefault(home, []).append(name)
        plan.brought.update((site.scope.node, name) for name in names)
    return _leave_one(block) if not block.names and any(site.guarded for site in block.sites) else block


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
    plan, scope, name = block.plan, block.sites[0].scope, "tracking" if block.plan.target.sources else "Experiment"
    hides = scope.kind != "module" and any(scope in use.scope.chain for move in plan.moves for use in move.symbol.uses
                                           if name in needed(changed(move), plan.target))
    plan.chosen.setdefault(name, name)
    plan.brought.update([(scope.node, name)] * (not hides))
    inside = not hides and any(name in needed(move.body, plan.target) for move in block.moves if move.form == "local")
    text = "{0} as _{0}".format(name) if hides else name_as(plan, name)
    comment = UNUSED * (hides or not inside and any(move.symbol.uses for move in block.moves))
    return block._replace(names={plan.target.homes[name]: [text]}, comment=comment)


def _names_at(plan: Plan, site: Site, moves: List[Move]) -> List[str]:
    """Give the names that have to be imported where this statement is."""
    names: Set[str] = set()
    for move in moves:
        if move.form != "same" or move.symbol.member:
            inside = needed(changed(move) + " " + move.body * (move.form == "local"), plan.target)
            at_top = site.scope is plan.refs.names.module
            names |= inside | needs(plan, move).intersection(plan.at_top) if at_top else inside - plan.at_top
    return sorted(name for name in names.intersection(plan.target.homes) if not _is_there(plan, site, name))


def _is_there(plan: Plan, site: Site, name: str) -> bool:
    """Tell whether another statement imports a name whenever this one runs."""
    for _, node, _, alias, _ in plan.refs.names.variable(plan.chosen[name], site.scope).bindings:
        moves, earlier = plan.by_import.get(alias, []), node.lineno < site.node.lineno
        in_block = node in site.body and (moves or earlier or node in _near(site))
        at_top = node in plan.refs.source.tree.body and earlier and not site.guarded
        if alias and (in_block or at_top) and all(move.form == "same" for move in moves):
            return True
    return False


def _near(site: Site) -> List[Import]:
    """Give a statement, and the imports that follow it in its block."""
    behind = site.body[site.body.index(site.node):]
    return cast(List[Import], list(takewhile(lambda node: isinstance(node, (ast.Import, ast.ImportFrom)), behind)))


def _reword(plan: Plan, node: Import, names: Sequence[str], module: str = "") -> None:
    """Give a statement these names, and another module if one is given."""
    source, old, names = plan.refs.source, parts(plan.refs.source, node), ordered(texts(node), names)
    module = module or source.text[slice(*old.module)]
    text = reworded(source, node, module, names)
    if text != source.text[old.start:old.end]:
        plan.edits.replace(old.start, old.end, text)
        plan.edits.statement(node, itself=import_text(module, names))


def _new_import(block: Block, module: str, became: Dict[Import, str]) -> None:
    """Write the statement that imports from a module: in the place of one that goes, or where it sorts."""
    source, edits, names = block.plan.refs.source, block.plan.edits, ordered([], block.names[module])
    slots = [node for node in _near(block.sites[0]) if became.get(node) == ""]
    slots.sort(key=lambda node: (set(names).isdisjoint(texts(node)), isinstance(node, ast.Import)))
    anchor = (slots or [block.sites[0].node])[0]
    run = [node for node in _run(source, block.sites[0].body, anchor) if node is anchor or became.get(node) != ""]
    at = place([became.get(node) or node for node in run], run.index(anchor), bool(slots), module)
    text = import_text(module, names)
    line = source.indent(source.start(anchor)) + text + block.comment
    if slots and run[at:at + 1] == [anchor]:
        end, became[anchor] = parts(source, anchor).end, module
        _reword(block.plan, anchor, names, module)
        if source.text.startswith(UNUSED, end) != bool(block.comment):
            edits.replace(end, end + len(UNUSED) * (not block.comment), block.comment)
    elif at < len(run):
        start = source.line_start(source.start(run[at]))
        edits.replace(start, start, line + source.newline)
        edits.statement(run[at], before=text)
    else:
        end = source.line_end(parts(source, run[-1]).end)
        edits.replace(end, end, source.newline + line)
        edits.statement(run[-1], after=text)


def _run(source: Source, body: Sequence[ast.stmt], anchor: Import) -> List[Import]:
    """Give the imports that follow each other, each in a line of its own, among which a statement stands."""
    runs, end = [], -1  # type: List[List[Import]], int
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            lines = own_lines(source, node)
            if lines is not None:
                runs += [[]] * (lines[0] != end)
                runs[-1].append(node)
            end = lines[1] if lines else -1
    return next(run for run in runs if anchor in run)


def _write_functions(block: Block) -> None:
    """Put the functions behind the first imports of the block."""
    source, edits, body = block.plan.refs.source, block.plan.edits, block.sites[0].body
    last = [node for node in _near(block.sites[0]) if own_lines(source, node)][-1]
    number = body.index(last) + 1
    end, indent = source.line_end(parts(source, last).end), source.indent(source.start(last))
    gap = mark(2 if body is source.tree.body else 1)
    lines = [gap if any(not edits.is_gone(node) for node in body[:number]) else mark(0)]
    for text in block.functions:
        lines += [indent + laid_out(source, text.rstrip("\n"), indent), gap]
    if all(map(edits.is_gone, body[number:])):
        lines.pop()
    edits.replace(end, end, source.newline.join(["", *lines]))
    edits.statement(last, after="\n".join(block.functions))


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
