"""Scopes, held against symtable's over the standard library; but for private names, which no legacy name is."""
import ast
import os
import re
import symtable
import sys
import sysconfig
from typing import Any, List

import pytest

from polyaxon_helper.migrate.python.names import Names

FOLDER = sysconfig.get_paths()["stdlib"]
MODULES = ["argparse", "ast", "bdb", "collections/__init__", "contextlib", "dataclasses", "datetime", "difflib", "enum",
           "functools", "inspect", "logging/__init__", "pickle", "shutil", "subprocess", "tempfile", "typing",
           "unittest/mock"]


def ours(text: str) -> List[Any]:
    names = Names(ast.parse(text))
    found = []
    for scope in names.scopes:
        node: Any = scope.node
        if scope.kind in ("function", "class", "module"):
            bound = {name for name, variable in scope.variables.items() if variable.bindings and scope.kind != "module"}
            line = 0 if scope.kind == "module" else node.lineno
            found.append((line, scope.kind, sorted(bound)))
    return sorted(found)


def theirs(text: str) -> List[Any]:
    found = []
    work = [symtable.symtable(text, "x", "exec")]
    while work:
        table = work.pop()
        work += table.get_children()
        if table.get_name() in ("listcomp", "setcomp", "dictcomp", "genexpr"):
            continue
        bound = {symbol.get_name() for symbol in table.get_symbols()
                 if (symbol.is_local() or symbol.is_parameter()) and (symbol.is_assigned() or symbol.is_imported()
                     or symbol.is_parameter() or symbol.is_namespace()) and not symbol.is_global()}
        kind = str(table.get_type()).rpartition(".")[2].lower()
        if kind in ("function", "class", "module"):
            found.append((0 if kind == "module" else table.get_lineno(), kind, [] if kind == "module"
                    else sorted(bound)))
    return sorted(found)


@pytest.mark.skipif(sys.version_info[:2] not in ((3, 10), (3, 11)),
        reason="symtable inlines comprehensions, or lacks lines")
@pytest.mark.parametrize("module", MODULES)
def test_scopes_are_pythons_own(module: str) -> None:
    with open(os.path.join(FOLDER, module + ".py"), encoding="utf-8") as file:
        text = file.read()
    mine = [(line, kind, [name for name in names if name != "__class__"]) for line, kind, names in ours(text)]
    real = [(line, kind, sorted(re.sub(r"^_[^_]\w*?(?=__\w)", "", name) for name in names
                                if name not in ("__class__", "__module__", "__qualname__")))
            for line, kind, names in theirs(text)]
    assert mine == real
