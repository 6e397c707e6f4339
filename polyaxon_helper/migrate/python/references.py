"""Every legacy name in a module: what imports it, and all that uses it."""
import ast
import re
from itertools import takewhile
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...replacements import REPLACEMENTS, Target
from .imports import Import
from .names import Names, Scope, Variable
from .source import Source

LEGACY = "polyaxon_helper"
OLD_CLIENT = "polyaxon_client"
IMPORT_ERRORS = frozenset(("BaseException", "Exception", "ImportError", "ModuleNotFoundError"))
OURS = ("client", "local", "migrate", "resend")  # the modules of the package that are no legacy API
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OUR_NAME = re.compile(r"\b{}\b(?!\.(?:{})\b)".format(LEGACY, "|".join(OURS)))

STAR = "import the names that you use in place of *, then run again"
UNKNOWN = "no release of polyaxon-helper has this name; nothing to move to"
STRING = "a string names the legacy package; write the name that the code uses now"
OBJECT = "the module itself is used as an object; use functions of it, as `{}.send_metrics(...)`, then run again"
ASSIGNED = "the module's attribute is replaced; replace the new name's by hand"
CLIENT_OBJECT = "import what you use of it by `from polyaxon_client.tracking import`, then run again"
CLIENT_ONLY = "only polyaxon_client needs it; delete it when nothing imports that any more"
CLIENT_OWN = "nothing in the table replaces it; write it with polyaxon.client by hand"
NEAREST = {  # what traceml has in place of what the table says nothing of
    "PolyaxonKeras": 'write `traceml.integrations.keras.Callback(run, metrics, log_model=False, log_best_prefix="")`',
    "PolyaxonFastai": "write `traceml.integrations.fastai_v1.Callback(learn, run=run)`",
    "settings": "write `polyaxon.settings.CLIENT_CONFIG.is_managed`, or `.in_cluster`",
    "*": CLIENT_OBJECT,
}
OF_CLIENT = (CLIENT_OWN, *NEAREST.values())


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


class Use(NamedTuple):
    name: ast.Name
    scope: Scope
    node: ast.expr  # what may be replaced: the name, or the attribute `package.name`
    start: int
    end: Optional[int]  # None where the text is not spelled as the tree is
    parent: ast.AST


class Part(NamedTuple):
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
    strings = [Found(source.start(node), LEGACY, STRING) for node, text in names.strings.items()
               if OUR_NAME.search(text) and not isinstance(names.parents[node], ast.Expr)]  # else a docstring
    refs = References(source, names, [], [], strings, [])
    variables: Dict[Tuple[Variable, str], List[Part]] = {}
    for node, scope in sorted(names.imports, key=lambda each: source.start(each[0])):
        body = next(each for _, each in ast.iter_fields(names.parents[node]) if isinstance(each, list) and node in each)
        inside = list(takewhile(lambda each: not isinstance(each, FUNCTIONS), names.around(node)))
        guarded = any(getattr(parent, "handlers", None) and child in parent.body
                      for child, parent in zip([node, *inside], inside))
        site = Site(node, scope, body, guarded)
        for alias in node.names:
            name, message = _legacy_name(node, alias, target)
            if name:
                variables.setdefault((names.imported[alias], name), []).append(Part(site, alias))
            if message:
                refs.found.append(Found(source.start(node), alias.name, message))
            if (name or message) and site not in refs.sites[-1:]:
                refs.sites.append(site)
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
    if alias.name in REPLACEMENTS and source in {LEGACY, *target.sources}:
        return alias.name, ""
    if source == LEGACY and alias.name in OURS:
        return "", CLIENT_ONLY if alias.name == "client" and target.sources else ""
    if source == LEGACY:
        return "", STAR if alias.name == "*" else UNKNOWN
    is_client = source.split(".")[0] == OLD_CLIENT and target.sources
    return "", NEAREST.get(alias.name, CLIENT_OWN) if is_client else ""


def _symbols(refs: References, variable: Variable, name: str, parts: List[Part]) -> Iterator[Symbol]:
    aliases = [part.alias for part in parts]
    others = [binding.node for binding in variable.bindings
              if binding.alias not in aliases or binding.scope is not variable.scope]
    member = name == LEGACY
    used = _members(refs, variable, others) if member else {name: [_use(refs, *use) for use in variable.uses]}
    if member and not variable.uses and any(alias.name == LEGACY for alias in aliases):
        used[LEGACY] = []  # an import that nothing uses
    for legacy, uses in used.items():
        as_dict = [is_dict(refs.names, use.parent) for use in uses]
        meant = "get_data_paths" if legacy == "get_data_path" and as_dict and all(as_dict) else legacy
        yield Symbol(legacy, meant, variable, member, parts, uses, member or not (variable.unclear or others))


def _use(refs: References, name: ast.Name, scope: Scope, member: Optional[ast.Attribute] = None) -> Use:
    start = refs.source.start(name)
    end = refs.source.word(start, name.id, *([".", member.attr] if member else []))
    return Use(name, scope, member or name, start, end, refs.names.parents[member or name])


def _members(refs: References, variable: Variable, others: List[ast.stmt]) -> Dict[str, List[Use]]:
    """Give the uses of the names that are read from the package; what else is done with it is noted."""
    source = refs.source
    odd = [Found(source.start(node), LEGACY, OBJECT.format(LEGACY)) for node in others]
    members: Dict[str, List[Use]] = {}
    for name, scope in variable.uses:
        node = refs.names.parents[name]
        if not isinstance(node, ast.Attribute):
            odd.append(Found(source.start(name), LEGACY, OBJECT.format(name.id)))
        elif not isinstance(node.ctx, ast.Load):
            odd.append(Found(source.start(name), node.attr, ASSIGNED))
        elif node.attr in REPLACEMENTS:
            members.setdefault(node.attr, []).append(_use(refs, name, scope, node))
        elif node.attr not in OURS:
            refs.found.append(Found(source.start(name), node.attr, UNKNOWN))
    refs.found.extend(odd)
    if variable.unclear or odd:
        refs.stuck.append(variable)
    return members


def is_dict(names: Names, call: ast.AST) -> bool:
    """Tell whether what a call gives is treated as a dict."""
    parent = names.parents.get(call)
    if not isinstance(call, ast.Call) or getattr(parent, "value", None) is not call:
        return False
    index = getattr(parent, "slice", None)
    return getattr(parent, "attr", "") in ("get", "items", "keys", "values") \
        or getattr(index, "value", index) in names.strings or index in names.strings


def stands_in(names: Names, node: ast.AST) -> bool:
    """Tell whether an import stands where one of the client has failed."""
    for handler in names.around(node):
        if isinstance(handler, ast.ExceptHandler):
            caught = [getattr(each, "id", "") for each in ast.walk(handler.type or ast.Name("Exception", ast.Load()))]
            tried = [str(getattr(each, "module", getattr(each, "name", ""))).split(".")[0]
                     for statement in names.parents[handler].body for each in ast.walk(statement)]
            if OLD_CLIENT in tried and not IMPORT_ERRORS.isdisjoint(caught):
                return True
    return False


# Strings

def is_dynamic(names: Names) -> bool:
    """Tell whether the module reads its own names from strings."""
    for name in ("globals", "vars", "eval", "exec"):
        variable = names.variable(name, names.module)
        for use in variable.uses if not variable.bindings else ():
            call = names.parents[use.node]
            if isinstance(call, ast.Call) and call.func is use.node and not (name == "vars" and call.args):
                return True
    return any(text == "__main__" and not isinstance(names.parents[node], ast.Compare)
               for node, text in names.strings.items())


def listed(names: Names) -> List[str]:
    """Give the strings that __all__ may have, and the words of doctests."""
    words = [word for text in names.strings.values() if ">>>" in text for word in re.findall(r"\w+", text)]
    return words + (list(names.strings.values()) if "__all__" in names.module.variables else [])


def annotated(names: Names, word: str) -> Optional[ast.expr]:
    """Give a quoted annotation that has this word in it."""
    for node, text in names.strings.items():
        if re.search(r"\b{}\b".format(re.escape(word)), text):
            inner: ast.AST = node
            while not isinstance(names.parents[inner], (ast.stmt, ast.arg)):
                inner = names.parents[inner]
            if inner in (getattr(names.parents[inner], field, None) for field in ("annotation", "returns")):
                return node
    return None
