"""Which names of some modules the other files of a project take.

An import does not say which file it loads, so a module goes by a word: the last part of its path, for an `__init__.py`
the name of its folder. Two modules of one word are both meant. A name too many costs a function that nobody needs, one
too few a program that breaks.
"""
import ast
import os
import re
import warnings
from itertools import product
from typing import Dict, FrozenSet, Iterable, Iterator, Mapping, Set, Tuple, Union

Pair = Tuple[str, str]
"""The word of a module, and a name in it."""

DOTS = "."
"""The word of every package, where an import is from nothing but dots."""
FROM_DOTS = re.compile(rb"from[\s\\]*\.[\s.\\]*import\b")
ASCII = re.compile(rb"\w+")
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
TEXT = {"Constant": "value", "Str": "s"}
"""Where a string constant has its text; Python 3.7 calls it Str."""
TELLING = {"alias", "AsyncFunctionDef", "Attribute", "ClassDef", "FunctionDef", "ImportFrom", "Module", *TEXT}


def taken(wanted: Mapping[str, FrozenSet[str]], files: Iterable[Tuple[str, bytes]]) -> Dict[str, FrozenSet[str]]:
    """Give those of the wanted names, by the path of their module, that another file takes.

    The files, each a path and its content, are asked for one by one, and no more of them once all names are found. A
    module is told from the other files by its path, as it is spelled in `wanted`.
    """
    left = _by_pair(wanted)
    words = {word: _ascii(word) for word, _ in left}
    names = {name: _ascii(name) for _, name in left}
    found: Dict[str, Set[str]] = {}
    for path, raw in files if left else ():
        named = _standing(names, raw)
        near = _standing(words, raw) if named else {}
        if DOTS in near and not FROM_DOTS.search(raw):
            del near[DOTS]
        asked = {pair: left[pair] - {path} for pair in product(near, named) if pair in left}
        hit = asked.keys() & _takes(raw, near, named) if any(asked.values()) else ()
        for pair in hit:
            left[pair] -= asked[pair]
            for module in asked[pair]:
                found.setdefault(module, set()).add(pair[1])
        if hit and not any(left.values()):
            break
    return {module: frozenset(some) for module, some in found.items()}


def _by_pair(wanted: Mapping[str, FrozenSet[str]]) -> Dict[Pair, Set[str]]:
    """Give the modules that each pair means."""
    pairs: Dict[Pair, Set[str]] = {}
    for module, names in wanted.items():
        folder, base = os.path.split(os.path.abspath(module))
        word = os.path.splitext(base)[0]
        words = (os.path.basename(folder), DOTS) if word == "__init__" else (word,)
        for pair in product(words, names):
            pairs.setdefault(pair, set()).add(module)
    return pairs


def _ascii(word: str) -> bytes:
    """Give the longest part of a word that is the same bytes in every encoding."""
    return max(ASCII.findall(word.encode("utf-8", "replace")), key=len, default=b"")


def _standing(parts: Mapping[str, bytes], among: Union[bytes, Set[bytes]]) -> Dict[str, bytes]:
    return {each: part for each, part in parts.items() if part in among}


def _takes(raw: bytes, words: Mapping[str, bytes], names: Mapping[str, bytes]) -> Set[Pair]:
    """Give what a file takes, and where Python can't parse it, what it may take."""
    whole = {b"", *ASCII.findall(raw)}
    near, named = set(_standing(words, whole)), set(_standing(names, whole))
    if not near or not named:
        return set()  # they were parts of longer words
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw)
    except UNPARSABLE:
        return set(product(near, named))
    return set(_pairs(tree, near - {DOTS}, named))


def _pairs(tree: ast.Module, words: Set[str], names: Set[str]) -> Iterator[Pair]:
    """Give the pairs that imports, attributes and strings make, also with other words than these."""
    called: Dict[str, Set[str]] = {}
    members: Set[Pair] = set()
    texts: Set[str] = set()
    docstrings: Set[ast.AST] = set()
    for node in filter(_tells, ast.walk(tree)):  # a body comes before what is in it
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield from product([_last(node.module or "") or DOTS], names if alias.name == "*" else [alias.name])
        elif isinstance(node, ast.alias):
            called.setdefault(node.asname or node.name, set()).add(_last(node.name))
        elif isinstance(node, ast.Attribute) and node.attr in names:
            members.add((getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr))
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstrings.update(first.value for first in node.body[:1] if isinstance(first, ast.Expr))
        elif node not in docstrings:
            texts.add(_text(node))
    for owner, name in members:
        yield from product(called.get(owner, set()) | {owner}, [name])
    for text in texts:
        yield from _spelled(text, words, names)


def _spelled(text: str, words: Set[str], names: Set[str]) -> Iterator[Pair]:
    """Give the pairs that a string makes; a name alone goes with each of the words."""
    head, dot, name = text.rpartition(".")
    if name in names:
        yield from product([re.split(r"\W", head)[-1]] if dot else words, [name])


def _text(node: ast.AST) -> str:
    text = getattr(node, TEXT.get(type(node).__name__, ""), "")
    return text if isinstance(text, str) else ""


def _tells(node: ast.AST) -> bool:
    return type(node).__name__ in TELLING


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]
