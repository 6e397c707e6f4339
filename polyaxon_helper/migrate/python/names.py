"""Tells which name means what in a module by Python's scopes; symtable would inline comprehensions from 3.12 on."""
import ast
from typing import Any, Container, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .source import STRING

NAMED = {**dict.fromkeys((
    "FunctionDef", "AsyncFunctionDef", "ClassDef", "ExceptHandler", "MatchAs", "MatchStar", "TypeVar", "ParamSpec",
    "TypeVarTuple"), "name"), "MatchMapping": "rest", "Name": "id"}
"""Nodes that bind the name in one of their fields, some of them unknown to older Pythons; a Name may use it."""
SCOPES = {"ClassDef": "class", **dict.fromkeys(("FunctionDef", "AsyncFunctionDef", "Lambda"), "function"),
          **dict.fromkeys(("ListComp", "SetComp", "DictComp", "GeneratorExp"), "comprehension")}
NOTED = frozenset((*NAMED, *SCOPES, "Import", "ImportFrom", "Global", "Nonlocal", "NamedExpr", "Constant", "Str"))
LEAVES = frozenset(("Name", "Constant", "Str", "Num", "Bytes", "NameConstant"))  # half of all nodes
INSIDE = frozenset(("body", "elt", "key", "value", "generators"))  # their fields that are in the new scope


class Mention(NamedTuple):  # a place that binds a name, or uses it
    name: str
    node: Any  # a statement, a Name, an argument, ...
    scope: "Scope"  # where it stands, which is elsewhere than what it binds after `global`
    alias: Optional[ast.alias] = None  # the part of an import that binds
    is_use: bool = False  # else it binds


class Scope:
    """A block of names: the module, a class, a function or a comprehension; they are looked up along its chain."""

    def __init__(self, kind: str, parent: Optional["Scope"], node: ast.AST) -> None:
        self.kind, self.node = kind, node
        self.variables: Dict[str, Variable] = {}
        self.elsewhere: Dict[str, str] = {}  # the names that are declared Global or Nonlocal
        self.chain: List[Scope] = [self, *(each for each in (parent.chain if parent else ()) if each.kind != "class")]


class Variable:
    """A name in its scope: all that binds it and all that uses it."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.name, self.scope = name, scope
        self.bindings: List[Mention] = []
        self.uses: List[Mention] = []
        self.unclear = False  # a class body that binds the name also reads it, and so reads either


def is_import(variable: Variable, name: str, modules: Container[str]) -> bool:
    """Tell whether all that binds a variable imports `name` from these modules."""
    return bool(variable.bindings) and all(
        each.alias is not None and each.alias.name == name and not getattr(each.node, "level", 1)
        and each.node.module in modules for each in variable.bindings)


class Names:
    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", None, tree)
        self.scopes: List[Scope] = [self.module]
        self.parents: Dict[ast.AST, Any] = {}
        self.imports: Dict[ast.alias, Tuple[Mention, Variable]] = {}  # what each part of an import binds
        self.strings: Dict[ast.expr, str] = {}  # every string constant
        self._placed: Dict[ast.AST, Scope] = {}  # nodes of another scope than what they stand in
        mentions = list(self._walk(tree))  # which variables they are is known once everything that binds is
        for mention in mentions:
            if not mention.is_use and mention.name not in mention.scope.elsewhere:
                mention.scope.variables.setdefault(mention.name, Variable(mention.name, mention.scope))
        for mention in mentions:
            variable = self.variable(mention.name, mention.scope)
            (variable.uses if mention.is_use else variable.bindings).append(mention)
            if mention.alias is not None:
                self.imports[mention.alias] = mention, variable
            if mention.is_use and variable.scope.kind == "class":  # its body reads the global until it binds the name
                self.variable(mention.name, self.module).unclear = True

    def variable(self, name: str, scope: Scope) -> Variable:
        """Give the variable that `name` means in `scope`; one of the module's where nothing binds it."""
        for outer in scope.chain:
            if outer.elsewhere.get(name) == "Global":
                break
            if name in outer.variables and name not in outer.elsewhere:
                return outer.variables[name]
        return self.module.variables.setdefault(name, Variable(name, self.module))

    def around(self, node: ast.AST) -> Iterator[Any]:
        """Give the nodes that `node` stands in, from the nearest."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def _walk(self, tree: ast.Module) -> Iterator[Mention]:
        """Give all mentions: by a list of work, since expressions nest deeper than Python's stack."""
        work: List[Tuple[Any, Scope]] = [(tree, self.module)]
        while work:
            node, scope = work.pop()
            kind, inner = type(node).__name__, scope
            yield from self._note(kind, node, scope) if kind in NOTED else ()
            if kind in SCOPES:
                inner = Scope(SCOPES[kind], scope, node)
                self.scopes.append(inner)
                arguments = ast.iter_child_nodes(node.args) if inner.kind == "function" else ()
                yield from (Mention(each.arg, each, inner) for each in arguments if isinstance(each, ast.arg))
            for field in node._fields if kind not in LEAVES else ():  # as ast.iter_child_nodes(), without contexts
                value = getattr(node, field, None)
                for child in value if isinstance(value, list) else (value,):
                    if isinstance(child, ast.AST) and field != "ctx":
                        self.parents[child] = node
                        work.append((child, self._placed.get(child, inner if field in INSIDE else scope)))

    def _note(self, kind: str, node: Any, scope: Scope) -> Iterator[Mention]:
        """Note what a node itself is, and give what it mentions."""
        if kind in NAMED and getattr(node, NAMED[kind]):
            is_use = isinstance(getattr(node, "ctx", None), ast.Load)
            yield Mention(getattr(node, NAMED[kind]), node, scope, is_use=is_use)
        elif kind in ("Import", "ImportFrom"):
            for alias in node.names:
                name = alias.asname or (alias.name.split(".")[0] if kind == "Import" else alias.name)
                yield Mention(name, node, scope, alias)
        elif kind in ("Global", "Nonlocal"):
            scope.elsewhere.update(dict.fromkeys(node.names, kind))
        elif SCOPES.get(kind) == "comprehension":  # of what it iterates over, the first is outside
            self._placed[node.generators[0].iter] = scope
        elif kind == "NamedExpr":
            self._placed[node.target] = next(each for each in scope.chain if each.kind != "comprehension")
        elif isinstance(getattr(node, STRING, None), str):
            self.strings[node] = getattr(node, STRING)
