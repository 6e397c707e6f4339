"""Decides what becomes of each legacy name: it moves in one of four forms, or it stays and a person reads why."""
import ast
import re
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...replacements import REPLACEMENTS, SIGNATURES, Target, snippet, written
from .edits import Change
from .experiments import IN_FSTRING, STATE, Made, fstring, instead, own_experiment, run_steps
from .names import Scope, Variable
from .references import LEGACY, Found, References, Symbol, Use, annotated, is_dict, listed, stands_in

FALLBACK = "stands in for polyaxon_client where that can't be imported; delete it, or keep the legacy package for it"
IN_CLASS = "an import in a class body; move it to the top of the module, then run again"
SPELLED = "written in a way that can't be edited safely; write it as a plain name, or as module.name, then run again"
NOT_ALONE = "its import shares a line or a name with another, or has a comment inside; write it apart, then run again"
ANNOTATION = "a quoted annotation names it; write the annotation without it, then run again"
NAMED = "something else has this name here; rename one of them, then run again"
HANDED_ON = "handed on as a value by a function that imports it; import it at the top of the module, then run again"
AS_DICT = "it gives a path and is used as a dict; write get_data_paths() where it is a dict, then run again"
PRINTED = "in a field that prints its own text; write it without the `=`, then run again"
PACKAGE = "others may take the package from here; import it where it is used, then run again"
TAKEN = "others take it from here; have them call a function that returns it"
TESTED = "is None outside Polyaxon, where get_experiment() raises PolyaxonClientException; call that where you need " \
         "it, and catch the exception in place of a test"
RAISED = "stays with what stays here and may raise it; move both at once"
DELETE = "delete it: nothing is left for it to set"
ORDER = {"Experiment": 0, "PolyaxonClientException": 2}  # what is decided before the rest, and after it
ARGUMENTS = re.compile(r"\((?:\.\.\.)?\)$")
OPEN_BUCKETS = ("azure", "boto", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs", "smart_open", "tensorflow")
AT_ONCE = {
    "client": (("Thread", "ThreadPool", "ThreadPoolExecutor"), "call get_experiment() once before the threads start: "
               "several that send first at the same time make several"),
    "traceml": (("multiprocessing", "fork", "Process", "ProcessPoolExecutor", "num_workers"), "what a process that is "
                "forked once the run is made sends to traceml is lost, and its 21st call never ends"),
}
METRIC = "traceml makes no metric {!r} of it: step and timestamp are the point's coordinates, and what is no name in " \
         "Python gets another"


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
    symbols: Dict[Variable, List[Symbol]]  # what each variable is


def decide(refs: References, target: Target, selected: FrozenSet[str], taken: FrozenSet[str]
           ) -> Tuple[List[Move], List[Found], Optional[Made]]:
    """Give what moves, what a person has to read, and the module's own Experiment, if it is still one then."""
    case = Case(refs, target, [*taken, *listed(refs)], own_experiment(refs), {})
    for symbol in refs.symbols:
        case.symbols.setdefault(symbol.variable, []).append(symbol)
    if case.own and case.own.variable.name in {STATE, *target.homes, *target.functions}:
        case = case._replace(own=None)  # what is new may have this name
    moves, found = [], list(refs.found)  # type: Tuple[List[Move], List[Found]]
    for symbol in sorted(refs.symbols, key=lambda each: ORDER.get(each.name, 1)):
        is_asked = symbol.legacy in (*selected, LEGACY) and (symbol.alone or not symbol.member)  # else it was said
        move, why = _moved(case, symbol)
        why = _why(case, move) or why
        if symbol.name == "PolyaxonClientException" and target.sources and len(moves) < sum(
                each.name != symbol.name for each in refs.symbols):
            why = why or [Found(refs.source.start(site.node), symbol.legacy, RAISED) for site in symbol.parts.values()]
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
    named = NAMED * _is_taken(case, move)
    uses = [(use.start, _of_use(case, move, use, by_hand) or named) for use in symbol.uses]
    if symbol.member or symbol.name in ("Experiment", "Job") and move.form != "same":
        word = re.compile(r"\b{}\b".format(symbol.variable.name))
        uses += [(source.start(node), ANNOTATION) for node, text in annotated(names) if word.search(text)]
    of_import = by_hand or _of_import(case, move) or named
    imports = [(source.start(site.node), of_import) for site in symbol.parts.values()]
    changes = [_of_edit(case, change) for change in move.changes]
    return next(filter(None, ([Found(start, LEGACY if message == PACKAGE else symbol.legacy, message)
                               for start, message in each if message] for each in (uses, imports, changes))), [])


def _of_use(case: Case, move: Move, use: Use, by_hand: str) -> str:
    """Give why a use keeps a name where it is; "" where it does not."""
    symbol, names, outer = move.symbol, case.refs.names, case.refs.names.parents[use.call or use.node]
    if by_hand:
        return DELETE if symbol.name == "get_tf_config" and isinstance(outer, ast.Expr) else by_hand
    if use.end == use.start and (symbol.member or move.form != "same") and not fstring(names, use.node):
        return SPELLED
    if symbol.name == "get_data_path" and is_dict(names, use):
        return AS_DICT
    is_part = isinstance(names.parents[use.node], (ast.Call, ast.keyword, ast.Attribute))
    if symbol.name == "experiment" and case.target.column == "client" and not is_part:
        return TESTED
    return HANDED_ON * (move.form == "local" and symbol.variable.scope is not names.module and use.call is None)


def _of_import(case: Case, move: Move) -> str:
    """Give why the imports keep a name where it is; "" where they do not."""
    symbol, is_bound = move.symbol, _is_bound(case, move.symbol)
    sites = [site for other in case.symbols[symbol.variable] for site in other.parts.values()]
    is_shared = len(sites) > len(symbol.parts) and not symbol.member
    return next((message for message, applies in (
        (PACKAGE, symbol.member and is_bound),
        (IN_CLASS, symbol.variable.scope.kind == "class"),
        (FALLBACK, not case.target.sources and any(stands_in(case.refs.names, site.node) for site in sites)),
        (TAKEN if symbol.alone else NAMED, is_bound and symbol.name.lower() == "experiment" and move.form != "same"),
        (AS_DICT, symbol.name != symbol.legacy and move.function and (move.form == "local" or is_bound)),
        (NOT_ALONE, is_shared and len({id(site.body) for site in sites}) < len(sites) or not all(
            site.alone for site in sites)),
    ) if applies), "")


def _of_edit(case: Case, change: Change) -> Tuple[int, str]:
    """Give where a text stands that an edit must not change, and why; "" where there is none."""
    source, names, string = case.refs.source, case.refs.names, fstring(case.refs.names, change.node)
    fields = [each for each in names.around(change.node) if isinstance(each, ast.FormattedValue)]
    values = [(names.parents[each].values, names.parents[each].values.index(each)) for each in fields]
    # `{name=}` prints its own text: that stands in front of it
    fronts = [names.strings.get(parts[number - 1], "").rstrip() for parts, number in values]
    prints = any(each.endswith("=") and source.text[change.start:change.end] in each for each in fronts)
    return (source.start(string), IN_FSTRING) if string else (change.start, PRINTED * prints)


def _is_bound(case: Case, symbol: Symbol) -> bool:
    """Tell whether the name has to stay: others may read it, or something else binds it too."""
    at_top = symbol.variable.scope is case.refs.names.module
    return not symbol.alone or at_top and not {symbol.variable.name, "*"}.isdisjoint(case.bound)


def _is_taken(case: Case, move: Move) -> bool:
    """Tell whether something else has the name of a function to come where that is used, or of one that it calls."""
    scopes = [case.refs.names.module] + [scope for use in move.symbol.uses for scope in use.scope.chain]
    there = [scope.variables[move.function] for scope in scopes if move.function in scope.variables]
    return _hides(move.symbol.variable.scope, move.body) or move.form == "function" and any(
        variable.bindings + variable.uses for variable in there
        if (False, move.symbol.name) not in [(each.member, each.name) for each in case.symbols.get(variable, ())])


def _hides(inner: Scope, text: str) -> bool:
    """Tell whether one of Python's own functions that a text calls is something else in a scope."""
    return any(scope.variables[name].bindings for scope in inner.chain for name in ("iter", "next")
               if name + "(" in text and name in scope.variables)


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
    changes = changes * row.function + [instead(use, name) for use, each in zip(symbol.uses, expressions)
                                        if is_new and not (row.function and each)]
    body = ARGUMENTS.sub("({})".format(SIGNATURES.get(symbol.name, ("", ""))[1]), row.write)
    return Move(symbol, _where(case, symbol), changes, name, body), []


def _expression(case: Case, symbol: Symbol, use: Use) -> Optional[Change]:
    """Give the edit that puts the new expression in the place of a use; None where it has to be a function."""
    source, own, call, row = case.refs.source, case.own, use.call, written(symbol.name, case.target)
    if row.function:
        return _data_path(case, use)
    new = row.write
    if own and source.start(own.statements[0]) < use.start \
            and case.refs.names.variable(own.variable.name, use.scope) is own.variable:
        new = new.replace(written("experiment", case.target).write, own.variable.name)
    if symbol.name == "experiment":
        return instead(use, new)
    if call is None or _hides(use.scope, new) or call.args and symbol.name == "send_metrics" \
            or (call.args or call.keywords) and symbol.name not in SIGNATURES:
        return None
    called, is_call = ARGUMENTS.subn("", new)
    end = source.word(use.end, "(", ")")
    return instead(use, called) if is_call else Change(call, use.start, end, new) if end else None


def _data_path(case: Case, use: Use) -> Optional[Change]:
    """Give the edit of the expression that an earlier run wrote for get_data_path()."""
    path, source = REPLACEMENTS["get_data_path"], case.refs.source
    node = next((each for each in case.refs.names.around(use.node)
                 if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "next"), use.node)
    start = source.start(node)
    end = source.word(start, path.client.write.replace("get_data_paths", source.text[use.start:use.end]))
    return Change(node, start, end, path.traceml.write) if end is not None else None


def _where(case: Case, symbol: Symbol) -> str:
    """Tell whether one function behind the imports will do, or each import needs its own."""
    source, variable, sites = case.refs.source, symbol.variable, symbol.parts.values()
    last = max(source.start(site.node) for site in sites)
    at_top = all(site.body is source.tree.body for site in sites) and all(
        source.start(each.node) > last for each in variable.bindings if each.alias not in symbol.parts)
    can_leave = written(symbol.name, case.target).function and variable.scope is not case.refs.names.module
    return "function" if symbol.member or at_top or can_leave and symbol.alone else "local"


def notes(refs: References, target: Target, moves: List[Move]) -> List[Found]:
    """Give the notes on what these moves change, and on variables that the module asks for in vain."""
    words = frozenset(re.findall(r"\w+", refs.source.text))
    unset = ((node, text) for node, text in refs.names.strings.items() if text in target.unset)
    return sorted({Found(start, move.symbol.legacy, message) for move in moves if move.symbol.uses
                   for start, message in _notes(refs, target, move, words)}.union(
                       Found(refs.source.start(node), text, target.unset[text]) for node, text in unset))


def _notes(refs: References, target: Target, move: Move, words: FrozenSet[str]) -> Iterator[Tuple[int, str]]:
    symbol, names = move.symbol, refs.names
    start, note = min(use.start for use in symbol.uses), written(symbol.name, target).note
    signs, message = AT_ONCE[target.column]
    on_values = [getattr(names.parents[use.call or use.node], "attr", "") == "values" for use in symbol.uses]
    if note and not (symbol.name == "get_outputs_path" and words.isdisjoint(OPEN_BUCKETS)
                     or symbol.name == "get_data_paths" and all(on_values)):
        yield start, note
    if symbol.name == "send_metrics" and not words.isdisjoint(signs):
        yield start, message
    yield from ((each.start, written("get_params", target).note) for each in move.changes if each.new == "get_inputs")
    calls = [use.call for use in symbol.uses if symbol.name == "send_metrics"]
    calls += [names.parents[change.node] for change in move.changes if change.new == "log_metrics"]
    for keyword in [keyword for call in calls if call and target.sources for keyword in call.keywords]:
        keys = [] if keyword.arg else getattr(keyword.value, "keys", [])
        for name in [keyword.arg or "x", *(names.strings.get(key, "x") for key in keys)]:
            if name in ("step", "timestamp") or not name.isidentifier():
                yield refs.source.start(keyword.value), METRIC.format(name)
