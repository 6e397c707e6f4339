"""An Experiment that a module makes: where, and what its methods became in a run of traceml's."""
import ast
import re
import sys
from functools import lru_cache
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from ...replacements import CLIENT, METHODS, REPLACEMENTS, TRACEML, TRACKING, snippet
from .edits import Change
from .names import Names, Scope, Variable, is_import
from .references import LEGACY, Found, References, Symbol, Use, use_of
from .source import Source

WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*")
STATE = "_experiment"  # where get_experiment keeps the Experiment
MADE = re.compile(r"(?<![^\r\n])(\w+) = None\s+def (\w+)\(\):\s+(?:from \S+ import \w+(?: as \w+)?\s+)?global \1\s+"
                  r"if \1 is None:\s+\1 = (\w+)\(\)\s+return \1(?![^\r\n])")  # get_experiment, whatever it is called
RUN = REPLACEMENTS["experiment"].traceml.write
MAKERS = (LEGACY, TRACKING, CLIENT)  # the modules that have Experiment
METHOD = "nothing is surely the same there; the nearest is {}"
NEAREST = {"create": "`tracking.init(...)`", "log_outputs": "`log_outputs(...)`, which takes values, not a folder"}
ARGUMENTS = "write `{}.{}(...)`; these arguments are not surely the same there"
HANDED = "where it goes from here is unclear; there write `{}`, after `from traceml import tracking`".format(RUN)
IN_FSTRING = "in an f-string; run this on Python 3.12 or later, or write it outside of the f-string"
Step = Union[Change, Found, ast.stmt]  # an edit, what a person has to read, or a statement that is needed no more


class Made(NamedTuple):  # an Experiment that a module makes by a statement of its top level, or by get_experiment
    variable: Variable
    statements: List[ast.stmt]


def own_experiment(refs: References) -> Optional[Made]:
    """Give the Experiment that the module makes by a statement of its top level."""
    for node in refs.source.tree.body:
        call = getattr(node, "value", None)
        if isinstance(call, ast.Call) and not (call.args or call.keywords) and isinstance(call.func, ast.Name):
            variable = assigned(refs.names, call, refs.names.module)
            made = refs.names.variable(call.func.id, refs.names.module)
            if variable and len(variable.bindings) == 1 and is_import(made, "Experiment", MAKERS):
                return Made(variable, [node])
    return None


@lru_cache(maxsize=1)
def maker(source: Source, names: Names) -> Optional[Made]:
    """Give the function get_experiment that an earlier run wrote, known by its text."""
    for match in MADE.finditer(source.text):
        span = range(*match.span())
        statements = [node for node in source.tree.body if source.start(node) in span]
        scope = next((scope for scope in names.scopes if scope.node in statements), names.module)
        state, variable, made = (names.variable(name, scope) for name in match.groups())
        is_whole = len(statements) == len(state.bindings) == 2 and len(variable.bindings) == 1 and all(
            scope.node in names.around(use.node) for use in state.uses)
        if is_whole and is_import(made, "Experiment", MAKERS):
            return Made(variable, statements)
    return None


def assigned(names: Names, value: ast.expr, scope: Scope) -> Optional[Variable]:
    """Give the variable that alone gets a value."""
    node = names.parents[value]
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    return names.variable(target.id, scope) if isinstance(target, ast.Name) else None


def named(text: str, chosen: Dict[str, str]) -> str:
    """Give a text of ours with the names that a module has for what is in it."""
    return WORD.sub(lambda match: chosen.get(match.group(), match.group()), text)


def instead(use: Use, new: str) -> Change:
    """Give the edit that puts this in the place of a use."""
    return Change(use.node, use.start, use.end, new)


def run_steps(refs: References, symbol: Symbol, bound: Sequence[str]) -> Iterator[Step]:
    """Move `experiment`, or what is made of its class; `bound` are names that have to stay."""
    names, function = refs.names, maker(refs.source, refs.names)
    for use in symbol.uses:
        attribute = names.parents[use.node]
        method = getattr(attribute, "attr", "") if isinstance(names.parents.get(attribute), ast.Call) else ""
        if symbol.name == "experiment" or method and (method.startswith("get_") or method not in METHODS):
            yield instead(use, RUN)
            yield from _method_steps(refs, use.node, use.end)
        elif function is None or function.statements[1] not in names.around(use.node):
            yield from _making_steps(refs, use, symbol.name, bound)
        else:
            yield from function.statements
            name = function.variable.name
            if name in bound:
                yield Found(refs.source.start(function.statements[1]), name, HANDED)
            for mention in function.variable.uses:
                yield from _making_steps(refs, use_of(refs, mention), name, bound)


def _making_steps(refs: References, use: Use, name: str, bound: Sequence[str]) -> Iterator[Step]:
    """Move what is done with an Experiment that a call makes."""
    call, variable = use.call, assigned(refs.names, use.call or use.node, use.scope)
    yield instead(use, RUN[:-2])
    if call is None or call.args or call.keywords:
        yield Found(use.start, name, HANDED)
    elif variable is None:
        yield from _method_steps(refs, call, use.end)
    else:
        is_bound = variable.scope is refs.names.module and variable.name in bound
        if len(variable.bindings) > 1 or variable.scope.kind == "class" or variable.unclear or is_bound:
            yield Found(refs.source.start(variable.bindings[0].node), variable.name, HANDED)
        for mention in variable.uses:
            yield from _method_steps(refs, mention.node, refs.source.start(mention.node) + len(mention.name))


def _method_steps(refs: References, node: ast.expr, end: int) -> Iterator[Step]:
    """Move a call of a method of `node`, whose name ends at `end`."""
    start, attribute = refs.source.start(node), refs.names.parents[node]
    call = refs.names.parents.get(attribute)
    name = getattr(attribute, "attr", "experiment")
    if fstring(refs.names, node):
        yield Found(start, name, IN_FSTRING)
    elif isinstance(attribute, ast.Attribute) and name not in METHODS:
        by_hand = METHOD.format(NEAREST.get(name, "what a run has, `{}`".format(RUN)))
        yield Found(start, name, snippet(name, TRACEML) if name in REPLACEMENTS else by_hand)
    elif not isinstance(attribute, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not attribute:
        yield Found(start, name, HANDED)
    else:
        yield from _renaming_steps(refs, call, attribute, end)


def _renaming_steps(refs: References, call: ast.Call, attribute: ast.Attribute, end: int) -> Iterator[Step]:
    """Give a method and its keywords the names that they have in a run, where the arguments are surely the same."""
    method, text, given = METHODS[attribute.attr], refs.source.text, [str(each.arg) for each in call.keywords]
    renames = dict.fromkeys(given, "") if method.keywords is None else method.keywords
    found = re.compile(r"[\s\\()]*\.[\s\\]*({})\b".format(attribute.attr)).match(text, end)
    if found is None or len(call.args) > method.positional or any(isinstance(each, ast.Starred) for each in call.args) \
            or not set(given) <= set(renames) or len(given) < method.required:
        yield Found(refs.source.start(attribute), attribute.attr, ARGUMENTS.format(RUN, method.name))
        return
    changes = [Change(attribute, found.start(1), found.end(), method.name, "attr")]
    for keyword, name in zip(call.keywords if method.keywords else (), given):
        start = text.rfind(name, found.end(), refs.source.start(keyword.value))  # it has a place from Python 3.9 on
        changes.append(Change(keyword, start, start + len(name), renames[name], "arg"))
    yield from changes


def fstring(names: Names, node: ast.AST) -> Optional[ast.expr]:
    """Give the f-string that a node stands in, where this Python does not know its inside."""
    around = names.around(node) if sys.version_info < (3, 12) else ()
    return next((parent for parent in around if isinstance(parent, ast.JoinedStr)), None)
