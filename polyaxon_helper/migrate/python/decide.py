"""What becomes of each legacy name of a module: it moves in one of four forms, or it stays and a person reads why."""
import ast
from typing import Callable, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from ...replacements import REPLACEMENTS, SIGNATURES, Target, Written, snippet, written
from .experiments import IN_FSTRING, WORD, Change, Made, class_uses, experiment_uses, fstring, maker, own_experiment
from .names import Names, Scope
from .references import LEGACY, Found, References, Symbol, Use, annotated, is_dict, listed, stands_in

FALLBACK = "stands in for polyaxon_client where that can't be imported; delete it, or keep the legacy package for it"
IN_CLASS = "an import in a class body; move it to the top of the module, then run again"
TWICE = "one import gives two things this name; leave the last, then run again"
SPELLED = "written in a way that can't be edited safely; write it as one word, or as module.name, then run again"
NOT_ALONE = "shares its line, or a name, with something else; give the import a line of its own, then run again"
ANNOTATION = "a quoted annotation names it; write the annotation without it, then run again"
NAMED = "something else has this name here; rename one of them, then run again"
HANDED_ON = "handed on as a value by a function that imports it; import it at the top of the module, then run again"
PATH_AND_DICT = "used as a path here and as a dict elsewhere; write get_data_paths() where it is a dict, then run again"
PRINTED = "in a field that prints its own text; write it without the `=`, then run again"
PACKAGE = "others may take the package from here; import it where it is used, then run again"
TAKEN = "others take it from here; have them call a function that returns it"
TESTED = "was None outside Polyaxon, where what takes its place raises PolyaxonClientException; {}"
ROLES = {"test": "test for that by hand", "default": "make it in the function by hand",
         "value": "call get_experiment() where it is used, by hand"}
RAISED = "stays with what stays here and may raise it; move both at once"
DELETE = "delete it: nothing is left for it to set"
ORDER = {"Experiment": 0, "PolyaxonClientException": 2}
"""What is decided before the rest, and after it."""
BUILT_IN = frozenset(("iter", "next"))
"""Python's own names in what is written."""


class Move(NamedTuple):
    """How a legacy name moves."""

    symbol: Symbol
    form: str
    """same: its import is of another module; inline: its uses become expressions; function: the module gets a function
    of its name; local: so does each block that imports it."""
    changes: List[Change]
    function: str = ""  # what the function is called
    body: str = ""  # what it returns
    gone: Sequence[ast.stmt] = ()  # statements that are needed no more


class Case(NamedTuple):
    """What a decision stands on."""

    refs: References
    target: Target
    selected: FrozenSet[str]
    bound: List[str]  # names of the module that others may read; * for all
    own: Optional[Made]  # the Experiment that the module makes itself


def decide(refs: References, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]
           ) -> Tuple[List[Move], List[Found], Optional[Made]]:
    """Give what moves, what a person has to read, and the module's own Experiment, if it is still one then."""
    bound = [*taken, *listed(refs.names)]
    own = own_experiment(refs.names, refs.source.tree.body)
    if own is not None and own.variable.name in {**target.homes, **target.functions}:
        own = None  # what is new may have this name
    case = Case(refs, target, selected, bound, own)
    moves: List[Move] = []
    found: List[Found] = list(refs.found)
    for symbol in sorted(refs.symbols, key=lambda each: ORDER.get(each.name, 1)):
        why = next(filter(None, (list(rule(case, symbol)) for rule in RULES)), None)
        if symbol.member and not symbol.alone or symbol.legacy not in selected | {LEGACY}:
            why = []  # said already, or not asked for
        elif why is None:
            moved = _moved(case, symbol)
            if symbol.name == "PolyaxonClientException" and target.sources and len(moves) < len(refs.symbols) - 1:
                moved = list(_at_import(case, symbol, RAISED))
            if isinstance(moved, Move):
                moves.append(moved)
                continue
            why = moved
        if symbol.name == "Experiment" and target.sources:
            case = case._replace(own=None)  # it does not become a run
        found += why
    return moves, sorted(set(found)), case.own


def leaving(refs: References, target: Target, selected: FrozenSet[str]) -> FrozenSet[str]:
    """Give the names of the module's top that would go, were nothing else to need them."""
    moves, _, _ = decide(refs, target, selected, frozenset())
    body = refs.source.tree.body
    made = [each for each in (maker(refs.source, refs.names), own_experiment(refs.names, body))
            if each and target.sources]
    return frozenset([move.symbol.variable.name for move in moves if move.form == "inline"
                      and move.symbol.variable.scope is refs.names.module] + [each.variable.name for each in made])


# Why a name stays: the first rule that gives something decides

def _no_successor(case: Case, symbol: Symbol) -> Iterator[Found]:
    if symbol.legacy != LEGACY and not written(symbol.name, case.target).moves:
        for use in symbol.uses:
            bare = symbol.name == "get_tf_config" and isinstance(case.refs.names.parents[use.parent], ast.Expr)
            yield Found(use.start, symbol.legacy, DELETE if bare else snippet(symbol.name, case.target))
        if not symbol.uses:
            yield from _at_import(case, symbol, snippet(symbol.name, case.target))


def _import_is_odd(case: Case, symbol: Symbol) -> Iterator[Found]:
    shared = [other for other in case.refs.symbols
              if other is symbol or other.variable is symbol.variable and not symbol.member]
    sites = [part.site for other in shared for part in other.parts]
    if symbol.variable.scope.kind == "class":
        yield from _at_import(case, symbol, IN_CLASS)
    elif case.target.column == "client" and any(stands_in(case.refs.names, site.node) for site in sites):
        yield from _at_import(case, symbol, FALLBACK)
    elif not all(site.alone for site in sites):
        yield from _at_import(case, symbol, NOT_ALONE)
    elif len(shared) > 1 and len({id(site.body) for site in sites}) < len(sites):
        yield from _at_import(case, symbol, TWICE)


def _package_is_taken(case: Case, symbol: Symbol) -> Iterator[Found]:
    if symbol.member and _is_bound(case, symbol):
        for part in symbol.parts:
            yield Found(case.refs.source.start(part.site.node), LEGACY, PACKAGE)


def _use_is_odd(case: Case, symbol: Symbol) -> Iterator[Found]:
    if _is_same(case, symbol) and not symbol.member:
        return
    names = case.refs.names
    for use in symbol.uses:
        if use.end is None and not fstring(names, use.node, old=True):
            yield Found(use.start, symbol.legacy, SPELLED)
        elif symbol.name == "get_data_path" and is_dict(names, use.parent):
            yield Found(use.start, symbol.legacy, PATH_AND_DICT)
    if symbol.member or symbol.name in ("Experiment", "Job"):
        node = annotated(names, symbol.variable.name)
        if node is not None:
            yield Found(case.refs.source.start(node), symbol.legacy, ANNOTATION)


def _experiment_is_odd(case: Case, symbol: Symbol) -> Iterator[Found]:
    """Leave an `experiment` that is tested, kept or taken: it was None outside Polyaxon."""
    if symbol.name == "experiment":
        roles = [(use, role_of(case.refs.names, use.node)) for use in symbol.uses if case.target.column == "client"]
        odd = [Found(use.start, symbol.legacy, TESTED.format(ROLES[role])) for use, role in roles if role in ROLES]
        yield from odd
        if not odd and _is_bound(case, symbol):
            yield from _at_import(case, symbol, TAKEN if symbol.alone else NAMED)


RULES: List[Callable[[Case, Symbol], Iterator[Found]]] = [
    _no_successor, _package_is_taken, _import_is_odd, _use_is_odd, _experiment_is_odd]


def _at_import(case: Case, symbol: Symbol, message: str) -> Iterator[Found]:
    for part in symbol.parts:
        yield Found(case.refs.source.start(part.site.node), symbol.legacy, message)


def role_of(names: Names, node: ast.AST) -> str:
    """Tell how an expression is used: call, method, attribute, argument, test, default or value."""
    parent = names.parents[node]
    if isinstance(parent, ast.keyword):
        parent = names.parents[parent]
    if isinstance(parent, ast.Call):
        return "call" if parent.func is node else "argument"
    if isinstance(parent, ast.Attribute):
        return "method"
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp, ast.Compare)) or getattr(parent, "test", None) is node:
        return "test"
    return "default" if isinstance(parent, ast.arguments) else "value"


# How it moves

def _is_same(case: Case, symbol: Symbol) -> bool:
    """Tell whether the target has the name itself."""
    return symbol.name == symbol.legacy and symbol.name in case.target.homes \
        and written(symbol.name, case.target).needs == symbol.name


def _moved(case: Case, symbol: Symbol) -> Union[Move, List[Found]]:
    """Give how a name moves, or why it can't."""
    if symbol.legacy == LEGACY:
        return Move(symbol, "inline", [])
    if case.target.sources and symbol.name in ("experiment", "Experiment"):
        return _run(case, symbol)
    if _is_same(case, symbol):
        changes = [Change(use.node, use.start, use.end or 0, symbol.name) for use in symbol.uses if symbol.member]
        return _checked(case, Move(symbol, "same", changes))
    row = written(symbol.name, case.target)
    shaped = [_data_path(case, row, use) for use in symbol.uses]
    rest = [use for use, change in zip(symbol.uses, shaped) if change is None]
    changes = [change for change in shaped if change is not None]
    expressions = [_expression(case, symbol, row, use) for use in rest]
    if not _is_bound(case, symbol) and None not in expressions and not (row.function and (rest or not symbol.uses)):
        changes += [change for change in expressions if change is not None]
        return _checked(case, Move(symbol, "inline", changes))
    return _function(case, symbol, row, rest, changes)


def _checked(case: Case, move: Move) -> Union[Move, List[Found]]:
    """Give the move, or its places in f-strings whose inside is unknown to this Python, or that print their own text."""
    names, found = case.refs.names, []
    for change in move.changes:
        string = fstring(names, change.node, old=True)
        if string is not None:
            found.append(Found(case.refs.source.start(string), move.symbol.legacy, IN_FSTRING))
        elif _prints_itself(names, change.node):
            found.append(Found(change.start, move.symbol.legacy, PRINTED))
    return found or move


def _is_bound(case: Case, symbol: Symbol) -> bool:
    """Tell whether the name has to stay: others may read it, or something else binds it too."""
    at_top = symbol.variable.scope is case.refs.names.module
    return not symbol.alone or at_top and not {symbol.variable.name, "*"}.isdisjoint(case.bound)


def _expression(case: Case, symbol: Symbol, row: Written, use: Use) -> Optional[Change]:
    """Give the edit that puts the new expression in the place of a use; None where it has to be a function."""
    names, source, call, end = case.refs.names, case.refs.source, use.parent, use.end or use.start
    write = row.write
    if case.own is not None and names.variable(case.own.variable.name, use.scope) is case.own.variable \
            and source.start(case.own.statements[0]) < use.start:
        write = write.replace(written("experiment", case.target).write, case.own.variable.name)
    if symbol.name == "experiment":
        return Change(use.node, use.start, end, write)
    if not isinstance(call, ast.Call) or call.func is not use.node or _prints_itself(names, use.node):
        return None
    if call.args and symbol.name == "send_metrics" or (call.args or call.keywords) and symbol.name not in SIGNATURES:
        return None
    if any(_binds(scope, word) for word in BUILT_IN.intersection(WORD.findall(write)) for scope in use.scope.chain):
        return None
    for closing in ("(...)", "()"):
        if write.endswith(closing):
            return Change(use.node, use.start, end, write[:-len(closing)])
    opened = source.word(source.next(end), "(")
    closed = source.word(source.next(opened), ")") if opened is not None else None
    return Change(call, use.start, closed, write) if closed is not None else None


def _binds(scope: Scope, name: str) -> bool:
    return name in scope.variables and bool(scope.variables[name].bindings)


def _prints_itself(names: Names, node: ast.AST) -> bool:
    """Tell whether a node stands in a field such as `{name=}`, which prints its own text."""
    for parent in names.around(node):
        if isinstance(parent, ast.FormattedValue):
            values = getattr(names.parents[parent], "values", [parent])
            before = values[values.index(parent) - 1]
            return before in names.strings and names.strings[before].rstrip().endswith("=")
    return False


def _data_path(case: Case, row: Written, use: Use) -> Optional[Change]:
    """Give the edit of the expression that an earlier run wrote for get_data_path()."""
    path = REPLACEMENTS["get_data_path"]
    if row is not REPLACEMENTS["get_data_paths"].traceml:
        return None
    node = use.node
    for parent in case.refs.names.around(use.node):
        node = parent if isinstance(parent, ast.expr) else node
        if isinstance(parent, ast.stmt) or isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "next":
            break
    start = case.refs.source.start(node)
    end = case.refs.source.word(start, path.client.write.replace("get_data_paths", use.name.id))
    return Change(node, start, end, path.traceml.write) if end is not None else None


# As a function of the module

def _function(case: Case, symbol: Symbol, row: Written, uses: List[Use], changes: List[Change]
              ) -> Union[Move, List[Found]]:
    if symbol.name != symbol.legacy and (case.target.column == "client" or _is_bound(case, symbol)):
        return list(_at_import(case, symbol, NOT_ALONE))
    module = case.refs.names.module
    renamed = symbol.member or symbol.name != symbol.legacy
    name, body = symbol.name if renamed else symbol.variable.name, row.write
    if renamed:
        changes = changes + [Change(use.node, use.start, use.end or 0, name) for use in uses]
    for closing in ("(...)", "()"):
        if body.endswith(closing):
            body = body[:-len(closing)] + "({})".format(SIGNATURES.get(symbol.name, ("", ""))[1])
            break
    move = Move(symbol, _where(case, symbol, row), changes, name, body)
    why: List[Found] = []
    if move.form == "function":
        words = BUILT_IN.intersection(WORD.findall(body))
        if _is_taken(case, symbol, name) or any(_binds(module, word) for word in words):
            why = [Found(use.start, symbol.legacy, NAMED) for use in uses] or list(_at_import(case, symbol, NAMED))
    elif renamed:
        why = list(_at_import(case, symbol, NOT_ALONE))
    elif symbol.variable.scope is not module:
        why = [Found(use.start, symbol.legacy, HANDED_ON) for use in uses
               if role_of(case.refs.names, use.node) not in ("call", "test")]
    return why or _checked(case, move)


def _where(case: Case, symbol: Symbol, row: Written) -> str:
    """Tell whether one function behind the imports will do, or each import needs its own."""
    source, variable = case.refs.source, symbol.variable
    if symbol.member or row.function and symbol.alone and variable.scope is not case.refs.names.module:
        return "function"
    aliases = [part.alias for part in symbol.parts]
    last = max(source.start(part.site.node) for part in symbol.parts)
    at_top = all(part.site.body is source.tree.body for part in symbol.parts)
    return "function" if at_top and all(
        source.start(binding.node) > last for binding in variable.bindings
        if binding.alias not in aliases and binding.scope is variable.scope) else "local"


def _is_taken(case: Case, symbol: Symbol, name: str) -> bool:
    """Tell whether something else has the name of a function to come, where that is used."""
    own = [other.variable for other in case.refs.symbols
           if not other.member and other.name == symbol.name and other.variable.name == name]
    scopes = [case.refs.names.module] + [scope for use in symbol.uses for scope in use.scope.chain]
    return any(name in scope.variables and scope.variables[name] not in own
               and bool(scope.variables[name].bindings + scope.variables[name].uses) for scope in scopes)


def _run(case: Case, symbol: Symbol) -> Union[Move, List[Found]]:
    """Give what becomes of an Experiment where it becomes a run of traceml's."""
    if _is_bound(case, symbol):
        return list(_at_import(case, symbol, TAKEN))
    uses = experiment_uses(case.refs, symbol) if symbol.name == "experiment" else \
        class_uses(case.refs, symbol, case.bound)
    return uses.found or _checked(case, Move(symbol, "inline", uses.changes, gone=tuple(dict.fromkeys(uses.gone))))
