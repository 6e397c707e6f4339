"""Proves what the rewriter makes of each form of use, for both targets, and that all then goes on as before."""
import re
import sys
import warnings
from typing import Any, Dict, List, Tuple

import pytest

from polyaxon_helper.migrate.python import Surprise, Unreadable, leaving, read, rewrite
from polyaxon_helper.migrate.python.edits import Edit, Edits, applied
from polyaxon_helper.migrate.python.source import Source
from polyaxon_helper.replacements import CLIENT, REPLACEMENTS, TRACEML, TRACKING, Target

from . import standin
from .rows import ALL, PYTHON_3_9, PYTHON_3_11, Row, move, rows, same_reports, whole

CLIENT_ROWS = rows("transforms.txt")
TRACEML_ROWS = rows("transforms_traceml.txt")
EVERY = [pytest.param(target, row, id="{}, {}".format(target.column, name))
         for target, found in ((PYTHON_3_9, CLIENT_ROWS), (TRACEML, TRACEML_ROWS)) for name, row in found.items()]
BY_CLIENT = [pytest.param(row, id=name) for name, row in CLIENT_ROWS.items()]
MOVING = [pytest.param(row, id=name) for name, row in CLIENT_ROWS.items() if row.after != row.before]


@pytest.mark.parametrize("target, row", EVERY)
def test_moves_what_can_and_says_why_the_rest_stays(target: Target, row: Row) -> None:
    result = move(row.before, target)
    assert result.text == row.after
    assert same_reports(result, row.reports), result.after.places
    assert bool(result.uses) == (row.after != row.before)


@pytest.mark.parametrize("target, row", EVERY)
def test_running_it_again_changes_nothing(target: Target, row: Row) -> None:
    again = move(row.after, target)
    assert (again.text, again.after.notes, again.uses) == (row.after, [], 0)
    assert again.after.places == again.before.places == move(row.before, target).after.places


@pytest.mark.parametrize("target, row", EVERY)
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_keeps_line_ends(target: Target, row: Row, end: str) -> None:
    assert move(row.before.replace("\n", end), target).text == row.after.replace("\n", end)


@pytest.mark.parametrize("row", MOVING)
def test_for_newer_pythons_the_names_come_from_one_module_of_ours(row: Row) -> None:
    """The lines are the same but for the imports, which may be one where there were two, and sort elsewhere."""
    newer, there = move(row.before, PYTHON_3_11).text, re.findall("from polyaxon_client.*", row.before)
    assert re.findall("from polyaxon_client.*", newer) == there  # what was there is not this run's
    if "PolyaxonClientException" not in row.after and not there:
        assert lines(newer) == lines(row.after.replace(TRACKING, CLIENT))


def lines(text: str) -> List[str]:
    return sorted(line.strip() for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("row", MOVING)
@pytest.mark.parametrize("python", [PYTHON_3_9, PYTHON_3_11], ids=["3.9", "3.11"])
def test_two_steps_equal_one(row: Row, python: Target) -> None:
    """Blank lines apart: those that the first step puts around what it adds may be there already, or not."""
    once, twice = move(row.before, TRACEML), move(move(row.before, python).text, TRACEML)
    if twice.after.places:
        # or get_experiment may be read, or there are two
        assert once.after.places or re.search("globals|exec|locals|polyaxon_client", row.before)
    elif not once.after.places and "polyaxon_client" not in row.before:  # who has both names may have them twice then
        assert lines(twice.text) == lines(once.text)


@pytest.mark.parametrize("situation", standin.SITUATIONS)
@pytest.mark.parametrize("row", MOVING)
def test_behaves_as_before(row: Row, situation: str) -> None:
    if situation == "missing" and "polyaxon" not in row.after:
        return  # nothing of it was used, and what no longer imports it no longer fails
    new = move(row.before, PYTHON_3_11).text if situation == "not importable" else row.after
    before, after = standin.run(row.before, situation), standin.run(new, situation, lazy=True)
    assert not standin.differs(before, after), (before, after)


EXAMPLES = {"{}, {}".format(name, source): text for name, row in CLIENT_ROWS.items()
            for source, text in (("legacy", row.before), ("moved before", row.after))}
EXAMPLES.update((name, row.before) for name, row in TRACEML_ROWS.items())


@pytest.mark.parametrize("text", list(EXAMPLES.values()), ids=list(EXAMPLES))
def test_behaves_as_before_on_traceml(text: str) -> None:
    before = standin.run(text, "managed", standin.TRACEML)
    after = standin.run(move(text, TRACEML).text, "managed", standin.TRACEML, lazy=True)
    assert not standin.differs(before, after), (before, after)


@pytest.mark.parametrize("target", [PYTHON_3_9, TRACEML], ids=["client", "traceml"])
def test_functions_that_are_kept_can_be_pickled(target: Target) -> None:
    module = "from polyaxon_helper import get_params, send_metrics\nGIVEN = [get_params, send_metrics]\n"
    script = "import pickle, utils\nshow(pickle.loads(pickle.dumps(utils.GIVEN)) == utils.GIVEN)\n"
    for text in (module, move(module, target).text):
        said = standin.run(script, "managed", {**standin.TRACEML, "utils": text})
        assert said.events == [("shown", ["True"], [])], said


LEGACY, CLASS = "from polyaxon_helper import ", "from polyaxon_client.tracking import Experiment\n"
OLD_FSTRINGS = {
    "a getter": (PYTHON_3_9, "from polyaxon_helper import get_params\nx = 1\nshow(f'{x} {get_params()}')\n", 3),
    "a method": (TRACEML, CLASS + "e = Experiment()\nf'{e.get_params()}'\n", 3),
    "the class": (TRACEML, "from polyaxon_client.tracking import Experiment\nf'''\n{Experiment.get_params()}'''\n", 3),
}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it knows where they stand")
@pytest.mark.parametrize("target, text, line", list(OLD_FSTRINGS.values()), ids=list(OLD_FSTRINGS))
def test_what_stands_in_an_fstring_stays_before_python_3_12(target: Target, text: str, line: int) -> None:
    result = move(text, target)
    assert result.text == text
    assert [(place.line, "Python 3.12" in place.message) for place in result.after.places] == [(line, True)]


# Bytes

BYTES = {
    "no last newline": ("from polyaxon_helper import get_log_level",
                        "from polyaxon_client.tracking import get_log_level"),
    "no last newline behind others": (
        "def f():\n    from polyaxon_helper import get_params\n    return get_params()",
        "def f():\n    from polyaxon_client.tracking import Experiment\n    return Experiment.get_params()"),
    "no last newline behind metrics": (
        "x = 1\nfrom polyaxon_helper import send_metrics\nx = 2; send_metrics(x=x)",
        "x = 1\nfrom polyaxon_client.tracking import Experiment\n\n@get_experiment\n\n\n"
        "x = 2; get_experiment().log_metrics(x=x)"),
    "an import that goes without a last newline": ("x = 1\nimport polyaxon_helper", "x = 1\n"),
    "a form feed": (
        "x = 1\n\x0cfrom polyaxon_helper import get_params\nx = '\x0c\x1c\u2028'; get_params()\n",
        "x = 1\n\x0cfrom polyaxon_client.tracking import Experiment\nx = '\x0c\x1c\u2028'; Experiment.get_params()\n"),
    "spaces at the ends of lines": (
        "from polyaxon_helper import get_params   \nx = get_params ( )  \n",
        "from polyaxon_client.tracking import Experiment   \nx = Experiment.get_params ( )  \n"),
    "a tab between words": (
        "from\tpolyaxon_helper\timport\tget_log_level\t, get_params\nget_params()\n",
        "from\tpolyaxon_client.tracking\timport\tExperiment\t, get_log_level\nExperiment.get_params()\n"),
    "mixed line ends": (
        "import os\r\nfrom polyaxon_helper import get_params\nget_params()\r",
        "import os\r\nfrom polyaxon_client.tracking import Experiment\nExperiment.get_params()\r"),
    "a shebang and a coding line": (
        "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\nfrom polyaxon_helper import get_params\n"
        "x = 'é'; get_params()\n",
        "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\nfrom polyaxon_client.tracking import Experiment\n"
        "x = 'é'; Experiment.get_params()\n"),
}


@pytest.mark.parametrize("before, after", list(BYTES.values()), ids=list(BYTES))
def test_keeps_every_other_byte(before: str, after: str) -> None:
    assert move(before).text == whole(after)


@pytest.mark.parametrize("text, line", [
    ("print 'x'\nfrom polyaxon_helper import send_metrics\n", 1),
    ("def f(:\n", 1),
    ("x = 1\n  y = 2\n", 2),
    ("(" * 300 + ")" * 300, 1),
    ("x = '\\N{nothing}'\n", 1),
    ("if True:\n\tx = 1\n        y = 2\n", 3),
], ids=["Python 2", "a syntax error", "an indentation error", "too deep", "a unicode error", "tabs and spaces"])
def test_says_what_does_not_parse(text: str, line: int) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text, PYTHON_3_9)
    assert caught.value.lineno == line


def test_warnings_are_no_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert move("from polyaxon_helper import get_params\nx = '\\d', get_params() is 1\n").uses


LONG = {
    "8,000 uses": "send_metrics(a=get_params())\n" * 8000,
    "8,000 uses in one expression": "x = [\n" + "    get_params(),\n" * 8000 + "]\n",
    "200 kB of blanks": " " * 200000 + "\n" + "\n" * 200000 + "x = 1\n",
    "200 kB of blanks behind an expression": "get_params()" + " " * 200000 + "\n",
    "a sum of 900": "x = {}\n".format(" + ".join(["get_params()"] * 900)),
    "an f-string of 3,000 fields": "x = f'{}'\n".format("{get_params()} " * 3000),
    "500 functions that make an Experiment": "".join(
        "def f{}(x):\n    from polyaxon_helper import Experiment\n    Experiment().log_metrics(a=x)\n".format(number)
        for number in range(500)),
    "2,000 imports": "from polyaxon_helper import get_params\n" * 2000 + "get_params()\n",
    "a name of 2,000 imports": "from polyaxon_helper import {}\n".format(", ".join(["get_params"] * 2000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("target", [PYTHON_3_9, TRACEML], ids=["client", "traceml"])
@pytest.mark.parametrize("text", list(LONG.values()), ids=list(LONG))
def test_long_texts_take_linear_work(text: str, target: Target) -> None:
    """Each would take minutes if it did not."""
    result = move("from polyaxon_helper import get_params, send_metrics\n" + text, target)
    assert ("polyaxon_helper" in result.text) == bool(result.after.places)


# Name by name, and names that others take

LEVEL_AND_PATH = "from polyaxon_helper import get_log_level, get_outputs_path\nget_log_level()\nget_outputs_path()\n"
SELECTED: Dict[str, Tuple[Target, str, str, str]] = {
    "one of two": (
        PYTHON_3_9, "get_params", LEGACY + "get_params, send_metrics\nsend_metrics(**get_params())\n",
        "from polyaxon_client.tracking import Experiment\nfrom polyaxon_helper import send_metrics\n"
        "send_metrics(**Experiment.get_params())\n"),
    "one of the module's": (
        PYTHON_3_9, "get_params", "import polyaxon_helper as p\np.send_metrics(**p.get_params())\n",
        "import polyaxon_helper as p\nfrom polyaxon_client.tracking import Experiment\n"
        "p.send_metrics(**Experiment.get_params())\n"),
    "metrics beside the experiment": (
        PYTHON_3_9, "send_metrics",
        "from polyaxon_helper import experiment, send_metrics\nsend_metrics(b=2)\nexperiment.log_metrics(a=1)\n",
        CLASS + "from polyaxon_helper import experiment\n\n@get_experiment\n\n\n"
        "get_experiment().log_metrics(b=2)\nexperiment.log_metrics(a=1)\n"),
    "one for traceml": (
        TRACEML, "get_log_level", LEVEL_AND_PATH,
        "from polyaxon_helper import get_outputs_path\nfrom traceml import tracking\n"
        "tracking.get_or_create_run().get_log_level()\nget_outputs_path()\n"),
    "none that is there": (TRACEML, "get_params", LEVEL_AND_PATH, LEVEL_AND_PATH),
}


@pytest.mark.parametrize("target, name, before, after", list(SELECTED.values()), ids=list(SELECTED))
def test_moves_what_is_selected(target: Target, name: str, before: str, after: str) -> None:
    result = move(before, target, frozenset((name,)))
    assert (result.text, result.after.places) == (whole(after), [])


NOT_SELECTED = {
    "a name": "from polyaxon_helper import send_metrics\nsend_metrics(a=1)\n",
    "a name that needs a person": "from polyaxon_helper import get_api\nget_api()\n",
    "a name of the module": "import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\n",
    "the experiment, tested": "from polyaxon_helper import experiment\nif experiment: pass\n",
}


@pytest.mark.parametrize("text", list(NOT_SELECTED.values()), ids=list(NOT_SELECTED))
def test_leaves_what_is_not_selected(text: str) -> None:
    result = move(text, selected=frozenset(("get_params",)))
    assert (result.text, result.uses, result.after.places) == (text, 0, [])


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in CLIENT_ROWS.items() if not row.reports])
def test_one_name_after_the_other_leaves_nothing(row: Row) -> None:
    text = row.before
    for name in sorted(REPLACEMENTS):
        text = move(text, selected=frozenset((name,))).text
    assert "polyaxon_helper import" not in text.replace("polyaxon_helper import client", "")
    if "import polyaxon_client" not in row.before:
        for situation in ("managed", "outside"):
            before, after = standin.run(row.before, situation), standin.run(text, situation, lazy=True)
            assert not standin.differs(before, after), (text, before, after)


LOG = "from polyaxon_helper import send_metrics\n\n\ndef log(a):\n    send_metrics(a=a)\n"
TAKEN: Dict[str, Tuple[Target, str, str, str]] = {
    "metrics": (PYTHON_3_9, "send_metrics", LOG,
                "from polyaxon_client.tracking import Experiment\n\n@get_experiment\n\n\n"
                "def send_metrics(**metrics):\n    get_experiment().log_metrics(**metrics)\n\n\n"
                "def log(a):\n    send_metrics(a=a)\n"),
    "metrics, by another name": (
        PYTHON_3_9, "log", "from polyaxon_helper import send_metrics as log\n",
        "from polyaxon_client.tracking import Experiment\n\n@get_experiment\n\n\n"
        "def log(**metrics):\n    get_experiment().log_metrics(**metrics)\n"),
    "a getter": (PYTHON_3_9, "get_params", "from polyaxon_helper import get_params\n",
                 "from polyaxon_client.tracking import Experiment\n\n\n"
                 "def get_params():\n    return Experiment.get_params()\n"),
    "a getter that keeps its name": (PYTHON_3_9, "get_log_level", "from polyaxon_helper import get_log_level\n",
                                     "from polyaxon_client.tracking import get_log_level\n"),
    "another name": (PYTHON_3_9, "other", "from polyaxon_helper import get_params\nget_params()\n",
                     "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"),
    "metrics, for traceml": (TRACEML, "send_metrics", LOG,
                             "from traceml import tracking\n\n\n"
                             "def send_metrics(**metrics):\n"
                             "    tracking.get_or_create_run().log_metrics(**metrics)\n\n\n"
                             "def log(a):\n    send_metrics(a=a)\n"),
    "the experiment": (PYTHON_3_9, "experiment", "from polyaxon_helper import experiment\n",
                       "from polyaxon_helper import experiment\n"),
    "the experiment, for traceml": (TRACEML, "experiment", "from polyaxon_helper import experiment\n",
                                    "from polyaxon_helper import experiment\n"),
    "an Experiment of its own, for traceml": (
        TRACEML, "run", "from polyaxon_client.tracking import Experiment\n\nrun = Experiment()\n",
        "from polyaxon_client.tracking import Experiment\n\nrun = Experiment()\n"),
    "get_experiment, for traceml": (
        TRACEML, "get_experiment", "from polyaxon_client.tracking import Experiment\n\n@get_experiment\n",
        "from polyaxon_client.tracking import Experiment\n\n@get_experiment\n"),
}


@pytest.mark.parametrize("target, name, before, after", list(TAKEN.values()), ids=list(TAKEN))
def test_keeps_what_others_take(target: Target, name: str, before: str, after: str) -> None:
    result = move(whole(before), target, taken=frozenset((name,)))
    assert result.text == whole(after)
    assert bool(result.after.places) == (before == after)


LEAVING: Dict[str, Tuple[str, List[str], List[str]]] = {
    "a path that is treated as a dict": (LEGACY + "get_data_path\nget_data_path()['a']\n", ["get_data_path"],
                                         ["get_data_path"]),
    "nothing": ("import os\n", [], []),
    "getters and metrics": (
        LOG + "import polyaxon_helper as p\np.get_params()\n", ["p", "send_metrics"], ["p", "send_metrics"]),
    "a name that the client has too": ("from polyaxon_helper import get_log_level\n", [], ["get_log_level"]),
    "a name of a function": ("def f():\n    from polyaxon_helper import send_metrics\n", [], []),
    "an Experiment, and what makes one": (
        "from polyaxon_client.tracking import Experiment\nrun = Experiment()\n@get_experiment\n", [],
        ["Experiment", "_experiment", "get_experiment", "run"]),
    "what get_experiment gives": (
        "from polyaxon_client.tracking import Experiment\n@get_experiment\nrun = get_experiment()\n", [],
        ["Experiment", "_experiment", "get_experiment", "run"]),
    "an Experiment that a branch makes": (
        "from polyaxon_client.tracking import Experiment\nif __name__ == '__main__':\n    run = Experiment()\n", [],
        ["Experiment", "run"]),
}


def test_what_submodules_take_stands_above_their_import() -> None:
    """They take it while the package is loading."""
    text = "from polyaxon_helper import get_params\nfrom .a import f\n"
    new = rewrite(read(text, PYTHON_3_9), PYTHON_3_9, ALL, frozenset(("get_params",))).text
    assert new.index("def get_params()") < new.index("from .a import f")


def test_a_get_experiment_that_a_parameter_hides_is_not_called() -> None:
    text = whole("from polyaxon_client.tracking import Experiment\nfrom polyaxon_helper import send_metrics\n\n"
                 "@get_experiment\n\ndef f(get_experiment):\n    send_metrics(a=get_experiment)\n")
    new = move(text, PYTHON_3_9).text
    assert "    polyaxon_get_experiment().log_metrics(a=get_experiment)" in new
    assert "def polyaxon_get_experiment():" in new


@pytest.mark.parametrize("text, client, traceml", list(LEAVING.values()), ids=list(LEAVING))
def test_tells_which_names_would_go(text: str, client: List[str], traceml: List[str]) -> None:
    assert sorted(leaving(read(whole(text), PYTHON_3_9), PYTHON_3_9, ALL)) == client
    assert sorted(leaving(read(whole(text), TRACEML), TRACEML, ALL)) == traceml


# Notes, and what else is said of a module

SEND = "from polyaxon_helper import send_metrics\nsend_metrics(a=1)\n"
NOTES: Dict[str, Tuple[Target, str, List[Tuple[int, str, str]]]] = {
    "a thread": (
        PYTHON_3_9, "from threading import Thread\n" + SEND, [(14, "send_metrics", "call get_experiment() once")]),
    "a thread, no metrics": (
        PYTHON_3_9, "from threading import Thread\nfrom polyaxon_helper import get_params\nget_params()\n", []),
    "no thread": (PYTHON_3_9, SEND, []),
    "a path, with a package for buckets": (
        PYTHON_3_9, "import tensorflow as tf\nfrom polyaxon_helper import get_outputs_path\nget_outputs_path()\n",
        [(3, "get_outputs_path", "credentials")]),
    "a path": (PYTHON_3_9, "from polyaxon_helper import get_outputs_path\nget_outputs_path()\n", []),
    "the first volume": (
        PYTHON_3_9, LEGACY + "get_data_path\nget_data_path()\n", [(2, "get_data_path", "name the one")]),
    "a coordinate of an Experiment's": (
        TRACEML, CLASS + "e = Experiment()\ne.log_metrics(loss=1,\n              step=2)\n",
        [(4, "Experiment", "metric 'step'")]),
    "parameters": (TRACEML, LEGACY + "get_params\nget_params()\n", [(2, "get_params", "answers {}")]),
    "data paths": (
        TRACEML, "from polyaxon_helper import get_data_paths\nget_data_paths()['a']\n",
        [(8, "get_data_paths", "connections")]),
    "the values of data paths": (
        TRACEML, "from polyaxon_helper import get_data_paths\nlist(get_data_paths().values())\n", []),
    "a step": (TRACEML, SEND + "send_metrics(step=1, a=1)\n", [(3, "send_metrics", "metric 'step'")]),
    "a timestamp in a dict": (
        TRACEML, SEND + "send_metrics(**{'timestamp': 1, 'a': 1})\n", [(3, "send_metrics", "metric 'timestamp'")]),
    "a name that is written otherwise": (
        TRACEML, SEND + "send_metrics(**{'val/acc': 1, 'b_1': 2}, **m)\n", [(3, "send_metrics", "metric 'val/acc'")]),
    "a step of somebody else's logger": (
        TRACEML, SEND + CLASS + "Experiment().log_metrics(a=1)\nself.logger.log_metrics(a=1, step=2)\n", []),
    "a step of an Experiment, beside another": (
        TRACEML, "from polyaxon_helper import experiment\n" + CLASS + "Experiment().log_metrics(a=1)\n"
        "experiment.log_metrics(a=1, step=2)\n", [(3, "experiment", "metric 'step'")]),
    "parameters of an Experiment": (
        TRACEML, CLASS + "Experiment.get_params()\n", [(2, "Experiment", "answers {}")]),
    "a variable that 2.x does not set": (
        TRACEML, "import os\nmanaged = 'POLYAXON_RUN_OUTPUTS_PATH' in os.environ\n",
        [(2, "POLYAXON_RUN_OUTPUTS_PATH", "look for POLYAXON_RUN_INSTANCE, or set it as MIGRATION.md")]),
    "a variable that 2.x does not set, beside what moves": (
        TRACEML, LEGACY + "get_outputs_path\nimport os\nout = (get_outputs_path()\n"
        "       if os.environ.get('POLYAXON_RUN_OUTPUTS_PATH') else '.')\n",
        [(4, "POLYAXON_RUN_OUTPUTS_PATH", "not set")]),
    "a variable that 2.x does not set, in an f-string": (
        TRACEML, "import os\nf'{os.getenv(\"POLYAXON_RUN_OUTPUTS_PATH\")}/model'\n",
        [(2, "POLYAXON_RUN_OUTPUTS_PATH", "not set")]),
    "a variable that 2.x does not set, for 0.x": (
        PYTHON_3_9, "import os\nos.getenv('POLYAXON_RUN_OUTPUTS_PATH')\n", []),
    "a text with such a variable in it, and one that 2.x sets": (
        TRACEML, "# POLYAXON_RUN_OUTPUTS_PATH\nf('set POLYAXON_RUN_OUTPUTS_PATH', 'POLYAXON_IS_MANAGED')\n", []),
    "a process that forks": (TRACEML, "import multiprocessing\n" + SEND, [(3, "send_metrics", "what a process")]),
    "a fork": (TRACEML, "from os import fork as num_workers\n" + SEND, [(3, "send_metrics", "what a process")]),
    "the exception": (
        TRACEML, "from polyaxon_helper import PolyaxonClientException\nPolyaxonClientException\n",
        [(2, "PolyaxonClientException", "another class")]),
}


@pytest.mark.parametrize("target, text, notes", list(NOTES.values()), ids=list(NOTES))
def test_says_what_is_not_as_it_was(target: Target, text: str, notes: List[Tuple[int, str, str]]) -> None:
    result = move(text, target)
    assert [(note.line, note.name) for note in result.after.notes] == [note[:2] for note in notes]
    assert all(expected in note.message for note, (_, _, expected) in zip(result.after.notes, notes))
    assert not result.after.places


@pytest.mark.parametrize("target", [PYTHON_3_9, TRACEML], ids=["client", "traceml"])
@pytest.mark.parametrize("name", list(REPLACEMENTS))
def test_every_name_moves_or_has_its_snippet(name: str, target: Target) -> None:
    result = move("import polyaxon_helper\n\nx = polyaxon_helper.{}()\n".format(name), target)
    row: Any = getattr(REPLACEMENTS[name], target.column)
    assert bool(result.after.places) == ("polyaxon_helper" in result.text)
    assert all(row.write in place.message or name in ("experiment", "Experiment") for place in result.after.places)


TELLS: Dict[str, Tuple[Target, str, Tuple[bool, bool, bool]]] = {
    "metrics": (PYTHON_3_9, SEND, (True, False, False)),
    "a getter": (PYTHON_3_9, "from polyaxon_helper import get_params\nget_params()\n", (False, False, False)),
    "what has moved": (PYTHON_3_9, move(SEND).text, (True, False, False)),
    "an Experiment of its own": (
        PYTHON_3_9, CLASS + "run = Experiment()\n" + SEND, (True, False, False)),
    "Experiments that become runs": (TRACEML, CLASS + "run = Experiment()\n" + SEND, (False, False, False)),
    "an Experiment of the project's own": (
        PYTHON_3_9, "from .polyaxon_helper import Experiment\nrun = Experiment()\n", (False, False, False)),
    "a logger of its own that has one": (
        PYTHON_3_9, "class Logger:\n    def __init__(self):\n        self._experiment = None\n", (False, False, False)),
    "what lends the client what it needs": (TRACEML, "import polyaxon_helper.client\n", (False, True, False)),
    "what stays": (PYTHON_3_9, "from polyaxon_helper import get_api\nget_api()\n", (False, True, False)),
    "what stays with the client": (
        TRACEML, "from polyaxon_client.tracking import Job\nJob()\n", (False, False, True)),
    "the rest of the client": (
        TRACEML, "from polyaxon_client.client import PolyaxonClient\n" + SEND, (False, False, True)),
    "everything": (PYTHON_3_9, "from polyaxon_helper import *\nget_params()\n", (False, True, False)),
    "a string": (PYTHON_3_9, "mock.patch('polyaxon_helper.send_metrics')\n", (False, True, False)),
}


@pytest.mark.parametrize("target, text, told", list(TELLS.values()), ids=list(TELLS))
def test_tells_what_a_module_makes_and_stays_with(target: Target, text: str, told: Tuple[bool, bool, bool]) -> None:
    result = move(text, target)
    assert (result.makes, result.on_shim, result.on_client) == told


def test_places_have_the_lines_of_both_texts() -> None:
    result = move("from polyaxon_helper import get_api, send_metrics\n\nsend_metrics(a=1)\nx = get_api()\n")
    assert [(place.line, place.column) for place in result.before.places] == [(4, 5)]
    assert [(place.line, place.column) for place in result.after.places] == [(15, 5)]


# The edits themselves

def test_edits_that_overlap_are_refused() -> None:
    assert applied("abc", [Edit(0, 1, "x"), Edit(1, 2, "y")]) == "xyc"
    with pytest.raises(Surprise):
        applied("abc", [Edit(0, 2, "x"), Edit(1, 2, "y")])


def test_a_mark_of_ours_in_a_text_is_a_surprise() -> None:
    with pytest.raises(Surprise, match="private use"):
        move(SEND + "#\ue0001\nsend_metrics(a=1)\n")


@pytest.mark.parametrize("start, end, new", [
    (2, 3, "2"), (3, 3, ", 1"), (2, 3, "x"), (4, 4, "; f()"), (0, 1, "f."), (0, 4, "def")],
    ids=["a value", "an argument", "a kind", "a statement", "an attribute", "no Python"])
def test_another_tree_than_was_meant_is_a_surprise(start: int, end: int, new: str) -> None:
    edits = Edits(Source("f(1)"))
    edits.replace(start, end, new)
    with pytest.raises(Surprise, match="does not parse|another tree|statements"):
        edits.result()


def test_nothing_can_stand_above_a_docstring_that_shares_its_line() -> None:
    with pytest.raises(Surprise, match="above the first line"):
        move("'A docstring.'; f = lambda: send_metrics(a=1)\nfrom polyaxon_helper import send_metrics\nf()\n")


def test_a_name_in_other_letters_is_the_same_to_python() -> None:
    text = "from \uff50olyaxon_helper import get_log_level\nget_log_level()\n"
    assert move(text).text == "from polyaxon_client.tracking import get_log_level\nget_log_level()\n"
