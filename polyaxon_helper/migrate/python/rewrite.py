"""From what was decided to edits: expressions, import statements, and the functions behind the imports."""
import ast
import re
from typing import Dict, Iterator, List, Optional, Sequence, Set

from ...replacements import Target
from .decide import Move
from .edits import Edits, begin, mark
from .experiments import named
from .imports import import_text
from .plan import Plan, choose, definition, laid_out, name_as, needed
from .references import References
from .source import Source, Surprise
from .statements import write_imports

LEADING = ("Import", "ImportFrom", "If", "With", "Try", "TryStar")  # what imports stand in
COMMENTS = re.compile(r"(?:(?:\r\n|\r|\n)[ \t]+#[^\r\n]*)*")  # those of a block, behind its last statement


def rewrite(refs: References, target: Target, moves: List[Move]) -> Edits:
    """Give the edits that make these moves."""
    by_import: Dict[Optional[ast.alias], List[Move]] = {}
    for move in moves:
        for alias in move.symbol.parts:
            by_import.setdefault(alias, []).append(move)
    same = {move.symbol.variable: move.symbol.name for move in moves
            if move.form == "same" and move.symbol.alone and not move.symbol.member}
    plan = Plan(refs, target, moves, Edits(refs.source), {}, by_import, same, set(), set())
    texts = list(_functions(plan, choose(plan)))
    gone = [statement for move in moves for statement in move.gone]
    for change in [change for move in moves for change in move.changes]:
        around = [change.node, *refs.names.around(change.node)]
        line = next(inner if inner in getattr(outer, "decorator_list", ()) else outer for inner, outer in zip(
            around, around[1:]) if isinstance(outer, (ast.stmt, ast.ExceptHandler)))
        plan.edits.change(change, named(change.new, plan.chosen), refs.source.start(line))
    write_imports(plan, [site for site in refs.sites if site.scope.node not in gone])
    if gone:
        _remove(plan, gone)
        texts = _bring(plan) + texts
    if texts:
        _insert(plan, texts)
    return plan.edits


def _functions(plan: Plan, functions: List[str]) -> Iterator[str]:
    """Give the functions that the module gets behind its imports; those that nothing imports for import themselves."""
    texts = {name + "()": (named(plan.target.functions[name].text, plan.chosen), {plan.target.functions[name].needs})
             for name in functions}
    texts.update((move.function, (definition(plan, move), needed(move.body, plan.target)))
                 for move in plan.moves if move.form == "function")
    for text, names in texts.values():
        lines = [import_text(plan.target.homes[name], [name_as(plan, name)]) for name in sorted(names - plan.at_top)
                 if name in plan.target.homes]
        above = "    " + "\n    ".join(lines) + "\n\n" if lines else ""
        yield text.replace("):\n", "):\n" + above, 1).rstrip("\n")


def _bring(plan: Plan) -> List[str]:
    """Import what takes the place of get_experiment, in each function that called it; gives what the module imports."""
    lines: Dict[ast.AST, Set[str]] = {}
    for change in [change for move in plan.moves if move.gone for change in move.changes]:
        around = list(plan.refs.names.around(change.node))
        functions = [outer for inner, outer in zip(around, around[1:])
                     if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)) and inner in outer.body
                     and outer.lineno < outer.body[0].lineno]
        lines.setdefault((functions or around)[-1], set()).update(
            import_text(plan.target.homes[name], [name_as(plan, name)]) for name in needed(change.new, plan.target)
            if name not in plan.at_top and plan.brought.isdisjoint((node, name) for node in functions))
    texts = lines.pop(plan.refs.source.tree, set())
    for function, above in lines.items():
        _import_in(plan, function, sorted(above))
    return sorted(texts)


def _import_in(plan: Plan, function: ast.AST, texts: List[str]) -> None:
    """Put imports in front of a function's first statement, behind its docstring."""
    source, body = plan.refs.source, getattr(function, "body")
    first = next((node for node in body if not isinstance(node, (ast.Global, ast.Nonlocal))
                  and getattr(node, "value", None) not in plan.refs.names.strings), body[-1])
    line, indent = source.line_start(begin(source, first)), source.indent(begin(source, first))
    for text in texts:
        blank = [mark(1)] * hasattr(first, "decorator_list")
        plan.edits.replace(line, line, source.newline.join([indent + text, *blank, ""]))
        plan.edits.statement(first, before=text)


def _insert(plan: Plan, texts: List[str]) -> None:
    """Put imports and functions behind the module's imports, and in front of all that uses them."""
    source, body = plan.refs.source, plan.refs.source.tree.body
    text = "\n\n\n".join(texts)
    number = _last_leading(plan)
    anchor = body[number or 0]
    if number is not None:
        at, above = _end(source, anchor), mark(2 if text.startswith("def ") else 1)
        plan.edits.replace(at, at, source.newline.join(["", above, laid_out(source, text), mark(2)]))
        plan.edits.statement(anchor, after=text)
    elif getattr(anchor, "value", None) in plan.refs.names.strings or getattr(anchor, "module", "") == "__future__":
        raise Surprise("nothing can stand above the first line")
    else:
        at = source.line_start(begin(source, anchor))
        plan.edits.replace(at, at, source.newline.join([mark(2), laid_out(source, text), mark(2), ""]))
        plan.edits.statement(anchor, before=text)


def _last_leading(plan: Plan) -> Optional[int]:
    """Give the number of the last import, or of the docstring, that nothing stands before which needs the functions."""
    source, body = plan.refs.source, plan.refs.source.tree.body
    first = min([change.start for move in plan.moves for change in move.changes]
                + [use.start for move in plan.moves if move.body for use in move.symbol.uses],
                default=len(source.text))
    last, keeps = None, any(move.body for move in plan.moves)  # then others may look for the functions
    for number, node in enumerate(body):
        leads = type(node).__name__ in LEADING or number == 0 and getattr(node, "value", 0) in plan.refs.names.strings
        is_quiet = leads and not getattr(node, "level", 0) or source.text.startswith("__", source.start(node))
        if source.start(node) >= first or keeps and last is not None and not is_quiet:
            break
        if leads and not plan.edits.is_gone(node) and _end(source, node) <= first and (
                number == 0 or any(isinstance(each, (ast.Import, ast.ImportFrom)) for each in ast.walk(node))):
            last = number
    while last is not None and last + 1 < len(body) and source.start(body[last + 1]) < _end(source, body[last]):
        last += 1
    return last


def _end(source: Source, node: ast.stmt) -> int:
    """Give where the last line of a statement ends, which may be that of others too."""
    last = max(source.start(each) for each in ast.walk(node) if isinstance(each, ast.stmt))
    tokens = source.tokens(last)  # of a docstring there may be none, on Python 3.7
    return next(COMMENTS.finditer(source.text, source.line_end(tokens[-1].start if tokens else last))).end()


def _remove(plan: Plan, statements: Sequence[ast.stmt]) -> None:
    """Take away statements that follow each other, and leave blank lines as people put them."""
    source, body = plan.refs.source, plan.refs.source.tree.body
    first, last = body.index(statements[0]), body.index(statements[-1])
    beside = [*body[:first][-1:], *body[last + 1:last + 2]]
    blank = mark(2 if any(hasattr(node, "decorator_list") for node in beside) else 1, exact=True)
    plan.edits.replace(source.line_start(source.start(statements[0])), _end(source, statements[-1]), blank)
    for statement in statements:
        plan.edits.statement(statement, itself="")
