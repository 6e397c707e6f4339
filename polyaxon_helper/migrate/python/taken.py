"""Finds which names of some modules the other files of a project take.

An import does not say which file it loads: a module goes by the last part of its path, a package by that of its folder.
A name too many costs a function that nobody needs, one too few a program that breaks.
"""
import ast
import os
import re
from itertools import product
from typing import Dict, FrozenSet, Iterable, Iterator, Mapping, Sequence, Set, Tuple

from .source import STRING, Unreadable, parsed

DOTS = "."  # the word of every package, where an import is from nothing but dots
FROM_DOTS = re.compile(rb"from[\s\\]*\.[\s.\\]*import\b")
WORD = re.compile(rb"\w+")


def taken(wanted: Mapping[str, FrozenSet[str]], files: Iterable[Tuple[str, bytes]]) -> Dict[str, FrozenSet[str]]:
    """Give the wanted names, by their module's path, that another file takes; stop reading once all are found."""
    left = [(word, name, module) for module, some in wanted.items() for word in _words(module) for name in some]
    # beyond ASCII the bytes of a word depend on the encoding: it may stand anywhere
    raws = {each: each.encode() if each.isascii() else b"" for word, name, _ in left for each in (word, name)}
    sought = {raws[name] for _, name, _ in left}
    found: Dict[str, Set[str]] = {}
    for path, raw in files if left else ():
        if not any(name in raw for name in sought):
            continue
        whole = {b"", *WORD.findall(raw), *(DOTS.encode() for _ in FROM_DOTS.finditer(raw))}
        asked = [each for each in left if each[2] != path and raws[each[0]] in whole and raws[each[1]] in whole]
        words, names = {word for word, _, _ in asked}, {name for _, name, _ in asked}
        try:
            takes = set(_pairs(parsed(raw), words - {DOTS}, names)) if asked else set()
        except Unreadable:  # it may take them all
            takes = set(product(words, names))
        for word, name, module in asked:
            if (word, name) in takes:
                found.setdefault(module, set()).add(name)
        left = [each for each in left if each[1] not in found.get(each[2], ())]
        if not left:
            break
    return {module: frozenset(some) for module, some in found.items()}


def _words(module: str) -> Sequence[str]:
    """Give the words that a module goes by."""
    folder, base = os.path.split(os.path.abspath(module))
    word = os.path.splitext(base)[0]
    return (os.path.basename(folder), DOTS) if word == "__init__" else (word,)


def _pairs(tree: ast.Module, words: Set[str], names: Set[str]) -> Iterator[Tuple[str, str]]:
    """Give the words with the names that imports, attributes and strings take from them, also others than these."""
    called: Dict[str, Set[str]] = {}
    members: Set[Tuple[str, str]] = set()
    docstrings: Set[ast.AST] = set()
    for node in ast.walk(tree):  # a body comes before what is in it
        if isinstance(node, ast.ImportFrom):
            word = node.module.rpartition(".")[2] if node.module else DOTS
            for alias in node.names:
                yield from product([word], names if alias.name == "*" else [alias.name])
        elif isinstance(node, ast.alias):
            called.setdefault(node.asname or node.name, set()).add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.Attribute):
            members.add((getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr))
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstrings.update(first.value for first in node.body[:1] if isinstance(first, ast.Expr))
        elif isinstance(getattr(node, STRING, None), str) and node not in docstrings:
            head, dot, name = getattr(node, STRING).rpartition(".")
            if name in names:  # a name alone goes with each of the words
                yield from product([re.split(r"\W", head)[-1]] if dot else words, [name])
    for owner, name in members:
        yield from product(called.get(owner, set()) | {owner}, [name] if name in names else [])
