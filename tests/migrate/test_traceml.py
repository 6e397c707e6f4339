"""What `--to traceml` makes of each form of use, what it leaves, and what it says."""
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.migrate import cli
from polyaxon_helper.migrate.python import Context, Result
from polyaxon_helper.migrate.traceml import Traceml
from polyaxon_helper.replacements import REPLACEMENTS

from . import standin
from .conftest import write
from .test_python import TRANSFORMS as CLIENT_TRANSFORMS

with open(os.path.join(os.path.dirname(__file__), "transforms_traceml.txt"), encoding="utf-8") as file:
    ROWS = [row.partition("\n")[::2] for row in re.split(r"(?m)^### ", file.read())[1:]]
TRANSFORMS = {name: tuple(texts.split("--- becomes\n")) for name, texts in ROWS}


def migrate(text: str, context: Context = Context()) -> Result:
    return Traceml(text).result(context)


NEWER = {
    (3, 8): {
        "a walrus": (
            "from polyaxon_helper import get_params\nif (p := get_params()):\n    show(p)\n",
            "from traceml import tracking\ntracking.get_or_create_run()\n"
            "if (p := tracking.TRACKING_RUN.get_inputs()):\n    show(p)\n"),
        "a field that prints its own text": (
            "from polyaxon_helper import get_log_level\nshow(f'{get_log_level()=}')\n",
            "from traceml import tracking\n\n\ndef get_log_level():\n    tracking.get_or_create_run()\n"
            "    return tracking.get_log_level()\n\n\nshow(f'{get_log_level()=}')\n"),
    },
    (3, 10): {
        "match": (
            "from polyaxon_helper import get_log_level\nmatch get_log_level():\n    case 'INFO':\n"
            "        show(get_log_level())\n",
            "from traceml import tracking\ntracking.get_or_create_run()\nmatch tracking.get_log_level():\n"
            "    case 'INFO':\n        show(tracking.get_log_level())\n"),
        "a guard": (
            "from polyaxon_helper import get_log_level\nmatch 1:\n    case 1 if get_log_level():\n        show(1)\n",
            "from traceml import tracking\n\n\ndef get_log_level():\n    tracking.get_or_create_run()\n"
            "    return tracking.get_log_level()\n\n\nmatch 1:\n    case 1 if get_log_level():\n        show(1)\n"),
    },
    (3, 11): {
        "except*": (
            "from polyaxon_helper import get_log_level\ntry:\n    get_log_level()\nexcept* ValueError:\n    pass\n",
            "from traceml import tracking\ntry:\n    tracking.get_or_create_run()\n    tracking.get_log_level()\n"
            "except* ValueError:\n    pass\n"),
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
    again = migrate(after)
    assert (again.text, again.places, again.notes) == (after, migrate(before).left, [])


# traceml in miniature, over the client's: there is nothing before the run is made, and that is made once
STANDIN = (("traceml", "__path__ = []"), ("polyaxon", "__path__ = []"), (
    "polyaxon.exceptions", "from polyaxon_client.exceptions import PolyaxonClientException"), ("traceml.tracking", """
import polyaxon_client.tracking as client
TRACKING_RUN = None
class Experiment(client.Experiment):
    get_inputs = staticmethod(client.Experiment.get_params)
    def get_outputs_path(self): return client.get_outputs_path()
    def get_log_level(self): return client.get_log_level()
def get_or_create_run():
    global TRACKING_RUN
    TRACKING_RUN = TRACKING_RUN or Experiment()
    return TRACKING_RUN
def log_metrics(**metrics): TRACKING_RUN.log_metrics(**metrics)
def get_outputs_path(): return TRACKING_RUN.get_outputs_path()
def get_log_level(): return TRACKING_RUN.get_log_level()
"""))
EXAMPLES = {"{}, {}".format(name, source): text for name, texts in CLIENT_TRANSFORMS.items()
            for source, text in zip(("legacy", "moved before"), texts)}
EXAMPLES.update((name, before) for name, (before, _) in TRANSFORMS.items() if "moved before" not in name)


@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if "get_data_paths" not in text])
def test_behaves_as_before(name: str) -> None:
    before = standin.run(EXAMPLES[name], "managed", STANDIN)
    text = migrate(EXAMPLES[name]).text
    after = standin.run(text, "managed", STANDIN, lazy=True)
    if "NameError" in before.error:  # the name itself is in the message
        before, after = (each._replace(error=each.error.split(":")[0]) for each in (before, after))
    assert after._replace(made=0) == before._replace(made=0)
    assert after.made <= max(1, before.made) or "polyaxon_helper" in text  # what stays has its own


@pytest.mark.parametrize("name", list(TRANSFORMS))
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_keeps_line_ends(name: str, end: str) -> None:
    before, after = (text.replace("\n", end) for text in TRANSFORMS[name])
    assert migrate(before).text == after


def test_never_makes_the_run_in_a_loop_nor_imports_from_polyaxon_tracking() -> None:
    import ast

    for before, after in TRANSFORMS.values():
        assert "polyaxon.tracking" not in after and "import polyaxon_client" not in after
        loops = [node for node in ast.walk(ast.parse(after)) if isinstance(node, (ast.For, ast.While))]
        assert not [node for loop in loops for line in loop.body if not isinstance(line, ast.FunctionDef)
                    for node in ast.walk(line) if getattr(node, "attr", "") == "get_or_create_run"]


TF = "write `json.loads(os.environ"
INSTALLED = "polyaxon-client and traceml can't be installed together"
STAYS: Dict[str, Any] = {
    "nothing of either package": ("import os\nos.sep\n", []),
    "already on traceml": (
        "from traceml import tracking\ntracking.init()\ntracking.log_metrics(a=1)\ntracking.get_outputs_path()\n", []),
    "of another package": ("from polyaxon_helpers import send_metrics\nsend_metrics(a=1)\n", []),
    "what needs a person": (
        "from polyaxon_helper import get_tf_config as tf, get_job_info, get_outputs_refs_paths\ntf()\n"
        "get_job_info()\nget_outputs_refs_paths()\n",
        [(2, "get_tf_config", TF), (3, "get_job_info", 'write `{"owner": tracking.TRACKING_RUN.owner'),
         (4, "get_outputs_refs_paths", "`init: artifacts`")]),
    "the same, by the module": (
        "import polyaxon_helper\npolyaxon_helper.get_task_info()\npolyaxon_helper.get_internal_token()\n",
        [(2, "get_task_info", TF), (3, "get_internal_token", "none any more")]),
    "the experiment, asked for": (
        "from polyaxon_helper import experiment, send_metrics\nif experiment:\n    send_metrics(a=1)\n",
        [(2, "experiment", "only its log_metrics moves"), (3, "send_metrics", "one writer has all metrics")]),
    "the experiment, by the module": (
        "import polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\npolyaxon_helper.experiment\n",
        [(2, "send_metrics", "one writer has all metrics"), (3, "experiment", "log_metrics")]),
    "metrics of a module that is handed around": (
        "import polyaxon_helper\nfrom polyaxon_helper import send_metrics\nf(polyaxon_helper)\nsend_metrics(a=1)\n",
        [(3, "polyaxon_helper", "functions of traceml.tracking"), (4, "send_metrics", "one writer has all metrics")]),
    "the exception of what stays": (
        "from polyaxon_helper import PolyaxonClientException, get_tf_config\ntry:\n    get_tf_config()\n"
        "except PolyaxonClientException:\n    pass\n",
        [(3, "get_tf_config", TF), (4, "PolyaxonClientException", "stays with get_tf_config")]),
    "in a class body": (
        "class A:\n    from polyaxon_helper import get_params\n    x = get_params()\n",
        [(3, "get_params", "class body")]),
    "a fallback of the client": (
        "try:\n    from polyaxon_client.tracking import get_outputs_path\nexcept ImportError:\n"
        "    from polyaxon_helper import get_outputs_path\nget_outputs_path()\n",
        [(5, "get_outputs_path", "stands in for polyaxon_client")]),
    "strings": (
        "patch('polyaxon_helper.send_metrics', 'polyaxon_client.tracking.Experiment')\n",
        [(1, "send_metrics", "a string names the legacy"), (1, "Experiment", "a string names the old client")]),
    "a method that a run may not have": (
        "from polyaxon_client.tracking import Experiment, get_log_level\nexperiment = Experiment()\n"
        "experiment.log_params(lr=1)\nexperiment.log_metrics(a=1)\nget_log_level()\n",
        [(2, "Experiment", "stays with log_params: " + INSTALLED), (3, "log_params", "needs a person"),
         (5, "get_log_level", "stays with log_params: " + INSTALLED)]),
    "a getter of the Experiment's own": (
        "from polyaxon_client.tracking import Experiment\ne = Experiment()\ne.get_params()\n",
        [(2, "Experiment", "stays with get_params"), (3, "get_params", "write `tracking.TRACKING_RUN.get_inputs()`")]),
    "our line that lends the client what it needs": (
        "from polyaxon_helper import client\n", [(1, "polyaxon_helper.client", "only polyaxon_client needs it")]),
    "a getter of the client's that needs a person": (
        "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\nExperiment.get_cluster_def()\n",
        [(2, "Experiment", "stays with get_cluster_def"), (3, "get_cluster_def", TF)]),
    "a job of the client's": (
        "from polyaxon_client.tracking import Job\njob = Job()\n", [(2, "Job", "log_metrics alone for sure")]),
    "the rest of the client": (
        "from polyaxon_client.client import PolyaxonClient\nfrom polyaxon_client.tracking import Group, get_log_level\n"
        "get_log_level()\n",
        [(1, "PolyaxonClient", "by hand"), (2, "Group", "by hand"), (3, "get_log_level", "stays with ")]),
    "the client's module": (
        "from polyaxon_client import tracking\nimport polyaxon_client.tracking\ntracking.get_log_level()\n",
        [(1, "tracking", "from polyaxon_client.tracking import"), (2, "polyaxon_client.tracking", "then run again")]),
    "everything from the client": (
        "from polyaxon_client.tracking import *\nget_log_level()\n", [(1, "*", "in place of *")]),
    "an Experiment with arguments": (
        "from polyaxon_client.tracking import Experiment\nExperiment(project='p').log_metrics(a=1)\n",
        [(2, "Experiment", "tracking.init"), (2, "Experiment", INSTALLED)]),
    "an Experiment each time round": (
        "from polyaxon_client.tracking import Experiment\nfor x in 1, 2:\n    Experiment().log_metrics(a=x)\n",
        [(3, "Experiment", "above the loop"), (3, "Experiment", INSTALLED)]),
    "an Experiment that is handed around": (
        "from polyaxon_client.tracking import Experiment\nx = [Experiment()]\n",
        [(2, "Experiment", "unclear"), (2, "Experiment", INSTALLED)]),
    "an Experiment given to a function that may do anything": (
        "from polyaxon_client.tracking import Experiment\nfrom other import f\nf(Experiment())\n",
        [(3, "Experiment", "unclear"), (3, "Experiment", INSTALLED)]),
    "an Experiment given to a function that does too much": (
        "from polyaxon_client.tracking import Experiment\ndef f(x, *, e): e.create()\nf(1, e=Experiment())\n",
        [(2, "create", "nearest that a run has is tracking.init"), (3, "Experiment", "stays with create")]),
    "an Experiment that a method gives": (
        "from polyaxon_client.tracking import Experiment\nclass A:\n    def e(self):\n        return Experiment()\n",
        [(4, "Experiment", "unclear"), (4, "Experiment", INSTALLED)]),
    "an Experiment in parentheses": (
        "from polyaxon_client.tracking import Experiment\n(Experiment)()\n",
        [(2, "Experiment", "edited safely"), (2, "Experiment", INSTALLED)]),
    "an Experiment of several": (
        "from polyaxon_client.tracking import Experiment\na, b = Experiment()\n(lambda e: e)(Experiment())\n",
        [(2, "Experiment", "unclear"), (2, "Experiment", INSTALLED), (3, "Experiment", "unclear"),
         (3, "Experiment", INSTALLED)]),
    "an Experiment given to what can't be followed": (
        "from polyaxon_client.tracking import Experiment\nclass A: pass\ndef f(a): pass\n@f\ndef g(a): pass\n"
        "def h(a): pass\ndef h(a): pass\ne = Experiment()\nA(e)\ng(e)\nh(e)\nf(*x, e)\nf(b=e)\nf(1, e)\n",
        [(8, "Experiment", INSTALLED)] + [(line, "Experiment", "unclear") for line in range(9, 15)]),
    "all, beside what stays with the client": (
        "import polyaxon_helper\nimport polyaxon_helper.client\nfrom polyaxon_client.tracking import Group\n"
        "polyaxon_helper.get_log_level()\n",
        [(3, "Group", "by hand"), (4, "get_log_level", "stays with Group")]),
    "one name for two": (
        "from polyaxon_helper import get_log_level as f, get_outputs_path as f\nf()\n",
        [(2, "get_log_level", "two things this name"), (2, "get_outputs_path", "two things this name")]),
    "everything, and everything from elsewhere": (
        "from polyaxon_helper import *\nfrom a import *\nget_log_level()\n", [(3, "get_log_level", "in place of *")]),
    "a method of the experiment that is not called": (
        "from polyaxon_helper import experiment\nshow(experiment.log_metrics)\n",
        [(2, "experiment", "only its log_metrics moves")]),
    "the class itself": (
        "from polyaxon_client.tracking import Experiment\ndef f(e: Experiment): pass\n",
        [(2, "Experiment", "used as a class")]),
}


@pytest.mark.parametrize("text, places", list(STAYS.values()), ids=list(STAYS))
def test_leaves_and_says_why(text: str, places: List[Any]) -> None:
    result = migrate(text)
    assert result.text == text
    found = [(place.line, place.name, place.message) for place in result.places]
    assert [each[:2] for each in found] == [each[:2] for each in places], found
    for expected in places:
        assert [each for each in found if each[:2] == expected[:2] and expected[2] in each[2]], (found, expected)


PARTS = {
    "by --select, beside what stays with the client": (
        "import polyaxon_helper\nfrom polyaxon_client.tracking import Group\npolyaxon_helper.get_log_level()\n"
        "polyaxon_helper.get_outputs_path()\n", Context(frozenset(["get_log_level"])),
        "import polyaxon_helper\nfrom polyaxon_client.tracking import Group\npolyaxon_helper.get_log_level()\n"
        "polyaxon_helper.get_outputs_path()\n"),
    "by --select": (
        "from polyaxon_helper import get_log_level, get_outputs_path\nget_log_level()\nget_outputs_path()\n",
        Context(frozenset(["get_log_level"])),
        "from traceml import tracking\nfrom polyaxon_helper import get_outputs_path\ntracking.get_or_create_run()\n"
        "tracking.get_log_level()\nget_outputs_path()\n"),
    "the rest of it, later": (
        "from traceml import tracking\nfrom polyaxon_helper import get_outputs_path\ntracking.get_or_create_run()\n"
        "tracking.get_log_level()\nget_outputs_path()\n", Context(),
        "from traceml import tracking\ntracking.get_or_create_run()\ntracking.get_log_level()\n"
        "tracking.get_outputs_path()\n"),
    "all but the class, by *": (
        "from polyaxon_helper import *\nExperiment.get_params()\nf(Experiment)\n", Context(),
        "from traceml import tracking\nfrom polyaxon_helper import Experiment\ntracking.get_or_create_run()\n"
        "tracking.TRACKING_RUN.get_inputs()\nf(Experiment)\n"),
    "a name that other modules import": (
        "from polyaxon_helper import get_log_level\nget_log_level()\n", Context(exported=frozenset(["get_log_level"])),
        "from traceml import tracking\n\n\ndef get_log_level():\n    tracking.get_or_create_run()\n"
        "    return tracking.get_log_level()\n\n\nget_log_level()\n"),
    "metrics that have to stay, and all else": (
        "from polyaxon_helper import get_log_level, send_metrics\nget_log_level()\nsend_metrics(a=1)\n",
        Context(stay="why"),
        "from traceml import tracking\nfrom polyaxon_helper import send_metrics\ntracking.get_or_create_run()\n"
        "tracking.get_log_level()\nsend_metrics(a=1)\n"),
}


@pytest.mark.parametrize("before, context, after", list(PARTS.values()), ids=list(PARTS))
def test_moves_a_part(before: str, context: Context, after: str) -> None:
    assert migrate(before, context).text == after


NOTES: Dict[str, Any] = {
    "parameters": ("from polyaxon_helper import get_params\nget_params()\n", [(3, "get_params", "{}")]),
    "data paths": (
        "from polyaxon_helper import get_data_paths\nget_data_paths()\n", [(9, "get_data_paths", "connections")]),
    "a step": (
        "from polyaxon_helper import send_metrics\nsend_metrics(step=1, a=1)\n", [(3, "send_metrics", "step is")]),
    "a timestamp in a dict": (
        "from polyaxon_helper import send_metrics\nsend_metrics(**{'timestamp': 1, 'a': 1})\n",
        [(3, "send_metrics", "timestamp is")]),
    "a name that is written otherwise": (
        "from polyaxon_helper import send_metrics\nsend_metrics(**{'val/acc': 1, 'b_1': 2})\n",
        [(3, "send_metrics", "'val/acc'")]),
    "usual names": ("from polyaxon_helper import send_metrics\nsend_metrics(a_b=1, **m)\n", []),
    "a step, by a function": (
        "from polyaxon_helper import send_metrics\nx and send_metrics(step=1)\n", [(9, "send_metrics", "step is")]),
    "a process that forks": (
        "import multiprocessing\nfrom polyaxon_helper import send_metrics\nsend_metrics(a=1)\n",
        [(4, "send_metrics", "forked")]),
    "an Experiment": (
        "from polyaxon_client.tracking import Experiment\ne = Experiment()\ne.log_metrics(step=1)\n",
        [(2, "Experiment", "log_metrics"), (3, "log_metrics", "step is")]),
    "the exception": (
        "from polyaxon_helper import PolyaxonClientException\nPolyaxonClientException\n",
        [(2, "PolyaxonClientException", "click")]),
}


@pytest.mark.parametrize("text, notes", list(NOTES.values()), ids=list(NOTES))
def test_says_what_is_not_as_it_was(text: str, notes: List[Any]) -> None:
    result = migrate(text)
    assert [(note.line, note.name) for note in result.notes] == [note[:2] for note in notes]
    assert all(expected in note.message for note, (_, _, expected) in zip(result.notes, notes))
    assert not result.places


def test_every_name_moves_or_has_its_snippet() -> None:
    for name, row in REPLACEMENTS.items():
        result = migrate("import polyaxon_helper\npolyaxon_helper.{}()\n".format(name))
        assert result.places or "polyaxon_helper" not in result.text, name
        assert not result.places or row.traceml.write in result.places[0].message, name


SEND = "from polyaxon_helper import send_metrics\n"
LOG = "def log(a):\n    send_metrics(a=a)\n"
RUN = "from traceml import tracking\n"
MOVED = RUN + "tracking.get_or_create_run()\ntracking.log_metrics(a=1)\n"
MOVED_LOG = RUN + "def log(a):\n    tracking.get_or_create_run()\n    tracking.log_metrics(a=a)\n"
FUNCTION = "\n\ndef send_metrics(**metrics):\n    tracking.get_or_create_run()\n    tracking.log_metrics(**metrics)\n"
CLIENT = "from polyaxon_client.tracking import Experiment\n"
MADE = CLIENT + "experiment = Experiment()\n"
MOVED_MADE = RUN + "experiment = tracking.get_or_create_run()\n"
LEVEL = "from polyaxon_helper import get_log_level\nget_log_level()\n"
MOVED_LEVEL = RUN + "tracking.get_or_create_run()\ntracking.get_log_level()\n"

PROJECTS: Dict[str, Any] = {
    "each makes the run where it needs it": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n", "utils.py": SEND + LOG},
        {"train.py": "import utils\n" + MOVED, "utils.py": MOVED_LOG}, 0),
    "each imports the other": (
        {"a.py": "import b\n" + SEND + "send_metrics(a=1)\n", "b.py": "import a\n" + SEND + LOG},
        {"a.py": "import b\n" + MOVED, "b.py": "import a\n" + MOVED_LOG}, 0),
    "a name that another file imports": (
        {"utils.py": SEND, "train.py": "from utils import send_metrics\nsend_metrics(a=1)\n"},
        {"utils.py": RUN + FUNCTION}, 0),
    "a package's own names": (
        {"pkg/__init__.py": "from polyaxon_helper import get_log_level\n"},
        {"pkg/__init__.py": RUN + "\n\ndef get_log_level():\n    tracking.get_or_create_run()\n"
            "    return tracking.get_log_level()\n"}, 0),
    "metrics of one of them have to stay": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n" + LEVEL,
         "utils.py": "from polyaxon_helper import experiment\nif experiment: pass\n"},
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n" + MOVED_LEVEL}, 1),
    "metrics of one that nothing connects have to stay": (
        {"train.py": SEND + "send_metrics(a=1)\n",
         "utils.py": "from polyaxon_helper import experiment\nif experiment: pass\n"}, {"train.py": MOVED}, 1),
    "metrics that another file may have from a star import": (
        {"main.py": "from utils import *\nimport train\nsend_metrics(a=1)\n",
         "utils.py": "from polyaxon_helper import *\n", "train.py": SEND + "send_metrics(a=1)\n"}, {}, 1),
    "an Experiment that another file imports": (
        {"utils.py": MADE, "train.py": "from utils import experiment as e\nif e: e.log_metrics(a=1)\n"},
        {"utils.py": MOVED_MADE}, 0),
    "an Experiment that another file imports beside the class": (
        {"utils.py": MADE, "train.py": CLIENT + "from utils import experiment\nexperiment.log_metrics(a=1)\n"
            "Experiment.get_params()\n"},
        {"utils.py": MOVED_MADE, "train.py": RUN + "from utils import experiment\nexperiment.log_metrics(a=1)\n"
            "tracking.get_or_create_run()\ntracking.TRACKING_RUN.get_inputs()\n"}, 0),
    "an Experiment that another file does more with": (
        {"utils.py": MADE, "train.py": "from utils import experiment as e\ne.log_params(a=1)\n"}, {}, 1),
    "an Experiment that another file does more with, by the module": (
        {"utils.py": MADE, "train.py": "import utils\nutils.experiment.log_params(a=1)\n"}, {}, 1),
    "an Experiment that a third file does more with": (
        {"utils.py": MADE, "lib.py": "from utils import experiment\n",
         "train.py": "from lib import experiment\nexperiment.log_params(a=1)\n"}, {}, 1),
    "an Experiment that a file imports that does not parse": (
        {"utils.py": MADE, "train.py": "from utils import experiment\nprint 'x'\n"}, {"utils.py": MOVED_MADE}, 0),
    "an Experiment that a third file reports with": (
        {"utils.py": MADE, "lib.py": "from utils import experiment\n",
         "train.py": "from lib import experiment\nexperiment.log_metrics(a=1)\n"}, {"utils.py": MOVED_MADE}, 0),
    "an Experiment among everything that another file imports": (
        {"utils.py": MADE, "train.py": "from utils import *\nexperiment.log_metrics(a=1)\n"}, {}, 1),
    "one that others take with all, made in a function": (
        {"utils.py": "def make():\n    " + CLIENT + "    return Experiment()\n\n\nexperiment = make()\n",
         "train.py": "from utils import *\nexperiment.log_metrics(a=1)\n"}, {}, 1),
    "a function that makes it": (
        {"utils.py": CLIENT + "def make():\n    return Experiment()\n",
         "train.py": "from utils import make\nmake().log_metrics(a=1)\n"},
        {"utils.py": RUN + "def make():\n    return tracking.get_or_create_run()\n"}, 0),
    "a function that makes it for more": (
        {"utils.py": CLIENT + "def make():\n    return Experiment()\n",
         "train.py": "from utils import make\nmake().succeeded()\n"}, {}, 1),
    "one that stays with the client": (
        {"train.py": "import utils\n" + LEVEL, "utils.py": CLIENT + "Experiment.get_task_info()\n"}, {}, 1),
    "one that stays with the client and that nothing connects": (
        {"train.py": LEVEL, "utils.py": CLIENT + "Experiment.get_task_info()\n"}, {"train.py": MOVED_LEVEL}, 1),
    "metrics that stay keep the client's": (
        {"train.py": "import utils, other\n" + SEND + "import polyaxon_helper\nf(polyaxon_helper)\nsend_metrics(a=1)\n",
         "utils.py": MADE, "other.py": LEVEL}, {}, 1),
}


@pytest.mark.parametrize("before, after, status", list(PROJECTS.values()), ids=list(PROJECTS))
def test_moves_projects(before: Dict[str, str], after: Dict[str, str], status: int, tmp_path: Path,
                        capsys: Any) -> None:
    write(tmp_path, before)
    assert cli.main(["--to", "traceml", str(tmp_path)]) == status, capsys.readouterr()
    found = {name: (tmp_path / name).read_text() for name in before}
    assert found == {**before, **after}, capsys.readouterr()
    assert cli.main(["--to", "traceml", "--check", str(tmp_path)]) == status
    assert {name: (tmp_path / name).read_text() for name in before} == found


def test_one_that_can_not_be_written_keeps_the_metrics_of_all(tmp_path: Path, capsys: Any) -> None:
    before = {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n", "utils.py": SEND + LOG}
    write(tmp_path, before)
    (tmp_path / "utils.py").chmod(0o444)
    assert cli.main(["--to", "traceml", str(tmp_path)]) == 1
    assert {name: (tmp_path / name).read_text() for name in before} == before
    assert "utils.py can't move, and one process must have one writer" in capsys.readouterr().out


@pytest.mark.parametrize("utils, after, status", [
    (MOVED_LOG, MOVED, 0), (SEND + LOG, SEND + "send_metrics(a=1)\n", 1), ("x = 1\n", MOVED, 0),
    (MADE, SEND + "send_metrics(a=1)\n", 1)], ids=["has moved", "has not moved", "has none", "is with the client"])
def test_a_module_beside_it_that_was_not_named(utils: str, after: str, status: int, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n", "utils.py": utils})
    assert cli.main(["--to", "traceml", str(tmp_path / "train.py")]) == status
    assert (tmp_path / "train.py").read_text() == "import utils\n" + after


def test_only_this_target_reads_what_names_the_client(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": MADE})
    assert cli.main([str(tmp_path)]) == 0
    assert (tmp_path / "a.py").read_text() == MADE
    assert cli.main(["--to", "traceml", str(tmp_path)]) == 0
    assert (tmp_path / "a.py").read_text() == MOVED_MADE


def test_notes_are_printed_and_are_no_failure(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_traceml_imports", lambda: True)
    write(tmp_path, {"a.py": "from polyaxon_helper import get_params\nx = get_params()\n"})
    assert cli.main(["--to", "traceml", "a.py"]) == 0
    assert capsys.readouterr().out == (
        "rewrote 1 use in 1 file\n1 note to read:\n"
        "a.py:3:5: get_params: answers {} where there are none, not None\n")


def test_says_what_it_needs_where_that_is_not_installed(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(cli, "_traceml_imports", lambda: False)
    monkeypatch.setattr(cli, "_client_imports", lambda: False)
    write(tmp_path, {"a.py": LEVEL, "b.py": LEVEL})
    cli.main(["--to", "traceml", str(tmp_path / "a.py")])
    assert "needs polyaxon 2.7 or newer" in capsys.readouterr().out
    cli.main([str(tmp_path / "b.py")])
    assert "--to traceml" in capsys.readouterr().out


def test_finds_out_whether_it_is_installed(monkeypatch: Any) -> None:
    there = {"traceml": 1, "polyaxon": 1, "numpy": 1}
    monkeypatch.setattr(cli, "find_spec", there.get)
    assert cli._traceml_imports()
    for beside in ({"polyaxon": None}, {"polyaxon_client": 1}):
        monkeypatch.setattr(cli, "find_spec", {**there, **beside}.get)
        assert not cli._traceml_imports()


def test_help_has_an_example(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "--to traceml ." in capsys.readouterr().out
