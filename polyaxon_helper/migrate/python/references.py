"""Every legacy name in a module: what imports it, and all that uses it."""
import ast
import re
from functools import lru_cache
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...replacements import REPLACEMENTS, Target
from .imports import Import, has_comment, own_lines
from .names import Mention, Names, Scope, Variable
from .source import Source

LEGACY = "polyaxon_helper"
OLD_CLIENT = "polyaxon_client"
IMPORT_ERRORS = ("BaseException", "Exception", "ImportError", "ModuleNotFoundError")
OURS = ("client", "local", "migrate", "resend")  # the modules of the package that are no legacy API
OF_ANY = ("vars", "dir", "locals")  # what gives the names of the module, if nothing else is asked for
OUR_NAME = re.compile(r"\b{}\b(?!\.(?:{})\b)".format(LEGACY, "|".join(OURS)))

STAR = "import the names that you use in place of *, then run again"
UNKNOWN = "no release of polyaxon-helper has this name; nothing to move to"
STRING = "a string names the legacy package; write the name that the code uses now"
OBJECT = "the package itself is passed on or replaced; import the functions that you use by name, then run again"
CLIENT_OBJECT = "import what you use of it by `from polyaxon_client.tracking import`, then run again"
CLIENT_ONLY = "delete it once nothing needs polyaxon_client; import its names by `from polyaxon_helper.client import`"
CLIENT_OWN = "nothing replaces it for sure; write it with polyaxon.client by hand"
NEAREST = {  # what traceml has in place of what the table says nothing of
    "PolyaxonKeras": 'write `traceml.integrations.keras.Callback(run, metrics, log_model=False, log_best_prefix="")`',
    "PolyaxonFastai": "write `traceml.integrations.fastai_v1.Callback(learn, run=run)`",
    "settings": "write `polyaxon.settings.CLIENT_CONFIG.is_managed`, or `.in_cluster`",
    **dict.fromkeys(("", "*"), CLIENT_OBJECT),
}
OF_CLIENT = (CLIENT_OWN, *NEAREST.values())


class Found(NamedTuple):  # something that a person has to read about
    offset: int
    name: str
    message: str


class Site(NamedTuple):  # an import statement of the legacy package, or of the client where that is left too
    node: Import
    scope: Scope
    body: Sequence[ast.stmt]  # the block that it stands in
    guarded: bool  # whether something depends on the import not failing
    alone: bool  # whether nothing else stands in its lines


class Use(NamedTuple):
    scope: Scope
    node: ast.expr  # what may be replaced: the name, or the attribute `package.name`
    start: int
    end: int  # its start where the text is not spelled as the tree is
    call: Optional[ast.Call]  # the call of it, if it is called


Sites = Dict[Optional[ast.alias], Site]  # the parts of imports that bind a name, each with its statement


class Symbol(NamedTuple):  # a legacy name as one variable of the module, or an attribute of one, has it
    legacy: str
    name: str  # what is meant: get_data_paths where get_data_path is treated as a dict
    variable: Variable
    member: bool  # whether it is an attribute of the package, which the variable then is
    parts: Sites
    uses: List[Use]
    alone: bool  # whether nothing else binds the variable, and a package is only used for its attributes


class References(NamedTuple):
    source: Source
    names: Names
    symbols: List[Symbol]
    sites: List[Site]
    found: List[Found]


def references(source: Source, names: Names, target: Target) -> References:
    """Find every legacy name of a module, and what of it can't move whatever the target is."""
    strings = [Found(source.start(node), LEGACY, STRING) for node, text in names.strings.items()
               if OUR_NAME.search(text) and not isinstance(names.parents[node], ast.Expr)]  # else a docstring
    refs = References(source, names, [], [], strings)
    variables: Dict[Tuple[Variable, str], Sites] = {}
    for alias, (mention, variable) in sorted(names.imports.items(), key=lambda each: source.start(each[1][0].node)):
        node = mention.node
        name, message = _legacy_name(node, alias, target)
        if message:
            refs.found.append(Found(source.start(node), alias.name, message))
        if (name or message) and not (refs.sites and refs.sites[-1].node is node):
            fields = ast.iter_fields(names.parents[node])
            body = next(value for _, value in fields if isinstance(value, list) and node in value)
            around = [node, *names.around(node)]
            guarded = any(getattr(outer, "handlers", None) and inner in outer.body
                          for inner, outer in zip(around, around[1:]))
            alone = own_lines(source, node) is not None and not has_comment(source, node)
            refs.sites.append(Site(node, mention.scope, body, guarded, alone))
        if name:
            variables.setdefault((variable, name), {})[alias] = refs.sites[-1]
    for (variable, name), parts in variables.items():
        refs.symbols.extend(_symbols(refs, variable, name, parts))
    return refs


def _legacy_name(node: Import, alias: ast.alias, target: Target) -> Tuple[str, str]:
    """Give the legacy name that a part of an import binds, and why it can't move."""
    source, name = (node.module or "", alias.name) if isinstance(node, ast.ImportFrom) else (alias.name, "")
    package, _, module = source.partition(".")
    if getattr(node, "level", 0) or package not in (LEGACY, OLD_CLIENT) or package == OLD_CLIENT and not target.sources:
        return "", ""
    if name in REPLACEMENTS and source in {LEGACY, *target.sources}:
        return name, ""
    if package == OLD_CLIENT:
        return "", NEAREST.get(name, CLIENT_OWN)
    if not name or module or name in OURS:
        message = CLIENT_ONLY if target.sources and (module, name) in (("client", ""), ("", "client")) else ""
        return "" if name or module and alias.asname else LEGACY, message
    return "", STAR if name == "*" else UNKNOWN


def _symbols(refs: References, variable: Variable, name: str, parts: Sites) -> Iterator[Symbol]:
    """Give the legacy names that a variable is, or has if it is the package; what else is done with it is noted."""
    parents, start = refs.names.parents, refs.source.start
    others = [binding.node for binding in variable.bindings
              if binding.alias not in parts or binding.scope is not variable.scope]
    odd = [Found(start(node), LEGACY, OBJECT) for node in others if name == LEGACY]
    used: Dict[str, List[Use]] = {}
    if not variable.uses and (name != LEGACY or any(getattr(alias, "name", "") == LEGACY for alias in parts)):
        used[name] = []  # an import that nothing uses
    for mention in variable.uses:
        node = mention.node
        is_member = name == LEGACY and isinstance(getattr(parents[node], "ctx", None), ast.Load)
        legacy = getattr(parents[node], "attr", LEGACY) if is_member else name
        if legacy == LEGACY:
            odd.append(Found(start(node), LEGACY, OBJECT))
        elif legacy in REPLACEMENTS:
            used.setdefault(legacy, []).append(use_of(refs, mention, *([".", legacy] if is_member else [])))
        elif legacy not in OURS:
            refs.found.append(Found(start(node), legacy, UNKNOWN))
    refs.found.extend(odd)
    for legacy, uses in used.items():
        as_dict = legacy == "get_data_path" and uses and all(is_dict(refs.names, use) for use in uses)
        meant = "get_data_paths" if as_dict else legacy
        yield Symbol(legacy, meant, variable, name == LEGACY, parts, uses, not (variable.unclear or others or odd))


def use_of(refs: References, mention: Mention, *member: str) -> Use:
    """Give a use of a name, or of a member of the package that it is."""
    node, parents = mention.node, refs.names.parents
    whole, start = parents[node] if member else node, refs.source.start(node)
    call = parents[whole] if isinstance(parents[whole], ast.Call) and parents[whole].func is whole else None
    return Use(mention.scope, whole, start, refs.source.word(start, node.id, *member) or start, call)


def is_dict(names: Names, use: Use) -> bool:
    """Tell whether what a call gives is treated as a dict."""
    outer = names.parents[use.call or use.node]
    index = getattr(outer, "slice", None)
    is_item = index in names.strings or getattr(index, "value", None) in names.strings
    is_method = getattr(outer, "attr", "") in ("get", "items", "keys", "values")
    return getattr(outer, "value", None) is use.call is not None and (is_item or is_method)


def stands_in(names: Names, node: ast.AST) -> bool:
    """Tell whether an import stands where one of the client has failed."""
    handlers = [each for each in names.around(node) if isinstance(each, ast.ExceptHandler) and (
        each.type is None or any(getattr(caught, "id", "") in IMPORT_ERRORS for caught in ast.walk(each.type)))]
    tried = [each for handler in handlers for inner in names.parents[handler].body for each in ast.walk(inner)]
    return OLD_CLIENT in [str(getattr(each, "module", getattr(each, "name", ""))).split(".")[0] for each in tried]


def listed(refs: References) -> List[str]:
    """Give the names that are found by strings: what __all__ may have, words of doctests, or all of the module."""
    names, texts = refs.names, list(refs.names.strings.values())
    readers = [names.variable(name, names.module) for name in ("globals", "eval", "exec", *OF_ANY)]
    uses = [use for variable in readers if not variable.bindings for use in variable.uses]
    is_dynamic = "sys.modules" in refs.source.text or any(
        use.name not in OF_ANY or (use.scope is names.module or use.name == "vars")
        and not getattr(names.parents[use.node], "args", True) for use in uses) or any(
        text == "__main__" and not isinstance(names.parents[node], ast.Compare) for node, text in names.strings.items())
    return [*(word for text in texts if ">>>" in text for word in re.findall(r"\w+", text)),
            *(texts if "__all__" in names.module.variables else ()), *(names.module.variables if is_dynamic else ())]


@lru_cache(maxsize=1)
def annotated(names: Names) -> List[Tuple[ast.expr, str]]:
    """Give the quoted annotations."""
    annotations = [getattr(each, field, None) for each in names.parents for field in ("annotation", "returns")]
    inside = {inner for annotation in filter(None, annotations) for inner in ast.walk(annotation)}
    return [(node, text) for node, text in names.strings.items() if node in inside]
