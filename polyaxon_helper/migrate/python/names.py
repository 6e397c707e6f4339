"""Which name means what in a module: Python's own scopes, the same on every Python that runs this.

Not by symtable: from 3.12 on it inlines comprehensions, and their names show up in the scope around them.
"""
import ast
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

BINDERS = {"ExceptHandler": "name", "MatchAs": "name", "MatchStar": "name", "MatchMapping": "rest",
           "TypeVar": "name", "ParamSpec": "name", "TypeVarTuple": "name"}
"""Nodes that bind the name in one of their fields, some of them unknown to older Pythons."""


class Binding(NamedTuple):
    node: Any  # a statement, a Name, an argument, ...
    scope: "Scope"  # where it stands, which is elsewhere than what it binds after `global`
    alias: Optional[ast.alias] = None  # the part of an import that binds


class Use(NamedTuple):
    node: ast.Name
    scope: "Scope"


class Scope:
    """A block of names: the module, a class, a function or a comprehension."""

    def __init__(self, kind: str, parent: Optional["Scope"], node: ast.AST) -> None:
        self.kind = kind
        self.parent = parent
        self.node = node
        self.variables: Dict[str, Variable] = {}
        self.globals: Set[str] = set()
        self.nonlocals: Set[str] = set()

    def chain(self) -> Iterator["Scope"]:
        """Give this scope and those around it that its names are looked up in."""
        yield self
        scope = self.parent
        while scope is not None:
            if scope.kind != "class":
                yield scope
            scope = scope.parent


class Variable:
    """A name in its scope: all that binds it and all that uses it."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        self.bindings: List[Binding] = []
        self.uses: List[Use] = []
        self.unclear = False  # a class body that binds the name also reads it, and so reads either


Children = Iterable[Tuple[ast.AST, Scope]]


class Names:
    """The names of a module."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", None, tree)
        self.scopes: List[Scope] = [self.module]
        self.parents: Dict[ast.AST, Any] = {}
        self.imports: List[Tuple[Any, Scope]] = []  # every import statement, with the scope that it stands in
        self.imported: Dict[ast.alias, Variable] = {}  # what each part of an import binds
        self.strings: Dict[ast.expr, str] = {}  # every string constant
        self._bound: List[Tuple[str, Binding]] = []
        self._used: List[Use] = []
        self._walk(tree)
        self._resolve()

    def variable(self, name: str, scope: Scope) -> Variable:
        """Give the variable that `name` means in `scope`; one of the module's where nothing binds it."""
        for outer in scope.chain():
            if name in outer.globals:
                break
            if name in outer.variables and name not in outer.nonlocals:
                return outer.variables[name]
        return self.module.variables.setdefault(name, Variable(name, self.module))

    def around(self, node: ast.AST) -> Iterator[Any]:
        """Give the nodes that `node` stands in, from the nearest."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    # Collecting: a list of work in place of recursion, since expressions nest deeper than Python's stack

    def _walk(self, tree: ast.Module) -> None:
        work: List[Tuple[Any, Scope]] = [(tree, self.module)]
        special = {kind: getattr(self, method) for kind, method in SPECIAL.items()}
        while work:
            node, scope = work.pop()
            kind = type(node).__name__
            if kind in special:
                children = list(special[kind](node, scope))
            else:
                if kind in BINDERS:
                    self._bind(getattr(node, BINDERS[kind]), Binding(node, scope))
                children = []
                for field in node._fields:  # as ast.iter_child_nodes() does, without the contexts of names
                    value = getattr(node, field, None)
                    children += [(each, scope) for each in (value if isinstance(value, list) else (value,))
                                 if isinstance(each, ast.AST) and field != "ctx"]
            for child, _ in children:
                self.parents[child] = node
            work += children

    def _bind(self, name: Optional[str], binding: Binding) -> None:
        if name:
            self._bound.append((name, binding))

    def _scope(self, kind: str, parent: Scope, node: ast.AST) -> Scope:
        self.scopes.append(Scope(kind, parent, node))
        return self.scopes[-1]

    # What a node that has names of its own, or a scope, binds; each gives the nodes in it

    def _name(self, node: ast.Name, scope: Scope) -> Children:
        if isinstance(node.ctx, ast.Load):
            self._used.append(Use(node, scope))
        else:
            self._bind(node.id, Binding(node, scope))
        return ()

    def _string(self, node: Any, scope: Scope) -> Children:
        text = node.value if type(node).__name__ == "Constant" else node.s
        if isinstance(text, str):
            self.strings[node] = text
        return ()

    def _import(self, node: Any, scope: Scope) -> Children:
        self.imports.append((node, scope))
        for alias in node.names:
            name = alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
            self._bind(name, Binding(node, scope, alias))
        return ()

    def _elsewhere(self, node: Any, scope: Scope) -> Children:
        (scope.globals if isinstance(node, ast.Global) else scope.nonlocals).update(node.names)
        return ()

    def _walrus(self, node: Any, scope: Scope) -> Children:
        outer = scope
        while outer.kind == "comprehension" and outer.parent is not None:
            outer = outer.parent
        self._bind(node.target.id, Binding(node.target, outer))
        return [(node.value, scope)]

    def _function(self, node: Any, scope: Scope) -> Children:
        arguments, body, outside = node.args, node.body, []
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, Binding(node, scope))
            outside = node.decorator_list + getattr(node, "type_params", []) + [node.returns]
        inner = self._scope("function", scope, node)
        every = getattr(arguments, "posonlyargs", []) + arguments.args + arguments.kwonlyargs
        for argument in every + [each for each in (arguments.vararg, arguments.kwarg) if each is not None]:
            self._bind(argument.arg, Binding(argument, inner))
            outside.append(argument.annotation)
        outside += arguments.defaults + arguments.kw_defaults
        return [(child, scope) for child in outside if child is not None] + [
            (child, inner) for child in (body if isinstance(body, list) else [body])]

    def _class(self, node: Any, scope: Scope) -> Children:
        self._bind(node.name, Binding(node, scope))
        inner = self._scope("class", scope, node)
        outside = node.decorator_list + getattr(node, "type_params", []) + node.bases + node.keywords
        return [(child, scope) for child in outside] + [(child, inner) for child in node.body]

    def _comprehension(self, node: Any, scope: Scope) -> Children:
        inner = self._scope("comprehension", scope, node)
        children: List[Tuple[ast.AST, Scope]] = []
        for number, generator in enumerate(node.generators):
            # the first iterable alone is evaluated outside
            children.append((generator.iter, inner if number else scope))
            children += [(child, inner) for child in [generator.target] + generator.ifs]
        elements = [getattr(node, field, None) for field in ("elt", "key", "value")]  # 3.15 may leave one out
        return children + [(element, inner) for element in elements if element is not None]

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
            if binding.alias is not None:
                self.imported[binding.alias] = self.variable(name, binding.scope)
        for use in self._used:
            variable = self.variable(use.node.id, use.scope)
            variable.uses.append(use)
            if variable.scope.kind == "class":
                # a class body reads the global until it has bound the name itself
                self.variable(use.node.id, self.module).unclear = True


SPECIAL = {
    "Name": "_name", "Constant": "_string", "Str": "_string", "Import": "_import", "ImportFrom": "_import",
    "Global": "_elsewhere", "Nonlocal": "_elsewhere", "FunctionDef": "_function", "AsyncFunctionDef": "_function",
    "Lambda": "_function", "ClassDef": "_class", "NamedExpr": "_walrus",
    **dict.fromkeys(("ListComp", "SetComp", "DictComp", "GeneratorExp"), "_comprehension"),
}
"""The method of Names for each kind of node that has names of its own, or a scope."""
