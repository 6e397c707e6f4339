"""From what was decided to edits: expressions, import statements, and the functions behind the imports."""
import ast
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...replacements import CLIENT, EXCEPTIONS, SIGNATURES, TRACKING, Target
from .decide import Move
from .edits import BLANK_LINES, REST_OF_LINE, Edits, first_line, stands_alone
from .experiments import maker, named
from .imports import Import, Item, Key, Parts, key, parts, place, reworded, with_names
from .names import Scope, Variable
from .references import LEGACY, References, Site
from .source import LINE_END, Source

OTHER_NAMES = {"Experiment": "PolyaxonExperiment", "Job": "PolyaxonJob", "get_experiment": "get_polyaxon_experiment",
               "PolyaxonClientException": "ClientException", "tracking": "traceml_tracking"}
"""What to call something whose name means something else; others get polyaxon_ in front."""
SEPARATOR = re.compile(r"[ \t]*;[ \t]*")
NOQA = "  # noqa: F401"
WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*")


def needed(text: str, target: Target) -> Set[str]:
    """Give the names of the target that an expression needs."""
    return {word for word in WORD.findall(text) if word in target.homes or word in target.functions}


class Plan(NamedTuple):
    """What the edits of a module stand on."""

    refs: References
    target: Target
    moves: List[Move]
    edits: Edits
    chosen: Dict[str, str]
    """What each new name is called in this module."""
    functions: List[str]
    """The target's functions that the module gets."""
    cuts: List[Tuple[int, int]]
    """What is taken out of the text with its lines."""


def rewrite(refs: References, target: Target, moves: List[Move]) -> Edits:
    """Give the edits that make these moves."""
    plan = Plan(refs, target, moves, Edits(refs.source), {}, [], [])
    _choose(plan)
    for move in moves:
        for change in move.changes:
            _change(plan, change.node, change.start, change.end, change.new, change.field)
        _remove_statements(plan, move.gone)
    written = _functions(plan)
    by_body: Dict[int, List[Site]] = {}
    for site in refs.sites:
        if not any(statement in [site.node, *refs.names.around(site.node)]
                   for move in moves for statement in move.gone):
            by_body.setdefault(id(site.body), []).append(site)
    for sites in by_body.values():
        _imports(plan, sites)
    if written:
        _insert(plan, written)
    return plan.edits


def _change(plan: Plan, node: ast.AST, start: int, end: int, new: str, field: str) -> None:
    if field:
        plan.edits.field(node, field, start, new)
    elif isinstance(node, ast.expr):
        root: ast.expr = node
        for parent in plan.refs.names.around(node):
            if isinstance(parent, ast.expr):
                root = parent
            elif not isinstance(parent, (ast.keyword, ast.comprehension)):
                break
        plan.edits.expression(node, start, end, named(new, plan.chosen), root)


# What everything new is called

def _choose(plan: Plan) -> None:
    names = plan.refs.names
    wanted: Dict[str, Dict[int, Tuple[Scope, int]]] = {}  # with the first offset in a scope
    for move in plan.moves:
        places = [(names.module, 0), *((use.scope, use.start) for use in move.symbol.uses),
                  *((part.site.scope, plan.refs.source.start(part.site.node)) for part in move.symbol.parts)]
        for name in _needs(plan, move) | {"_experiment"} & {"_" + name[4:] for name in _needs(plan, move)}:
            found = wanted.setdefault(name, {})
            for scope, start in places:
                found[id(scope)] = scope, min(start, found.get(id(scope), (scope, start))[1])
    made = maker(names, plan.refs.source.tree.body)
    for name, found in wanted.items():
        if made is not None and name in ("get_experiment", "_experiment"):
            plan.chosen[name] = made.variable.name if name == "get_experiment" else made.state
            continue
        if name in plan.target.functions:
            plan.functions.append(name)
        plan.chosen[name] = _free_name(plan, name, list(found.values()))


def _needs(plan: Plan, move: Move) -> Set[str]:
    """Give all names that a move needs, those of the functions that it needs among them."""
    names = needed(" ".join([change.new for change in move.changes if not change.field] + [move.body]), plan.target)
    if move.form == "same":
        names.add(move.symbol.name)
    return names.union(*(needed(plan.target.functions[name].needs, plan.target)
                         for name in names if name in plan.target.functions))


def _free_name(plan: Plan, name: str, places: Sequence[Tuple[Scope, int]]) -> str:
    existing = _existing(plan, name)
    if existing is not None:
        return existing.name
    other = OTHER_NAMES.get(name, "_polyaxon_experiment" if name == "_experiment" else "polyaxon_" + name)
    candidates = [name, other] + ["{}_{}".format(other, number) for number in range(2, 99)]
    return next(each for each in candidates if not any(_is_taken(plan, each, name, *place) for place in places))


def _is_taken(plan: Plan, bound: str, name: str, place: Scope, start: int) -> bool:
    """Tell whether a name means something else at a place, or nothing yet."""
    for scope in place.chain():
        variable = scope.variables.get(bound)
        if variable is not None and (variable.bindings or variable.uses) and not (
                _is_symbol(plan, variable, name) and (scope.parent is None or all(
                    binding.node in getattr(scope.node, "body", ()) and plan.refs.source.start(binding.node) <= start
                    for binding in variable.bindings))):
            return True
    return False


def _is_symbol(plan: Plan, variable: Variable, name: str) -> bool:
    """Tell whether all that binds the variable makes it the target's `name`, or will."""
    if any(move.symbol.variable is variable and move.form == "same" and move.symbol.name == name
           and move.symbol.alone for move in plan.moves if not move.symbol.member):
        return True
    homes = (plan.target.homes.get(name), *((TRACKING, EXCEPTIONS, CLIENT) if plan.target.column == "client" else ()))
    return bool(variable.bindings) and all(
        binding.alias is not None and binding.alias.name == name and isinstance(binding.node, ast.ImportFrom)
        and binding.node.module in homes for binding in variable.bindings)


def _existing(plan: Plan, name: str) -> Optional[Variable]:
    """Give the module's variable that is that name already, or will be."""
    return next((variable for variable in plan.refs.names.module.variables.values()
                 if name in plan.target.homes and _is_symbol(plan, variable, name)), None)


# Functions

def _functions(plan: Plan) -> List[str]:
    """Give the functions that the module gets behind its imports."""
    texts: Dict[str, str] = {}
    for name in plan.functions:
        function = plan.target.functions[name]
        text = named(function.text, plan.chosen)
        if not _is_imported_at_top(plan, function.needs):
            line = "    {}\n\n".format(_import_line(plan, function.needs))
            text = text.replace("():\n", "():\n" + line, 1)
        texts[name] = text
    for move in plan.moves:
        if move.form == "function":
            texts[move.function] = _function_text(plan, move, not all(
                _is_imported_at_top(plan, name) for name in needed(move.body, plan.target)
                if name in plan.target.homes))
    unit = plan.refs.source.unit()
    return [text.rstrip("\n").replace("    ", unit) for text in texts.values()]


def _function_text(plan: Plan, move: Move, imports: bool = False) -> str:
    parameters = SIGNATURES.get(move.symbol.name, ("", ""))[0]
    returns = "" if move.symbol.name == "send_metrics" else "return "
    lines = [_import_line(plan, name) for name in sorted(needed(move.body, plan.target))
             if name in plan.target.homes] if imports else []
    lines += [""] * bool(lines)
    return "".join("{}\n".format("    " + line if line else "") for line in [
        *lines, returns + named(move.body, plan.chosen)]).join(
            ["def {}({}):\n".format(move.function, parameters), ""])


def _import_line(plan: Plan, name: str) -> str:
    return "from {} import {}".format(plan.target.homes[name], _as(plan, name))


def _as(plan: Plan, name: str) -> str:
    bound = plan.chosen[name]
    return name if bound == name else "{} as {}".format(name, bound)


def _is_imported_at_top(plan: Plan, name: str) -> bool:
    """Tell whether an import at the module's top, in whatever block of it, brings this name, or will."""
    module = plan.refs.names.module
    existing = _existing(plan, name)
    return existing is not None and bool(existing.bindings) or any(
        part.site.scope is module for move in plan.moves if name in _needs(plan, move)
        for part in move.symbol.parts)


# Import statements

class Block(NamedTuple):
    """The legacy imports of one block, and what is to become of them."""

    plan: Plan
    sites: List[Site]
    """Those of which something moves."""
    old: Dict[Import, Parts]
    stays: Dict[Import, List[int]]
    """The names, by their number, that a statement keeps."""
    moved: Dict[Import, Dict[str, List[int]]]
    """Those that another module has, by this module."""
    brought: Dict[str, List[str]]
    """New names, by their module."""
    functions: Dict[Import, List[str]]
    """The functions that follow a statement."""
    becomes: Dict[Import, Optional[Key]]
    """What a statement that goes is sorted by then; None where it is taken out."""


def _imports(plan: Plan, sites: List[Site]) -> None:
    """Write the import statements of one block: one a module, in the places of those that go."""
    block = _block(plan, sites)
    free = [site.node for site in block.sites if not block.stays[site.node]]
    for module in sorted({*block.brought, *(module for each in block.moved.values() for module in each)}):
        existing = _existing_import(block, module)
        if existing is not None:
            _add_names(plan, existing, _texts(block, module, None))
            continue
        givers = [node for node in free if module in block.moved[node]]
        slot = next(iter(givers + [node for node in free if isinstance(node, ast.ImportFrom)] + free), None)
        if slot is not None:
            free.remove(slot)
        _new_import(block, module, slot, free)
    for site in block.sites:
        if block.stays[site.node]:
            _keep(block, site.node)
    _remove_imports(block, free)
    for site in block.sites:
        for text in block.functions[site.node]:
            _put_behind(plan, site, text)


def _block(plan: Plan, sites: List[Site]) -> Block:
    block = Block(plan, [], {}, {}, {}, {}, {}, {})
    for site in sites:
        stays, moved = _sorted_aliases(plan, site)
        if len(stays) == len(site.node.names) and not _names_at(plan, site):
            continue
        block.sites.append(site)
        block.old[site.node] = parts(plan.refs.source, site.node)
        block.stays[site.node], block.moved[site.node] = stays, moved
        block.functions[site.node] = [
            _function_text(plan, move) for move in plan.moves if move.form == "local"
            and any(part.site is site for part in move.symbol.parts)]
        for name in _names_at(plan, site):
            texts = block.brought.setdefault(plan.target.homes[name], [])
            texts += [_as(plan, name)] if _as(plan, name) not in texts else []
    if any(site.guarded for site in block.sites) and not block.brought and not any(block.moved.values()):
        _leave_one(plan, block)
    return block


def _leave_one(plan: Plan, block: Block) -> None:
    """Leave an import in a `try`, so that it fails as before."""
    name = "Experiment" if plan.target.column == "client" else "tracking"
    plan.chosen.setdefault(name, name)
    scope = block.sites[0].scope
    existing = _existing(plan, name)
    if scope is not plan.refs.names.module and existing is not None and any(
            binding.node in plan.refs.source.tree.body for binding in existing.bindings):
        return  # it can't fail
    moves = [move for move in plan.moves
             if name in needed(" ".join(change.new for change in move.changes), plan.target)]
    hides = scope is not plan.refs.names.module and any(
        scope in use.scope.chain() for move in moves for use in move.symbol.uses)
    used = any(move.symbol.uses for move in plan.moves for part in move.symbol.parts if part.site in block.sites)
    inside = not hides and any(name in WORD.findall(text) for texts in block.functions.values() for text in texts)
    text = "{} as _{}".format(name, name) if hides else _as(plan, name)
    block.brought[plan.target.homes[name]] = [text + NOQA * (used and not inside)]


def _sorted_aliases(plan: Plan, site: Site) -> Tuple[List[int], Dict[str, List[int]]]:
    """Give the names that a statement keeps, and those that another module has as they are."""
    stays: List[int] = []
    moved: Dict[str, List[int]] = {}
    for number, alias in enumerate(site.node.names):
        symbols = [symbol for symbol in plan.refs.symbols if any(part.alias is alias for part in symbol.parts)]
        moves = [move for move in plan.moves if move.symbol in symbols]
        unmoved = len(symbols[0].variable.uses) - sum(len(symbol.uses) for symbol in symbols) \
            if symbols and symbols[0].member else 0
        if not moves or len(moves) < len(symbols) or alias.name.startswith(LEGACY + ".") or unmoved:
            stays.append(number)
        elif moves[0].form == "same" and not moves[0].symbol.member:
            moved.setdefault(plan.target.homes[moves[0].symbol.name], []).append(number)
    return stays, moved


def _names_at(plan: Plan, site: Site) -> List[str]:
    """Give the names that have to be imported where this statement is."""
    names: Set[str] = set()
    for move in plan.moves:
        if any(part.site is site for part in move.symbol.parts):
            for name in _needs(plan, move).intersection(plan.target.homes):
                by_import = move.form == "same" and not move.symbol.member
                if not by_import and (site.scope is plan.refs.names.module or _is_needed_inside(plan, move, name)):
                    names.add(name)
    return sorted(name for name in names if not _is_there(plan, site, name))


def _is_needed_inside(plan: Plan, move: Move, name: str) -> bool:
    """Tell whether a function that imports a legacy name has to import this one in its place."""
    texts = [change.new for change in move.changes] + [move.body] * (move.form == "local")
    return name in needed(" ".join(texts), plan.target) and not _is_imported_at_top(plan, name)


def _is_there(plan: Plan, site: Site, name: str) -> bool:
    """Tell whether another statement of the module's top imports a name whenever this one runs."""
    variable = plan.refs.names.variable(plan.chosen[name], site.scope)
    tree, sites = plan.refs.source.tree, [site.node for site in plan.refs.sites]
    moves = any(move.form == "same" and move.symbol.variable is variable for move in plan.moves)
    for binding in variable.bindings:
        if binding.alias is None or binding.node in sites and not moves:
            continue
        if binding.node in site.body and (binding.node in sites or binding.node.lineno < site.node.lineno):
            return True
        if binding.node in tree.body and not site.guarded and (
                binding.node.lineno < site.node.lineno or site.body is tree.body
                and _only_imports_between(plan, site.node, binding.node)):
            return True
    return False


def _only_imports_between(plan: Plan, first: ast.stmt, last: ast.stmt) -> bool:
    body = plan.refs.source.tree.body
    return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body[body.index(first):body.index(last)])


def _existing_import(block: Block, module: str) -> Optional[ast.ImportFrom]:
    """Give the statement of this block that imports from a module already, when the first legacy one runs."""
    first = block.sites[0]
    for node in first.body:
        if isinstance(node, ast.ImportFrom) and node.module == module and not node.level and node.names[0].name != "*" \
                and node not in block.old and (
                    node.lineno < first.node.lineno
                    or first.body is block.plan.refs.source.tree.body
                    and _only_imports_between(block.plan, first.node, node)):
            return node
    return None


def _texts(block: Block, module: str, slot: Optional[Import]) -> List[str]:
    """Give the names to import from a module, but those that `slot` has."""
    text = block.plan.refs.source.text
    names = [text[slice(*block.old[node].elements[number])] for node in block.old if node is not slot
             for number in block.moved[node].get(module, ())]
    return list(dict.fromkeys(names + block.brought.get(module, [])))


def _add_names(plan: Plan, node: ast.ImportFrom, names: List[str]) -> None:
    old, source = parts(plan.refs.source, node), plan.refs.source
    there = [source.text[slice(*element)] for element in old.elements]
    new = [name for name in names if name not in there]
    if new:
        items = with_names(list(range(len(there))), lambda item: there[item] if isinstance(item, int) else item, new)
        text = reworded(source, old, source.text[slice(*old.module)], items)
        plan.edits.replace(old.start, old.end, text)
        plan.edits.statement(node, itself=text)


def _new_import(block: Block, module: str, slot: Optional[Import], free: List[Import]) -> None:
    """Write the statement that imports from a module: in the place of another, or where it sorts.

    `free` are statements that may be taken out yet.
    """
    source = block.plan.refs.source
    names = _texts(block, module, slot)
    comment = next((NOQA for name in names if name.endswith(NOQA)), "")
    names = [name.replace(NOQA, "") for name in names]
    if isinstance(slot, ast.ImportFrom):
        old = block.old[slot]
        there = [source.text[slice(*element)] for element in old.elements]
        kept: List[Item] = list(block.moved[slot].get(module, ()))
        items = with_names(kept, lambda item: there[item] if isinstance(item, int) else item, names)
        text = reworded(source, old, module, items)
    else:
        text = "from {} import {}".format(module, ", ".join(str(item) for item in with_names([], str, names)))
    run = [node for node in _run(block, slot or block.sites[0].node)
           if node not in free and block.becomes.get(node, ()) is not None]
    _place(block, module, text, comment, slot, run)


def _place(block: Block, module: str, text: str, comment: str, slot: Optional[Import], run: List[Import]) -> None:
    source, edits = block.plan.refs.source, block.plan.edits
    anchor = slot or block.sites[0].node
    old = block.old[anchor]
    at = place([block.becomes.get(node) or key(node) for node in run], run.index(slot) if slot in run else None, module)
    if slot is not None and (at is None or not run):
        edits.replace(old.start, old.end, text + comment)
        edits.statement(slot, itself=text)
        block.becomes[slot] = (True, module.lower())
        return
    if not run:  # it shares its line
        edits.replace(old.start, old.start, text + "; ")
        edits.statement(anchor, before=text)
        return
    if slot is not None:
        comment = source.text[old.end:source.line_end(old.end)]
        _cut(block.plan, [slot], source.line_start(old.start), source.line_end(old.end) + len(source.newline))
        block.becomes[slot] = None
    line = source.indent(old.start) + text + comment
    if at is not None and at == len(run):
        end = source.line_end(parts(source, run[-1]).end)
        edits.replace(end, end, source.newline + line)
        edits.statement(run[-1], after=text)
    else:
        before = anchor if at is None else run[at]
        start = source.line_start(source.start(before))
        edits.replace(start, start, line + source.newline)
        edits.statement(before, before=text)


def _run(block: Block, anchor: Import) -> List[Import]:
    """Give the imports that follow each other, each in a line of its own, among which a statement stands."""
    source, run = block.plan.refs.source, []  # type: Tuple[Source, List[Import]]
    end = -1
    body = next(site.body for site in block.sites if site.node is anchor)
    for node in body:
        start = source.start(node)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            old = parts(source, node)
            alone = not source.text[source.line_start(start):start].strip() and stands_alone(source, old.end)
            follows = end >= 0 and source.line_start(start) == source.line_end(end) + len(source.newline)
            if not follows and anchor in run:
                break
            run = (run if follows else []) + [node] if alone else []
            end = old.end if alone else -1
        elif anchor in run:
            break
        else:
            run, end = [], -1
    return run if anchor in run else []


def _keep(block: Block, node: Import) -> None:
    """Take the names that move out of a statement that keeps others."""
    source, old, stays = block.plan.refs.source, block.old[node], block.stays[node]
    if len(stays) < len(node.names):
        text = reworded(source, old, source.text[slice(*old.module)], stays)
        block.plan.edits.replace(old.start, old.end, text)
        block.plan.edits.statement(node, itself=text)


def _remove_imports(block: Block, free: List[Import]) -> None:
    """Take away the statements of which nothing is left."""
    plan, source = block.plan, block.plan.refs.source
    body = block.sites[0].body if block.sites else []
    cut: List[List[Import]] = []  # those that share a line together
    empty = len(free) == len(body) and body is not source.tree.body and not any(map(plan.edits.after, free))
    for node in free:
        old = block.old[node]
        functions = block.functions[node]
        if functions:
            indent = source.newline + source.indent(old.start)
            text = functions.pop(0).rstrip("\n")
            if node is not body[0]:
                begin = source.line_start(old.start)
                plan.edits.replace(begin, begin, source.newline * (not _is_blank_above(source, begin)))
            plan.edits.replace(old.start, old.end, text.replace("    ", source.unit()).replace("\n", indent))
            plan.edits.statement(node, itself=text)
        elif empty and node is free[-1]:
            plan.edits.replace(old.start, old.end, "pass")
            plan.edits.statement(node, itself="pass")
        elif cut and SEPARATOR.fullmatch(source.text, block.old[cut[-1][-1]].end, old.start):
            cut[-1].append(node)
        else:
            cut.append([node])
    for nodes in cut:
        _cut(plan, nodes, *_lines(plan, nodes, block.old[nodes[0]].start, block.old[nodes[-1]].end, body))


def _is_blank_above(source: Source, begin: int) -> bool:
    return not source.text[source.line_start(begin - 1):begin].strip()


def _cut(plan: Plan, nodes: Sequence[ast.stmt], start: int, end: int) -> None:
    plan.edits.replace(start, min(end, len(plan.refs.source.text)), "")
    for node in nodes:
        plan.edits.statement(node, itself="")
    plan.cuts.append((start, end))


def _lines(plan: Plan, nodes: Sequence[ast.stmt], start: int, end: int, body: Sequence[ast.stmt]) -> Tuple[int, int]:
    """Give what to take out with statements: their line and blank lines, or their part of a line."""
    source = plan.refs.source
    text, begin = source.text, source.line_start(start)
    after = SEPARATOR.match(text, end)
    rest = REST_OF_LINE.match(text, after.end() if after else end)
    if rest is None or text[begin:start].strip():
        if after and rest is None:
            return start, after.end()
        front = len(text[:start].rstrip(" \t"))
        return (front - 1 if text[front - 1] == ";" else start), after.end() if after else end
    match = BLANK_LINES.match(text, rest.end())
    blanks = match.end() if match else rest.end()
    above = text[:begin].rstrip(" \t\f\r\n")
    if not above or nodes[0] is body[0] and body is not source.tree.body:
        return begin, blanks
    if blanks == len(text):
        return len(above) + len(source.newline), blanks
    before = len(LINE_END.findall(text, len(above), begin)) - 1
    behind = [rest.end(), *(end.end() for end in LINE_END.finditer(text, rest.end(), blanks))]
    return begin, behind[min(before, len(behind) - 1)]


# Functions behind statements

def _put_behind(plan: Plan, site: Site, text: str) -> None:
    """Put a function behind the import statement that it belongs to."""
    source = plan.refs.source
    old = parts(source, site.node)
    end = source.line_end(old.end)
    indent = source.newline + source.indent(old.start)
    gap = 2 if site.body is source.tree.body else 1
    lines = text.rstrip("\n").replace("    ", source.unit()).replace("\n", indent)
    is_last = site.node is site.body[-1]
    pad = 0 if is_last else max(0, gap - _blank_lines(plan, end))
    plan.edits.replace(end, end, source.newline * gap + indent + lines + source.newline * pad)
    plan.edits.statement(site.node, after=text)


def _blank_lines(plan: Plan, end: int) -> int:
    """Count the blank lines behind a line that ends there, as they are once the cuts are made."""
    source, number = plan.refs.source, 0
    at = end + len(source.newline)
    while at < len(source.text):
        cut = next((cut for cut in plan.cuts if cut[0] <= at < cut[1]), None)
        if cut is not None:
            at = cut[1]
        elif source.text[at:source.line_end(at)].strip():
            return number
        else:
            at, number = source.line_end(at) + len(source.newline), number + 1
    return 9


def _insert(plan: Plan, functions: List[str]) -> None:
    """Put the functions behind the module's leading imports, and in front of all that uses them."""
    source, body = plan.refs.source, plan.refs.source.tree.body
    text = "\n\n\n".join(functions)
    lines = text.replace("\n", source.newline)
    number = _last_leading(plan)
    if number is not None:
        end = _end(source, number)
        pad = max(0, 2 - _blank_lines(plan, end)) if end < len(source.text.rstrip()) else 0
        gap = 3 if text.startswith("def ") else 2
        plan.edits.replace(end, end, source.newline * gap + lines + source.newline * pad)
        plan.edits.statement(body[number], after=text)
    else:
        start = source.starts[first_line(body[0]) - 1]
        above = source.text[:start]
        blank = len(LINE_END.findall(above[len(above.rstrip()):])) - 1
        plan.edits.replace(start, start, source.newline * max(0, 2 - blank) * bool(above.strip())
                           + lines + source.newline * 3)
        plan.edits.statement(body[0], before=text)


def _last_leading(plan: Plan) -> Optional[int]:
    """Give the number of the last of the leading imports that nothing stands before which needs the functions."""
    source, body = plan.refs.source, plan.refs.source.tree.body
    first = min([change.start for move in plan.moves for change in move.changes]
                + [use.start for move in plan.moves if move.form == "function" for use in move.symbol.uses],
                default=len(source.text))
    last = None
    for number, node in enumerate(body):
        end = _end(source, number)
        if not _is_leading(plan, node) or end > first:
            break
        cut = any(start <= source.start(node) < stop for start, stop in plan.cuts)
        if not cut and (_has_import(node) or isinstance(node, ast.Expr)):
            last = number
    while last is not None and last + 1 < len(body) and first_line(body[last + 1]) == first_line(body[last]):
        last += 1  # they share a line
    return last


def _is_leading(plan: Plan, node: ast.stmt) -> bool:
    """Tell whether imports may follow, as pycodestyle sees it."""
    if isinstance(node, ast.Expr):
        return node.value in plan.refs.names.strings
    if isinstance(node, ast.Assign):
        return all(getattr(target, "id", "").startswith("__") for target in node.targets)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.If, ast.With)) or type(node).__name__ in ("Try", "TryStar")


def _has_import(node: ast.stmt) -> bool:
    return any(isinstance(inner, (ast.Import, ast.ImportFrom)) for inner in ast.walk(node))


def _end(source: Source, number: int) -> int:
    """Give where the last line of one of the module's statements ends."""
    body = source.tree.body
    line = first_line(body[number + 1]) - 1 if number + 1 < len(body) else len(source.starts)
    if number + 1 < len(body) and first_line(body[number + 1]) == first_line(body[number]):
        return source.line_end(source.start(body[number + 1]))
    while line > first_line(body[number]):
        text = source.text[source.starts[line - 1]:source.line_end(source.starts[line - 1])]
        if text.strip() and not text.startswith("#"):
            break
        line -= 1
    return source.line_end(source.starts[line - 1])


def _remove_statements(plan: Plan, statements: Sequence[ast.stmt]) -> None:
    """Take away statements that follow each other, and leave blank lines as people put them."""
    if not statements:
        return
    source, body = plan.refs.source, plan.refs.source.tree.body
    first, last = body.index(statements[0]), body.index(statements[-1])
    above = source.text[:source.start(statements[0])].rstrip()
    end = _end(source, last) + len(source.newline)
    match = BLANK_LINES.match(source.text, end)
    end = match.end() if match else end
    follows = source.text[end:source.line_end(end)] if end < len(source.text) else ""
    defines = follows.startswith(("def ", "class ", "async def ", "@"))
    imports = first and isinstance(body[first - 1], (ast.Import, ast.ImportFrom))
    start = source.line_end(len(above)) if above else 0
    blank = (1 if imports and not defines else 2) if follows and above else 0
    plan.edits.replace(start, min(end, len(source.text)), source.newline * (blank + bool(above)))
    for statement in statements:
        plan.edits.statement(statement, itself="")
    plan.cuts.append((start + len(source.newline), end))
