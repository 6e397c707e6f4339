"""What the rewriter makes of each form of use. Each row is also run before and after, and does the same."""
import os
import re
import sys
import warnings
from typing import FrozenSet, Optional, Tuple

import pytest

from polyaxon_helper.migrate.edits import Edit, applied, same
from polyaxon_helper.migrate.python import Context, Provider, Rewrite, migrate
from polyaxon_helper.migrate.source import Source, Surprise, Unreadable, opened
from polyaxon_helper.replacements import REPLACEMENTS

from . import standin

with open(os.path.join(os.path.dirname(__file__), "transforms.txt"), encoding="utf-8") as file:
    ROWS = [row.partition("\n")[::2] for row in re.split(r"(?m)^### ", file.read())[1:]]
TRANSFORMS = {name: tuple(texts.split("--- becomes\n")) for name, texts in ROWS}

NEWER = {
    (3, 8): {
        "a walrus": (
            "from polyaxon_helper import get_params\nif (p := get_params()):\n    show(p)\n",
            "from polyaxon_client.tracking import Experiment\nif (p := Experiment.get_params()):\n    show(p)\n"),
        "a walrus that takes the name": (
            "from polyaxon_helper import get_params\n[(get_params := x) for x in [1]]\nshow(get_params)\n",
            "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"
            "[(get_params := x) for x in [1]]\nshow(get_params)\n"),
        "a field that prints its own text": (
            "from polyaxon_helper import get_params\nshow(f'{get_params()=} {get_params() == 1} {1 != 2}')\n",
            "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"
            "show(f'{get_params()=} {get_params() == 1} {1 != 2}')\n"),
        "a field that prints its own text, in several lines": (
            "from polyaxon_helper import get_params\nshow(f'''é\n é{(get_params()) = !r:>{3}}''')\n",
            "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"
            "show(f'''é\n é{(get_params()) = !r:>{3}}''')\n"),
        "another field that prints its own text": (
            "from polyaxon_helper import get_params\nx = 1\nshow(f'{x=} {get_params()}')\n",
            "from polyaxon_client.tracking import Experiment\nx = 1\nshow(f'{x=} {Experiment.get_params()}')\n"),
        "a positional-only default": (
            "from polyaxon_helper import get_params\ndef f(x=get_params, /): return x()\nshow(f())\n",
            "from polyaxon_client.tracking import Experiment\ndef f(x=Experiment.get_params, /): return x()\n"
            "show(f())\n"),
    },
    (3, 10): {
        "match": (
            "from polyaxon_helper import get_params, Experiment\nmatch get_params():\n    case Experiment(): pass\n"
            "    case {'lr': x} if get_params: show(x)\n",
            "from polyaxon_client.tracking import Experiment\nmatch Experiment.get_params():\n"
            "    case Experiment(): pass\n"
            "    case {'lr': x} if Experiment.get_params: show(x)\n"),
        "a match capture at the top takes the name": (
            "from polyaxon_helper import get_params\nmatch 1:\n    case get_params: show(get_params)\n",
            "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\nmatch 1:\n"
            "    case get_params: show(get_params)\n"),
    },
    (3, 11): {
        "except*": (
            "try:\n    from polyaxon_helper import send_metrics\nexcept* ValueError:\n    pass\nsend_metrics(a=1)\n",
            "try:\n    from polyaxon_client.exceptions import PolyaxonClientException\n"
            "    from polyaxon_client.tracking import Experiment\n\n    try:\n        experiment = Experiment()\n"
            "    except PolyaxonClientException:\n        experiment = None\nexcept* ValueError:\n    pass\n"
            "experiment.log_metrics(a=1)\n"),
    },
    (3, 12): {
        "quotes of the same kind in an f-string": (
            "from polyaxon_helper import get_params\nshow(f'{get_params()['lr']} {f'{get_params()}'}')\n",
            "from polyaxon_client.tracking import Experiment\n"
            "show(f'{Experiment.get_params()['lr']} {f'{Experiment.get_params()}'}')\n"),
        "type parameters": (
            "from polyaxon_helper import get_params, Experiment\n"
            "def f[T: Experiment](x: T = get_params()) -> T: return x\n"
            "type X[Y] = get_params\nclass A[Z](dict):\n    y = get_params()\n",
            "from polyaxon_client.tracking import Experiment\n"
            "def f[T: Experiment](x: T = Experiment.get_params()) -> T: return x\n"
            "type X[Y] = Experiment.get_params\nclass A[Z](dict):\n    y = Experiment.get_params()\n"),
    },
}
for version, rows in NEWER.items():
    if sys.version_info >= version:
        TRANSFORMS.update(rows)


@pytest.mark.parametrize("before, after", list(TRANSFORMS.values()), ids=list(TRANSFORMS))
def test_moves(before: str, after: str) -> None:
    result = migrate(before)
    assert result.text == after
    assert result.uses


@pytest.mark.parametrize("before, after", list(TRANSFORMS.values()), ids=list(TRANSFORMS))
def test_running_it_again_changes_nothing(before: str, after: str) -> None:
    assert migrate(after).text == after
    assert migrate(after).places == migrate(before).left


@pytest.mark.parametrize("situation", standin.SITUATIONS)
@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_behaves_as_before(name: str, situation: str) -> None:
    if situation == "missing" and "polyaxon" not in TRANSFORMS[name][1]:
        return  # nothing of it was used, and what no longer imports it no longer fails
    old, new = TRANSFORMS[name]
    before, after = standin.run(old, situation), standin.run(new, situation, lazy=True)
    if "NameError" in before.error:
        # the name itself is in the message
        before, after = (each._replace(error=each.error.split(":")[0]) for each in (before, after))
    assert after._replace(made=0) == before._replace(made=0)
    assert after.made <= max(1, before.made)
    if before.made and ("metrics" in str(before.events)):
        assert after.made == 1


LINE_ENDS = {"CRLF": "\r\n", "CR": "\r"}


@pytest.mark.parametrize("name", ["metrics", "in two functions", "parentheses and comments", "f-strings",
                                  "one line with others, metrics", "several imports", "a fallback of None"])
@pytest.mark.parametrize("end", list(LINE_ENDS.values()), ids=list(LINE_ENDS))
def test_keeps_line_ends(name: str, end: str) -> None:
    before, after = (text.replace("\n", end) for text in TRANSFORMS[name])
    assert migrate(before).text == after


BYTES = {
    "no last newline": ("from polyaxon_helper import get_log_level",
    "from polyaxon_client.tracking import get_log_level"),
    "no last newline behind metrics": (
        "def f():\n    from polyaxon_helper import get_params; return get_params",
        "def f():\n    from polyaxon_client.tracking import Experiment; return Experiment.get_params"),
    "no last newline behind others, metrics": (
        "x = 1; from polyaxon_helper import send_metrics; send_metrics(x=x)",
        "x = 1\nfrom polyaxon_client.exceptions import PolyaxonClientException\n"
        "from polyaxon_client.tracking import Experiment\n\ntry:\n    experiment = Experiment()\n"
        "except PolyaxonClientException:\n    experiment = None\nexperiment.log_metrics(x=x)"),
    "an import that goes without a last newline": ("x = 1\nimport polyaxon_helper", "x = 1\n"),
    "a form feed": (
        "x = 1\n\x0cfrom polyaxon_helper import get_params\nx = '\x0c\x1c\u2028'; get_params()\n",
        "x = 1\n\x0cfrom polyaxon_client.tracking import Experiment\nx = '\x0c\x1c\u2028'; Experiment.get_params()\n"),
    "spaces at the ends of lines": (
        "from polyaxon_helper import get_params   \nx = get_params ( )  \n",
        "from polyaxon_client.tracking import Experiment   \nx = Experiment.get_params ( )  \n"),
    "a tab between words": (
        "from\tpolyaxon_helper\timport\tget_log_level\t, get_params\nget_params()\n",
        "from\tpolyaxon_client.tracking\timport\tget_log_level\t, Experiment\nExperiment.get_params()\n"),
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
    assert migrate(before).text == after


def test_a_long_sum_is_no_deep_recursion() -> None:
    text = "from polyaxon_helper import get_params\nx = {}\nget_params()\n".format(" + ".join(["1"] * 900))
    assert "Experiment.get_params()" in migrate(text).text


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
        migrate("" + text)
    assert caught.value.line == line


def test_what_parses_but_does_not_compile_is_left() -> None:
    with pytest.raises(Unreadable):
        migrate("from polyaxon_helper import get_params\nreturn get_params()\n")


def test_warnings_are_no_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert migrate("from polyaxon_helper import get_params\nx = '\\d', get_params() is 1\n").uses


# Function by function

SELECTED = {
    "one of two": (
        "get_params", "from polyaxon_helper import get_params, send_metrics\nsend_metrics(**get_params())\n",
        "from polyaxon_client.tracking import Experiment\nfrom polyaxon_helper import send_metrics\n"
        "send_metrics(**Experiment.get_params())\n"),
    "one of the module's": (
        "get_params", "import polyaxon_helper\npolyaxon_helper.send_metrics(**polyaxon_helper.get_params())\n",
        "import polyaxon_helper\nfrom polyaxon_client.tracking import Experiment\n"
        "polyaxon_helper.send_metrics(**Experiment.get_params())\n"),
    "one by *": (
        "get_params", "from polyaxon_helper import *\nsend_metrics(**get_params())\n",
        "from polyaxon_client.tracking import Experiment\nfrom polyaxon_helper import send_metrics\n"
        "send_metrics(**Experiment.get_params())\n"),
    "a fallback in a line of several": (
        "get_log_level", "import os; from polyaxon_helper import get_log_level, get_params; get_log_level()\n",
        "import os; from polyaxon_client.tracking import get_log_level; from polyaxon_helper import get_params; "
        "get_log_level()\n"),
}


@pytest.mark.parametrize("name, before, after", list(SELECTED.values()), ids=list(SELECTED))
def test_moves_what_is_selected(name: str, before: str, after: str) -> None:
    result = migrate(before, Context(selected=frozenset((name,))))
    assert (result.text, result.places) == (after, [])


def test_one_name_after_the_other_leads_to_the_same_place() -> None:
    text = ("from polyaxon_helper import get_params, get_log_level, send_metrics\nsend_metrics(**get_params())\n"
            "get_log_level()\n")
    for name in REPLACEMENTS:
        text = migrate(text, Context(selected=frozenset((name,)))).text
    assert "polyaxon_helper" not in text
    assert text.count("Experiment()") == 1


@pytest.mark.parametrize("name", ["experiment", "send_metrics"])
def test_what_makes_the_experiment_moves_together(name: str) -> None:
    text = "from polyaxon_helper import experiment, send_metrics\nexperiment.log_metrics(a=1)\nsend_metrics(b=2)\n"
    result = migrate(text, Context(selected=frozenset((name,))))
    assert result.text == text
    assert [place.name for place in result.places] == [name]
    assert migrate(text, Context(selected=frozenset(("experiment", "send_metrics")))).places == []


def test_the_module_moves_its_experiment_together() -> None:
    text = "import polyaxon_helper as p\np.experiment.log_metrics(a=1)\np.send_metrics(b=2)\n"
    result = migrate(text, Context(selected=frozenset(("send_metrics",))))
    assert (result.text, len(result.places)) == (text, 1)


# What other modules know

EXPORTED = {
    "a getter": ("from polyaxon_helper import get_params\n", frozenset(("get_params",)),
                 "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"),
    "everything": ("from polyaxon_helper import get_params as p\n", frozenset("*"),
                   "from polyaxon_client.tracking import Experiment\np = Experiment.get_params\n"),
    "the experiment": (
        "from polyaxon_helper import experiment\n", frozenset("*"),
        "from polyaxon_client.exceptions import PolyaxonClientException\n"
        "from polyaxon_client.tracking import Experiment\n\n"
        "try:\n    experiment = Experiment()\nexcept PolyaxonClientException:\n    experiment = None\n"),
}


@pytest.mark.parametrize("before, exported, after", list(EXPORTED.values()), ids=list(EXPORTED))
def test_keeps_what_others_import(before: str, exported: FrozenSet[str], after: str) -> None:
    assert migrate(before, Context(exported=exported)).text == after


@pytest.mark.parametrize("text", ["from polyaxon_helper import *\n", "import polyaxon_helper\n",
                                  "from polyaxon_helper import *\nget_params()\n"])
def test_reports_what_others_import_and_can_not_be_known(text: str) -> None:
    result = migrate(text, Context(exported=frozenset("*")))
    assert (result.text, len(result.places)) == (text, 1)


def test_a_package_that_stays_keeps_its_members() -> None:
    text = "import polyaxon_helper\nf(polyaxon_helper)\npolyaxon_helper.send_metrics(a=polyaxon_helper.get_params())\n"
    assert migrate(text).text == text


def test_stays_where_no_owner_is_known() -> None:
    text = ("import polyaxon_helper as p\nfrom polyaxon_helper import send_metrics\nsend_metrics(a=1)\n"
            "p.send_metrics(b=p.get_params())\n")
    result = migrate(text, Context(stay="why"))
    assert "send_metrics(a=1)\np.send_metrics(b=Experiment.get_params())" in result.text
    assert [(place.line, place.message) for place in result.places] == [(3, "why"), (4, "why")]


# The edits themselves

def test_an_edit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Surprise):
        applied("abc", [Edit(0, 1, "b", "x")])
    with pytest.raises(Surprise):
        applied("abc", [Edit(0, 2, "ab", "x"), Edit(1, 2, "b", "y")])


def test_another_tree_is_noticed() -> None:
    for one, other in (("f(1)", "f(2)"), ("f(1)", "f(1, 2)"), ("f(1)", "f(x)"), ("f()", "f(); f()")):
        assert not same(Source(one), Source(other), {}, {})
    assert same(Source("f(1)"), Source("f( 1 )"), {}, {})


@pytest.mark.parametrize("text", ["f'{x", "f'{'x", "f'", "'x"])
def test_a_string_without_an_end_is_a_surprise(text: str) -> None:
    with pytest.raises(Surprise, match="does not end"):
        opened(text)


def test_an_fstring_that_is_not_understood_is_a_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon_helper.migrate.source.opened", lambda text: ("(", []))
    with pytest.raises(Surprise, match="does not parse"):
        Source("f'{x}'")


def test_a_name_in_other_letters_is_a_surprise() -> None:
    with pytest.raises(Surprise, match="spelled"):
        migrate("from \uff50olyaxon_helper import get_log_level\nget_log_level()\n")


IMPORTED = "from polyaxon_client.tracking import Experiment\n"


@pytest.mark.parametrize("text, made", [
    (IMPORTED + "e = Experiment()\n", ("e", False)),
    (IMPORTED + "x = dict()\ntry:\n    e = Experiment()\nexcept Exception:\n    e = None\n", ("e", False)),
    (IMPORTED + "try:\n    e = Experiment()\nexcept Exception:\n    pass\nelse:\n    f()\n", ("", False)),
    (IMPORTED + "e = Experiment()\ne = 1\n", ("", False)), (IMPORTED + "x = dict()\n", None),
], ids=["one", "one or None", "in another form", "not for good", "none"])
def test_what_a_moved_module_makes(text: str, made: Optional[Tuple[str, bool]]) -> None:
    assert Rewrite(text).makes() == made


def test_a_surprise_leaves_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon_helper.migrate.edits.same", lambda *_: False)
    with pytest.raises(Surprise, match="another tree"):
        migrate("from polyaxon_helper import get_params\nget_params()\n")


def test_a_broken_result_is_a_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon_helper.migrate.edits.applied", lambda text, edits: "def")
    with pytest.raises(Surprise, match="does not parse"):
        migrate("from polyaxon_helper import get_params\nget_params()\n")


PROVIDED = {
    "behind the import of the owner": (
        Provider("utils", "experiment", False),
        "import utils\nfrom polyaxon_helper import send_metrics\n"
        "send_metrics(a=1)\n", 1,
        "import utils\nfrom utils import experiment\nexperiment.log_metrics(a=1)\n"),
    "before the import of the owner": (
        Provider("utils", "experiment", False),
        "from polyaxon_helper import send_metrics\nimport utils  # ours\n"
        "send_metrics(a=1)\n",
        2, "import utils  # ours\nfrom utils import experiment\nexperiment.log_metrics(a=1)\n"),
    "a factory": (
        Provider(".utils", "get_experiment", True),
        "from . import utils\nfrom polyaxon_helper import send_metrics as log\ncall(log)\n", 1,
        "from . import utils\nfrom .utils import get_experiment\nexperiment = get_experiment()\n\n\n"
        "def log(**metrics):\n    experiment.log_metrics(**metrics)\n\n\ncall(log)\n"),
    "before the import of the owner, twice": (
        Provider("utils", "experiment", False),
        "from polyaxon_helper import send_metrics\nfrom polyaxon_helper import send_metrics as log\nimport utils\n"
        "send_metrics(a=1)\nlog(b=1)\n", 3,
        "import utils\nfrom utils import experiment\nexperiment.log_metrics(a=1)\nexperiment.log_metrics(b=1)\n"),
    "the name is taken": (
        Provider("utils", "experiment", False),
        "import utils\nfrom polyaxon_helper import send_metrics\nexperiment = 1\nsend_metrics(a=1)\n", 1,
        "import utils\nfrom utils import experiment as polyaxon_experiment\nexperiment = 1\n"
        "polyaxon_experiment.log_metrics(a=1)\n"),
}


@pytest.mark.parametrize("provider, before, line, after", list(PROVIDED.values()), ids=list(PROVIDED))
def test_takes_the_experiment_from_its_owner(provider: Provider, before: str, line: int, after: str) -> None:
    rewrite = Rewrite(before)
    given = provider._replace(node=rewrite.source.tree.body[line - 1])
    assert rewrite.result(Context(provider=given)).text == after
