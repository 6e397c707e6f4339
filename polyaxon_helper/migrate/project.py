"""What a module's text does not say: who uses its names, and which module owns the process's one Experiment.

Files without the legacy package in them are only searched, as bytes.
"""
import ast
import os
import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..replacements import EXCEPTIONS, TRACKING
from . import files
from .python import ALL, LEGACY, Context, Provider, Rewrite
from .source import Surprise, Unreadable

IMPORT = re.compile(rb"import(?=[ \t(\\])[ \t]*(\([^)]*\)|(?:[^\n\\;#]+|\\\r?\n)*)")
BY_NAME = re.compile(rb"""import_(?:module|_)\(\s*f?["'](\w[\w.]*?)(?:["']|(\.)\W)""")
"""An import by a string: of a module, or of one of a package whose name alone is written there."""
MAKES = re.compile(rb"\bExperiment(?:\s|\\)*(?:\(|as\b)")
WORD = re.compile(rb"\w+")
NAME = re.compile(r"\w+|\*")
MEMBER = re.compile(r"\.\s*(\w+)")
APIS = (LEGACY, TRACKING, EXCEPTIONS)
"""What is imported from these is nobody else's name."""

NO_OWNER = "stays: which module should make the process's one Experiment is unclear; make one by hand, and import it"
OTHER_MAKER = "stays: {} makes the process's one Experiment; import it from there by hand, or move both in one run"
ONE_STAYS = "stays: {} can't move, and the process has one Experiment; see there"
LOADED_TWICE = "stays: run as a script, this is also imported by what it imports; have metrics in a module of their own"
OWNER_FAILED = "stays: {}, which should make the process's one Experiment, could not be rewritten"


class Import(NamedTuple):
    node: Any
    """The statement, where it surely runs whenever its module does."""
    level: int
    module: str
    names: List[str]

    def dotted(self) -> Iterator[str]:
        """Every module that it may load, the packages around it first."""
        parts = self.module.split(".") if self.module else []
        for number in range(0 if self.level else 1, len(parts) + 1):
            yield ".".join(parts[:number])
        for name in self.names:
            yield ".".join(parts + [name])


class Module:
    """A file of the run, or one that these import."""

    def __init__(self, path: str, rewrite: Optional[Rewrite]) -> None:
        self.path = path
        self.folder, name = os.path.split(os.path.abspath(path))
        self.place = self.folder if name == "__init__.py" else os.path.join(self.folder, os.path.splitext(name)[0])
        """Where it is, for imports."""
        self.rewrite = rewrite
        """None where it does not name the legacy package."""
        self.imports: List[Import] = []
        self.importers: Set[Module] = set()
        self.loaders: Set[Module] = set()
        """Who imports it, by any number of steps, and itself; of those alone that need the Experiment."""
        self.reloads = False
        """Whether something that it loads imports it."""
        self.exported: Set[str] = {"*"} if name == "__init__.py" else set()
        self.taken: Set[str] = set()
        """Names that it can't take, though nothing in it says so."""
        self.provider: Optional[Tuple[Import, str, Module]] = None
        """Where the Experiment comes from, and what the import calls that."""
        self.shared = False
        self.stay = ""
        self.makes: Optional[Tuple[str, bool]] = None
        """What its Experiment is called, "" if others can't have it, and whether that is a factory."""

    def context(self, selected: Iterable[str] = ALL) -> Context:
        """What its rewriting has to know, once those that it imports from are rewritten."""
        provider, stay = None, self.stay
        if self.provider is not None:
            statement, dotted, owner = self.provider
            if owner.makes is None:
                stay = stay or OWNER_FAILED.format(dotted)
            else:
                provider = Provider(dotted, *owner.makes, node=statement.node)
        return Context(
            frozenset(selected), frozenset(self.exported), provider, self.shared, stay, frozenset(self.taken))


class Project:
    """The files of a run, and those that they import."""

    def __init__(self, paths: Iterable[str], rewrites: Dict[str, Rewrite]) -> None:
        self.modules: List[Module] = []
        self.at: Dict[str, Optional[Module]] = {}
        self.by_tail: Dict[str, List[Module]] = {}
        self.listings: Dict[str, Set[str]] = {}
        self.starring: Set[bytes] = set()
        """The words of those that import all of another."""
        for path in paths:
            self._add(path, rewrites.get(path))

    def _add(self, path: str, rewrite: Optional[Rewrite]) -> Module:
        module = Module(path, rewrite)
        self.modules.append(module)
        self.at[module.place] = module
        self.by_tail.setdefault(os.path.basename(module.place), []).append(module)
        return module

    def plan(self, selected: Iterable[str]) -> List[Module]:
        """The modules to rewrite, those that others import the Experiment from before these."""
        moving = {module: module.rewrite for module in self.modules if module.rewrite and not os.path.isfile(
            os.path.join(self._top(module.folder), LEGACY + ".py"))}  # else the user's own, of that name
        names = {module: _exportable(rewrite) for module, rewrite in moving.items()}
        every = {name: name.encode() for found in names.values() for name in found}
        stars = [module for module, rewrite in moving.items() if rewrite.gives_by_star(frozenset("*"))]
        for module in self.modules if moving else ():  # those that it imports come behind it
            self._read(module, names, every, stars)
        wanting = [module for module, rewrite in moving.items()
                   if rewrite.needs_experiment(frozenset(module.exported))]
        wanting += [module for module in self.modules if wanting and module.makes]
        for module in moving:
            if "*" in module.exported:
                module.taken = {word.decode("latin-1") for word in self.starring}
            if module.place == module.folder:
                module.taken |= self._beside(module.folder)
        for group in _groups(wanting):
            if len(group) > 1:
                self._settle(group, selected)
        for module in wanting:
            if module.rewrite and module.provider is None and module.reloads and module.rewrite.is_script():
                module.stay = module.stay or LOADED_TWICE
        return sorted(moving, key=lambda module: -len(module.loaders))

    def _read(self, module: Module, names: Dict[Module, Set[str]], every: Dict[str, bytes],
              stars: List[Module]) -> None:
        """What a module imports, and which names it takes from those that are rewritten."""
        if module.rewrite:
            raw = module.rewrite.source.text.encode("utf-8", "surrogatepass")
            module.imports = list(_imports(module.rewrite))
            members = _members(module.rewrite)
            taken = every.keys() & members.union(*(each.names for each in module.imports if each.module not in APIS))
        else:
            raw = _raw(module.path)
            module.imports = list(_raw_imports(raw))
            taken = {name for name, text in every.items() if text in raw}
            module.makes = _makes(raw)
        for name, is_package in BY_NAME.findall(raw):
            module.imports.append(Import(None, 0, name.decode("latin-1"), list(self.by_tail) if is_package else []))
        words = set(WORD.findall(raw)) if taken else set()
        for other, found in names.items() if taken else ():
            if other is not module and os.path.basename(other.place).encode() in words:
                other.exported |= {name for name in found & taken if name.encode() in words}
        for each in module.imports:
            for dotted, other, _ in self._loaded(module, each):
                other.importers.add(module)
                if dotted == each.module:
                    other.exported.update(each.names)
                    self.starring.update(WORD.findall(raw) if "*" in each.names else ())
                if other in stars:
                    other.exported.update(members if module.rewrite else MEMBER.findall(raw.decode("latin-1")))

    # Which file an import loads

    def _loaded(self, module: Module, each: Import) -> Iterator[Tuple[str, Module, bool]]:
        """What an import may load: its name there, the file, and whether it surely is that."""
        folder, head = module.folder, each.module.partition(".")[0]
        for _ in range(each.level - 1):
            folder = os.path.dirname(folder)
        folder = folder if each.level else self._top(folder)
        is_beside = not head or head in self._beside(folder) and (each.level or head != LEGACY)
        if not is_beside and (each.level or self.by_tail.keys().isdisjoint(each.module.split(".") + each.names)):
            return
        for dotted in each.dotted():
            found = self._at(folder, dotted) if is_beside else None
            if found:
                yield dotted, found, True
            elif not each.level:
                for other in self.by_tail.get(dotted.rpartition(".")[2], ()):
                    if other.place.endswith(os.sep + dotted.replace(".", os.sep)):
                        yield dotted, other, False

    def _top(self, folder: str) -> str:
        """Where the package lies that a folder belongs to."""
        while "__init__" in self._beside(folder):
            folder = os.path.dirname(folder)
        return folder

    def _at(self, folder: str, dotted: str) -> Optional[Module]:
        place = os.path.join(folder, *dotted.split(".")) if dotted else folder
        if place not in self.at:
            path = next(filter(os.path.isfile, (os.path.join(place, "__init__.py"), place + ".py")), None)
            self.at[place] = self._add(path, None) if path else None
        return self.at[place]

    def _beside(self, folder: str) -> Set[str]:
        """The names in a folder, without what follows a dot."""
        if folder not in self.listings:
            _, folders, names = next(os.walk(folder), ("", [], []))  # none where it may not be listed
            self.listings[folder] = {name.partition(".")[0] for name in folders + names}
        return self.listings[folder]

    # Who owns the Experiment

    def _settle(self, group: List[Module], selected: Iterable[str]) -> None:
        stuck = [module for module in group if module.rewrite
                 and not module.rewrite.wants_experiment(Context(frozenset(selected), frozenset(module.exported)))]
        makers = [module for module in group if module.makes == ("", False)]
        givers = {module: list(self._givers(module, group)) for module in group}
        owners = [module for module in group if not givers[module]]
        for module in group:
            givers[module] = [each for each in givers[module]
                              if each[2] in owners or each[2].rewrite and each[2].rewrite.gives_on()]
        circular = any(each[2] in module.loaders for module in group for each in givers[module])
        if stuck or makers or circular or sum(not each for each in givers.values()) != 1:
            stay = OTHER_MAKER.format(makers[0].path) if makers else ONE_STAYS.format(
                stuck[0].path) if stuck else NO_OWNER
            for module in group:
                module.stay = stay
            return
        for module in group:
            for module.provider in sorted(givers[module], key=lambda each: each[2] not in owners)[:1]:
                module.provider[2].shared = True

    def _givers(self, module: Module, group: List[Module]) -> Iterator[Tuple[Import, str, Module]]:
        """The module's imports that can also bring the Experiment."""
        for each in module.imports if module.rewrite else ():
            for dotted, other, sure in self._loaded(module, each):
                if sure and other is not module and other in group and each.node is not None:
                    if module.rewrite and module.rewrite.can_be_given_by(each.node):
                        yield each, "." * each.level + dotted, other


def _groups(wanting: List[Module]) -> List[List[Module]]:
    """Those of the modules that one process may load together."""
    groups: List[Tuple[List[Module], Set[Module]]] = []
    for module in wanting:
        work = list(module.importers - {module})
        while work:
            each = work.pop()
            if each not in module.loaders:
                module.loaders.add(each)
                work += each.importers
        module.reloads = module in module.loaders
        module.loaders.add(module)
        joined = [group for group in groups if group[1] & module.loaders]
        groups = [group for group in groups if group not in joined]
        groups.append((sum((members for members, _ in joined), []) + [module],
                       module.loaders.union(*(loaders for _, loaders in joined))))
    return [members for members, _ in groups]


def _exportable(rewrite: Rewrite) -> Set[str]:
    """The names of the legacy package that others can take from a module."""
    return {variable.name for variable in list(rewrite.legacies) + list(rewrite.packages)
            if variable.scope.kind == "module"}


def _raw(path: str) -> bytes:
    try:
        return files.read(path)
    except files.Problem:
        return b""  # said elsewhere


def _imports(rewrite: Rewrite) -> Iterator[Import]:
    for node in rewrite.names.statements():
        sure = node if rewrite.names.parents[node] is rewrite.source.tree else None
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(sure, 0, alias.name, [])
        elif isinstance(node, ast.ImportFrom):
            yield Import(sure, node.level, node.module or "", [alias.name for alias in node.names])


def _raw_imports(raw: bytes) -> Iterator[Import]:
    for match in IMPORT.finditer(raw):
        head = raw[raw.rfind(b"\n", 0, match.start()) + 1:match.start()].split()
        if not head or head[-1].endswith((b";", b":")):
            for part in match.group(1).replace(b"\\", b" ").split(b","):
                for name in part.split()[:1]:
                    yield Import(None, 0, name.decode("latin-1"), [])
        elif len(head) > 1 and head[-2] == b"from":
            module = head[-1].decode("latin-1")
            dotted = module.lstrip(".")
            yield Import(None, len(module) - len(dotted), dotted, NAME.findall(match.group(1).decode("latin-1")))


def _members(rewrite: Rewrite) -> Set[str]:
    """What stands behind a dot, also in a string, but for the legacy package's."""
    text = rewrite.source.text
    for variable in rewrite.packages:
        text = re.sub(r"\b{}\s*\.\s*\w+".format(variable.name), "", text)
    return set(MEMBER.findall(text))


def _makes(raw: bytes) -> Optional[Tuple[str, bool]]:
    """What a file that does not change calls the Experiment that it makes, if it does."""
    if b"polyaxon_" not in raw or not (b"polyaxon_client" in raw and MAKES.search(raw) or files.GATE in raw):
        return None
    try:
        rewrite = Rewrite(files.decode(raw).text)
    except (files.Problem, Unreadable, Surprise):
        return None  # nor does it run
    return ("", False) if rewrite.needs_experiment(frozenset("*")) else rewrite.makes()
