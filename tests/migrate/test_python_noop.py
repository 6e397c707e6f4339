"""Proves what the rewriter must leave byte for byte. The ids read as the specification."""
import sys
from typing import Any, List, Tuple

import pytest

from .rows import move

SILENT = {
    "empty": "",
    "a text without the package": "import os\n",
    "a comment": "# from polyaxon_helper import send_metrics\n",
    "a docstring": '"""Uses polyaxon_helper.send_metrics."""\n',
    "the command's name in a string": "run('python -m polyaxon_helper.migrate .')\n",
    "the distribution's name": "install_requires = ['polyaxon-helper']\n",
    "another package with a longer name": "from polyaxon_helpers import send_metrics\nsend_metrics(a=1)\n",
    "another package with a shorter name": (
        "from polyaxon import send_metrics\n"
        "send_metrics(a=1)  # not polyaxon_helper's\n"),
    "another package's module": "import polyaxon_utils\npolyaxon_utils.send_metrics(a=1)  # polyaxon_helper\n",
    "a module of that name in a package": "from mine.polyaxon_helper import send_metrics\nsend_metrics(a=1)\n",
    "a module of that name beside this one": "from .polyaxon_helper import send_metrics\nsend_metrics(a=1)\n",
    "a module of that name one folder up": "from ..polyaxon_helper import send_metrics\nsend_metrics(a=1)\n",
    "the package imported from another": "from mine import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\n",
    "the package as an attribute": "import mine\nmine.polyaxon_helper.send_metrics(a=1)\n",
    "the package as a parameter": "def f(polyaxon_helper):\n    polyaxon_helper.send_metrics(a=1)\n",
    "the package as a local variable": (
        "def f():\n    polyaxon_helper = make()\n"
        "    polyaxon_helper.send_metrics(a=1)\n"),
    "the package as a keyword argument": "f(polyaxon_helper=1)\n",
    "a legacy name that nothing imports": "send_metrics(a=1)  # polyaxon_helper\n",
    "a function of the user's": "def send_metrics(**kw):\n    pass  # polyaxon_helper\nsend_metrics(a=1)\n",
    "a class of the user's": "class Experiment:\n    pass  # polyaxon_helper\nExperiment()\n",
    "the client's own names": (
        "from polyaxon_client.tracking import get_outputs_path  # not polyaxon_helper\n"
        "get_outputs_path()\n"),
    "the client's module": "from polyaxon_client import tracking  # not polyaxon_helper\ntracking.get_outputs_path()\n",
    "our module that makes the client run": "import polyaxon_helper.client\n",
    "our module that makes the client run, from the package": "from polyaxon_helper import client\n",
    "our module that makes the client run, used": (
        "import polyaxon_helper.client\n"
        "print(polyaxon_helper.client.settings)\n"),
    "our module that makes the client run, renamed": "import polyaxon_helper.client as c\nprint(c.settings)\n",
    "another of our modules": "from polyaxon_helper.client import settings\nprint(settings)\n",
    "a fragment of the package's name": "print('polyaxon_helper_x', 'a_polyaxon_helper')\n",
    "bytes that name it": "print(b'polyaxon_helper')\n",
    "form feeds and no last newline": "# polyaxon_helper\n\x0c\nx = 1\n\x0c",
    "old Mac line ends": "# polyaxon_helper\rx = 1\r",
}

REPORTED = {
    "the module as an argument": ("import polyaxon_helper\nf(polyaxon_helper)\n", [(2, 3)]),
    "the module assigned": ("import polyaxon_helper\nph = polyaxon_helper\nph.send_metrics(a=1)\n", [(2, 6)]),
    "the module in a truth test": (
        "try:\n    import polyaxon_helper as ph\nexcept ImportError:\n    ph = None\nif ph:\n"
        "    ph.send_metrics(a=1)\n",
        [(4, 5), (5, 4)]),
    "getattr with a computed name": ("import polyaxon_helper\ngetattr(polyaxon_helper, name)()\n", [(2, 9)]),
    "getattr with a given name": ("import polyaxon_helper\ngetattr(polyaxon_helper, 'get_params')()\n", [(2, 9)]),
    "reload": ("import importlib, polyaxon_helper\nimportlib.reload(polyaxon_helper)\n", [(2, 18)]),
    "a function replaced in the module": (
        "import polyaxon_helper\npolyaxon_helper.send_metrics = f\npolyaxon_helper.send_metrics(a=1)\n", [(2, 1)]),
    "a function deleted from the module": ("import polyaxon_helper\ndel polyaxon_helper.send_metrics\n", [(2, 5)]),
    "the module's name rebound": (
        "import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\npolyaxon_helper = 1\n", [(3, 1)]),
    "the module's name deleted": ("import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\ndel polyaxon_helper\n",
    [(3, 5)]),
    "the module in __all__": ("import polyaxon_helper\n__all__ = ['polyaxon_helper']\n", [(1, 1), (2, 12)]),
    "the module made global": (
        "def f():\n    global ph\n    import polyaxon_helper as ph\ndef g():\n    ph.get_params()\n", [(3, 5)]),
    "the module in parentheses": ("import polyaxon_helper\n(polyaxon_helper).get_params()\n", [(2, 2)]),
    "the module in a class body": ("class A:\n    import polyaxon_helper\n    x = polyaxon_helper.get_params()\n",
    [(2, 5)]),
    "two things under one name in one import": (
        "from polyaxon_helper import send_metrics, get_params as send_metrics\nsend_metrics(x=1)\n", [(1, 1), (1, 1)]),
    "mock.patch of a function": ("mock.patch('polyaxon_helper.send_metrics')\n", [(1, 12)]),
    "mock.patch of a class's method": ("mock.patch('polyaxon_helper.Experiment.log_metrics')\n", [(1, 12)]),
    "import_module": ("import_module('polyaxon_helper')\n", [(1, 15)]),
    "__import__": ("__import__(\"polyaxon_helper\").send_metrics(a=1)\n", [(1, 12)]),
    "sys.modules": ("sys.modules['polyaxon_helper'] = fake\n", [(1, 13)]),
    "a name of no release": ("from polyaxon_helper import get_weather\nget_weather()\n", [(1, 1)]),
    "a name of no release, of the module": ("import polyaxon_helper\npolyaxon_helper.get_weather()\n", [(2, 1)]),
    "the module's version": ("import polyaxon_helper\nprint(polyaxon_helper.__version__)\n", [(2, 7)]),
    "the module behind a failing import of the client": (
        "try:\n    import polyaxon_client\nexcept ImportError:\n    import polyaxon_helper\n", [(4, 5)]),
    "the module in eval": ("import polyaxon_helper\neval('polyaxon_helper.get_params()')\n", [(1, 1), (2, 6)]),
}


@pytest.mark.parametrize("text", list(SILENT.values()), ids=list(SILENT))
def test_leaves_alone_what_is_not_the_package(text: str) -> None:
    result = move(text)
    assert (result.text, result.uses, result.after.places) == (text, 0, [])


@pytest.mark.parametrize("text, positions", list(REPORTED.values()), ids=list(REPORTED))
def test_leaves_and_reports_what_needs_a_person(text: str, positions: List[Tuple[int, int]]) -> None:
    result = move(text)
    assert (result.text, result.uses) == (text, 0)
    assert [(place.line, place.column) for place in result.after.places] == positions


# Names that are spelled the same, in every scope that Python has: the import moves, the lines below stay

SAME_SPELLING = {
    "a parameter": "def f(get_params):\n    return get_params()\n",
    "a keyword-only parameter": "def f(*, get_params):\n    return get_params()\n",
    "*args": "def f(*get_params):\n    return get_params\n",
    "**kwargs": "def f(**get_params):\n    return get_params\n",
    "a lambda's parameter": "f = lambda get_params: get_params()\n",
    "a local variable": "def f():\n    get_params = 1\n    return get_params\n",
    "a local variable bound after its use": "def f():\n    print(get_params)\n    get_params = 1\n",
    "a local variable of the function around": (
        "def f():\n    get_params = 1\n    def g():\n"
        "        return get_params\n"),
    "a nonlocal": (
        "def f():\n    get_params = 1\n    def g():\n        nonlocal get_params\n        get_params = 2\n"
        "        return get_params\n"),
    "a local function": "def f():\n    def get_params():\n        pass\n    return get_params()\n",
    "a local class": "def f():\n    class get_params:\n        pass\n    return get_params()\n",
    "a local import": "def f():\n    from other import get_params\n    return get_params()\n",
    "a local module": "def f():\n    import get_params.x\n    return get_params\n",
    "a loop variable": "def f():\n    for get_params in xs:\n        get_params()\n",
    "a with target": "def f():\n    with x as get_params:\n        get_params()\n",
    "an except name": "def f():\n    try:\n        pass\n    except E as get_params:\n        print(get_params)\n",
    "an unpacked target": "def f():\n    a, (b, *get_params) = x\n    return get_params\n",
    "an augmented assignment": "def f():\n    get_params += 1\n",
    "an annotation without a value": "def f():\n    get_params: int\n    return get_params\n",
    "a deleted local": "def f():\n    del get_params\n    get_params()\n",
    "a list comprehension": "x = [get_params for get_params in xs]\n",
    "a set comprehension": "x = {get_params for get_params in xs}\n",
    "a dict comprehension": "x = {get_params: get_params for get_params in xs}\n",
    "a generator": "x = (get_params() for get_params in xs if get_params)\n",
    "a second loop of a comprehension": "x = [get_params for a in b for get_params in a if get_params]\n",
    "a comprehension in a comprehension": "x = [[get_params for c in get_params] for get_params in xs]\n",
    "a comprehension in a class": "class A:\n    x = [get_params for get_params in xs]\n",
    "an attribute": "x.get_params()\nx.get_params = 1\n",
    "a keyword argument": "f(get_params=1)\n",
    "a class's method": "class A:\n    def get_params(self):\n        return self.get_params()\n",
    "an imported attribute": "from other import a as b\nb.get_params()\n",
    "a string": "print('get_params')\n",
    "a comment": "# get_params\n",
}

NEWER_SPELLING = {
    (3, 8): {
        "a positional-only parameter": "def f(get_params, /):\n    return get_params()\n",
        "a walrus in a function": "def f():\n    if (get_params := 1):\n        return get_params\n",
        "a walrus in a comprehension in a function": (
            "def f():\n    [(get_params := x) for x in xs]\n"
            "    return get_params\n"),
    },
    (3, 10): {
        "a match capture": "def f(x):\n    match x:\n        case get_params:\n            return get_params\n",
        "a match as": "def f(x):\n    match x:\n        case 1 | 2 as get_params:\n            return get_params\n",
        "a match star": "def f(x):\n    match x:\n        case [1, *get_params]:\n            return get_params\n",
        "a match rest": "def f(x):\n    match x:\n        case {1: 2, **get_params}:\n            return get_params\n",
        "a match keyword": "def f(x):\n    match x:\n        case A(get_params=1):\n            pass\n",
    },
}


def spellings() -> List[Any]:
    found = dict(SAME_SPELLING)
    for version, more in NEWER_SPELLING.items():
        if sys.version_info >= version:
            found.update(more)
    return [pytest.param(text, id=name) for name, text in found.items()]


@pytest.mark.parametrize("text", spellings())
def test_a_name_that_is_spelled_the_same(text: str) -> None:
    before = "from polyaxon_helper import get_params\nget_params()\n"
    after = "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"
    assert move(before + text).text == after + text
