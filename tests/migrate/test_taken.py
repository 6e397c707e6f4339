"""Proves which names other files of a project take from a module."""
import ast
import warnings
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Tuple

import pytest

from polyaxon_helper.migrate.python.taken import taken

UTILS = "pkg/utils.py"
INIT = "pkg/sub/__init__.py"
LEGACY = "from polyaxon_helper import send_metrics\n"
PYTHON_2 = "print 'loss'\n"

# what another file has, of which nothing is taken: send_metrics would go from the module
NO_OP = {
    "a module of which the other file knows nothing": (UTILS, LEGACY + "send_metrics(a=1)\n"),
    "the module's word alone": (UTILS, "import utils\nutils.log(a=1)\nfrom utils import log\n"),
    "the name as a part of a longer one": (UTILS, "import utils\nutils.send_metrics_later()\n'utils.resend_metrics'\n"),
    "the module's word as a part of a longer one": (
        UTILS, LEGACY + "from myutils import send_metrics\nimport utils_2 as u\nu.send_metrics\n"
        "x = 'myutils.send_metrics'\nsend_metrics(a=1)\n"),
    "two strings, one with each word as a part": (UTILS, "x = 'my_utils', 'send_metrics'\n"),
    "an import from below the module": (UTILS, "from pkg.utils.log import send_metrics\n"),
    "an import from the folder of the module": (UTILS, "import utils\nfrom pkg import send_metrics\n"),
    "an import of another name": (UTILS, "from utils import log\n" + LEGACY),
    "all of another module": (UTILS, "import utils\nfrom log import *\nsend_metrics()\n"),
    "all of the module, without the name": (UTILS, "from utils import *\nlog(a=1)\n"),
    "an attribute of something else": (UTILS, "import utils\nself.send_metrics()\nlog.utils().send_metrics()\n"),
    "an attribute of a call, beside the import": (UTILS, "import utils\nget().send_metrics\nutils[0].send_metrics\n"),
    "a name of its own and an import of the module": (
        UTILS, "from pkg import utils as u\n" + LEGACY + "u.log()\nsend_metrics(a=1)\n"),
    "a keyword argument": (UTILS, "import utils\nutils.log(send_metrics=1)\n"),
    "a variable of the name": (UTILS, "import utils\nsend_metrics = utils\nsend_metrics.log()\n"),
    "a comment": (UTILS, "import utils  # from utils import send_metrics; utils.send_metrics\n"),
    "docstrings of module, class, functions": (
        UTILS, "'utils.send_metrics'\n"
        "class A:\n    'utils.send_metrics'\n    def f(self):\n        'send_metrics'\n"
        "async def f():\n    'utils.' 'send_metrics'\n"),
    "a longer string": (
        UTILS, "import utils\nx = 'utils.send_metrics fails', 'call send_metrics', f'send_metrics {x}'\n"),
    "a string of another module's": (UTILS, "import utils\nx = 'pkg.log.send_metrics', '.send_metrics'\n"),
    "a string of bytes": (UTILS, "import utils\nx = b'utils.send_metrics'\n"),
    "a string with an escape": (UTILS, "x = '\\d'  # utils.send_metrics\n"),
    "a number of 5,000 digits": (UTILS, "import utils\nsend_metrics = 0x" + 5000 * "f" + "\n"),
    "another encoding": (UTILS, "# coding: latin-1\nimport utils  # send_metrics, \xe9\n"),
    "a package, imported from by dots for another name": (INIT, "from . import log\nsend_metrics()\n"),
    "a package, in a file that imports a sibling by dots": (INIT, "from .log import send_metrics\n"),
    "a package, a string of the name without the package's word": (
        INIT, "from . import log\nx = 'send_metrics', '.send_metrics'\n"),
    "a package, an attribute of a call": (INIT, "from . import log\nget().send_metrics\n"),
    "a package of which the other file knows the folder above": (INIT, "from pkg import send_metrics\n"),
    "a module, imported from by dots": (UTILS, "from . import send_metrics  # utils\n"),
    "no Python, with the name alone": (UTILS, PYTHON_2 + "send_metrics(a=1)\n"),
    "no Python, with the module's word alone": (UTILS, PYTHON_2 + "import utils\n"),
    "no Python, with the name as a part of a longer one": (UTILS, PYTHON_2 + "utils.resend_metrics\n"),
    "no Python, with the module's word as a part of a longer one": (UTILS, PYTHON_2 + "utils_2.send_metrics\n"),
    "no Python, for a package, with an import by dots alone": (
        INIT, PYTHON_2 + "from . import log\nsend_metrics_2()\n"),
}

# what another file has that takes send_metrics from the module
TAKES = {
    "an import from it": (UTILS, "from utils import send_metrics\n"),
    "an import from it in its package": (UTILS, "from pkg.utils import log, send_metrics\n"),
    "an import from it under another name": (UTILS, "from pkg.utils import send_metrics as send\n"),
    "an import from it in a function": (
        UTILS, "def f():\n    try:\n        from utils import (\n            send_metrics)\n    finally:\n        x\n"),
    "an import from it, one level up": (UTILS, "from .utils import send_metrics\n"),
    "an import from it, three levels up": (UTILS, "from ...utils import send_metrics\n"),
    "an import from it through a package, two levels up": (UTILS, "from ..pkg.utils import send_metrics\n"),
    "all of it": (UTILS, "from utils import *\nsend_metrics(a=1)\n"),
    "all of it, without a blank": (UTILS, "from .utils import*\nsend_metrics(a=1)\n"),
    "a package's import from it": (INIT, "from pkg.sub import send_metrics\n"),
    "a package, from a module in it": (INIT, "from . import send_metrics\n"),
    "a package, from a module in it, all": (INIT, "from . import *\nsend_metrics(a=1)\n"),
    "a package, from a package in it": (INIT, "from .. import send_metrics as send\n"),
    "a package, four levels up, spelled oddly": (INIT, "from\\\n.. \\\n ..import(send_metrics)\n"),
    "a package, from a package beside it": (INIT, "from ..sub import send_metrics\n"),
    "an attribute of its import": (UTILS, "import utils\nutils.send_metrics(a=1)\n"),
    "an attribute of its import under another name": (UTILS, "import os, utils as u\nu.send_metrics(a=1)\n"),
    "an attribute of its import, dotted": (UTILS, "import pkg.utils\npkg.utils.send_metrics(a=1)\n"),
    "an attribute of its import, dotted, under another name": (UTILS, "import pkg.utils as u\nu.send_metrics(a=1)\n"),
    "an attribute of its import from its package": (UTILS, "from pkg import utils\nutils.send_metrics(a=1)\n"),
    "an attribute of its import by dots": (UTILS, "from .. import log, utils as u\nu.send_metrics(a=1)\n"),
    "an attribute used before the import": (UTILS, "def f():\n    u.send_metrics(a=1)\nimport utils as u\n"),
    "an attribute through an attribute": (UTILS, "import a.utils as u\nself.u.send_metrics(a=1)\n"),
    "an attribute of something of its name": (UTILS, "self.pkg().utils.send_metrics\n"),
    "an attribute that is set": (UTILS, "import utils as u\nu.send_metrics = print\n"),
    "an attribute of a package's import": (INIT, "import pkg.sub as s\ns.send_metrics(a=1)\n"),
    "an attribute in an f-string": (UTILS, "x = f'{utils.send_metrics}'\n"),
    "a dotted string": (UTILS, "mock.patch('pkg.utils.send_metrics')\n"),
    "a dotted string that is all": (UTILS, "x = {'utils.send_metrics': 1}\n"),
    "a dotted string of pieces": (UTILS, "x = 'pkg.utils.' 'send_metrics'\n"),
    "a dotted string behind a field": (UTILS, "x = f'{pkg}.utils.send_metrics'\n"),
    "a string beside its import": (UTILS, "from pkg import utils\nsetattr(utils, 'send_metrics', print)\n"),
    "a string in a file with its word in a comment": (UTILS, "'''About.'''\nx = 'send_metrics'  # of utils\n"),
    "a string in a file with its word in a docstring": (UTILS, "'''Of utils.'''\nx = 'send_metrics'\n"),
    "a string in a file with its word in a string": (UTILS, "getattr(import_module('pkg.utils'), 'send_metrics')\n"),
    "a string that stands first, but alone in an assignment": (UTILS, "x = 'utils.send_metrics'\n"),
    "a string that stands first in a function, as its result": (UTILS, "def f():\n    return 'utils.send_metrics'\n"),
    "a string that is a statement, behind the docstring": (UTILS, "'''Doc.'''\n'utils.send_metrics'\n"),
    "a string that stands first in an if": (UTILS, "if x:\n    'utils.send_metrics'\n"),
    "a string of a package": (INIT, "mock.patch('pkg.sub.send_metrics')\n"),
    "a string with an escape behind it": (UTILS, "x = '\\d'\nfrom utils import send_metrics\n"),
    "another encoding": (UTILS, "# coding: latin-1\nfrom utils import send_metrics  # \xe9\n"),
    "another encoding of a word beyond ASCII": ("\xfcben.py", "# coding: latin-1\nfrom \xfcben import send_metrics\n"),
    "a byte order mark": (UTILS, "\xef\xbb\xbffrom utils import send_metrics\n"),
    "no Python, with both words": (UTILS, PYTHON_2 + "from utils import log\nsend_metrics(a=1)\n"),
    "no Python, with both words in a comment": (UTILS, PYTHON_2 + "# utils: send_metrics\n"),
    "no Python, for a package, with an import by dots": (INIT, PYTHON_2 + "from . import log, send_metrics\n"),
    "a NUL byte": (UTILS, "\0 utils.send_metrics\n"),
    "bytes that are no UTF-8": (UTILS, "from utils import send_metrics  # \xe9\n"),
    "an unknown encoding": (UTILS, "# coding: none\nfrom utils import send_metrics\n"),
    "too deep for the parser": (UTILS, "from utils import send_metrics\nx = " + 5000 * "(" + 5000 * ")" + "\n"),
    "too deep for the tree": (UTILS, "from utils import send_metrics\nx = " + 30000 * "-" + "1\n"),
}

# names that would go, by module; other files; names that are taken
PROJECTS: Dict[str, Tuple[Dict[str, str], Dict[str, str], Dict[str, str]]] = {
    "nothing would go": ({}, {"main.py": "from utils import send_metrics\n"}, {}),
    "a module of which no name would go": ({UTILS: ""}, {"main.py": "from utils import send_metrics\n"}, {}),
    "five files that import from the package itself": (
        {name + ".py": "send_metrics" for name in "abcde"},
        {name + ".py": LEGACY + "a = b = c = d = e = send_metrics\n" for name in "abcde"}, {}),
    "a module takes nothing from itself": (
        {UTILS: "send_metrics"}, {UTILS: "import utils\nutils.send_metrics\n__all__ = ['send_metrics']\n"}, {}),
    "a module of another folder is another file": (
        {UTILS: "send_metrics"}, {"utils.py": "from pkg.utils import send_metrics\n"}, {UTILS: "send_metrics"}),
    "two modules of one word are both meant": (
        {"a/train.py": "send_metrics", "b/train.py": "send_metrics experiment", "c/train.py": "experiment"},
        {"main.py": "from train import send_metrics\n"}, {"a/train.py": "send_metrics", "b/train.py": "send_metrics"}),
    "of two modules of one word, one takes from the other": (
        {"a/train.py": "send_metrics", "b/train.py": "send_metrics"},
        {"b/train.py": "from a.train import send_metrics\n"}, {"a/train.py": "send_metrics"}),
    "of two modules of one word, each takes from the other": (
        {"a/train.py": "send_metrics", "b/train.py": "send_metrics"},
        {"b/train.py": "from a.train import send_metrics\n", "a/train.py": "from b.train import send_metrics\n"},
        {"a/train.py": "send_metrics", "b/train.py": "send_metrics"}),
    "all of a module, the names that stand in the file": (
        {UTILS: "send_metrics experiment get_params"},
        {"main.py": "from utils import *\nexperiment.send_metrics(a=1)\n"}, {UTILS: "send_metrics experiment"}),
    "several files each take something": (
        {UTILS: "send_metrics experiment get_params", INIT: "send_metrics"},
        {"a.py": "import utils as u, sub\nu.send_metrics\n", "b.py": "from pkg.utils import get_params\n",
         "pkg/sub/c.py": "from . import send_metrics, experiment\n"},
        {UTILS: "send_metrics get_params", INIT: "send_metrics"}),
    "a name of two modules, one of which is meant": (
        {UTILS: "experiment", "log.py": "experiment send_metrics"},
        {"a.py": "import log, utils\nutils.experiment\n"}, {UTILS: "experiment"}),
    "one name for two modules": (
        {UTILS: "send_metrics", "log.py": "send_metrics"},
        {"a.py": "try:\n    import log as m\nexcept ImportError:\n    import utils as m\nm.send_metrics\n"},
        {UTILS: "send_metrics", "log.py": "send_metrics"}),
    "words beyond ASCII": (
        {"\xfcbung.py": "send_metrics\xe9 \u0436"},
        {"a.py": "from \xfcbung import send_metrics\xe9, \u0436\n"}, {"\xfcbung.py": "send_metrics\xe9 \u0436"}),
}

# what is not worth parsing for send_metrics of pkg/utils.py and pkg/sub/__init__.py
NOT_PARSED = {
    "neither word": "import os\n",
    "the name alone": LEGACY,
    "the words of the modules alone": "from . import sub, utils\n",
    "parts of longer words": "import subprocess, my_utils, send_metrics_2\n",
    "an import by dots from a module": "from .log import send_metrics\n",
}


def names(texts: Dict[str, str]) -> Dict[str, FrozenSet[str]]:
    return {path: frozenset(text.split()) for path, text in texts.items()}


@pytest.mark.parametrize("module, text", list(NO_OP.values()), ids=list(NO_OP))
def test_takes_nothing(module: str, text: str) -> None:
    assert taken(names({module: "send_metrics"}), [("main.py", text.encode("latin-1"))]) == {}


@pytest.mark.parametrize("module, text", list(TAKES.values()), ids=list(TAKES))
def test_takes_a_name(module: str, text: str) -> None:
    wanted = names({module: "send_metrics get_params"})
    assert taken(wanted, [("main.py", text.encode("latin-1"))]) == names({module: "send_metrics"})


@pytest.mark.parametrize("wanted, texts, expected", list(PROJECTS.values()), ids=list(PROJECTS))
def test_takes_from_each_module(wanted: Dict[str, str], texts: Dict[str, str], expected: Dict[str, str]) -> None:
    files = [(path, text.encode()) for path, text in texts.items()]
    assert taken(names(wanted), files) == names(expected)
    assert taken(names(wanted), reversed(files)) == names(expected)


def test_a_package_in_the_current_folder_goes_by_the_folders_name(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "from {} import send_metrics\n".format(tmp_path.name)
    assert taken(names({"__init__.py": "send_metrics"}), [("main.py", text.encode())])


@pytest.mark.parametrize("text", list(NOT_PARSED.values()), ids=list(NOT_PARSED))
def test_parses_only_what_can_match(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: List[bytes] = []
    monkeypatch.setattr(ast, "parse", parsed.append)
    files = [("main.py", text.encode()), (UTILS, b"import utils\nutils.send_metrics\n")]  # the module itself
    assert taken(names({UTILS: "send_metrics", INIT: "send_metrics"}), files) == {}
    assert parsed == []


@pytest.mark.parametrize("wanted, read", [
    ({}, []),
    ({UTILS: "send_metrics"}, ["a.py", "b.py"]),
    ({UTILS: "send_metrics experiment"}, ["a.py", "b.py", "c.py"]),
], ids=["none where no name would go", "up to the last that changes the answer", "all where a name is not taken"])
def test_reads_no_more_files_than_it_needs(wanted: Dict[str, str], read: List[str]) -> None:
    seen: List[str] = []

    def files() -> Iterator[Tuple[str, bytes]]:
        for path in ("a.py", "b.py", "c.py"):
            seen.append(path)
            yield path, b"" if path == "a.py" else b"from utils import send_metrics\n"

    taken(names(wanted), files())
    assert seen == read


def test_shows_no_warning_of_the_parser_and_fails_by_none() -> None:
    text = b"x = '\\d', 1 is 1  # utils.send_metrics\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert taken(names({UTILS: "send_metrics"}), [("main.py", text)]) == {}
    assert caught == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert taken(names({UTILS: "send_metrics"}), [("main.py", text)]) == {}
