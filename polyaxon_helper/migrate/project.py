"""What a module's text does not say: who uses its names, and which module owns the process's one Experiment.

Files without the legacy package in them are only searched, as bytes.
"""
import ast
import os
import re
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from . import files
from .edits import Surprise, Unreadable
from .python import LEGACY, Context, Rewrite

IMPORT = re.compile(rb"import(?:[ \t]*(\([^)]*\))|[ \t])")
WORD = re.compile(r"\w+")

NO_OWNER = "stays: which module should make the process's one Experiment is unclear; make one by hand, and import it"
OTHER_MAKER = "stays: {} makes the process's one Experiment; import it from there by hand, or move both in one run"
ONE_STAYS = "stays: {} can't move, and the process has one Experiment; see there"


class Import(NamedTuple):
    """A file that an import may load."""

    path: str
    module: str
    """What the import calls it."""
    node: Optional[Any]
    """The statement, where it surely loads the file, whenever the module is loaded."""


class Plan:
    """What to do for one file, and after which other file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.exported: FrozenSet[str] = frozenset()
        self.stay = ""
        self.shared = False
        self.provider: Optional[Import] = None


class Project:
    """The files of a run."""

    def __init__(self, paths: List[str]) -> None:
        self.paths = {os.path.abspath(path): path for path in paths}
        self.makers: Dict[str, Tuple[str, bool]] = {}
        """Files that make an Experiment and do not change: what it is called there, and whether that is a factory."""
        self.by_tail: Dict[str, List[str]] = {}
        for path in self.paths:
            self.by_tail.setdefault(_tail(path), []).append(path)
        self._looks = False
        self._beside: List[str] = []
        """Modules that files of this run import, and that lie beside them, but were not named."""

    def plans(self, rewrites: Dict[str, Rewrite], others: Iterable[str], selected: FrozenSet[str]) -> List[Plan]:
        """A plan a file that names the legacy package, in an order in which providers come first."""
        plans = {path: Plan(path) for path in rewrites}
        self._looks = True
        imports = {path: list(self._imports(path, rewrite)) for path, rewrite in rewrites.items()}
        self._looks = False
        wanting = [path for path in rewrites if rewrites[path].needs_experiment()]
        edges = {os.path.abspath(path): {each.path for each in found} for path, found in imports.items()}
        names = {path: _exportable(rewrite) for path, rewrite in rewrites.items()}
        exported = {path: self._exported(path, names[path], rewrites, imports) for path in rewrites}
        if wanting or any(names.values()):
            for path in list(others) + self._beside:
                raw = _read(path)
                _search(raw, names, exported)
                if wanting:
                    edges[os.path.abspath(path)] = self._raw_imports(path, raw)
                    made = _makes(raw)
                    if made is not None:
                        self.makers[os.path.abspath(path)] = made
        for path, plan in plans.items():
            plan.exported = frozenset(exported[path])
        for group, reach in self._groups(wanting + [self.paths[path] for path in self.makers], edges):
            if any(path in plans for path in group):
                self._settle(group, reach, rewrites, imports, plans, selected)
        depth = {path: self._depth(plan, plans) for path, plan in plans.items()}
        return sorted(plans.values(), key=lambda plan: depth[plan.path])

    def _depth(self, plan: Plan, plans: Dict[str, Plan]) -> int:
        depth = 0
        while plan.provider is not None and plan.provider.path not in self.makers:
            plan = plans[self.paths[plan.provider.path]]
            depth += 1
        return depth

    # Who imports whom

    def _imports(self, path: str, rewrite: Rewrite) -> Iterator[Import]:
        tree = rewrite.source.tree
        parents = rewrite.names.parents
        for node in rewrite.names.statements():
            if isinstance(node, ast.Import):
                for alias in node.names:
                    for found, sure in self._resolve(path, 0, alias.name):
                        yield Import(found, alias.name, node if sure and parents[node] is tree else None)
            elif isinstance(node, ast.ImportFrom):
                dots = "." * node.level
                modules = [node.module or ""] + [
                    (node.module + "." if node.module else "") + alias.name for alias in node.names]
                for module in modules:
                    for found, sure in self._resolve(path, node.level, module):
                        yield Import(found, dots + module, node if sure and parents[node] is tree else None)

    def _raw_imports(self, path: str, raw: bytes) -> Set[str]:
        found: Set[str] = set()
        for match in IMPORT.finditer(raw):
            head = raw[raw.rfind(b"\n", 0, match.start()) + 1:match.start()].split()
            rest = match.group(1) or raw[match.end():raw.find(b"\n", match.end()) + 1 or len(raw)]
            if not head or head[-1].endswith((b";", b":")):
                targets = [each.split()[0].decode("latin-1") for each in rest.split(b",") if each.split()]
                level = 0
            elif len(head) > 1 and head[-2] == b"from":
                module = head[-1].decode("latin-1")
                dotted = module.lstrip(".")
                level = len(module) - len(dotted)
                targets = [dotted] + [(dotted + "." if dotted else "") + word
                        for word in WORD.findall(rest.decode("latin-1"))]
            else:
                continue
            for target in targets:
                if target.rpartition(".")[2] in self.by_tail:
                    found.update(each for each, _ in self._resolve(path, level, target))
        return found

    def _resolve(self, path: str, level: int, module: str) -> List[Tuple[str, bool]]:
        """The files of this run that the module may be, and whether it surely is."""
        path = os.path.abspath(path)
        parts = [part for part in module.split(".") if part]
        folder = os.path.dirname(path)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return [(found, True) for found in self._at(folder, parts)]
        packaged = os.path.exists(os.path.join(folder, "__init__.py"))
        while packaged and os.path.exists(os.path.join(folder, "__init__.py")):
            folder = os.path.dirname(folder)  # where the package lies
        found = self._at(folder, parts)
        if found:
            return [(each, True) for each in found]
        tail = os.sep.join(parts)
        return [(each, False) for each in self.by_tail[parts[-1]]
                if _module_path(each).endswith(os.sep + tail)] if parts[-1] in self.by_tail else []

    def _at(self, folder: str, parts: List[str]) -> List[str]:
        base = os.path.join(folder, *parts)
        found = [base + ".py", os.path.join(base, "__init__.py")]
        for path in found if self._looks and parts[:1] != [LEGACY] else ():
            if path not in self.paths and os.path.isfile(path):
                self.paths[path] = path
                self.by_tail.setdefault(_tail(path), []).append(path)
                self._beside.append(path)
        return [path for path in found if path in self.paths]

    # Who uses its names

    def _exported(self, path: str, names: Set[str], rewrites: Dict[str, Rewrite],
                  imports: Dict[str, List[Import]]) -> Set[str]:
        """The names that other modules with the legacy package in them take from this one."""
        exported: Set[str] = set()
        me = os.path.abspath(path)
        for other, rewrite in rewrites.items() if names else ():
            if other != path and _tail(me) in rewrite.source.text:
                exported |= _used(rewrite, _tail(me), names, any(each.path == me for each in imports[other]))
                exported.update("*" for star in rewrite.stars if any(
                    found == me for found, _ in self._resolve(other, star.level, star.module or "")))
        return exported

    # Who owns the Experiment

    def _groups(self, wanting: List[str], edges: Dict[str, Set[str]]) -> Iterator[Tuple[List[str],
            Dict[str, Set[str]]]]:
        """Files that may be loaded by one process, and for each who loads it, by any number of steps."""
        importers: Dict[str, Set[str]] = {}
        for path, found in edges.items():
            for each in found:
                importers.setdefault(each, set()).add(path)
        loaders: Dict[str, Set[str]] = {}
        for path in wanting:
            work = [os.path.abspath(path)]
            reach = loaders.setdefault(path, set())
            while work:
                each = work.pop()
                if each not in reach:
                    reach.add(each)
                    work += importers.get(each, ())
        groups: List[List[str]] = []
        for path in wanting:
            joined = [group for group in groups if any(loaders[path] & loaders[other] for other in group)]
            groups = [group for group in groups if group not in joined] + [sum(joined, []) + [path]]
        for group in groups:
            if len(group) > 1:
                yield group, loaders

    def _settle(self, group: List[str], loaders: Dict[str, Set[str]], rewrites: Dict[str, Rewrite],
                imports: Dict[str, List[Import]], plans: Dict[str, Plan], selected: FrozenSet[str]) -> None:
        members = {os.path.abspath(path): path for path in group}
        stuck = [
            path for path in group if path in rewrites and not rewrites[path].wants_experiment(Context(selected))]
        makers = [path for path in group if self.makers.get(os.path.abspath(path)) == ("", False)]
        providers = {path: [each for each in imports.get(path, ()) if each.path in members
                and members[each.path] != path
                            and each.node is not None and rewrites[path].can_be_given_by(each.node)
                            ] for path in group}
        owners = [path for path in group if not providers[path]]
        for path in group:
            providers[path] = [each for each in providers[path]
                               if members[each.path] in owners or rewrites[members[each.path]].gives_on()]
        circular = any(os.path.abspath(each.path) in loaders[path] for path in group for each in providers[path])
        if stuck or makers or circular or len(owners) != 1 or sum(not each for each in providers.values()) != 1:
            for path in rewrites.keys() & set(group):
                plans[path].stay = OTHER_MAKER.format(makers[0]) if makers else ONE_STAYS.format(
                    stuck[0]) if stuck else NO_OWNER
            return
        for path in group:
            direct = sorted(providers[path], key=lambda each: members[each.path] != owners[0])
            if direct:
                plans[path].provider = direct[0]
                if direct[0].path not in self.makers:
                    plans[members[direct[0].path]].shared = True


def _module_path(path: str) -> str:
    base = os.path.splitext(path)[0]
    return os.path.dirname(base) if os.path.basename(base) == "__init__" else base


def _tail(path: str) -> str:
    return os.path.basename(_module_path(path))


def _exportable(rewrite: Rewrite) -> Set[str]:
    return {variable.name for variable in list(rewrite.legacies) + list(rewrite.packages)
            if variable.scope.kind == "module"}


def _read(path: str) -> bytes:
    try:
        return files.read(path)
    except files.Problem:
        return b""  # said elsewhere


def _makes(raw: bytes) -> Optional[Tuple[str, bool]]:
    """What the Experiment that a file makes is called there; "" if others can't have it, None if there is none."""
    if not (b"Experiment" in raw and b"polyaxon_client" in raw or files.GATE in raw):
        return None
    try:
        rewrite = Rewrite(files.decode(raw).text)
    except (files.Problem, Unreadable, Surprise):
        return None  # nor does it run
    return ("", False) if rewrite.needs_experiment() else rewrite.makes()


def _search(raw: bytes, names: Dict[str, Set[str]], exported: Dict[str, Set[str]]) -> None:
    """Add the names that these bytes may take from the modules: that both are words in it is enough."""
    nothing: Set[str] = set()
    every = {name for name in nothing.union(*names.values()) if name.encode() in raw}
    star = b"import *" in raw
    if not every and not star:
        return
    words = set(re.findall(rb"\w+", raw))
    for path, found in names.items():
        stem = _tail(os.path.abspath(path)).encode()
        if stem in words:
            exported[path].update(name for name in found & every if name.encode() in words)
            if star and re.search(rb"\b%s\s+import\s+\*" % re.escape(stem), raw):
                exported[path].add("*")


def _used(rewrite: Rewrite, stem: str, names: Set[str], imported: bool) -> Set[str]:
    """Which of the names a module takes from the one of that stem."""
    used: Set[str] = set()
    for node in ast.walk(rewrite.source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == stem:
            used.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and imported and not rewrite.is_legacy_member(node):
            used.add(node.attr)
    for token in rewrite.source.tokens:
        if token.text[-1:] in "'\"" and stem + "." in token.text:
            used.update(WORD.findall(token.text))
    return used & names
