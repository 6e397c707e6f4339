"""A module's text in, its text on polyaxon_client.tracking out, and what is left for a person.

A name that only the legacy import binds goes, and its uses become what the table says (`inline`). One that anything
else binds, deletes, exports or reads in a roundabout way stays, and is bound to what the table says (`kept`).
"""
import ast
import re
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

from ..replacements import EXCEPTIONS, REPLACEMENTS, TRACKING
from .edits import Edits
from .names import Binding, Names, Scope, Use, Variable
from .source import LINE_END, Source, Surprise

LEGACY = "polyaxon_helper"
ALL = frozenset(REPLACEMENTS)
OUR_OWN = "client"
"""The one module of the package that a migrated script goes on importing."""
NEEDS_EXPERIMENT = frozenset(("send_metrics", "experiment"))

OTHER_NAMES: Dict[str, Tuple[str, ...]] = {
    "experiment": ("polyaxon_experiment", "tracked_experiment"),
    "get_experiment": ("get_polyaxon_experiment", "get_tracked_experiment"),
    "Experiment": ("PolyaxonExperiment", "TrackedExperiment"),
    "Job": ("PolyaxonJob", "TrackedJob"),
    "PolyaxonClientException": ("ClientException", "TrackingException"),
    "tracking": ("traceml_tracking", "polyaxon_tracking"),
}
"""What to call something whose name means something else; others get polyaxon_ in front."""

ROUNDABOUT = frozenset(("globals", "locals", "vars", "eval", "exec", "dir", "__dict__", "modules"))
"""Names that read other names from strings."""

HARMLESS_FUNCTIONS = frozenset(("abs", "bool", "dict", "float", "int", "len", "max", "min", "round", "str", "sum",
        "zip"))
HARMLESS_METHODS = frozenset((
    "cpu", "detach", "format", "get", "item", "items", "max", "mean", "min", "numpy", "result", "std", "sum", "tolist",
))
"""Calls in an argument that only look at something."""

FACTORY_SAYS = "The one Experiment of this process, made by the first call; None outside Polyaxon."
FACTORY = '''\
def {name}(made=[], lock={threading}.Lock()):
    """{says}"""
    from polyaxon_client.exceptions import PolyaxonClientException
    from polyaxon_client.tracking import Experiment

    with lock:
        if not made:
            try:
                made.append(Experiment())
            except PolyaxonClientException:
                made.append(None)
    return made[0]
'''

OBJECT = "the module is handed around as an object; use functions of polyaxon_client.tracking, then run again"
STRING = "a string names the legacy package; write the name that the code uses now"
UNKNOWN = "no release of polyaxon-helper has this name; nothing to move to"
FALLBACK = "stands in for polyaxon_client where that can't be imported; delete it, or keep the legacy package for it"
STAR = "import the names that you use in place of *, then run again"
IN_CLASS = "an import in a class body; move it to the top of the module, then run again"
TOGETHER = "stays with {}, so that the process has one Experiment; move both at once"
TOGETHER_OBJECT = "stays while the module is handed around as an object, so that the process has one Experiment"
DEBUGGED = "`{name=}` in an f-string prints the legacy name; write it without the ="
TWICE = "one import gives two things this name; leave the last, then run again"
ASSIGNED = "the module's attribute is replaced; replace polyaxon_client.tracking's by hand"
HIDDEN = "hidden by another import of the package in this function; import both at the top, then run again"
SPELLED = "written in a way that can't be edited safely; write it as module.name, then run again"


class Place(NamedTuple):
    """What needs a person."""

    line: int
    column: int
    name: str
    message: str


class Provider(NamedTuple):
    """The module that owns the process's Experiment, as this one imports it, and how it is called there."""

    module: str
    name: str
    is_factory: bool
    node: Any = None
    """This module's statement that imports it."""


class Context(NamedTuple):
    """What a module's text does not say."""

    selected: FrozenSet[str] = ALL
    exported: FrozenSet[str] = frozenset()
    """Names that other modules import from this one; * for all."""
    provider: Optional[Provider] = None
    shared: bool = False
    """Whether other modules import the Experiment from here."""
    stay: str = ""
    """Why the Experiment has to stay with the legacy package."""
    taken: FrozenSet[str] = frozenset()
    """Names that mean something else to those who import all, or to the package."""


class Result(NamedTuple):
    text: str
    uses: int
    """Legacy names that moved, each time they are used."""
    places: List[Place]
    """As they stand in the old text."""
    left: List[Place] = []
    """The same, as they stand in the new one."""
    provides: Optional[Tuple[str, bool]] = None
    """What the Experiment or its factory is called here, and whether it is a factory."""
    notes: List[Place] = []
    """What moved and is not quite as it was, as it stands in the new text."""


class Site:
    """An import statement of the legacy package, and what becomes of it."""

    def __init__(self, node: Any, scope: Scope) -> None:
        self.node = node
        self.scope = scope
        self.gone: Set[ast.alias] = set()
        self.tracked: Set[ast.alias] = set()
        """Aliases that stay as they are, behind the client's module."""
        self.stays: Set[ast.alias] = set()
        self.needs: Set[str] = set()
        """The client's names that have to be imported here."""
        self.explicit: List[str] = []
        """Legacy names to import in place of a *."""
        self.assigns: List[str] = []
        self.instances: List[str] = []
        """Names for the Experiment here; "" is whatever the module calls it."""
        self.functions: List[str] = []
        self.before: List[str] = []
        self.after: List[List[str]] = []
        """Compound statements."""


class Legacy:
    """A variable that a legacy import binds to one of its names."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self.parts: List[Tuple[Site, Optional[ast.alias], str]] = []
        self.style = ""


class Member(NamedTuple):
    """`polyaxon_helper.name`, used."""

    use: Use
    node: ast.Attribute
    name: str
    end: int
    called: bool


class Package:
    """A variable that is the legacy package itself."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self.sites: List[Tuple[Site, ast.alias]] = []
        self.members: List[Member] = []
        self.stays = False


def migrate(text: str, context: Context = Context()) -> Result:
    """The text, moved as far as is safe, and the places that are left.

    Unreadable where Python can't parse it, Surprise where the outcome is not what was meant.
    """
    return Rewrite(text).result(context)


def members_path(name: str) -> str:
    path = REPLACEMENTS[name].path
    return path or ""


class Rewrite:
    """One module's way from the old text to the new one."""

    def __init__(self, text: str) -> None:
        self.context = Context()
        self.source = Source(text)
        self.names = Names(self.source.tree)
        self.places: List[Place] = []
        self.uses = 0
        self.edits = Edits(self.source, self.names)
        self.sites: List[Site] = []
        self.legacies: Dict[Variable, Legacy] = {}
        self.packages: Dict[Variable, Package] = {}
        self.chosen: Dict[str, str] = {}
        self.wanted: Dict[str, List[Tuple[Scope, Any]]] = {}
        """Where each of the client's names is needed: the scope, and the node there."""
        self.factory = ""
        self.instance = ""
        self.stars: List[Any] = []
        self.kept_stars: List[Site] = []
        self.imported: Set[Tuple[ast.AST, str]] = set()
        """What has been put into a block, and is there for all that follows."""
        self.unknown: List[Tuple[Site, ast.alias]] = []
        self._find_sites()
        self.roundabout = self._roundabout_names()

    # What there is

    def _find_sites(self) -> None:
        for node in self.names.statements():
            if isinstance(node, ast.ImportFrom):
                if node.names[0].name == "*" and (node.level or node.module != LEGACY):
                    self.stars.append(node)
                if node.module == LEGACY and not node.level:
                    self.sites.append(Site(node, self.names.scope_of(node)))
            elif isinstance(node, ast.Import):
                if any(alias.name == LEGACY or alias.name.startswith(LEGACY + ".") and not alias.asname
                       for alias in node.names):
                    self.sites.append(Site(node, self.names.scope_of(node)))
        self.sites.sort(key=lambda site: self.source.start(site.node))
        for site in self.sites:
            for alias in site.node.names:
                self._find_alias(site, alias)

    def _find_alias(self, site: Site, alias: ast.alias) -> None:
        site.stays.add(alias)
        if alias.name == "*":
            for name in REPLACEMENTS:
                variable = self.names.module.variables.get(name)
                if variable is not None and variable.uses or name in self._listed():
                    self._add_legacy(self.names.variable(name, self.names.module), site, None, name)
        elif isinstance(site.node, ast.ImportFrom):
            if alias.name in REPLACEMENTS:
                self._add_legacy(self.names.imported[alias], site, alias, alias.name)
            elif alias.name != OUR_OWN:
                self.unknown.append((site, alias))
        elif alias.name.split(".")[0] == LEGACY and (alias.name == LEGACY or not alias.asname):
            variable = self.names.imported[alias]
            self.packages.setdefault(variable, Package(variable)).sites.append((site, alias))

    def _add_legacy(self, variable: Variable, site: Site, alias: Optional[ast.alias], name: str) -> None:
        self.legacies.setdefault(variable, Legacy(variable)).parts.append((site, alias, name))

    def _listed(self) -> Set[str]:
        """The names in __all__."""
        if self._all is None:
            variable = self.names.module.variables.get("__all__")
            nodes = [each.node for each in variable.bindings + variable.uses] if variable is not None else []
            statements = {([node, *self.names.around(node)])[-2] for node in nodes}
            self._all = {text for statement in statements for text in map(_text_of, ast.walk(statement)) if text}
        return self._all

    _all: Optional[Set[str]] = None

    def _roundabout_names(self) -> Set[str]:
        """Words in strings, where the module reads names from strings, and in doctests."""
        text = self.source.text
        reads = re.search(r"\b(?:%s)\b" % "|".join(ROUNDABOUT), text) is not None and any(
            (node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")) in ROUNDABOUT
            for node in self.names.parents)
        if not reads and ">>>" not in text:
            return set()
        texts = filter(None, map(_text_of, self.names.parents))
        return {word for text in texts if reads or ">>>" in text for word in re.findall(r"\w+", text)}

    def _home(self, symbol: str) -> str:
        """The client's module that a name has to be imported from."""
        return EXCEPTIONS if symbol == "PolyaxonClientException" else TRACKING

    def _symbol_of(self, name: str) -> str:
        """What a use of a legacy name needs to find in its scope."""
        return "experiment" if name in NEEDS_EXPERIMENT else members_path(name).split(".")[0]

    # What becomes of it

    def _star_sites(self) -> List[Site]:
        return [site for site in self.sites if site.node.names[0].name == "*"]

    def gives_by_star(self, exported: FrozenSet[str]) -> bool:
        """Whether others take names from here that only a star import of the legacy package may bring."""
        brought = ALL - {variable.name for variable in self.legacies} | {"*"}
        return bool(self._star_sites() and exported & brought)

    def wants_experiment(self, context: Context) -> bool:
        """Whether something would move here that needs the Experiment; ask a fresh one, and no more than that."""
        self._decide(context)
        return bool(self._wanting() or self._wanting_members())

    def _decide(self, context: Context) -> None:
        self.context = context
        self.places, self.kept_stars, self._own = [], [], None
        self._report_strings()
        for site, alias in self.unknown:
            self._report(self._alias_offset(site, alias), alias.name, UNKNOWN)
        for site in self._star_sites() if self.gives_by_star(context.exported) else ():
            self.kept_stars.append(site)
            self._report(self.source.start(site.node), "*", STAR)
        for package in self.packages.values():
            self._read_package(package)
        for legacy in self.legacies.values():
            legacy.style = self._style(legacy)
        self._leave_hidden()
        self._settle_experiment()

    def result(self, context: Context) -> Result:
        self._decide(context)
        self._choose_names()
        for legacy in self.legacies.values():
            self._move_legacy(legacy)
        for package in self.packages.values():
            self._move_package(package)
        self._place_experiment()
        for site in self.sites:
            self._write(site)
        text = self.edits.result()
        provides = (self.factory, True) if self.factory else (self.instance, False) if self.instance else None
        places = sorted(set(self.places))
        return Result(text, self.uses, places, [self._moved(place, text) for place in places], provides)

    def _moved(self, place: Place, text: str) -> Place:
        offset = self.edits.moved(self.source.at(place.line, place.column - 1))
        ends = [0] + [end.end() for end in LINE_END.finditer(text, 0, offset)]
        return place._replace(line=len(ends), column=offset - ends[-1] + 1)

    def _report(self, offset: int, name: str, message: str) -> None:
        self.places.append(Place(*self.source.position(offset), name=name, message=message))

    def _report_strings(self) -> None:
        if not re.search(r"['\"]%s" % LEGACY, self.source.text):
            return
        dotted = re.compile(r"(?:{0}|{0}\.(\w+)(?:\.\w+)*)$".format(LEGACY))
        for node in self.names.parents:
            match = dotted.match(_text_of(node) or "")
            name = match.group(1) or LEGACY if match else ""
            if name in self.context.selected or name == LEGACY:
                self._report(self.source.start(node), name, STRING)

    def _read_package(self, package: Package) -> None:
        """Whether all that is done with the module is to read names from it; what else is reported."""
        variable = package.variable
        package.members = []
        ours = [alias for _, alias in package.sites]
        odd: List[Tuple[int, str, str]] = []
        for binding in variable.bindings:
            if binding.alias not in ours:
                odd.append((self.source.start(binding.node), LEGACY, OBJECT))
            elif binding.scope is not variable.scope:
                odd.append((self.source.start(binding.node), LEGACY, OBJECT))
        start = self.source.start(package.sites[0][0].node)
        if variable.scope.kind == "class":
            odd.append((start, LEGACY, IN_CLASS))
        elif any(self._stands_in(site) for site, _ in package.sites):
            odd.append((start, LEGACY, FALLBACK))
        elif (variable.unclear or self._is_exported(variable)) and any(alias.name == LEGACY for alias in ours):
            odd.append((start, LEGACY, OBJECT))
        for use in variable.uses:
            parent = self.names.parents[use.node]
            start = self.source.start(use.node)
            if not isinstance(parent, ast.Attribute):
                odd.append((start, LEGACY, OBJECT))
            elif not isinstance(parent.ctx, ast.Load):
                odd.append((start, parent.attr, ASSIGNED))
            elif parent.attr not in REPLACEMENTS:
                if parent.attr != OUR_OWN:
                    self._report(start, parent.attr, UNKNOWN)
            else:
                end = self._member_end(use, parent)
                if end is None:
                    odd.append((start, parent.attr, SPELLED))
                elif self.source.in_debugged(start):
                    odd.append((start, parent.attr, DEBUGGED))
                else:
                    package.members.append(Member(use, parent, parent.attr, end, self._is_call(parent, end)))
        self.places += [Place(*self.source.position(at), name=name, message=message) for at, name, message in odd]
        package.stays = bool(odd)

    def _name_end(self, use: Use) -> Optional[int]:
        """Where a name ends, if the text has it as the tree does."""
        start = self.source.start(use.node)
        return start + len(use.node.id) if self.source.text.startswith(use.node.id, start) else None

    def _member_end(self, use: Use, attribute: ast.Attribute) -> Optional[int]:
        """Where `name.attribute` ends, if it is written like that."""
        text = self.source.text
        dot = self.source.next(self._name_end(use) or 0)
        last = self.source.next(dot + 1)
        fits = text.startswith(".", dot) and text.startswith(attribute.attr, last)
        return last + len(attribute.attr) if fits else None

    def _is_call(self, node: ast.AST, end: int) -> bool:
        """Whether this is called, and a call of the experiment's method can take its place.

        Not with arguments by position: an error that the client need not raise. Nor where an argument does something:
        outside Polyaxon, where there is no experiment, it goes on being done before the error.
        """
        parent = self.names.parents[node]
        return (isinstance(parent, ast.Call) and parent.func is node and not parent.args
                and self.source.text.startswith("(", self.source.next(end))
                and all(self._is_harmless(inner) for keyword in parent.keywords for inner in ast.walk(keyword.value)))

    def _is_harmless(self, node: Any) -> bool:
        if not isinstance(node, ast.Call):
            return type(node).__name__ not in ("Await", "Yield", "YieldFrom", "NamedExpr")
        if isinstance(node.func, ast.Name):
            bound = any(node.func.id in scope.variables and scope.variables[node.func.id].bindings
                    for scope in self.names.scopes)
            return node.func.id in HARMLESS_FUNCTIONS and not bound
        return isinstance(node.func, ast.Attribute) and node.func.attr in HARMLESS_METHODS

    def _is_exported(self, variable: Variable) -> bool:
        if variable.name in self.roundabout:
            return True
        exported = self.context.exported
        return variable.scope.kind == "module" and (
            variable.name in exported or "*" in exported or variable.name in self._listed())

    def _style(self, legacy: Legacy) -> str:
        variable = legacy.variable
        names = {name for _, _, name in legacy.parts}
        name = min(names)
        if any(REPLACEMENTS[each].home is None for each in names):
            row = REPLACEMENTS[name]
            return self._stay(legacy, "write `{}` after `{}`".format(row.write, row.after))
        if not names <= self.context.selected:
            return "stays"
        if any(self._stands_in(site) for site, _, _ in legacy.parts):
            return self._stay(legacy, FALLBACK)
        if len(names) > 1 and len(legacy.parts) > len({site for site, _, _ in legacy.parts}):
            return self._stay(legacy, TWICE)
        star = any(alias is None for _, alias, _ in legacy.parts)
        if any(site in self.kept_stars for site, _, _ in legacy.parts):
            return "stays"
        if star and self._other_stars_after(legacy):
            return self._stay(legacy, STAR)
        if names <= NEEDS_EXPERIMENT and variable.scope.kind == "class":
            return self._stay(legacy, IN_CLASS)
        if len(names) == 1 and name != "experiment" and "." not in members_path(name):
            return "same"
        aliases = [alias for _, alias, _ in legacy.parts]
        pure = len(names) == 1 and variable.scope.kind != "class" and not variable.unclear and all(
            binding.alias in aliases and binding.scope is variable.scope for binding in variable.bindings)
        if star:
            pure = pure and not variable.bindings
        if name == "experiment" and len(names) == 1:
            return "instance" if pure else "kept"
        if not pure or self._is_exported(variable):
            return "kept"
        for use in variable.uses:
            end = self._name_end(use)
            if end is None or self.source.in_debugged(end - 1):
                return "kept"
            if name == "send_metrics" and not self._is_call(use.node, end):
                return "kept"
        return "inline"

    def _leave_hidden(self) -> None:
        """Where a function uses what stands outside, and imports for itself what would get the same name."""
        needs: List[Tuple[Any, Site, str]] = []
        uses: List[Tuple[Any, List[Site], Use, str]] = []
        for legacy in self.legacies.values():
            if legacy.style != "stays":
                sites = [site for site, _, _ in legacy.parts]
                needs += [(legacy, site, self._symbol_of(name)) for site, _, name in legacy.parts]
                uses += [(legacy, sites, use, self._symbol_of(legacy.parts[0][2])) for use in legacy.variable.uses
                         if legacy.style in ("inline", "instance")]
        for package in self.packages.values():
            if not package.stays:
                sites = [site for site, _ in package.sites]
                needs += [(package, site, self._symbol_of(each.name)) for each in package.members for site in sites]
                uses += [(package, sites, each.use, self._symbol_of(each.name)) for each in package.members]
        hidden = {each for user, sites, use, symbol in uses for other, site, needed in needs
                  if needed == symbol and self._hides(site, use, user.variable, sites) for each in (user, other)}
        for legacy in hidden.intersection(self.legacies.values()):
            legacy.style = self._stay(legacy, HIDDEN)
        for package in hidden.intersection(self.packages.values()):
            package.stays = True
            for member in package.members:
                self._report(self.source.start(member.use.node), member.name, HIDDEN)

    def _hides(self, site: Site, use: Use, variable: Variable, sites: List[Site]) -> bool:
        """Whether what an import in a function binds can be in the way of one outside that is used there."""
        inside = list(use.scope.chain())
        inside = inside[:inside.index(variable.scope)] if variable.scope in inside else []
        first = sites[0]
        return site.scope in inside and site.scope.kind != "class" and not (
            self.names.parents[first.node] is self.source.tree and not self._is_guarded(first)
            and first.node.lineno < site.node.lineno)

    def _stay(self, legacy: Legacy, message: str) -> str:
        for site, alias, name in legacy.parts:
            if name in self.context.selected:
                for use in legacy.variable.uses:
                    self._report(self.source.start(use.node), name, message)
                if not legacy.variable.uses:
                    self._report(self._alias_offset(site, alias), name, message)
        return "stays"

    def _alias_offset(self, site: Site, alias: Optional[ast.alias]) -> int:
        if alias is None:
            return self.source.start(site.node)
        number: int = site.node.names.index(alias)
        return self.source.imported(self.source.start(site.node)).spans[number].start

    def _stands_in(self, site: Site) -> bool:
        """Whether the import stands where one of the client has failed."""
        return any(
            isinstance(node, ast.ExceptHandler) and any(
                (getattr(inner, "module", None) or "").startswith("polyaxon_client")
                or any(alias.name.startswith("polyaxon_client") for alias in getattr(inner, "names", [])
                       if isinstance(alias, ast.alias))
                for statement in getattr(self.names.parents[node], "body") for inner in ast.walk(statement)
                if isinstance(inner, (ast.Import, ast.ImportFrom)))
            for node in self.names.around(site.node))

    def _other_stars_after(self, legacy: Legacy) -> bool:
        first = min(site.node.lineno for site, alias, _ in legacy.parts if alias is None)
        return any(star.lineno >= first for star in self.stars)

    def _star_stays(self) -> bool:
        """Whether nothing that a star import brings moves: it stays, and asks the package for the Experiment too."""
        by_star = [legacy for legacy in self.legacies.values() if any(alias is None for _, alias, _ in legacy.parts)]
        return bool(by_star) and all(
            self._other_stars_after(legacy) or REPLACEMENTS[legacy.parts[0][2]].home is None for legacy in by_star)

    # The one Experiment

    def _wanting(self) -> List[Legacy]:
        return [legacy for legacy in self.legacies.values()
                if legacy.style != "stays" and any(name in NEEDS_EXPERIMENT for _, _, name in legacy.parts)]

    def _wanting_members(self) -> List[Tuple[Package, Member]]:
        return [(package, member) for package in self.packages.values() if not package.stays
                for member in package.members if member.name in NEEDS_EXPERIMENT & self.context.selected]

    def is_script(self) -> bool:
        """Whether it asks if it is run."""
        return any(_text_of(node) == "__main__" for node in self.names.parents)

    def needs_experiment(self, exported: FrozenSet[str]) -> bool:
        """Whether any name that stands for the Experiment is used here or by others, moved or not."""
        self.context = Context(exported=exported)
        return self.gives_by_star(exported) or self._star_stays() or any(
            name in NEEDS_EXPERIMENT for legacy in self.legacies.values() for _, _, name in legacy.parts
            if legacy.variable.uses or self._is_exported(legacy.variable) or legacy.variable.unclear
            or len(legacy.variable.bindings) > len(legacy.parts)) or any(
            self._is_exported(package.variable) or any(
                getattr(self.names.parents[use.node], "attr", "experiment") in NEEDS_EXPERIMENT
                for use in package.variable.uses) for package in self.packages.values())

    def makes(self) -> Optional[Tuple[str, bool]]:
        """What a module that has moved calls its Experiment, and whether by a factory; "" where that can't be told."""
        own = self._own_experiment()
        if own is not None:
            return own.name, False
        for node in self.source.tree.body:
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) == FACTORY_SAYS:
                return node.name, True
        called = {parent.func for parent in self.names.parents.values() if isinstance(parent, ast.Call)}
        uses = {use.node for scope in self.names.scopes for variable in scope.variables.values()
                if self._is_symbol(variable, "Experiment") for use in variable.uses}
        dotted = any(isinstance(node, ast.Attribute) and node.attr == "Experiment" for node in called)
        return ("", False) if dotted or called & uses else None

    def can_be_given_by(self, statement: Any) -> bool:
        """Whether an import of another module stands where it can also bring the Experiment."""
        return self.edits.starts_line(statement) and all(
            self._only_imports_between(site.node, statement) if statement.lineno > site.node.lineno else True
            for site in self.sites)

    def _settle_experiment(self) -> None:
        """All that needs the Experiment moves, or none of it."""
        reason = self.context.stay
        present = {name for legacy in self.legacies.values() for _, _, name in legacy.parts} | {
            member.name for package in self.packages.values() for member in package.members}
        stuck = {name for legacy in self.legacies.values() if legacy.style == "stays" for _, _,
                name in legacy.parts} | {
            member.name for package in self.packages.values() if package.stays for member in package.members}
        left = sorted((present - self.context.selected | stuck) & NEEDS_EXPERIMENT)
        if any(package.stays for package in self.packages.values()):
            reason = reason or TOGETHER_OBJECT
        elif left or self.kept_stars or self._star_stays():
            reason = reason or TOGETHER.format(left[0] if left else "*")
        if reason:
            for legacy in self._wanting():
                if legacy.variable.uses or legacy.style == "kept" or self._is_exported(legacy.variable):
                    legacy.style = self._stay(legacy, reason)
            for package, member in self._wanting_members():
                self._report(self.source.start(member.use.node), member.name, reason)
                package.members.remove(member)
                package.members.append(member._replace(name=""))

    # Names

    def _choose_names(self) -> None:
        """What everything new is called in this module."""
        for legacy in self.legacies.values():
            sites = [(site.scope, site.node) for site, _, _ in legacy.parts]
            uses = [(use.scope, use.node) for use in legacy.variable.uses]
            if legacy.style in ("inline", "kept"):
                for _, _, name in legacy.parts:
                    self._want(members_path(name).split(".")[0], sites + uses * (legacy.style == "inline"))
            if legacy in self._wanting():
                for symbol in ("experiment", "get_experiment", "Experiment", "PolyaxonClientException"):
                    self._want(symbol, sites)
                self._want("experiment", uses)
        for package in self.packages.values():
            for member in package.members if not package.stays else []:
                if self._moves(member):
                    places = [(site.scope, site.node) for site, _ in package.sites]
                    symbols = [members_path(member.name).split(".")[0]]
                    if member.name in NEEDS_EXPERIMENT:
                        symbols += ["experiment", "get_experiment", "PolyaxonClientException"]
                        symbols += ["send_metrics"] if member.name == "send_metrics" and not member.called else []
                    for symbol in symbols:
                        self._want(symbol, places + [(member.use.scope, member.use.node)])
        for symbol, places in self.wanted.items():
            self.chosen[symbol] = self._free_name(symbol, places)

    def _want(self, symbol: str, places: List[Tuple[Scope, Any]]) -> None:
        self.wanted.setdefault(symbol, [(self.names.module, self.source.tree)]).extend(places)

    def _moves(self, member: Member) -> bool:
        return member.name in self.context.selected and REPLACEMENTS[member.name].home is not None

    def _free_name(self, symbol: str, places: List[Tuple[Scope, Any]]) -> str:
        existing = self._existing(symbol)
        candidates = ([existing.name] if existing else []) + [symbol]
        candidates += OTHER_NAMES.get(symbol, ("polyaxon_" + symbol,))
        candidates += ["{}_{}".format(candidates[-1], number) for number in range(2, 99)]
        taken = self.context.taken - ({existing.name} if existing else set())
        return next(name for name in candidates if name not in taken
                    and not any(self._is_taken(name, symbol, *place) for place in places))

    def _is_taken(self, name: str, symbol: str, scope: Scope, node: Any) -> bool:
        for outer in scope.chain():
            variable = outer.variables.get(name)
            if variable is not None and (variable.bindings or variable.uses) and not (
                    self._is_symbol(variable, symbol) and (outer.kind != "function" or any(
                        self.names.parents[binding.node] is outer.node and binding.node.lineno <= node.lineno
                        for binding in variable.bindings))):
                return True
        first = self.sites[0].node.lineno
        if symbol in OTHER_NAMES and name == symbol and any(
                star.lineno > first and not (star.module or "").startswith("polyaxon_client") for star in self.stars):
            return not any(
                self._is_symbol(inner.variables[name], symbol) for inner in self.names.scopes
                if name in inner.variables)
        return False

    def _is_symbol(self, variable: Variable, symbol: str) -> bool:
        """Whether all that binds the variable makes it the client's `symbol`, or will."""
        legacy = self.legacies.get(variable)
        if symbol == "experiment":
            return legacy is not None and legacy.style == "instance" or self._own_experiment() is variable
        if legacy is not None and not variable.bindings:  # by *
            return legacy.style == "same" and legacy.parts[0][2] == symbol
        return bool(variable.bindings) and not variable.unclear and all(
            self._binds_symbol(binding, variable, symbol) for binding in variable.bindings)

    def _binds_symbol(self, binding: Binding, variable: Variable, symbol: str) -> bool:
        node: Any = binding.node
        if binding.alias is None or binding.scope is not variable.scope or not isinstance(node, ast.ImportFrom):
            return False
        if node.level or binding.alias.name != symbol:
            return False
        if node.module == LEGACY:
            return variable in self.legacies and self.legacies[variable].style == "same"
        return node.module in (TRACKING, EXCEPTIONS, self._home(symbol) + ".experiment")

    def _existing(self, symbol: str) -> Optional[Variable]:
        """The module's variable that is that symbol already."""
        if symbol == "experiment" and self._own_experiment() is not None:
            return self._own_experiment()
        found = [variable for variable in self.names.module.variables.values()
                 if self._is_symbol(variable, symbol) and variable.bindings]
        return found[0] if found else None

    def _own_experiment(self) -> Optional[Variable]:
        """The module's variable for an Experiment that it makes itself, once and before anything needs it."""
        if self._own is None:
            self._own = [self._find_own_experiment()]
        return self._own[0]

    _own: Optional[List[Optional[Variable]]] = None

    def _find_own_experiment(self) -> Optional[Variable]:
        for statement in self.source.tree.body:
            assign: Any = statement
            if isinstance(statement, ast.Try) and len(statement.body) == 1:
                if not statement.orelse + statement.finalbody:
                    assign = statement.body[0]
            if not (isinstance(assign, ast.Assign) and len(assign.targets) == 1
                    and isinstance(assign.targets[0], ast.Name)
                    and isinstance(assign.value, ast.Call) and isinstance(assign.value.func, ast.Name)
                    and not assign.value.args and not assign.value.keywords):
                continue
            variable = self.names.module.variables[assign.targets[0].id]
            made = self.names.module.variables.get(assign.value.func.id)
            inside = set(ast.walk(statement))
            nones = [node for node in inside if isinstance(node, ast.Assign) and node is not assign]
            if (made is not None and self._is_symbol(made, "Experiment")
                    and all(binding.node in inside for binding in variable.bindings)
                    and all(_is_none(node.value) for node in nones)
                    and all(self._only_imports_between(site.node, statement) for site in self.sites)):
                return variable
        return None

    def _nothing_waits(self) -> bool:
        """Whether no legacy import binds a name to the Experiment: that can't wait for a later statement."""
        return not any(name == "experiment" for legacy in self.legacies.values() for _, _, name in legacy.parts)

    def _only_imports_between(self, site: Any, statement: Any) -> bool:
        """Whether what `statement` binds can be had in place of what `site` would."""
        tree = self.source.tree
        return statement.lineno < site.lineno or self._nothing_waits() and self.names.parents[site] is tree and all(
            isinstance(between, (ast.Import, ast.ImportFrom)) for between in tree.body
            if site.lineno < between.lineno < statement.lineno)

    # Moving uses

    def _move_legacy(self, legacy: Legacy) -> None:
        variable = legacy.variable
        if legacy.style == "stays":
            for site, alias, name in legacy.parts:
                if alias is None:
                    site.explicit.append(name)
            return
        self.uses += len(variable.uses) or 1
        for site, alias, name in legacy.parts:
            self._move_part(legacy, site, alias, name)
        if legacy.style == "inline":
            for use in variable.uses:
                self.edits.expression(use.node, self.source.start(use.node), self._name_end(use) or 0,
                                      self._written(legacy.parts[0][2]))

    def _move_part(self, legacy: Legacy, site: Site, alias: Optional[ast.alias], name: str) -> None:
        variable = legacy.variable
        path = members_path(name)
        if alias is not None:
            site.stays.discard(alias)
        bound = alias.asname or alias.name if alias is not None else name
        if name == "experiment":
            site.gone.update([alias] if alias is not None else [])
            if variable.uses or self._is_exported(variable) or legacy.style == "kept":
                site.instances.append(bound)
        elif "." not in path:
            self._move_same(legacy, site, alias, name)
        else:
            site.gone.update([alias] if alias is not None else [])
            used = bool(variable.uses) or legacy.style == "kept"
            if used and name == "send_metrics":
                site.instances.append("")
                site.functions += [bound] if legacy.style == "kept" else []
            elif used:
                site.needs.add(path.split(".")[0])
                if legacy.style == "kept":
                    site.assigns.append("{} = {}".format(bound, self._written(name)))

    def _move_same(self, legacy: Legacy, site: Site, alias: Optional[ast.alias], name: str) -> None:
        others = [binding for binding in legacy.variable.bindings
                  if getattr(binding.node, "module", None) == self._home(name) and binding.alias is not None
                  and binding.alias.name == name]
        if alias is None:
            site.needs.add(name)
            self.chosen[name] = name
        elif any(self.names.parents[other.node] is self.names.parents[site.node] for other in others):
            site.gone.add(alias)  # the client's import of it stands beside this one
        elif self._home(name) == TRACKING:
            site.tracked.add(alias)
        else:
            site.gone.add(alias)
            site.before.append("from {} import {}".format(self._home(name), _as(name, alias.asname or name)))

    def _move_package(self, package: Package) -> None:
        moved = [member for member in package.members if not package.stays and member.name and self._moves(member)]
        if package.stays:
            return
        for member in package.members:
            row = REPLACEMENTS.get(member.name)
            if row is not None and row.home is None and member.name in self.context.selected:
                self._report(self.source.start(member.use.node), member.name,
                             "write `{}` after `{}`".format(row.write, row.after))
        idle = not package.variable.uses and self.context.selected == ALL
        self.uses += len(moved) or sum(idle and alias.name == LEGACY for _, alias in package.sites)
        for member in moved:
            is_function = member.name == "send_metrics" and not member.called
            self.edits.expression(member.node, self.source.start(member.use.node), member.end,
                                  self.chosen["send_metrics"] if is_function else self._written(member.name))
        for site, alias in package.sites:
            if alias.name == LEGACY and (idle or moved and len(moved) == len(package.variable.uses)):
                site.stays.discard(alias)
                site.gone.add(alias)
            for member in moved:
                if member.name in NEEDS_EXPERIMENT:
                    site.instances.append("")
                    if not member.called and member.name == "send_metrics" and not site.functions:
                        site.functions.append(self.chosen["send_metrics"])
                else:
                    site.needs.add(members_path(member.name).split(".")[0])

    def _written(self, name: str) -> str:
        """The expression that stands for a legacy name."""
        if name == "experiment":
            return self.chosen["experiment"]
        head, _, rest = members_path(name).partition(".")
        if name == "send_metrics":
            head = "experiment"
        return self.chosen[head] + ("." + rest if rest else "")

    # Placing the Experiment

    def _place_experiment(self) -> None:
        """Who makes the Experiment: another module, this one's own code, the one import, or a factory."""
        sites = [site for site in self.sites if site.instances]
        if not sites:
            return
        instance = self.chosen["experiment"]
        for site in sites:
            site.instances = sorted(set(site.instances), key=lambda name: name != "")
        main = sites[0]
        own = self._own_experiment()
        block = own is None and self.context.provider is None and (
            len(sites) == 1 and self._runs_once(main.node, self.context.shared)
            or self._runs_once(main.node, True) and all(self._follows(site, main) for site in sites[1:]))
        if block and "" not in main.instances and len(sites) == 1:
            instance = main.instances[0]
        if not block and own is None and self.context.provider is None:
            self.factory = self.chosen["get_experiment"]
            self._write_factory(sites[0])
        self.instance = instance if block or own is not None or self.context.provider else ""
        for site in sites:
            self._place_at(site, instance, main if block else None, own is not None)
            for name in site.instances:
                if name not in ("", instance):
                    line = "{} = {}".format(name, instance)
                    if block and site is main:
                        site.after.append([line])  # behind what makes it
                    else:
                        site.assigns.append(line)
            for name in site.functions:
                site.after.append(["def {}(**metrics):".format(name), "\t{}.log_metrics(**metrics)".format(instance)])

    def _place_at(self, site: Site, instance: str, main: Optional[Site], own: bool) -> None:
        provider = self.context.provider
        if provider is not None:
            bound = self.chosen["get_experiment"] if provider.is_factory else instance
            lines = ["from {} import {}".format(provider.module, _as(provider.name, bound))]
            lines += ["{} = {}()".format(instance, bound)] if provider.is_factory else []
            if provider.node.lineno < site.node.lineno:
                site.before += lines[:1]
                site.assigns[:0] = lines[1:]
            else:
                self.edits.behind(provider.node, lines)
        elif self.factory:
            site.assigns.insert(0, "{} = {}()".format(instance, self.factory))
        elif site is main:
            site.needs.update(("Experiment", "PolyaxonClientException"))
            site.after.insert(0, [
                "try:",
                "\t{} = {}()".format(instance, self.chosen["Experiment"]),
                "except {}:".format(self.chosen["PolyaxonClientException"]),
                "\t{} = None".format(instance),
            ])

    def gives_on(self) -> bool:
        """Whether the Experiment that it is given surely is there for those who import this module."""
        return all(self.names.parents[site.node] is self.source.tree for site in self.sites)

    def _runs_once(self, node: ast.AST, always: bool) -> bool:
        """Whether a statement of the module runs once with it, or at most once."""
        around = list(self.names.around(node))
        kinds = (ast.If, ast.With, ast.Try, ast.ExceptHandler) + ((getattr(ast, "TryStar"),) if hasattr(ast, "TryStar")
                else ())
        return around == [self.source.tree] or not always and all(isinstance(each, kinds) for each in around[:-1])

    def _follows(self, site: Site, main: Site) -> bool:
        """Whether what `main` makes is there, and goes by the same name, whenever `site` runs."""
        around = list(self.names.around(site.node))
        top = around[-2] if len(around) > 1 else site.node
        return bool(top.lineno > main.node.lineno)

    def _write_factory(self, site: Site) -> None:
        tree = self.source.tree
        top = ([site.node] + list(self.names.around(site.node)))[-2]
        lines = [getattr(top, "lineno")] + [each.lineno for each in getattr(top, "decorator_list", [])]
        line = above = min(lines)
        while above > 1 and self.source.line(above - 1).startswith("#"):
            above -= 1
        line = above if above > 2 else line
        first = next((node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))
                      and getattr(node, "module", "") != "__future__"), None)
        threading = "threading"
        head: List[str] = []
        if not self._has_threading(line):
            threading = self._free_name("threading", [(self.names.module, self.source.tree)])
            head = ["import " + _as("threading", threading)]
            if first is not None and first.lineno < line and self.edits.starts_line(first):
                self.edits.above(first, first.lineno, head)
                head = []
        text = FACTORY.format(name=self.factory, says=FACTORY_SAYS, threading=threading).rstrip().split("\n")
        above = self.source.text[:self.source.at(line, 0)]
        blank = len(LINE_END.findall(above[len(above.rstrip()):])) - 1
        gap = [""] * (2 - blank) if above.strip() else []
        self.edits.above(top, line, gap + head + ["", ""] * len(head) + [*map(self.edits.indented, text), "", ""])

    def _has_threading(self, line: int) -> bool:
        variable = self.names.module.variables.get("threading")
        return variable is not None and [
            isinstance(binding.node, ast.Import) and self.names.parents[binding.node] is self.source.tree
            and getattr(binding.alias, "asname", "") is None and binding.node.lineno < line
            for binding in variable.bindings] == [True]

    # Writing the import statements

    def _wanted_imports(self, site: Site) -> List[str]:
        """What has to be imported from polyaxon_client.tracking here beside what already is."""
        wanted: List[str] = []
        for symbol in sorted(site.needs):
            name = self.chosen[symbol]
            if self._is_bound(site, symbol, name):
                continue
            guarded = self._is_guarded(site)
            if (self.source.tree, symbol) in self.imported and not (guarded and site.scope is self.names.module):
                continue  # in a function, a second import would hide it from what stands before
            if not guarded:
                place = self.names.parents[site.node]
                if (place, symbol) in self.imported:
                    continue
                self.imported.add((place, symbol))
            if self._home(symbol) == TRACKING:
                wanted.append(_as(symbol, name))
            else:
                site.before.append("from {} import {}".format(self._home(symbol), _as(symbol, name)))
        return wanted

    def _is_bound(self, site: Site, symbol: str, name: str) -> bool:
        variable = self.names.variable(name, site.scope)
        if not self._is_symbol(variable, symbol):
            return False
        return any(
            binding.node is site.node or not self._is_guarded(site) and (
                self.names.parents[binding.node] is self.source.tree
                and self._only_imports_between(site.node, binding.node)
                and (binding.node.lineno < site.node.lineno or not (site.assigns or site.instances))
                or self.names.parents[binding.node] is self.names.parents[site.node]
                and binding.node.lineno < site.node.lineno)
            for binding in variable.bindings)

    def _is_guarded(self, site: Site) -> bool:
        """Whether something depends on the import not failing."""
        inner: ast.AST = site.node
        for node in self.names.around(site.node):
            if isinstance(node, ast.Try) and node.handlers and inner in node.body:
                return True
            inner = node
        return False

    def _write(self, site: Site) -> None:
        aliases = site.node.names
        is_from = isinstance(site.node, ast.ImportFrom)
        star = is_from and aliases[0].name == "*"
        moved = [legacy for legacy in self.legacies.values() if legacy.style != "stays" and legacy.parts[0][0] is site]
        star_goes = star and bool(moved or not site.explicit and self.context.selected == ALL
                and site not in self.kept_stars)
        if not (site.gone or site.tracked or site.needs or site.instances or star_goes):
            return
        self.uses += star_goes and not moved
        wanted = self._wanted_imports(site)
        start = self.source.start(site.node)
        spans, end, parenthesized = self.source.imported(start)
        remains = [alias for alias in aliases if alias in site.stays or alias in site.tracked
                   or not is_from and alias not in site.gone]
        if star:
            remains = []
            if site.explicit:
                site.before.append("from {} import {}".format(LEGACY, ", ".join(sorted(site.explicit))))
        kept: Optional[str] = None  # it goes
        if remains and is_from and site.stays.isdisjoint(remains):
            self._edit_module(site)
            self.edits.cut(spans, [alias in remains for alias in aliases], wanted, parenthesized)
            kept = self._new_from(site, remains, wanted)
        elif remains:
            tracked = [_alias_text(alias) for alias in aliases if alias in site.tracked]
            site.before += self._import_lines(sorted(wanted + tracked))
            remains = [alias for alias in remains if alias not in site.tracked]
            self.edits.cut(spans, [alias in remains for alias in aliases], [], parenthesized)
            kept = "{}import {}".format("from {} ".format(site.node.module) if is_from else "", ", ".join(
                map(_alias_text, remains)))
        else:
            site.before += self._import_lines(wanted)
        if kept is None and not site.before and self._is_guarded(site) and not (self.factory and site.instances):
            site.before.append(self._probe(site))
        before = sorted(set(site.before), key=_import_order)
        if kept is not None and not is_from:
            before, site.assigns = [], before + site.assigns
        self.edits.statement(site.node, end, before, kept, site.assigns, site.after)

    def _probe(self, site: Site) -> str:
        """An import that fails where the legacy one would have, for the `except` behind it."""
        names = sorted({members_path(name).split(".")[0] for legacy in self.legacies.values()
                        for part, _, name in legacy.parts if part is site and site.scope is self.names.module})
        return "from {} import {}".format(TRACKING, ", ".join(names)) if names else "import " + TRACKING

    def _import_lines(self, names: List[str]) -> List[str]:
        if not names:
            return []
        return ["from {} import {}".format(TRACKING, ", ".join(names))]

    def _edit_module(self, site: Site) -> None:
        start = self.source.next(self.source.start(site.node) + len("from"))
        if not self.source.text.startswith(LEGACY, start):
            raise Surprise("an import is not spelled as expected")
        self.edits.replace(start, start + len(LEGACY), TRACKING)

    def _new_from(self, site: Site, remains: List[ast.alias], wanted: List[str]) -> str:
        """What the import is then."""
        texts: List[str] = []
        spare = list(wanted)
        for alias in site.node.names:
            if alias in remains:
                texts.append(_alias_text(alias))
            elif spare:
                texts.append(spare.pop(0))
        return "from {} import {}".format(TRACKING, ", ".join(texts + spare))


def _alias_text(alias: ast.alias) -> str:
    return alias.name + (" as {}".format(alias.asname) if alias.asname else "")


def _as(name: str, bound: str) -> str:
    return name if bound in ("", name) else "{} as {}".format(name, bound)


def _import_order(line: str) -> Tuple[bool, str]:
    return (LEGACY in line.split()[1] if " " in line else True, line)


def _text_of(node: Any) -> Optional[str]:
    text = getattr(node, "value", None) if type(node).__name__ == "Constant" else getattr(node, "s", None) \
        if type(node).__name__ == "Str" else None
    return text if isinstance(text, str) else None


def _is_none(node: Any) -> bool:
    return type(node).__name__ in ("Constant", "NameConstant") and getattr(node, "value", 0) is None
