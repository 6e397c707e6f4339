"""An Experiment that a module makes: where, and what its methods became in a run of traceml's."""
import ast
import re
import sys
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from ...replacements import CLIENT, GET_EXPERIMENT, METHODS, REPLACEMENTS, TRACEML, TRACKING, snippet
from .edits import shares_line
from .names import Names, Scope, Variable
from .references import LEGACY, Found, References, Symbol, Use, use_of

WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*")
STATE = "_experiment"  # where get_experiment keeps the Experiment
RUN = REPLACEMENTS["experiment"].traceml.write
MAKERS = (LEGACY, TRACKING, CLIENT)  # the modules that have Experiment
METHOD = "{} has no sure counterpart; a run of traceml's is `{}`, from `from traceml import tracking`"
NEAREST = {"create": "tracking.init(...)", "log_outputs": "log_outputs(...), which takes values, no folder"}
ARGUMENTS = "write `{}.{}(...)`; these arguments are not surely the same there"
HANDED = "where it goes from here is unclear; a run of traceml's is `{}`, from `from traceml import tracking`"
IN_FSTRING = "in an f-string; run this on Python 3.12 or later, or write it outside of the f-string"


class Change(NamedTuple):  # an edit that is to be made
    node: ast.AST
    start: int
    end: int
    new: str
    field: str = ""  # the text in the node that changes; "" where all of it does


Step = Union[Change, Found, ast.stmt]  # an edit, what a person has to read, or a statement that is needed no more


class Made(NamedTuple):  # an Experiment that a module makes by a statement of its top level, or by get_experiment
    variable: Variable
    statements: List[ast.stmt]


def own_experiment(refs: References) -> Optional[Made]:
    """Give the Experiment that the module makes by a statement of its top level."""
    names = refs.names
    for node in refs.source.tree.body:
        call = getattr(node, "value", None)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not (call.args or call.keywords):
            made, variable = names.variable(call.func.id, names.module), _assigned(names, call, names.module)
            is_class = made.bindings and all(getattr(each.alias, "name", "") == "Experiment"
                                             and getattr(each.node, "module", "") in MAKERS for each in made.bindings)
            if is_class and variable is not None and len(variable.bindings) == 1:
                return Made(variable, [node])
    return None


def maker(refs: References) -> Optional[Made]:
    """Give the function get_experiment that an earlier run wrote, known by its shape."""
    names, body = refs.names, refs.source.tree.body
    for start, node in zip(body, body[1:]):
        kept = node.body[-3:][0] if isinstance(node, ast.FunctionDef) else None
        if isinstance(node, ast.FunctionDef) and isinstance(kept, ast.Global):
            state, variable = (names.variable(name, names.module) for name in (kept.names[0], node.name))
            called = "".join(getattr(each.func, "id", "") for each in ast.walk(node) if isinstance(each, ast.Call))
            text = named(GET_EXPERIMENT.text, {"get_experiment": node.name, STATE: state.name, "Experiment": called})
            bare = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "body": node.body[-3:]})
            if [ast.dump(start), ast.dump(bare)] == [ast.dump(each) for each in ast.parse(text).body] \
                    and all(isinstance(each, ast.ImportFrom) and each.module in MAKERS for each in node.body[:-3]) \
                    and all(node in names.around(use.node) for use in state.uses) and len(state.bindings) == 2 \
                    and len(variable.bindings) == 1 and not shares_line(refs.source, start):
                return Made(variable, [start, node])
    return None


def _assigned(names: Names, value: ast.AST, scope: Scope) -> Optional[Variable]:
    """Give the variable that alone gets a value."""
    node = names.parents.get(value)
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    return names.variable(target.id, scope) if isinstance(target, ast.Name) else None


def named(text: str, chosen: Dict[str, str]) -> str:
    """Give a text of ours with the names that a module has for what is in it."""
    return WORD.sub(lambda match: chosen.get(match.group(), match.group()), text)


def instead(use: Use, new: str) -> Change:
    """Give the edit that puts this in the place of a use."""
    return Change(use.node, use.start, use.end or use.start, new)


def run_steps(refs: References, symbol: Symbol, bound: Sequence[str]) -> Iterator[Step]:
    """Move `experiment`, or what is made of its class; `bound` are names that have to stay."""
    names, function = refs.names, maker(refs)
    for use in symbol.uses:
        method = getattr(use.parent, "attr", "") if isinstance(names.parents.get(use.parent), ast.Call) else ""
        if symbol.name == "experiment" or method and (method.startswith("get_") or method not in METHODS):
            yield instead(use, RUN)
            yield from _method_steps(refs, use.node, use.end or use.start)
        elif function is None or function.statements[1] not in names.around(use.node):
            yield from _making_steps(refs, use, symbol.legacy, bound)
        else:
            yield from function.statements
            name = function.variable.name
            if name in bound:
                yield Found(refs.source.start(function.statements[1]), name, HANDED.format(RUN))
            for mention in function.variable.uses:
                yield from _making_steps(refs, use_of(refs, mention), name, bound)


def _making_steps(refs: References, use: Use, name: str, bound: Sequence[str]) -> Iterator[Step]:
    """Move what is done with an Experiment that a call makes."""
    call, variable = use.parent, _assigned(refs.names, use.parent, use.scope)
    yield instead(use, RUN[:-2])
    if not isinstance(call, ast.Call) or call.func is not use.node or call.args or call.keywords:
        yield Found(use.start, name, HANDED.format(RUN))
    elif variable is None:
        yield from _method_steps(refs, call, use.end or use.start)
    else:
        is_bound = variable.scope is refs.names.module and variable.name in bound
        if len(variable.bindings) > 1 or variable.scope.kind == "class" or variable.unclear or is_bound:
            yield Found(refs.source.start(variable.bindings[0].node), variable.name, HANDED.format(RUN))
        for _, node, _, _ in variable.uses:
            yield from _method_steps(refs, node, refs.source.start(node) + len(node.id))


def _method_steps(refs: References, node: ast.expr, end: int) -> Iterator[Step]:
    """Move a call of a method of `node`, whose name ends at `end`."""
    start, attribute = refs.source.start(node), refs.names.parents[node]
    call = refs.names.parents.get(attribute)
    name = getattr(attribute, "attr", "experiment")
    if fstring(refs.names, node):
        yield Found(start, name, IN_FSTRING)
    elif isinstance(attribute, ast.Attribute) and name not in METHODS:
        by_hand = METHOD.format(name, NEAREST.get(name, RUN))
        yield Found(start, name, snippet(name, TRACEML) if name in REPLACEMENTS else by_hand)
    elif not isinstance(attribute, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not attribute:
        yield Found(start, name, HANDED.format(RUN))
    else:
        changes = _renamed(refs, call, attribute, end)
        yield from [Found(start, name, ARGUMENTS.format(RUN, METHODS[name].name))] if changes is None else changes


def _renamed(refs: References, call: ast.Call, attribute: ast.Attribute, end: int) -> Optional[List[Change]]:
    """Give the changes of a method's name and keywords; None where its arguments are not surely the same."""
    method, text, given = METHODS[attribute.attr], refs.source.text, [str(each.arg) for each in call.keywords]
    renames = dict.fromkeys(given, "") if method.keywords is None else method.keywords
    found = re.compile(r"[\s\\()]*\.[\s\\]*({})\b".format(attribute.attr)).match(text, end)
    if found is None or len(call.args) > method.positional or any(isinstance(each, ast.Starred) for each in call.args) \
            or not set(given) <= set(renames) or len(given) < method.required:
        return None
    changes = [Change(attribute, found.start(1), found.end(), method.name, "attr")]
    for keyword, name in zip(call.keywords if method.keywords else (), given):
        value = refs.source.start(keyword.value)  # the keyword itself has a place from Python 3.9 on
        found = re.compile(r".*(?<!\w)({})\s*=[\s(]*$".format(name), re.DOTALL).match(text, changes[0].end, value)
        if found is None:
            return None
        changes.append(Change(keyword, found.start(1), found.end(1), renames[name], "arg"))
    return [change for change in changes if getattr(change.node, change.field) != change.new]


def fstring(names: Names, node: ast.AST) -> Optional[ast.expr]:
    """Give the f-string that a node stands in, where this Python does not know its inside."""
    around = names.around(node) if sys.version_info < (3, 12) else ()
    return next((parent for parent in around if isinstance(parent, ast.JoinedStr)), None)
