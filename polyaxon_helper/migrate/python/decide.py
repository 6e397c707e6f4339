"""Decides what becomes of each legacy name: it moves in one of four forms, or it stays and a person reads why."""
import ast
import re
from typing import FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...replacements import REPLACEMENTS, SIGNATURES, Target, snippet, written
from .experiments import IN_FSTRING, WORD, Change, Made, fstring, instead, own_experiment, run_steps
from .names import Names, Scope
from .references import LEGACY, Found, References, Symbol, Use, annotated, is_dict, listed, stands_in

FALLBACK = "stands in for polyaxon_client where that can't be imported; delete it, or keep the legacy package for it"
IN_CLASS = "an import in a class body; move it to the top of the module, then run again"
TWICE = "one import gives two things this name; leave the last, then run again"
SPELLED = "written in a way that can't be edited safely; write it as one word, or as module.name, then run again"
NOT_ALONE = "its import shares a line, or a name, with something else, or has comments among its names; give it a " \
            "line of its own, without them, then run again"
ANNOTATION = "a quoted annotation names it; write the annotation without it, then run again"
NAMED = "something else has this name here; rename one of them, then run again"
HANDED_ON = "handed on as a value by a function that imports it; import it at the top of the module, then run again"
PATH_AND_DICT = "used as a path here and as a dict elsewhere; write get_data_paths() where it is a dict, then run again"
PRINTED = "in a field that prints its own text; write it without the `=`, then run again"
PACKAGE = "others may take the package from here; import it where it is used, then run again"
TAKEN = "others take it from here; have them call a function that returns it"
TESTED = "was None outside Polyaxon, where what takes its place raises PolyaxonClientException; {}"
ROLES = {"test": "catch that by hand in place of the test",
         "default": "let the default be None, and call get_experiment() in the function, by hand",
         "value": "call get_experiment() where it is used, by hand"}
RAISED = "stays with what stays here and may raise it; move both at once"
DELETE = "delete it: nothing is left for it to set"
ORDER = {"Experiment": 0, "PolyaxonClientException": 2}  # what is decided before the rest, and after it
BUILT_IN = ("iter", "next")  # Python's own names in what is written
ARGUMENTS = re.compile(r"\((?:\.\.\.)?\)$")
NO_ARGUMENTS = re.compile(r"[\s\\]*\([\s\\]*\)")
OPEN_BUCKETS = ("azure", "boto", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs", "smart_open", "tensorflow")
AT_ONCE = {
    "client": (("Thread", "ThreadPool", "ThreadPoolExecutor"), "call get_experiment() once before the threads start: "
               "several that send first at the same time make several"),
    "traceml": (("multiprocessing", "fork", "Process", "ProcessPoolExecutor", "num_workers"), "what a process that is "
                "forked once the run is made sends to traceml is lost, and its 21st call never ends"),
}
COORDINATE = "{} is a coordinate of the point there, not a metric"
UNUSUAL = "the metric {!r} gets another name there"


class Move(NamedTuple):  # how a legacy name moves
    symbol: Symbol
    form: str  # same: by another import; inline: as expressions; function: as one of the module; local: of each import
    changes: List[Change]
    function: str = ""  # what the function is called
    body: str = ""  # what it returns
    gone: Sequence[ast.stmt] = ()  # statements that are needed no more


class Case(NamedTuple):  # what a decision stands on
    refs: References
    target: Target
    bound: List[str]  # names of the module that others may read; * for all
    own: Optional[Made]  # the Experiment that the module makes itself


def decide(refs: References, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]
           ) -> Tuple[List[Move], List[Found], Optional[Made]]:
    """Give what moves, what a person has to read, and the module's own Experiment, if it is still one then."""
    case = Case(refs, target, [*taken, *listed(refs.names)], own_experiment(refs))
    if case.own is not None and case.own.variable.name in {**target.homes, **target.functions}:
        case = case._replace(own=None)  # what is new may have this name
    moves, found = [], list(refs.found)  # type: Tuple[List[Move], List[Found]]
    for symbol in sorted(refs.symbols, key=lambda each: ORDER.get(each.name, 1)):
        move, why = _moved(case, symbol)
        why = _why(case, move) or why
        if symbol.name == "PolyaxonClientException" and target.sources and len(moves) < len(refs.symbols) - 1:
            why = why or [Found(refs.source.start(part.site.node), symbol.legacy, RAISED) for part in symbol.parts]
        is_asked = symbol.legacy in (*selected, LEGACY) and (symbol.alone or not symbol.member)  # else it was said
        if is_asked and not why:
            moves.append(move)
        elif symbol.name == "Experiment" and target.sources:
            case = case._replace(own=None)  # it does not become a run
        found += why * is_asked
    return moves, sorted(set(found)), case.own


def _why(case: Case, move: Move) -> List[Found]:
    """Give what speaks against a move: in the uses, else in the imports, else in the edits."""
    symbol, source, names = move.symbol, case.refs.source, case.refs.names
    by_hand = "" if symbol.legacy == LEGACY or written(symbol.name, case.target).moves else \
        snippet(symbol.name, case.target)
    named = NAMED * (move.form == "function" and (_is_taken(case, move) or _hides([names.module], move.body)))
    uses = [(use.start, _of_use(case, move, use, by_hand) or named) for use in symbol.uses]
    is_class = symbol.name in ("Experiment", "Job") and move.form != "same"
    annotation = annotated(names, symbol.variable.name) if symbol.member or is_class else None
    uses += [(source.start(annotation), ANNOTATION)] if annotation is not None else []
    of_import = by_hand or _of_import(case, move) or named
    imports = [(source.start(part.site.node), of_import) for part in symbol.parts]
    changes = [(source.start(string), IN_FSTRING) if string else (change.start, PRINTED * _prints(names, change.node))
               for change in move.changes for string in (fstring(names, change.node),)]
    return next(filter(None, ([Found(start, LEGACY if message == PACKAGE else symbol.legacy, message)
                               for start, message in each if message] for each in (uses, imports, changes))), [])


def _of_use(case: Case, move: Move, use: Use, by_hand: str) -> str:
    """Give why a use keeps a name where it is; "" where it does not."""
    symbol, names = move.symbol, case.refs.names
    if by_hand:
        return DELETE if symbol.name == "get_tf_config" and isinstance(names.parents[use.parent], ast.Expr) else by_hand
    if use.end is None and (symbol.member or move.form != "same") and not fstring(names, use.node):
        return SPELLED
    if symbol.name == "get_data_path" and is_dict(names, use.parent):
        return PATH_AND_DICT
    if symbol.name == "experiment" and case.target.column == "client" and _role(names, use.node) in ROLES:
        return TESTED.format(ROLES[_role(names, use.node)])
    is_local = move.form == "local" and symbol.variable.scope is not names.module
    return HANDED_ON * (is_local and _role(names, use.node) not in ("call", "test"))


def _of_import(case: Case, move: Move) -> str:
    """Give why the imports keep a name where it is; "" where they do not."""
    symbol, is_bound, is_local = move.symbol, _is_bound(case, move.symbol), move.form == "local"
    is_client, is_new = case.target.column == "client", move.function and move.symbol.name != move.symbol.legacy
    sites = [part.site for other in case.refs.symbols if other.variable is symbol.variable for part in other.parts]
    is_shared = len(sites) > len(symbol.parts) and not symbol.member
    return next((message for message, applies in (
        (PACKAGE, symbol.member and is_bound),
        (IN_CLASS, symbol.variable.scope.kind == "class"),
        (FALLBACK, is_client and any(stands_in(case.refs.names, site.node) for site in sites)),
        (TWICE, is_shared and len({id(site.body) for site in sites}) < len(sites)),
        (TAKEN if symbol.alone else NAMED, is_bound and symbol.name.lower() == "experiment" and move.form != "same"),
        (NOT_ALONE, is_new and (is_local or is_client or is_bound) or not all(site.alone for site in sites)),
    ) if applies), "")


def _is_bound(case: Case, symbol: Symbol) -> bool:
    """Tell whether the name has to stay: others may read it, or something else binds it too."""
    at_top = symbol.variable.scope is case.refs.names.module
    return not symbol.alone or at_top and not {symbol.variable.name, "*"}.isdisjoint(case.bound)


def _is_taken(case: Case, move: Move) -> bool:
    """Tell whether something else has the name of a function to come, where that is used."""
    own = [other.variable for other in case.refs.symbols if not other.member and other.name == move.symbol.name]
    scopes = [case.refs.names.module] + [scope for use in move.symbol.uses for scope in use.scope.chain]
    there = [scope.variables[move.function] for scope in scopes if move.function in scope.variables]
    return any(variable not in own and variable.bindings + variable.uses for variable in there)


def _hides(scopes: Iterable[Scope], text: str) -> bool:
    """Tell whether one of Python's own names in a text is something else in these scopes."""
    words = set(WORD.findall(text)).intersection(BUILT_IN)
    return any(word in scope.variables and scope.variables[word].bindings for scope in scopes for word in words)


def _prints(names: Names, node: ast.AST) -> bool:
    """Tell whether a node stands in a field such as `{name=}`, which prints its own text."""
    for field in names.around(node):
        if isinstance(field, ast.FormattedValue):
            values = names.parents[field].values
            return names.strings.get(values[max(0, values.index(field) - 1)], "").rstrip().endswith("=")
    return False


def _role(names: Names, node: ast.AST) -> str:
    """Tell how an expression is used: call, part (of a call or attribute), test, default or value."""
    parent = names.parents[node]
    if isinstance(parent, (ast.Call, ast.keyword, ast.Attribute)):
        return "call" if getattr(parent, "func", None) is node else "part"
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp, ast.Compare)) or getattr(parent, "test", None) is node:
        return "test"
    return "default" if isinstance(parent, ast.arguments) else "value"


def _moved(case: Case, symbol: Symbol) -> Tuple[Move, List[Found]]:
    """Give how a name moves if nothing speaks against it, and what in its uses does."""
    if symbol.legacy == LEGACY:
        return Move(symbol, "inline", []), []
    if case.target.sources and symbol.name in ("experiment", "Experiment"):
        steps = list(run_steps(case.refs, symbol, case.bound))
        odd = [each for each in steps if isinstance(each, Found)]
        changes = [each for each in steps if isinstance(each, Change) and not odd]
        return Move(symbol, "inline", changes, gone=[each for each in steps if isinstance(each, ast.stmt)]), odd
    if symbol.name == symbol.legacy and symbol.name in case.target.homes:
        return Move(symbol, "same", [instead(use, symbol.name) for use in symbol.uses if symbol.member]), []
    row = written(symbol.name, case.target)
    expressions = [_expression(case, symbol, use) for use in symbol.uses]
    changes = [each for each in expressions if each is not None]
    if not _is_bound(case, symbol) and None not in expressions and (symbol.uses or not row.function):
        return Move(symbol, "inline", changes), []
    is_new = symbol.member or symbol.name != symbol.legacy
    name = symbol.name if is_new else symbol.variable.name
    changes = changes * row.function + [instead(use, name) for use, change in zip(symbol.uses, expressions)
                                        if is_new and not (row.function and change)]
    arguments = SIGNATURES.get(symbol.name, ("", ""))[1]
    return Move(symbol, _where(case, symbol), changes, name, ARGUMENTS.sub("({})".format(arguments), row.write)), []


def _expression(case: Case, symbol: Symbol, use: Use) -> Optional[Change]:
    """Give the edit that puts the new expression in the place of a use; None where it has to be a function."""
    names, source, name, row = case.refs.names, case.refs.source, symbol.name, written(symbol.name, case.target)
    call, new = names.parents[use.node], row.write
    if row.function:
        return _data_path(case, use)
    if case.own is not None and names.variable(case.own.variable.name, use.scope) is case.own.variable \
            and source.start(case.own.statements[0]) < use.start:
        new = new.replace(written("experiment", case.target).write, case.own.variable.name)
    if name == "experiment":
        return instead(use, new)
    if _role(names, use.node) != "call" or _prints(names, use.node) or _hides(use.scope.chain, new) \
            or call.args and name == "send_metrics" or (call.args or call.keywords) and name not in SIGNATURES:
        return None
    called, is_call = ARGUMENTS.subn("", new)
    if is_call:
        return instead(use, called)
    arguments = NO_ARGUMENTS.match(source.text, use.end or use.start)
    return Change(call, use.start, arguments.end(), new) if arguments else None


def _data_path(case: Case, use: Use) -> Optional[Change]:
    """Give the edit of the expression that an earlier run wrote for get_data_path()."""
    path, source = REPLACEMENTS["get_data_path"], case.refs.source
    node = next((each for each in case.refs.names.around(use.node)
                 if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "next"), use.node)
    start = source.start(node)
    end = source.word(start, path.client.write.replace("get_data_paths", use.name.id))
    return Change(node, start, end, path.traceml.write) if end is not None else None


def _where(case: Case, symbol: Symbol) -> str:
    """Tell whether one function behind the imports will do, or each import needs its own."""
    source, variable, aliases = case.refs.source, symbol.variable, {part.alias for part in symbol.parts}
    last = max(source.start(part.site.node) for part in symbol.parts)
    at_top = all(part.site.body is source.tree.body for part in symbol.parts) and all(
        source.start(each.node) > last for each in variable.bindings if each.alias not in aliases)
    can_leave = written(symbol.name, case.target).function and variable.scope is not case.refs.names.module
    return "function" if symbol.member or at_top or can_leave and symbol.alone else "local"


def notes(refs: References, target: Target, moves: List[Move]) -> List[Found]:
    """Give the notes on what these moves change."""
    words, symbols = frozenset(re.findall(r"\w+", refs.source.text)), [move.symbol for move in moves]
    return sorted({Found(start, symbol.legacy, message) for symbol in symbols if symbol.uses and symbol.legacy != LEGACY
                   for start, message in _notes(refs, target, symbol, words)})


def _notes(refs: References, target: Target, symbol: Symbol, words: FrozenSet[str]) -> Iterator[Tuple[int, str]]:
    start, note = min(use.start for use in symbol.uses), written(symbol.name, target).note
    on_values = [getattr(refs.names.parents.get(use.parent), "attr", "") == "values" for use in symbol.uses]
    if note and not (symbol.name == "get_outputs_path" and words.isdisjoint(OPEN_BUCKETS)
                     or symbol.name == "get_data_paths" and all(on_values)):
        yield start, note
    signs, message = AT_ONCE[target.column]
    if symbol.name == "send_metrics" and not words.isdisjoint(signs):
        yield start, message
    calls = [use.parent for use in symbol.uses] if symbol.name == "send_metrics" else [
        node for node in set(refs.names.parents.values()) if symbol.name in ("experiment", "Experiment")
        and getattr(getattr(node, "func", None), "attr", "") == "log_metrics"]
    for call in [each for each in calls if isinstance(each, ast.Call) and target.column == "traceml"]:
        for keyword in call.keywords:
            keys = getattr(keyword.value, "keys", []) if keyword.arg is None else []
            for name in [keyword.arg or "", *(refs.names.strings.get(key, "") for key in keys)]:
                if name in ("step", "timestamp"):
                    yield refs.source.start(call), COORDINATE.format(name)
                elif name and not name.isidentifier():
                    yield refs.source.start(call), UNUSUAL.format(name)
