"""Tell which name means what in a module: Python's own scopes, the same on every Python that runs this.

Not by symtable: from 3.12 on it inlines comprehensions, and their names show up in the scope around them.
"""
import ast
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

COMPREHENSIONS = ("ListComp", "SetComp", "DictComp", "GeneratorExp")

# Nodes that bind the name in one of their fields, some of them unknown to older Pythons
BINDERS: Dict[str, str] = {
    "ExceptHandler": "name", "MatchAs": "name", "MatchStar": "name", "MatchMapping": "rest",
    "TypeVar": "name", "ParamSpec": "name", "TypeVarTuple": "name",
}


def mangled(name: str, klass: str) -> str:
    if klass.strip("_") and name.startswith("__") and not name.endswith("__"):
        return "_{}{}".format(klass.lstrip("_"), name)
    return name


class Binding(NamedTuple):
    node: Any
    """What binds: a statement, a Name, an argument, ..."""
    scope: "Scope"
    """Where it stands, which is elsewhere than what it binds after `global`."""
    alias: Optional[ast.alias] = None
    """The part of an import that binds."""


class Use(NamedTuple):
    node: ast.Name
    scope: "Scope"


class Scope:
    """A block of names: the module, a class, a function, a comprehension, or the type parameters of one of these."""

    def __init__(self, kind: str, parent: Optional["Scope"], node: ast.AST) -> None:
        self.kind = kind
        self.parent = parent
        self.node = node
        self.variables: Dict[str, Variable] = {}
        self.globals: Set[str] = set()
        self.nonlocals: Set[str] = set()

    def chain(self) -> Iterator["Scope"]:
        """This scope and those around it that its names are looked up in."""
        direct = True
        scope: Optional[Scope] = self
        while scope is not None:
            if direct or scope.kind != "class":
                yield scope
            direct = direct and scope.kind == "type"
            scope = scope.parent


Children = Iterable[Tuple[ast.AST, Scope, str]]

SPECIAL: Dict[str, str] = {
    "Name": "_name", "Constant": "_string", "Str": "_string", "Import": "_import", "ImportFrom": "_import",
    "Global": "_global", "Nonlocal": "_nonlocal", "FunctionDef": "_function", "AsyncFunctionDef": "_function",
    "Lambda": "_function", "ClassDef": "_class", "NamedExpr": "_walrus", "TypeAlias": "_type_alias",
    **dict.fromkeys(COMPREHENSIONS, "_comprehension"),
}
"""The method of Names for each kind of node that has names of its own, or a scope."""


class Variable:
    """A name in its scope: all that binds it and all that uses it."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        self.bindings: List[Binding] = []
        self.uses: List[Use] = []
        self.unclear = False
        """Whether a class body that binds the name also reads it, and so reads either."""


class Names:
    """The names of a module."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", None, tree)
        self.scopes: List[Scope] = [self.module]
        self.parents: Dict[ast.AST, Any] = {}
        self.imported: Dict[ast.alias, Variable] = {}
        """What each part of an import binds."""
        self.imports: List[Tuple[Any, Scope]] = []
        """Every import statement, with the scope that it stands in."""
        self.strings: Dict[ast.expr, str] = {}
        """Every string constant."""
        self._bound: List[Tuple[str, Binding]] = []
        self._used: List[Tuple[str, Use]] = []
        self._walk(tree)
        self._resolve()

    def variable(self, name: str, scope: Scope) -> Variable:
        """The variable that `name` means in `scope`; one of the module's where nothing binds it."""
        for outer in scope.chain():
            if name in outer.globals:
                break
            if name in outer.variables and name not in outer.nonlocals:
                return outer.variables[name]
        return self.module.variables.setdefault(name, Variable(name, self.module))

    def around(self, node: ast.AST) -> Iterator[Any]:
        """The nodes that `node` stands in, from the nearest."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    # Collecting: a list of work in place of recursion, since expressions nest deeper than Python's stack

    def _walk(self, tree: ast.Module) -> None:
        work: List[Tuple[Any, Scope, str]] = [(tree, self.module, "")]
        special = {kind: getattr(self, method) for kind, method in SPECIAL.items()}
        while work:
            node, scope, klass = work.pop()
            kind = type(node).__name__
            if kind in special:
                for child, inner, inside in special[kind](node, scope, klass):
                    self.parents[child] = node
                    work.append((child, inner, inside))
                continue
            if kind in BINDERS:
                self._bind(getattr(node, BINDERS[kind]), Binding(node, scope), klass)
            for field in node._fields:  # as ast.iter_child_nodes() does, without the contexts of names
                value = getattr(node, field, None)
                for each in value if isinstance(value, list) else (value,):
                    if isinstance(each, ast.AST) and field != "ctx":
                        self.parents[each] = node
                        work.append((each, scope, klass))

    def _bind(self, name: Optional[str], binding: Binding, klass: str) -> None:
        if name:
            self._bound.append((mangled(name, klass), binding))

    def _scope(self, kind: str, parent: Scope, node: ast.AST) -> Scope:
        self.scopes.append(Scope(kind, parent, node))
        return self.scopes[-1]

    # What a node that has names of its own, or a scope, binds; each gives the nodes in it

    def _name(self, node: ast.Name, scope: Scope, klass: str) -> Children:
        if isinstance(node.ctx, ast.Load):
            self._used.append((mangled(node.id, klass), Use(node, scope)))
        else:
            self._bind(node.id, Binding(node, scope), klass)
        return ()

    def _string(self, node: Any, scope: Scope, klass: str) -> Children:
        text = node.value if type(node).__name__ == "Constant" else node.s
        if isinstance(text, str):
            self.strings[node] = text
        return ()

    def _import(self, node: Any, scope: Scope, klass: str) -> Children:
        self.imports.append((node, scope))
        for alias in node.names:
            name = alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
            self._bind(name, Binding(node, scope, alias), klass)
        return ()

    def _global(self, node: ast.Global, scope: Scope, klass: str) -> Children:
        scope.globals.update(mangled(name, klass) for name in node.names)
        return ()

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope, klass: str) -> Children:
        scope.nonlocals.update(mangled(name, klass) for name in node.names)
        return ()

    def _walrus(self, node: Any, scope: Scope, klass: str) -> Children:
        outer = scope
        while outer.kind == "comprehension" and outer.parent is not None:
            outer = outer.parent
        self._bind(node.target.id, Binding(node.target, outer), klass)
        yield node.value, scope, klass

    def _type_alias(self, node: Any, scope: Scope, klass: str) -> Children:
        inner = self._type_scope(node, scope)
        yield node.name, scope, klass
        for child in node.type_params + [node.value]:
            yield child, inner, klass

    def _type_scope(self, node: Any, scope: Scope) -> Scope:
        return self._scope("type", scope, node) if getattr(node, "type_params", None) else scope

    def _function(self, node: Any, scope: Scope, klass: str) -> Children:
        outer = scope
        body = [node.body]
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, Binding(node, scope), klass)
            outer = self._type_scope(node, scope)
            body = node.body
            for decorator in node.decorator_list:
                yield decorator, scope, klass
            for child in getattr(node, "type_params", []) + [node.returns] * (node.returns is not None):
                yield child, outer, klass
        inner = self._scope("function", outer, node)
        arguments = node.args
        for default in arguments.defaults + [default for default in arguments.kw_defaults if default is not None]:
            yield default, scope, klass
        every = getattr(arguments, "posonlyargs", []) + arguments.args + arguments.kwonlyargs
        for argument in every + [each for each in (arguments.vararg, arguments.kwarg) if each is not None]:
            self._bind(argument.arg, Binding(argument, inner), klass)
            if argument.annotation is not None:
                yield argument.annotation, outer, klass
        for child in body:
            yield child, inner, klass

    def _class(self, node: Any, scope: Scope, klass: str) -> Children:
        self._bind(node.name, Binding(node, scope), klass)
        for decorator in node.decorator_list:
            yield decorator, scope, klass
        outer = self._type_scope(node, scope)
        for child in getattr(node, "type_params", []) + node.bases + node.keywords:
            yield child, outer, klass
        inner = self._scope("class", outer, node)
        for child in node.body:
            yield child, inner, node.name

    def _comprehension(self, node: Any, scope: Scope, klass: str) -> Children:
        inner = self._scope("comprehension", scope, node)
        for number, generator in enumerate(node.generators):
            # the first iterable alone is evaluated outside
            yield generator.iter, inner if number else scope, klass
            for child in [generator.target] + generator.ifs:
                yield child, inner, klass
        for field in ("elt", "key", "value"):
            if getattr(node, field, None) is not None:  # 3.15 may leave one out
                yield getattr(node, field), inner, klass

    # Resolving, once everything that binds is known

    def _resolve(self) -> None:
        for name, binding in self._bound:
            scope = binding.scope
            if name not in scope.nonlocals:
                home = self.module if name in scope.globals else scope
                home.variables.setdefault(name, Variable(name, home)).bindings.append(binding)
        for name, binding in self._bound:
            if name in binding.scope.nonlocals:
                self.variable(name, binding.scope).bindings.append(binding)
        for scope in self.scopes:
            for variable in scope.variables.values():
                self.imported.update((binding.alias, variable) for binding in variable.bindings if binding.alias)
        for name, use in self._used:
            variable = self.variable(name, use.scope)
            variable.uses.append(use)
            if variable.scope.kind == "class":
                # a class body reads the global until it has bound the name itself
                self.variable(name, self.module).unclear = True
