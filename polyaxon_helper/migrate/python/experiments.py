"""An Experiment that a module makes: where, and what its methods became in a run of traceml's."""
import ast
import re
import sys
from typing import Dict, List, NamedTuple, Optional

from ...replacements import CLIENT, GET_EXPERIMENT, METHODS, REPLACEMENTS, TRACEML, TRACKING, snippet
from .edits import shares_line
from .names import Names, Variable
from .references import LEGACY, Found, References, Symbol, Use
from .source import Source

WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*")
STATE = "_experiment"
"""Where get_experiment keeps the Experiment."""
RUN = REPLACEMENTS["experiment"].traceml.write
MAKERS = (LEGACY, TRACKING, CLIENT)
"""The modules that have Experiment."""

METHOD = "{} has no sure counterpart; a run of traceml's is `{}`, from `from traceml import tracking`"
NEAREST = {"create": "tracking.init(...)", "log_outputs": "log_outputs(...), which takes values, no folder"}
ARGUMENTS = "write `{}.{}(...)`; these arguments are not surely the same there"
HANDED = "where it goes from here is unclear; a run of traceml's is `{}`, from `from traceml import tracking`"
IN_FSTRING = "in an f-string; run this on Python 3.12 or later, or write it outside of the f-string"


class Change(NamedTuple):
    """An edit that is to be made."""

    node: ast.AST
    start: int
    end: int
    new: str
    field: str = ""
    """The text in the node that changes; "" where all of it does."""


class Made(NamedTuple):
    """An Experiment that a module makes by a statement of its top level, or by the function get_experiment."""

    variable: Variable
    statements: List[ast.stmt]
    state: str = ""
    """Where the function keeps it."""


def own_experiment(names: Names, body: List[ast.stmt]) -> Optional[Made]:
    """Give the Experiment that the module makes by a statement of its top level."""
    for node in body:
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) \
                and isinstance(value, ast.Call) and isinstance(value.func, ast.Name) \
                and not value.args and not value.keywords and _is_class(names.variable(value.func.id, names.module)):
            variable = names.variable(node.targets[0].id, names.module)
            if len(variable.bindings) == 1:
                return Made(variable, [node])
    return None


def _is_class(variable: Variable) -> bool:
    return bool(variable.bindings) and all(
        binding.alias is not None and binding.alias.name == "Experiment"
        and getattr(binding.node, "module", "") in MAKERS for binding in variable.bindings)


def maker(source: Source, names: Names) -> Optional[Made]:
    """Give the function get_experiment that an earlier run wrote, known by its shape."""
    body = source.tree.body
    for start, node in zip(body, body[1:]):
        inside = node.body if isinstance(node, ast.FunctionDef) else []
        if len(inside) not in (3, 4) or not isinstance(inside[-3], ast.Global) or not isinstance(node, ast.FunctionDef):
            continue
        kept = names.variable(inside[-3].names[0], names.module)
        made = getattr(getattr(inside[-2], "body", [None])[0], "value", None)
        text = named(GET_EXPERIMENT.text, {"get_experiment": node.name, STATE: kept.name, "Experiment": getattr(
            getattr(made, "func", None), "id", "")})
        shape = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "body": inside[-3:]})
        following = body[body.index(node) + 1:][:1]
        if [ast.dump(start), ast.dump(shape)] == [ast.dump(each) for each in ast.parse(text).body] \
                and all(isinstance(each, ast.ImportFrom) and each.module in MAKERS for each in inside[:-3]) \
                and all(node in names.around(use.node) for use in kept.uses) and len(kept.bindings) == 2 \
                and len(names.variable(node.name, names.module).bindings) == 1 \
                and not any(shares_line(source, each) for each in [start, node, *following]):
            return Made(names.variable(node.name, names.module), [start, node], kept.name)
    return None


def named(text: str, chosen: Dict[str, str]) -> str:
    """Give a text of ours with the names that a module has for what is in it."""
    return WORD.sub(lambda match: chosen.get(match.group(), match.group()), text)


# traceml

class Uses(NamedTuple):
    """What becomes of the uses of an Experiment."""

    changes: List[Change]
    found: List[Found]
    made: List[Variable]
    """The variables for a run then."""
    gone: List[ast.stmt]


def experiment_uses(refs: References, symbol: Symbol) -> Uses:
    """Move the uses of the helper's `experiment`: calls of its methods alone."""
    uses = Uses([], [], [], [])
    for use in symbol.uses:
        _method(refs, uses, use.node, Change(use.node, use.start, use.end or use.start, RUN))
    return uses


def class_uses(refs: References, symbol: Symbol, bound: List[str]) -> Uses:
    """Move the uses of the class Experiment: what is made of it, and its static getters.

    `bound` are names that have to stay, since others may read them.
    """
    uses = Uses([], [], [], [])
    function = maker(refs.source, refs.names)
    for use in symbol.uses:
        run = Change(use.node, use.start, use.end or use.start, RUN[:-2])
        call = use.parent
        if function is not None and function.statements[1] in refs.names.around(use.node):
            _calls_of_maker(refs, uses, function, bound)
        elif isinstance(call, ast.Attribute) and isinstance(refs.names.parents[call], ast.Call):
            _getter(refs, uses, use, call)
        elif not isinstance(call, ast.Call) or call.func is not use.node or call.args or call.keywords:
            uses.found.append(Found(use.start, symbol.legacy, HANDED.format(RUN)))
        elif _is_assigned(refs, call) is None:
            _method(refs, uses, call, run)
        else:
            variable = _is_assigned(refs, call)
            assert variable is not None
            _variable(refs, uses, variable, bound)
            uses.changes.append(run)
    return uses


def _getter(refs: References, uses: Uses, use: Use, call: ast.Attribute) -> None:
    if call.attr.startswith("get_") and call.attr in METHODS:
        _method(refs, uses, use.node, Change(use.node, use.start, use.end or use.start, RUN))
    else:
        message = snippet(call.attr, TRACEML) if call.attr in REPLACEMENTS else METHOD.format(call.attr, RUN)
        uses.found.append(Found(use.start, call.attr, message))


def _calls_of_maker(refs: References, uses: Uses, function: Made, bound: List[str]) -> None:
    """Move the calls of get_experiment, and take it away."""
    variable = function.variable
    uses.gone.extend(function.statements)
    if variable.name in bound or function.state in bound:
        uses.found.append(Found(refs.source.start(function.statements[1]), variable.name, HANDED.format(RUN)))
    for use in variable.uses:
        call, start = refs.names.parents[use.node], refs.source.start(use.node)
        if isinstance(call, ast.Call) and call.func is use.node and not call.args and not call.keywords:
            _method(refs, uses, call, Change(use.node, start, start + len(use.node.id), RUN[:-2]))
        else:
            uses.found.append(Found(start, variable.name, HANDED.format(RUN)))


def _is_assigned(refs: References, call: ast.Call) -> Optional[Variable]:
    """Give the variable that alone gets what a call makes."""
    node = refs.names.parents[call]
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        for scope in refs.names.scopes:
            variable = scope.variables.get(node.targets[0].id)
            if variable is not None and any(binding.node is node.targets[0] for binding in variable.bindings):
                return variable
    return None


def _variable(refs: References, uses: Uses, variable: Variable, bound: List[str]) -> None:
    """Move the uses of a variable that has the Experiment."""
    start = refs.source.start(variable.bindings[0].node)
    in_class = variable.scope.kind == "class" or variable.unclear
    if len(variable.bindings) > 1 or in_class or variable.scope is refs.names.module and variable.name in bound:
        uses.found.append(Found(start, variable.name, HANDED.format(RUN)))
    uses.made.append(variable)
    for use in variable.uses:
        _method(refs, uses, use.node, None)


def _method(refs: References, uses: Uses, node: ast.expr, run: Optional[Change]) -> None:
    """Move a call of a method of `node`, in whose place `run` puts a run."""
    source, attribute = refs.source, refs.names.parents[node]
    call = refs.names.parents.get(attribute)
    start = run.start if run else source.start(node)
    name = getattr(attribute, "attr", "experiment")
    if fstring(refs.names, node, old=True):
        uses.found.append(Found(start, name, IN_FSTRING))
    elif not isinstance(attribute, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not attribute:
        uses.found.append(Found(start, name, HANDED.format(RUN)))
    elif name not in METHODS:
        message = snippet(name, TRACEML) if name in REPLACEMENTS else METHOD.format(name, NEAREST.get(name, RUN))
        uses.found.append(Found(start, name, message))
    else:
        changes = _renamed(refs, call, attribute, run.end if run else start + len(getattr(node, "id", "")))
        if changes is None or run is not None and run.end == run.start:
            uses.found.append(Found(start, name, ARGUMENTS.format(RUN, METHODS[name].name)))
        else:
            uses.changes.extend(([run] if run else []) + changes)


def _renamed(refs: References, call: ast.Call, attribute: ast.Attribute, end: int) -> Optional[List[Change]]:
    """Give the changes of a method's name and keywords; None where its arguments are not surely the same."""
    method, source = METHODS[attribute.attr], refs.source
    given = [keyword.arg for keyword in call.keywords]
    positional = len(call.args)
    if positional > method.positional or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    if method.keywords is not None and not set(given) <= set(method.keywords) or len(given) < method.required:
        return None
    while source.text[source.next(end)] in "()":  # of `Experiment()`
        end = source.next(end) + 1
    at = source.next(source.next(end) + 1)
    if source.text[source.next(end)] != "." or source.word(at, attribute.attr) is None:
        return None
    changes = [Change(attribute, at, at + len(attribute.attr), method.name, "attr")]
    renames = method.keywords or {}
    for keyword in call.keywords if renames else ():
        start = _keyword_start(refs, call, keyword)
        if start is None or keyword.arg is None:
            return None
        changes.append(Change(keyword, start, start + len(keyword.arg), renames[keyword.arg], "arg"))
    return [change for change in changes if getattr(change.node, change.field) != change.new]


def _keyword_start(refs: References, call: ast.Call, keyword: ast.keyword) -> Optional[int]:
    """Give where a keyword's name stands; before Python 3.9 the tree does not know it."""
    value = refs.source.start(keyword.value)
    match = re.search(r"\b{}\s*=\s*\(*\s*$".format(keyword.arg), refs.source.text[refs.source.start(call):value])
    return refs.source.start(call) + match.start() if match else None


def fstring(names: Names, node: ast.AST, old: bool = False) -> Optional[ast.expr]:
    """Give the f-string that a node stands in; with `old`, where this Python does not know its inside."""
    if old and sys.version_info >= (3, 12):
        return None
    return next((parent for parent in names.around(node) if isinstance(parent, ast.JoinedStr)), None)
