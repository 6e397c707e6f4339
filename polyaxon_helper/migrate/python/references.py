"""Every legacy name in a module: what imports it, and all that uses it."""
import ast
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from ...replacements import REPLACEMENTS, Target
from .imports import Import
from .names import Names, Scope, Variable
from .source import Source

LEGACY = "polyaxon_helper"
OLD_CLIENT = "polyaxon_client"
OURS = ("client", "local", "migrate", "resend")
"""The modules of the package that are no legacy API."""
BUILT_IN = ("globals", "vars", "eval", "exec")
DICT_METHODS = ("get", "items", "keys", "values")

STAR = "import the names that you use in place of *, then run again"
UNKNOWN = "no release of polyaxon-helper has this name; nothing to move to"
STRING = "a string names the legacy package; write the name that the code uses now"
OBJECT = "the module itself is used as an object; use functions of it, as `{}.send_metrics(...)`, then run again"
ASSIGNED = "the module's attribute is replaced; replace the new name's by hand"
CLIENT_OBJECT = "import what you use of it by `from polyaxon_client.tracking import`, then run again"
CLIENT_ONLY = "only polyaxon_client needs it; delete it when nothing imports that any more"
CLIENT_OWN = "write `{}`"
NEAREST = {
    "PolyaxonKeras": 'traceml.integrations.keras.Callback(run, metrics, log_model=False, log_best_prefix="")',
    "PolyaxonFastai": "traceml.integrations.fastai_v1.Callback(learn, run=run)",
    "settings": "polyaxon.settings.CLIENT_CONFIG.is_managed, .in_cluster",
}
"""What traceml has in place of what the table says nothing of."""
NO_NEAREST = "nothing in the table replaces it; write it with polyaxon.client by hand"

Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module]


class Found(NamedTuple):
    """Something that a person has to read about."""

    offset: int
    name: str
    message: str


class Site(NamedTuple):
    """An import statement of the legacy package, or of the client where that is left too."""

    node: Import
    scope: Scope
    body: Sequence[ast.stmt]
    """The block that it stands in."""
    guarded: bool
    """Whether something depends on the import not failing."""


class Use(NamedTuple):
    """A use of a legacy name."""

    name: ast.Name
    scope: Scope
    node: ast.expr
    """What may be replaced: the name, or the attribute `package.name`."""
    start: int
    end: Optional[int]
    """None where the text is not spelled as the tree is."""
    parent: ast.AST


class Part(NamedTuple):
    """An import of a legacy name."""

    site: Site
    alias: ast.alias


class Symbol(NamedTuple):
    """A legacy name as one variable of the module, or an attribute of one, has it."""

    legacy: str
    name: str
    """The name that is meant: get_data_paths where get_data_path is treated as a dict."""
    variable: Variable
    member: bool
    """Whether it is an attribute of the package, which the variable then is."""
    parts: List[Part]
    uses: List[Use]
    alone: bool
    """Whether nothing else binds the variable."""


class References(NamedTuple):
    """All that a module has to do with what is left."""

    source: Source
    names: Names
    symbols: List[Symbol]
    sites: List[Site]
    found: List[Found]
    stuck: List[Variable]
    """Packages that are used in a way that can't move."""
    dynamic: bool
    """Whether the module reads itself by names that are strings."""
    on_client: bool
    """Whether it uses something of the client's that the table says nothing of."""


def references(source: Source, names: Names, target: Target) -> References:
    """Find every legacy name of a module, and what of it can't move whatever the target is."""
    refs = References(source, names, [], [], list(_strings(source, names)), [], is_dynamic(names), False)
    variables: Dict[Tuple[Variable, str], List[Part]] = {}
    packages: Dict[Variable, List[Part]] = {}
    own = 0
    for node, scope in sorted(names.imports, key=lambda each: source.start(each[0])):
        site = Site(node, scope, _body(names, node), is_guarded(names, node))
        found = len(refs.found)
        for alias in node.names:
            message = _sort(site, alias, names, target, variables, packages)
            if message:
                refs.found.append(Found(source.start(node), alias.name, message))
                own += OLD_CLIENT in (getattr(node, "module", None) or alias.name)
        if len(refs.found) > found or any(
                part.site is site for parts in [*variables.values(), *packages.values()] for part in parts[-1:]):
            refs.sites.append(site)
    for (variable, name), parts in variables.items():
        refs.symbols.append(_symbol(refs, variable, name, parts))
    for variable, parts in packages.items():
        refs.symbols.extend(_members(refs, variable, parts))
    return refs._replace(on_client=bool(own))


def _sort(site: Site, alias: ast.alias, names: Names, target: Target, variables: Dict[Tuple[Variable, str], List[Part]],
          packages: Dict[Variable, List[Part]]) -> str:
    """Note what a part of an import binds; gives a message where it can't move."""
    node = site.node
    if isinstance(node, ast.ImportFrom):
        module = "" if node.level else node.module or ""
        if module == LEGACY or module in target.sources:
            if alias.name == "*":
                return STAR
            if alias.name in REPLACEMENTS:
                variables.setdefault((names.imported[alias], alias.name), []).append(Part(site, alias))
                return ""
            if module == LEGACY:
                client = alias.name == "client" and target.sources
                return CLIENT_ONLY if client else "" if alias.name in OURS else UNKNOWN
        is_client = module.split(".")[0] == OLD_CLIENT and target.sources
        nearest = NEAREST.get(alias.name)
        return (CLIENT_OWN.format(nearest) if nearest else NO_NEAREST) if is_client else ""
    package, _, module = alias.name.partition(".")
    if package == OLD_CLIENT and target.sources:
        return CLIENT_OBJECT
    if package == LEGACY and (not module or not alias.asname):
        packages.setdefault(names.imported[alias], []).append(Part(site, alias))
    return CLIENT_ONLY if alias.name == LEGACY + ".client" and target.sources else ""


def _symbol(refs: References, variable: Variable, name: str, parts: List[Part]) -> Symbol:
    uses = [Use(use.node, use.scope, use.node, refs.source.start(use.node),
                refs.source.word(refs.source.start(use.node), use.node.id), refs.names.parents[use.node])
            for use in variable.uses]
    aliases = [part.alias for part in parts]
    alone = not variable.unclear and all(
        binding.alias in aliases and binding.scope is variable.scope for binding in variable.bindings)
    return Symbol(name, _meant(refs.names, name, uses), variable, False, parts, uses, alone)


def _members(refs: References, variable: Variable, parts: List[Part]) -> Iterator[Symbol]:
    """Give the legacy names that are read from the package, by name; what else is done with it is noted."""
    found, source = len(refs.found), refs.source
    members: Dict[str, List[Use]] = {}
    aliases = [part.alias for part in parts]
    for binding in variable.bindings:
        if binding.alias not in aliases or binding.scope is not variable.scope:
            refs.found.append(Found(source.start(binding.node), LEGACY, OBJECT.format(LEGACY)))
    for use in variable.uses:
        node, start = refs.names.parents[use.node], source.start(use.node)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in REPLACEMENTS:
            members.setdefault(node.attr, []).append(Use(
                use.node, use.scope, node, start, _member_end(source, start, node), refs.names.parents[node]))
        elif getattr(node, "attr", "") not in OURS:
            refs.found.append(Found(start, getattr(node, "attr", LEGACY), _why_odd(node, use.node.id)))
    if variable.unclear or any(each.message != UNKNOWN for each in refs.found[found:]):
        refs.stuck.append(variable)
    if not members:
        yield Symbol(LEGACY, LEGACY, variable, True, parts, [], True)
    for name, uses in members.items():
        yield Symbol(name, _meant(refs.names, name, uses), variable, True, parts, uses, True)


def _why_odd(node: ast.AST, name: str) -> str:
    if not isinstance(node, ast.Attribute):
        return OBJECT.format(name)
    return UNKNOWN if isinstance(node.ctx, ast.Load) else ASSIGNED


def _member_end(source: Source, start: int, node: ast.Attribute) -> Optional[int]:
    """Give where `name.attribute` ends, if it is written like that."""
    end = source.word(start, getattr(node.value, "id"))
    dot = source.word(source.next(end), ".") if end is not None else None
    return None if dot is None else source.word(source.next(dot), node.attr)


def _meant(names: Names, name: str, uses: List[Use]) -> str:
    """Give the name that is meant: who treats get_data_path() as a dict means get_data_paths()."""
    as_dict = [_is_dict(names, names.parents[use.node]) for use in uses]
    return "get_data_paths" if name == "get_data_path" and as_dict and all(as_dict) else name


def _is_dict(names: Names, call: ast.AST) -> bool:
    parent = names.parents.get(call)
    if not isinstance(call, ast.Call) or getattr(parent, "value", None) is not call:
        return False
    index = getattr(parent, "slice", None)
    return getattr(parent, "attr", "") in DICT_METHODS or getattr(index, "value", index) in names.strings \
        or index in names.strings


# Where something stands

def _body(names: Names, node: ast.AST) -> Sequence[ast.stmt]:
    parent = names.parents[node]
    return next(value for field, value in ast.iter_fields(parent) if isinstance(value, list) and node in value)


def is_guarded(names: Names, node: ast.AST) -> bool:
    """Tell whether something depends on an import not failing."""
    for parent in names.around(node):
        if getattr(parent, "handlers", None) and node in parent.body:
            return True
        if type(parent).__name__ in ("FunctionDef", "AsyncFunctionDef"):
            return False
        node = parent
    return False


def stands_in(names: Names, node: ast.AST) -> bool:
    """Tell whether an import stands where one of the client has failed."""
    return any(isinstance(parent, ast.ExceptHandler) and any(
        OLD_CLIENT in [(getattr(inner, "module", None) or "").split(".")[0],
                       *(alias.name.split(".")[0] for alias in inner.names)]
        for statement in names.parents[parent].body for inner in ast.walk(statement)
        if isinstance(inner, (ast.Import, ast.ImportFrom))) for parent in names.around(node))


# Strings

def is_docstring(names: Names, node: ast.AST) -> bool:
    """Tell whether a string is a statement of its own."""
    return isinstance(names.parents[node], ast.Expr)


def is_dynamic(names: Names) -> bool:
    """Tell whether the module reads its own names from strings."""
    for name in BUILT_IN:
        variable = names.module.variables.get(name)
        for use in variable.uses if variable is not None and not variable.bindings else ():
            call = names.parents[use.node]
            if isinstance(call, ast.Call) and call.func is use.node and not (name == "vars" and call.args):
                return True
    return any(text == "__main__" and not isinstance(names.parents[node], ast.Compare)
               for node, text in names.strings.items())


def listed(names: Names) -> List[str]:
    """Give the strings that __all__ may have, and the words of doctests."""
    words = [word for text in names.strings.values() if ">>>" in text for word in re.findall(r"\w+", text)]
    return words + (list(names.strings.values()) if "__all__" in names.module.variables else [])


def _strings(source: Source, names: Names) -> Iterator[Found]:
    ours = re.compile(r"\b{0}\b(?!\.(?:{1})\b)".format(LEGACY, "|".join(OURS)))
    for node, text in names.strings.items():
        if ours.search(text) and not is_docstring(names, node):
            yield Found(source.start(node) if node.col_offset >= 0 else source.starts[node.lineno - 1], LEGACY, STRING)


def _annotations(node: ast.AST) -> List[ast.AST]:
    """Give the annotations that a statement has, those of a function's arguments too."""
    given = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        given += [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg)]
    return [each for each in given if each is not None]


def annotated(names: Names, word: str) -> Optional[ast.AST]:
    """Give a quoted annotation that has this word in it."""
    for node, text in names.strings.items():
        if re.search(r"\b{}\b".format(re.escape(word)), text):
            inner: ast.AST = node
            for parent in names.around(node):
                if inner in _annotations(parent):
                    return node
                if isinstance(parent, ast.stmt):
                    break
                inner = parent
    return None
