"""A module's text in, its text on traceml out: what `--to traceml` writes, and what it leaves.

A name whose every use is a call that the run can be made in front of goes, and its uses become what the table says.
Any other stays, as a function that makes the run first. Making it again gives the same run, so each function does so
for itself. What was moved to polyaxon_client.tracking before is read as well.
"""
import ast
import os
import re
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..replacements import EXCEPTIONS, FUNCTIONS, REPLACEMENTS, TRACEML_AFTER, TRACKING, snippet
from . import files
from .names import COMPREHENSIONS, FUNCTIONS as DEFINITIONS, Use, Variable
from .project import Module, Project
from .python import (
    ASSIGNED,
    FACTORY_SAYS,
    FALLBACK,
    IN_CLASS,
    LEGACY,
    OBJECT,
    OUR_OWN,
    SPELLED,
    STAR,
    TWICE,
    Context,
    Legacy,
    Package,
    Place,
    Result,
    Rewrite,
    Site,
    _is_none,
    _text_of,
)
from .source import Surprise, Unreadable

CLIENT = "polyaxon_client"
SUCCESSORS = (TRACKING, TRACKING + ".experiment", TRACKING + ".job", TRACKING + ".paths", EXCEPTIONS)
"""The client's modules that the table's names are imported from."""
IMPORT_OF_CLIENT = LEGACY + "." + OUR_OWN
HOMES = {"tracking": "traceml", "PolyaxonClientException": "polyaxon.exceptions"}
METRICS = frozenset(("send_metrics", "experiment"))
SAME_METHODS = frozenset(("log_metrics", "get_outputs_path", "get_log_level"))
"""What both an Experiment and a run have."""
NEAREST = {"create": "tracking.init(...)", "log_params": "log_inputs(...)"}
MAKERS = frozenset(("init", "get_or_create_run"))
LOOPS = (ast.For, ast.AsyncFor, ast.While)
JUMPS = (ast.Break, ast.Continue, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)
COORDINATES = ("step", "timestamp")

TRANSLATED = {
    OBJECT: "the module is handed around as an object; use functions of traceml.tracking, then run again",
    ASSIGNED: "the module's attribute is replaced; replace traceml.tracking's by hand",
}
ONE_WRITER = "stays with {}, so that one writer has all metrics; move both at once"
CLIENT_STRING = "a string names the old client; write the name that the code uses now"
CLIENT_OWN = "nothing in the table replaces it; write it with polyaxon.client by hand"
CLIENT_OBJECT = "import what you use of it by `from polyaxon_client.tracking import`, then run again"
CLIENT_ONLY = "only polyaxon_client needs it; delete it when nothing imports that any more"
METHOD = "needs a person, and the Experiment stays with it; the nearest that a run has is {}"
NO_METHOD = "needs a person, and the Experiment stays with it; a run may not have it"
HANDED = "where the Experiment goes from here is unclear; only its log_metrics is sure, so it stays"
IN_LOOP = "an Experiment of each time round; make one above the loop, then run again"
ARGUMENTS = "arguments that traceml's run does not take; write `tracking.init(...)` by hand"
CLASS = "used as a class; only calling it and its getters moves"
EXPERIMENT = "only its log_metrics moves; write `experiment = tracking.get_or_create_run()` after `{}`".format(
    TRACEML_AFTER.partition(";")[0])
COORDINATE = "{} is a coordinate of the point there, not a metric"
FORKS = "what a process that is forked once the run is made sends to traceml is lost, and its 21st call never ends"
UNUSUAL = "the metric {!r} gets another name there"
RAISED = "stays with {}, which may raise it; move both at once"
BLOCKED = "stays with {}: polyaxon-client and traceml can't be installed together; move both at once"
CAN_NOT = "stays: {} can't move, and one process must have one writer of metrics; see there"
NOT_NAMED = "stays: {} is not in this run, and one process must have one writer of metrics; move both at once"
ELSEWHERE = "stays: {}:{} does with it what a traceml run may not have: {}"


class Call(NamedTuple):
    """A use of a legacy name that becomes an expression of traceml's."""

    name: str
    node: Any
    """What is called."""
    use: Use
    start: int
    end: int


def _nearest(method: str) -> str:
    """What to tell of a method of the Experiment."""
    return snippet(method) if method in FUNCTIONS else METHOD.format(
        NEAREST[method]) if method in NEAREST else NO_METHOD


class Traceml(Rewrite):
    """One module's way to traceml."""

    def __init__(self, text: str) -> None:
        self.clients: List[Any] = []
        """Imports of the client that the table says nothing of."""
        self.notes: List[Place] = []
        self.instances: Dict[str, bool] = {}
        """What the module calls the run that it makes, and whether that is a function."""
        self.blocked = ""
        """Why nothing may move, if another module of the process stays with the client."""
        self.client_stays = ""
        """What stays with the client here."""
        super().__init__(text)

    # What there is

    def _find_sites(self) -> None:
        super()._find_sites()
        for node in self.names.statements():
            package = (getattr(node, "module", None) or "").split(".")[0] * (not getattr(node, "level", 0))
            if package == CLIENT and node.module in SUCCESSORS and node.names[0].name != "*":
                self.sites.append(Site(node, self.names.scope_of(node)))
                self.sites[-1].stays.update(node.names)
            for alias in node.names if package == CLIENT else ():
                if node.module in SUCCESSORS and alias.name in REPLACEMENTS:
                    self._add_legacy(self.names.imported[alias], self.sites[-1], alias, alias.name)
                else:
                    message = {"*": STAR, "tracking": CLIENT_OBJECT}.get(alias.name, CLIENT_OWN)
                    self.clients.append((node, alias.name, message))
            if isinstance(node, ast.Import):
                self.clients += [(node, alias.name, CLIENT_OBJECT) for alias in node.names
                                 if alias.name.split(".")[0] == CLIENT]
        self.sites.sort(key=lambda site: self.source.start(site.node))

    def _home(self, symbol: str) -> str:
        return HOMES[symbol]

    def _symbol_of(self, name: str) -> str:
        return name if name in HOMES else "tracking"

    def _binds_symbol(self, binding: Any, variable: Variable, symbol: str) -> bool:
        node = binding.node
        return (binding.alias is not None and binding.scope is variable.scope and isinstance(node, ast.ImportFrom)
                and not node.level and binding.alias.name == symbol and (
                    node.module == HOMES[symbol]
                    or symbol != "tracking" and variable in self.legacies and self.legacies[variable].style == "same"))

    def _is_symbol(self, variable: Variable, symbol: str) -> bool:
        return symbol in HOMES and bool(variable.bindings) and not variable.unclear and all(
            self._binds_symbol(binding, variable, symbol) for binding in variable.bindings)

    def _report_strings(self) -> None:
        super()._report_strings()
        if re.search(r"['\"]%s\b" % CLIENT, self.source.text):
            for node in self.names.parents:
                text = _text_of(node) or ""
                if re.match(CLIENT + r"(?:\.\w+)*$", text):
                    self._report(self.source.start(node), text.rpartition(".")[2], CLIENT_STRING)

    # What becomes of it

    def _decide(self, context: Context) -> None:
        self.notes, self.instances = [], {}
        super()._decide(context)
        for node, name, message in self.clients:
            self._report(self.source.start(node), name, message)
        for site in self.sites:
            if isinstance(site.node, ast.ImportFrom) and site.node.module == LEGACY:
                for alias in site.node.names:
                    if alias.name == OUR_OWN:
                        self._report(self._alias_offset(site, alias), IMPORT_OF_CLIENT, CLIENT_ONLY)
        self.client_stays = next(self._left_to_client(), "")
        if self.blocked or self.client_stays:
            self._keep_all(BLOCKED.format(self.client_stays) if self.client_stays else self.blocked)

    def _left_to_client(self) -> Iterator[str]:
        yield from (name for _, name, _ in self.clients)
        for legacy in self.legacies.values():
            if any(getattr(site.node, "module", LEGACY) != LEGACY for site, _, _ in legacy.parts):
                if legacy.style == "stays":
                    yield legacy.parts[0][2]
                elif self._made_of(legacy) and self.stuck:
                    yield next((name for _, name, _ in self.odd), "Experiment")
                elif legacy in self._classes():
                    yield from (name for _, name, _ in self._unmoved(legacy))

    def _keep_all(self, reason: str) -> None:
        """Nothing moves: what is installed beside the client can't be traceml."""
        self.notes = []
        for legacy in self.legacies.values():
            unmoved = {use: (name, message) for use, name, message in self._unmoved(legacy)} \
                if legacy in self._classes() else {}
            for use in legacy.variable.uses if legacy.style != "stays" else ():
                name, message = unmoved.get(use, (legacy.parts[0][2], reason))
                self._report(self.source.start(use.node), name, message)
            legacy.style = "stays"
        for package in self.packages.values():
            for member in package.members if not package.stays else ():
                if member.name in self.context.selected:
                    self._report(self.source.start(member.use.node), member.name, reason)
            package.stays = True

    def _style(self, legacy: Legacy) -> str:
        variable = legacy.variable
        names = {name for _, _, name in legacy.parts}
        sites = [site for site, _, _ in legacy.parts]
        star = any(alias is None for _, alias, _ in legacy.parts)
        if not names <= self.context.selected or any(site in self.kept_stars for site in sites):
            return "stays"
        if any(self._stands_in(site) for site in sites):
            return self._stay(legacy, FALLBACK)
        if len(names) > 1 and len(sites) > len(set(sites)):
            return self._stay(legacy, TWICE)
        if star and self._other_stars_after(legacy):
            return self._stay(legacy, STAR)
        aliases = [alias for _, alias, _ in legacy.parts]
        pure = len(names) == 1 and not variable.unclear and all(
            binding.alias in aliases and binding.scope is variable.scope for binding in variable.bindings)
        pure = pure and not (star and variable.bindings) and not self._is_exported(variable)
        if pure and not variable.uses:
            return "inline"
        for each in sorted(names):
            if not REPLACEMENTS[each].traceml.moves:
                return self._stay(legacy, snippet(each))
        if names == {"PolyaxonClientException"}:
            return self._stay(legacy, STAR) if star else "same"
        if variable.scope.kind == "class":
            return self._stay(legacy, IN_CLASS)
        if names == {"Experiment"}:
            return "inline" if pure else self._stay(legacy, CLASS)
        if "experiment" in names:
            calls = list(self._metric_calls(legacy))
            return "inline" if pure and len(calls) == len(variable.uses) else self._stay(legacy, EXPERIMENT)
        if pure and all(self._is_inline(call, sites) for call in self._calls(legacy)):
            return "inline"
        return "kept"

    def _calls(self, legacy: Legacy) -> Iterator[Call]:
        for use in legacy.variable.uses:
            start = self.source.start(use.node)
            yield Call(legacy.parts[0][2], use.node, use, start, self._name_end(use) or start)

    def _metric_calls(self, legacy: Legacy) -> Iterator[Call]:
        """`experiment.log_metrics(...)`, where the run can be made in front of it."""
        for use in legacy.variable.uses:
            node: Any = self.names.parents[use.node]
            if isinstance(node, ast.Attribute) and node.attr == "log_metrics":
                start, end = self.source.start(use.node), self._member_end(use, node)
                call = Call("send_metrics", node, use, start, end or start)
                if self._is_inline(call, [site for site, _, _ in legacy.parts]):
                    yield call

    def _is_call(self, node: ast.AST, end: int) -> bool:
        parent = self.names.parents[node]
        return (isinstance(parent, ast.Call) and parent.func is node and not parent.args
                and self.source.text.startswith("(", self.source.next(end)))

    def _is_inline(self, call: Call, sites: List[Site]) -> bool:
        """Whether the expression can stand in the place of the name, and the run can be made in front of it."""
        keywords = getattr(self.names.parents[call.node], "keywords", [])
        return (call.end > call.start and not self.source.in_debugged(call.start) and self._is_call(call.node, call.end)
                and (call.name == "send_metrics" or not keywords)
                and re.match(r"tracking(\.\w+)*\(", REPLACEMENTS[call.name].traceml.write) is not None
                and self._statement(self.names.parents[call.node], sites) is not None)

    # Where the run is made

    def _statement(self, node: Any, sites: List[Site]) -> Optional[ast.stmt]:
        """The statement that the run has to be made in front of: outside of all loops, and run whenever `node` is.

        None where there is none: what is made there would be made too often, or where it never was.
        """
        while not isinstance(node, ast.stmt):
            parent = self.names.parents[node]
            if not _is_sure(node, parent):
                return None
            node = parent
        first, loose = node, True
        for parent in self.names.around(node):
            if isinstance(parent, DEFINITIONS):
                break
            if isinstance(parent, LOOPS) and node in parent.body:
                before = parent.body[:parent.body.index(node)]
                leaves = any(isinstance(inner, JUMPS) for each in before for inner in ast.walk(each))
                if not loose or leaves or any(parent in self.names.around(site.node) for site in sites):
                    return None
                first = parent
            else:
                loose = False
            node = parent
        return None if self._is_elif(first) else first

    def _is_elif(self, node: Any) -> bool:
        parent = self.names.parents[node]
        return (isinstance(node, ast.If) and isinstance(parent, ast.If) and parent.orelse == [node]
                and re.compile(r"if\b").match(self.source.text, self.source.start(node)) is None)

    def _place_experiment(self) -> None:
        """Make the run in front of what needs it, unless that has been done before it in its block or one around."""
        made: Dict[int, int] = {}
        for node in self.names.statements():
            value = getattr(node, "value", None) if isinstance(node, (ast.Assign, ast.Expr)) else None
            if isinstance(value, ast.Call) and (value in self.makers or self._is_maker(value.func)):
                self._made_in(made, node, 1)
        line = "{}.get_or_create_run()"
        for node in sorted(set(self.needing), key=self.source.start):
            if not self._is_made(made, node):
                self.edits.before(node, line.format(self.chosen["tracking"]))
                self._made_in(made, node, 0)

    def _is_maker(self, node: Any) -> bool:
        if not (isinstance(node, ast.Attribute) and node.attr in MAKERS and isinstance(node.value, ast.Name)):
            return False
        return any(use.node is node.value for scope in self.names.scopes for variable in scope.variables.values()
                   if self._is_symbol(variable, "tracking") for use in variable.uses)

    def _made_in(self, made: Dict[int, int], node: Any, after: int) -> None:
        block, number = self._block(node)
        made[id(block)] = min(made.get(id(block), number + after), number + after)

    def _is_made(self, made: Dict[int, int], node: Any) -> bool:
        for parent in self.names.around(node):
            if isinstance(node, ast.stmt):
                block, number = self._block(node)
                if made.get(id(block), number + 1) <= number:
                    return True
            if isinstance(parent, DEFINITIONS):
                return False
            node = parent
        return False

    def _block(self, node: Any) -> Tuple[List[Any], int]:
        """The list of statements that one stands in, and where."""
        parent = self.names.parents[node]
        block = next(value for _, value in ast.iter_fields(parent) if isinstance(value, list) and node in value)
        return block, block.index(node)

    # The class, and what it makes

    def _classes(self) -> List[Legacy]:
        return [legacy for legacy in self.legacies.values() if legacy.parts[0][2] == "Experiment"]

    def _made(self, legacy: Legacy) -> List[Any]:
        """The calls of the class."""
        return self._called([use.node for use in legacy.variable.uses])

    def _getters(self, legacy: Legacy) -> List[Call]:
        calls = []
        for use in legacy.variable.uses:
            node: Any = self.names.parents[use.node]
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in FUNCTIONS:
                start = self.source.start(use.node)
                calls.append(Call(node.attr, node, use, start, self._member_end(use, node) or start))
        return calls

    def _unmoved(self, legacy: Legacy) -> Iterator[Tuple[Use, str, str]]:
        """The uses of the class that can't move, whatever the rest does."""
        getters = {call.use: call for call in self._getters(legacy)}
        for use in legacy.variable.uses:
            getter = getters.get(use)
            if getter is None and not self._called([use.node]):
                yield use, "Experiment", CLASS
            elif getter is not None and not self._call_moves(getter):
                yield use, getter.name, CLASS if REPLACEMENTS[getter.name].traceml.moves else snippet(getter.name)

    def flow(self, values: List[Any]) -> List[Tuple[int, str, str]]:
        """What is done with an Experiment, by the nodes that stand for it, and may not be done with a run."""
        odd: List[Tuple[int, str, str]] = []
        work, seen = list(values), set(values)
        while work:
            node = work.pop()
            parent = self.names.parents[node]
            further: List[Any] = []
            if isinstance(parent, ast.Attribute):
                calls = self._called([parent])
                if parent.attr not in SAME_METHODS or not calls or calls[0].args:
                    odd.append((self.source.start(node), parent.attr, _nearest(parent.attr)))
                elif parent.attr == "log_metrics":
                    self._note_metrics(calls[0], parent.attr)
            elif isinstance(parent, (ast.Assign, ast.AnnAssign)) and node is parent.value:
                for target in parent.targets if isinstance(parent, ast.Assign) else [parent.target]:
                    if isinstance(target, ast.Name):
                        further += self._held_in(self.names.variable(target.id, self.names.scope_of(parent)), False)
                    elif isinstance(target, ast.Attribute):
                        further += self.attributes(target.attr)
                        self.instances[target.attr] = False
                    else:
                        odd.append((self.source.start(node), "Experiment", HANDED))
            elif isinstance(parent, ast.Return) or self._is_kept_by_factory(node, parent):
                function = next(each for each in self.names.around(node) if isinstance(each, DEFINITIONS))
                variable = self.names.variable(function.name, self.names.scope_of(function))
                further = self._held_in(variable, True)
                if variable.scope.kind == "class" or len(further) < len(variable.uses):
                    odd.append((self.source.start(node), "Experiment", HANDED))
            elif self._parameter(node, parent) is not None:
                further += self._held_in(self._parameter(node, parent), False)
            elif not _only_tests(node, parent):
                odd.append((self.source.start(node), "Experiment", HANDED))
            work += [each for each in further if each not in seen]
            seen.update(further)
        return odd

    def _held_in(self, variable: Any, is_function: bool) -> List[Any]:
        """The nodes that stand for what a variable holds, or its function gives."""
        if variable.scope.kind == "module":
            self.instances[variable.name] = is_function
        nodes: List[Any] = [use.node for use in variable.uses]
        if variable.scope.kind == "class":
            nodes += self.attributes(variable.name)
        return self._called(nodes) if is_function else nodes

    def _parameter(self, node: Any, parent: Any) -> Optional[Variable]:
        """The parameter of a function of this module that a value is given to, by its place or name."""
        call = self.names.parents[parent] if isinstance(parent, ast.keyword) else parent
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or node is call.func:
            return None
        called = [binding.node for scope in self.names.scopes for variable in scope.variables.values()
                  for use in variable.uses if use.node is call.func for binding in variable.bindings]
        if len(called) != 1:
            return None
        function, shift = called[0], 0
        if isinstance(function, ast.ClassDef):
            shift = 1
            function = next((each for each in function.body if getattr(each, "name", "") == "__init__"), None)
        if not isinstance(function, DEFINITIONS) or function.decorator_list:
            return None
        names = [each.arg for each in getattr(function.args, "posonlyargs", []) + function.args.args][shift:]
        number = len(names)
        if isinstance(parent, ast.keyword):
            names += [each.arg for each in function.args.kwonlyargs]
            number = names.index(parent.arg) if parent.arg in names else len(names)
        elif not any(isinstance(each, ast.Starred) for each in call.args):
            number = call.args.index(node)
        inner = next(scope for scope in self.names.scopes if scope.node is function and scope.kind == "function")
        return inner.variables[names[number]] if number < len(names) else None

    def _called(self, nodes: List[Any]) -> List[Any]:
        """The calls of those that are called."""
        calls = [(node, self.names.parents[node]) for node in nodes]
        return [call for node, call in calls if isinstance(call, ast.Call) and call.func is node]

    def taken(self, name: str, is_function: bool) -> List[Any]:
        """The nodes that stand for what another module has under a name, or its function gives."""
        nodes = [node for alias, variable in self.names.imported.items() if alias.name == name
                 for node in self._held_in(variable, is_function)]
        read = self.attributes(name)
        return nodes + (self._called(read) if is_function else read)

    def attributes(self, name: str) -> List[Any]:
        """Where any object's attribute of that name is read."""
        return [node for node in self.names.parents
                if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)]

    def _is_kept_by_factory(self, node: Any, parent: Any) -> bool:
        """Whether it goes into the list of the factory that we write."""
        function = next((each for each in self.names.around(node) if isinstance(each, DEFINITIONS)), None)
        return (function is not None and ast.get_docstring(function) == FACTORY_SAYS and isinstance(parent, ast.Call)
                and parent.args == [node] and isinstance(parent.func, ast.Attribute) and parent.func.attr == "append")

    def _odd_makers(self, legacy: Legacy) -> List[Tuple[int, str, str]]:
        """Why what the class makes can't become a run."""
        made = self._made(legacy)
        odd = self.flow(made)
        for call in made:
            start = self.source.start(call.func)
            if call.args or call.keywords:
                odd.append((start, "Experiment", ARGUMENTS))
            elif any(isinstance(each, LOOPS) for each in self._within(call)):
                odd.append((start, "Experiment", IN_LOOP))
            elif not self.source.text.startswith("(", self.source.next(start + len(call.func.id))):
                odd.append((start, "Experiment", SPELLED))
        return odd

    def _within(self, node: Any) -> Iterator[Any]:
        for parent in self.names.around(node):
            if isinstance(parent, DEFINITIONS):
                return
            yield parent

    # One writer of metrics

    def needs_experiment(self, exported: FrozenSet[str] = frozenset()) -> bool:
        """Whether the module has to do with what others of its process have: all that can be moved does."""
        return bool(self.sites or self.clients)

    def has_metrics(self) -> bool:
        """Whether anything here sends metrics or may, moved or not."""
        return bool(self.kept_stars) or any(self._sends(legacy) for legacy in self.legacies.values()) or any(
            getattr(self.names.parents[use.node], "attr", "experiment") in METRICS
            for package in self.packages.values() for use in package.variable.uses)

    def _sends(self, legacy: Legacy) -> bool:
        """Whether metrics are sent by this name: it is asked for, or others can have it."""
        return bool(METRICS.intersection(name for _, _, name in legacy.parts) and (
            legacy.variable.uses or self._is_exported(legacy.variable)
            or len(legacy.variable.bindings) > len(legacy.parts)) or self._made_of(legacy))

    def _wanting(self) -> List[Legacy]:
        return super()._wanting() + [legacy for legacy in self._classes()
                                     if legacy.style != "stays" and self._made(legacy) and not self.odd]

    def _settle_experiment(self) -> None:
        """All metrics move, or none; the exception moves with all else."""
        self.odd = [each for legacy in self._classes() if legacy.style != "stays" for each in self._odd_makers(legacy)]
        left = [legacy.parts[0][2] for legacy in self.legacies.values()
                if legacy.style == "stays" and self._sends(legacy)] + ["*"] * len(self.kept_stars)
        left += [member.name for package in self.packages.values() for member in package.members
                 if member.name in METRICS and not self._moves(member)]
        reason = self.context.stay
        if any(package.stays for package in self.packages.values()):
            reason = reason or ONE_WRITER.format("the module")
        elif left or self.odd:
            reason = reason or ONE_WRITER.format((left + ["Experiment"])[0])
        for start, name, message in self.odd:
            self._report(start, name, message)
        self.stuck = bool(reason)
        self.notes = [] if reason else self.notes
        for legacy in super()._wanting() if reason else ():
            if legacy.variable.uses or legacy.style == "kept":
                legacy.style = self._stay(legacy, reason)
        for package, member in self._wanting_members() if reason else ():
            if self._moves(member):
                self._report(self.source.start(member.use.node), member.name, reason)
                package.members.remove(member)
                package.members.append(member._replace(name=""))
        if reason and not self.odd:
            for call in [call for legacy in self._classes() if legacy.style != "stays" for call in self._made(legacy)]:
                self._report(self.source.start(call.func), "Experiment", reason)
        remain = [name for legacy in self.legacies.values() if legacy.style == "stays" for _, _, name in legacy.parts]
        remain += ["the module" for package in self.packages.values() if package.stays]
        for legacy in self.legacies.values():
            if legacy.style == "same" and remain and all(
                    getattr(site.node, "module", "") == LEGACY for site, _, _ in legacy.parts):
                legacy.style = self._stay(legacy, RAISED.format(remain[0]))

    def _made_of(self, legacy: Legacy) -> bool:
        return legacy.parts[0][2] == "Experiment" and bool(self._made(legacy))

    # Names

    def _choose_names(self) -> None:
        self.needing: List[ast.stmt] = []
        self.makers: Set[Any] = set()
        self.functions: Dict[Tuple[Any, str], str] = {}
        for legacy in self.legacies.values():
            if legacy.style in ("inline", "kept"):
                places = [(site.scope, site.node) for site, _, _ in legacy.parts]
                places += [(use.scope, use.node) for use in legacy.variable.uses if legacy.style == "inline"]
                self._want("tracking", places)
        for package in self.packages.values():
            self._want("tracking", [(site.scope, site.node) for site, _ in package.sites])
            self._want("tracking", [(member.use.scope, member.use.node) for member in package.members])
        for owner, sites, calls in self._groups():
            for name in {call.name for call in calls}:
                those = [call for call in calls if call.name == name]
                if not all(self._is_inline(call, sites) for call in those):
                    self._want(name, [(site.scope, site.node) for site in sites])
                    self._want(name, [(call.use.scope, call.use.node) for call in those])
                    self.functions[owner, name] = ""
        for symbol, places in self.wanted.items():
            self.chosen[symbol] = self._free_name(symbol, places)
        for owner, name in self.functions:
            self.functions[owner, name] = self.chosen[name]

    def _groups(self) -> Iterator[Tuple[Any, List[Site], List[Call]]]:
        """What is asked of the module and of the class, and moves."""
        for package in self.packages.values():
            if not package.stays:
                yield package, [site for site, _ in package.sites], [
                    Call(each.name, each.node, each.use, self.source.start(each.use.node), each.end)
                    for each in package.members if self._moves(each)]
        for legacy in self._classes():
            if legacy.style != "stays":
                yield legacy, [site for site, _, _ in legacy.parts], [
                    call for call in self._getters(legacy) if self._call_moves(call)]

    def _call_moves(self, call: Call) -> bool:
        return (call.name in self.context.selected and REPLACEMENTS[call.name].traceml.moves and call.end > call.start
                and call.name != "send_metrics" and not self.source.in_debugged(call.start))

    def _moves(self, member: Any) -> bool:
        return (member.name in self.context.selected and member.name in FUNCTIONS
                and REPLACEMENTS[member.name].traceml.moves)

    # Moving uses

    def _move_legacy(self, legacy: Legacy) -> None:
        if legacy.style in ("stays", "same"):
            if legacy.style == "same":
                for use in legacy.variable.uses[:1]:
                    self._note(use.node, legacy.parts[0][2])
            super()._move_legacy(legacy)
            return
        if legacy.parts[0][2] == "Experiment":
            self._move_class(legacy)
            return
        self.uses += len(legacy.variable.uses) or 1
        sites = [site for site, _, _ in legacy.parts]
        for site, alias, name in legacy.parts:
            if alias is not None:
                self._take(site, alias)
            if legacy.style == "kept":
                site.after.append(self._function(alias.asname or name if alias is not None else name, name))
            if legacy.variable.uses or legacy.style == "kept":
                site.needs.add("tracking")
        for call in self._metric_calls(legacy) if legacy.parts[0][2] == "experiment" else self._calls(legacy):
            self._tell(call)
            if legacy.style == "inline":
                self._write_call(call, sites)

    def _take(self, site: Site, alias: ast.alias) -> None:
        site.stays.discard(alias)
        site.gone.add(alias)

    def _write_call(self, call: Call, sites: List[Site]) -> None:
        written = self._written(call.name).partition("(")[0]
        self.edits.expression(call.node, call.start, call.end, written)
        self.needing += filter(None, [self._statement(self.names.parents[call.node], sites)])

    def _written(self, name: str) -> str:
        return re.sub(r"\btracking\.", self.chosen["tracking"] + ".", REPLACEMENTS[name].traceml.write)

    def _function(self, bound: str, name: str) -> List[str]:
        """What stands for a name that is more than called."""
        make = "\t{}.get_or_create_run()".format(self.chosen["tracking"])
        if name == "send_metrics":
            return ["def {}(**metrics):".format(bound), make, "\t{}.log_metrics(**metrics)".format(
                self.chosen["tracking"])]
        return ["def {}():".format(bound), make, "\treturn " + self._written(name)]

    def _move_calls(self, owner: Any, sites: List[Site], calls: List[Call]) -> None:
        for call in calls:
            self._tell(call)
            function = self.functions.get((owner, call.name))
            if function is None:
                self._write_call(call, sites)
            else:
                self.edits.expression(call.node, call.start, call.end, function)
        for name in sorted({call.name for call in calls}):
            if (owner, name) in self.functions:
                for site in sites:
                    site.after.append(self._function(self.functions[owner, name], name))
        for site in sites if calls else ():
            site.needs.add("tracking")

    def _move_class(self, legacy: Legacy) -> None:
        sites, calls = next((sites, calls) for owner, sites, calls in self._groups() if owner is legacy)
        made = [] if self.stuck else self._made(legacy)
        moved = len(calls) + len(made)
        for use, name, message in self._unmoved(legacy):
            self._report(self.source.start(use.node), name, message)
        self._move_calls(legacy, sites, calls)
        for each in made:
            start = self.source.start(each.func)
            self.edits.expression(each.func, start, start + len(each.func.id), self._written("Experiment").partition(
                "(")[0])
            self._note(each.func, "Experiment")
        self.makers.update(made)
        self.uses += moved or not legacy.variable.uses
        for site, alias, _ in legacy.parts:
            if alias is not None and moved == len(legacy.variable.uses):
                self._take(site, alias)
            if made:
                site.needs.add("tracking")
            if alias is None and moved < len(legacy.variable.uses):
                site.explicit.append("Experiment")

    def _move_package(self, package: Package) -> None:
        if package.stays:
            return
        sites, calls = next((sites, calls) for owner, sites, calls in self._groups() if owner is package)
        for member in package.members:
            if member.name in self.context.selected and not self._moves(member):
                self._report(self.source.start(member.use.node), member.name, snippet(member.name))
        idle = not package.variable.uses and self.context.selected >= frozenset(REPLACEMENTS)
        self.uses += len(calls) or sum(idle and alias.name == LEGACY for _, alias in package.sites)
        self._move_calls(package, sites, calls)
        clients = self.clients or any(
            getattr(site.node, "module", "") != LEGACY for legacy in self.legacies.values() if legacy.style == "stays"
            for site, _, _ in legacy.parts)
        for site, alias in package.sites:
            unused = len(calls) == len(package.variable.uses)
            if alias.name == LEGACY and (idle or calls and unused):
                self._take(site, alias)
            elif alias.name == IMPORT_OF_CLIENT and unused and not clients:
                self._take(site, alias)
                self.uses += 1

    def _probe(self, site: Site) -> str:
        return "import traceml.tracking"

    def _write(self, site: Site) -> None:
        """The import; comments among its names stay, and the new name takes the first one's place."""
        start = self.source.start(site.node)
        if self._is_guarded(site) and site.gone and not site.before:
            site.needs.add("tracking")  # what depends on the import not failing goes on to
        if isinstance(site.node, ast.ImportFrom) and site.gone.issuperset(site.node.names) and site.needs:
            spans, end, parenthesized = self.source.imported(start)
            self._wanted_imports(site)
            lines = sorted(set(site.before))
            if lines and lines[-1].startswith("from traceml ") and "#" in self.source.text[start:end]:
                module = self.source.next(start + len("from"))
                self.edits.replace(module, module + len(site.node.module or ""), HOMES["tracking"])
                self.edits.cut(spans, [False] * len(spans), [lines[-1].partition(" import ")[2]], parenthesized)
                self.edits.statement(site.node, end, lines[:-1], lines[-1], [], site.after)
                return
        super()._write(site)

    # Saying it

    def _note(self, node: Any, name: str, note: str = "") -> None:
        note = note or REPLACEMENTS[name].traceml.note
        if note:
            self.notes.append(Place(*self.source.position(self.source.start(node)), name=name, message=note))

    def _tell(self, call: Call) -> None:
        self._note(call.node, call.name)
        parent = self.names.parents[call.node]
        if call.name == "send_metrics" and isinstance(parent, ast.Call) and parent.func is call.node:
            self._note_metrics(parent, call.name)

    def _note_metrics(self, call: Any, name: str) -> None:
        if re.search(r"\bmultiprocessing\b|\bos\.fork\b", self.source.text) and all(
                note.message != FORKS for note in self.notes):
            self._note(call, name, FORKS)
        for keyword in call.keywords:
            keys = [_text_of(key) for key in keyword.value.keys] if isinstance(keyword.value, ast.Dict) else []
            for key in [keyword.arg] if keyword.arg else keys:
                if key in COORDINATES:
                    self._note(call, name, COORDINATE.format(key))
                elif key and not re.match(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*$", key):
                    self._note(call, name, UNUSUAL.format(key))

    def result(self, context: Context) -> Result:
        result = super().result(context)
        places = sorted({each._replace(message=TRANSLATED.get(each.message, each.message)) for each in self.places})
        notes = [self._moved(each, result.text) for each in sorted(set(self.notes))] if result.uses else []
        return result._replace(
            places=places, left=[self._moved(each, result.text) for each in places], provides=None, notes=notes)


def _is_sure(node: Any, parent: Any) -> bool:
    """Whether `parent` evaluates that part of it always, at once, and not before it begins."""
    kind = type(parent).__name__
    if isinstance(parent, COMPREHENSIONS):
        first = parent.generators[0].iter is node
        return first or kind != "GeneratorExp" and not any(each.ifs for each in parent.generators)
    if isinstance(parent, DEFINITIONS):
        arguments = parent.args
        return node in parent.decorator_list + arguments.defaults + arguments.kw_defaults
    if isinstance(parent, ast.IfExp):
        return node is parent.test
    if isinstance(parent, ast.BoolOp):
        return node is parent.values[0]
    if isinstance(parent, ast.Compare):
        return node in (parent.left, parent.comparators[0])
    if isinstance(parent, (ast.Assert, ast.AnnAssign)):
        return node not in (getattr(parent, "msg", None), getattr(parent, "annotation", None))
    return kind not in ("Lambda", "ExceptHandler", "match_case", "arg", "TypeAlias", "TypeVar", "ParamSpec",
                        "TypeVarTuple")


def _only_tests(node: Any, parent: Any) -> bool:
    """Whether a value is only looked at: whether it is there."""
    if isinstance(parent, (ast.Expr, ast.UnaryOp)):
        return isinstance(getattr(parent, "op", ast.Not()), ast.Not)
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return node is parent.test
    if isinstance(parent, ast.BoolOp):
        return node is not parent.values[-1]
    return isinstance(parent, ast.Compare) and all(_is_none(each) for each in parent.comparators)


class TracemlProject(Project):
    """The files of a run that goes to traceml."""

    def __init__(self, paths: Iterable[str], rewrites: Dict[str, Rewrite]) -> None:
        super().__init__(paths, rewrites)
        self.groups: List[List[Module]] = []

    def plan(self, selected: Iterable[str]) -> List[Module]:
        order = super().plan(selected)
        alone = set(order).difference(*self.groups)
        for group in self.groups + [[module] for module in order if module in alone]:
            self._agree(group, selected)
        return order

    def _settle(self, group: List[Module], selected: Iterable[str]) -> None:
        self.groups.append(group)

    def _agree(self, group: List[Module], selected: Iterable[str]) -> None:
        """What can't move in one module keeps the others', where one process can't have both."""
        stay = next(filter(None, (self._abused(module, selected) for module in group)), "")
        blocked, known = "", None
        while (stay, blocked) != known:
            known = stay, blocked
            for module in group:
                rewrite, module.stay = module.rewrite, stay
                if not isinstance(rewrite, Traceml):
                    stay = stay or NOT_NAMED.format(module.path)
                    blocked = blocked or BLOCKED.format(module.path) * (CLIENT.encode() in files.read(module.path))
                    continue
                rewrite.blocked = blocked
                wants = rewrite.wants_experiment(module.context(selected))
                if len(group) > 1:
                    stuck = not wants or not _is_writable(module.path)
                    stay = stay or CAN_NOT.format(module.path) * (rewrite.has_metrics() and stuck)
                    blocked = blocked or BLOCKED.format(module.path) * bool(rewrite.client_stays)

    def _abused(self, module: Module, selected: Iterable[str]) -> str:
        """Why the run that a module makes can't be what others take from it."""
        rewrite = module.rewrite
        if not isinstance(rewrite, Traceml) or not any(map(rewrite._made_of, rewrite.legacies.values())):
            return ""
        rewrite.wants_experiment(module.context(selected))
        work = [(module, name, rewrite.instances[name]) for name in sorted(rewrite.instances)]
        for owner, name, is_function in work:
            for other in self.modules:
                for each in other.imports:
                    if other is not owner and owner in [found for _, found, _ in self._loaded(other, each)]:
                        reader = _reader(other)
                        if reader is None:
                            continue
                        if "*" in each.names:
                            return ELSEWHERE.format(other.path, 1, "import *")
                        for start, what, _ in reader.flow(reader.taken(name, is_function)):
                            return ELSEWHERE.format(other.path, reader.source.position(start)[0], what)
                        work += [found for found in ((other, bound, reader.instances[bound])
                                                     for bound in sorted(reader.instances)) if found not in work]
        return ""


def _is_writable(path: str) -> bool:
    return bool(os.stat(path).st_mode & 0o222) and os.access(path, os.W_OK)


def _reader(module: Module) -> Optional[Traceml]:
    if isinstance(module.rewrite, Traceml):
        return module.rewrite
    try:
        return Traceml(files.decode(files.read(module.path)).text)
    except (files.Problem, Unreadable, Surprise):
        return None
