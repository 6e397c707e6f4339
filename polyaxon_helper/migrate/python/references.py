"""Every legacy name in a module: what imports it, and all that uses it."""
import ast
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...replacements import REPLACEMENTS, Target
from .imports import Import, own_lines
from .names import Names, Scope, Variable
from .source import Source

LEGACY = "polyaxon_helper"
OLD_CLIENT = "polyaxon_client"
IMPORT_ERRORS = ("BaseException", "Exception", "ImportError", "ModuleNotFoundError")
OURS = ("client", "local", "migrate", "resend")
"""The modules of the package that are no legacy API."""
OUR_NAME = re.compile(r"\b{}\b(?!\.(?:{})\b)".format(LEGACY, "|".join(OURS)))

STAR = "import the names that you use in place of *, then run again"
UNKNOWN = "no release of polyaxon-helper has this name; nothing to move to"
STRING = "a string names the legacy package; write the name that the code uses now"
OBJECT = "the module itself is used as an object; use functions of it, as `{}.send_metrics(...)`, then run again"
ASSIGNED = "the module's attribute is replaced; replace the new name's by hand"
CLIENT_OBJECT = "import what you use of it by `from polyaxon_client.tracking import`, then run again"
CLIENT_ONLY = "only polyaxon_client needs it; delete it when nothing imports that any more"
CLIENT_OWN = "nothing in the table replaces it; write it with polyaxon.client by hand"
NEAREST = {
    "PolyaxonKeras": 'write `traceml.integrations.keras.Callback(run, metrics, log_model=False, log_best_prefix="")`',
    "PolyaxonFastai": "write `traceml.integrations.fastai_v1.Callback(learn, run=run)`",
    "settings": "write `polyaxon.settings.CLIENT_CONFIG.is_managed`, or `.in_cluster`",
}
"""What traceml has in place of what the table says nothing of."""
OF_CLIENT = (CLIENT_OBJECT, CLIENT_OWN, *NEAREST.values())


class Found(NamedTuple):
    """Something that a person has to read about."""

    offset: int
    name: str
    message: str


class Site(NamedTuple):
    """An import statement of the legacy package, or of the client where that is left too."""

    node: Import
    scope: Scope
    body: Sequence[ast.stmt]  # the block that it stands in
    guarded: bool  # whether something depends on the import not failing
    alone: bool  # whether nothing else stands in its lines


class Use(NamedTuple):
    """A use of a legacy name."""

    name: ast.Name
    scope: Scope
    node: ast.expr  # what may be replaced: the name, or the attribute `package.name`
    start: int
    end: Optional[int]  # None where the text is not spelled as the tree is
    parent: ast.AST


class Part(NamedTuple):
    """An import of a legacy name."""

    site: Site
    alias: ast.alias


class Symbol(NamedTuple):
    """A legacy name as one variable of the module, or an attribute of one, has it."""

    legacy: str
    name: str  # what is meant: get_data_paths where get_data_path is treated as a dict
    variable: Variable
    member: bool  # whether it is an attribute of the package, which the variable then is
    parts: List[Part]
    uses: List[Use]
    alone: bool  # whether nothing else binds the variable


class References(NamedTuple):
    """All that a module has to do with what is left."""

    source: Source
    names: Names
    symbols: List[Symbol]
    sites: List[Site]
    found: List[Found]
    stuck: List[Variable]  # packages that are used in a way that can't move


def references(source: Source, names: Names, target: Target) -> References:
    """Find every legacy name of a module, and what of it can't move whatever the target is."""
    refs = References(source, names, [], [], list(_strings(source, names)), [])
    variables: Dict[Tuple[Variable, str], List[Part]] = {}
    for node, scope in sorted(names.imports, key=lambda each: source.start(each[0])):
        legacy = [(alias, *_legacy_name(node, alias, target)) for alias in node.names]
        if any(name or message for _, name, message in legacy):
            alone = own_lines(source, node) is not None
            site = Site(node, scope, _body(names, node), is_guarded(names, node), alone)
            refs.sites.append(site)
            for alias, name, message in legacy:
                if name:
                    variables.setdefault((names.imported[alias], name), []).append(Part(site, alias))
                if message:
                    refs.found.append(Found(source.start(node), alias.name, message))
    for (variable, name), parts in variables.items():
        refs.symbols.extend(_symbols(refs, variable, name, parts))
    return refs


def _legacy_name(node: Import, alias: ast.alias, target: Target) -> Tuple[str, str]:
    """Give the legacy name that a part of an import binds, and why it can't move."""
    if isinstance(node, ast.Import):
        package, _, module = alias.name.partition(".")
        if package == OLD_CLIENT and target.sources:
            return "", CLIENT_OBJECT
        message = CLIENT_ONLY if alias.name == LEGACY + ".client" and target.sources else ""
        return LEGACY if package == LEGACY and not (module and alias.asname) else "", message
    source = "" if node.level else node.module or ""
    if source == LEGACY or source in target.sources:
        if alias.name == "*" or alias.name in REPLACEMENTS:
            return (alias.name, "") if alias.name != "*" else ("", STAR if source == LEGACY else CLIENT_OBJECT)
        if source == LEGACY:
            ours = CLIENT_ONLY if alias.name == "client" and target.sources else ""
            return "", ours if alias.name in OURS else UNKNOWN
    is_client = source.split(".")[0] == OLD_CLIENT and target.sources
    return "", NEAREST.get(alias.name, CLIENT_OWN) if is_client else ""


def _symbols(refs: References, variable: Variable, name: str, parts: List[Part]) -> Iterator[Symbol]:
    aliases = [part.alias for part in parts]
    others = [binding for binding in variable.bindings
              if binding.alias not in aliases or binding.scope is not variable.scope]
    if name == LEGACY:
        yield from _members(refs, variable, parts, [binding.node for binding in others])
    else:
        uses = [Use(use.node, use.scope, use.node, refs.source.start(use.node), refs.source.word(
            refs.source.start(use.node), use.node.id), refs.names.parents[use.node]) for use in variable.uses]
        alone = not variable.unclear and not others
        yield Symbol(name, _meant(refs.names, name, uses), variable, False, parts, uses, alone)


def _members(refs: References, variable: Variable, parts: List[Part], others: List[ast.stmt]) -> Iterator[Symbol]:
    """Give the legacy names that are read from the package, by name; what else is done with it is noted."""
    source, parents = refs.source, refs.names.parents
    odd = [Found(source.start(node), LEGACY, OBJECT.format(LEGACY)) for node in others]
    members: Dict[str, List[Use]] = {}
    for use in variable.uses:
        node, start = parents[use.node], source.start(use.node)
        if not isinstance(node, ast.Attribute):
            odd.append(Found(start, LEGACY, OBJECT.format(use.node.id)))
        elif not isinstance(node.ctx, ast.Load):
            odd.append(Found(start, node.attr, ASSIGNED))
        elif node.attr in REPLACEMENTS:
            members.setdefault(node.attr, []).append(
                Use(use.node, use.scope, node, start, _member_end(source, start, node), parents[node]))
        elif node.attr not in OURS:
            refs.found.append(Found(start, node.attr, UNKNOWN))
    refs.found.extend(odd)
    if variable.unclear or odd:
        refs.stuck.append(variable)
    if not variable.uses and any(part.alias.name == LEGACY for part in parts):
        members[LEGACY] = []  # an import that nothing uses
    for name, uses in members.items():
        yield Symbol(name, _meant(refs.names, name, uses), variable, True, parts, uses, True)


def _member_end(source: Source, start: int, node: ast.Attribute) -> Optional[int]:
    """Give where `name.attribute` ends, if it is written like that."""
    end = source.word(start, getattr(node.value, "id"))
    dot = source.word(source.next(end), ".") if end is not None else None
    return None if dot is None else source.word(source.next(dot), node.attr)


def _meant(names: Names, name: str, uses: List[Use]) -> str:
    """Give the name that is meant: who treats get_data_path() as a dict means get_data_paths()."""
    as_dict = [is_dict(names, use.parent) for use in uses]
    return "get_data_paths" if name == "get_data_path" and as_dict and all(as_dict) else name


def is_dict(names: Names, call: ast.AST) -> bool:
    """Tell whether what a call gives is treated as a dict."""
    parent = names.parents.get(call)
    if not isinstance(call, ast.Call) or getattr(parent, "value", None) is not call:
        return False
    index = getattr(parent, "slice", None)
    return getattr(parent, "attr", "") in ("get", "items", "keys", "values") \
        or getattr(index, "value", index) in names.strings or index in names.strings


# Where something stands

def _body(names: Names, node: ast.AST) -> Sequence[ast.stmt]:
    return next(value for _, value in ast.iter_fields(names.parents[node]) if isinstance(value, list) and node in value)


def is_guarded(names: Names, node: ast.AST) -> bool:
    """Tell whether something depends on an import not failing."""
    for parent in names.around(node):
        if getattr(parent, "handlers", None) and node in parent.body:
            return True
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        node = parent
    return False


def stands_in(names: Names, node: ast.AST) -> bool:
    """Tell whether an import stands where one of the client has failed."""
    return any(isinstance(parent, ast.ExceptHandler) and (parent.type is None or any(
        getattr(node, "id", "") in IMPORT_ERRORS for node in ast.walk(parent.type))) and any(
        OLD_CLIENT in [(getattr(inner, "module", None) or "").split(".")[0],
                       *(alias.name.split(".")[0] for alias in inner.names)]
        for statement in names.parents[parent].body for inner in ast.walk(statement)
        if isinstance(inner, (ast.Import, ast.ImportFrom))) for parent in names.around(node))


# Strings

def is_dynamic(names: Names) -> bool:
    """Tell whether the module reads its own names from strings."""
    for name in ("globals", "vars", "eval", "exec"):
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
    for node, text in names.strings.items():
        if OUR_NAME.search(text) and not isinstance(names.parents[node], ast.Expr):  # else a docstring
            yield Found(source.start(node) if node.col_offset >= 0 else source.starts[node.lineno - 1], LEGACY, STRING)


def annotated(names: Names, word: str) -> Optional[ast.expr]:
    """Give a quoted annotation that has this word in it."""
    for node, text in names.strings.items():
        if re.search(r"\b{}\b".format(re.escape(word)), text):
            inner: ast.AST = node
            for parent in names.around(node):
                arguments = ast.walk(parent.args) if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)) else ()
                if inner in [getattr(each, "annotation", None) for each in [parent, *arguments]] \
                        or inner is getattr(parent, "returns", None):
                    return node
                if isinstance(parent, ast.stmt):
                    break
                inner = parent
    return None
