"""Several files of one run: who keeps a name for others, who owns the one Experiment."""
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.migrate import cli
from polyaxon_helper.migrate.python import FACTORY, FACTORY_SAYS

from . import standin
from .conftest import write

MADE = (
    "from polyaxon_client.exceptions import PolyaxonClientException\n"
    "from polyaxon_client.tracking import Experiment\n\n"
    "try:\n    experiment = Experiment()\nexcept PolyaxonClientException:\n    experiment = None\n\n"
)
SEND = "from polyaxon_helper import send_metrics\n"
LOG = "def log(**m):\n    send_metrics(**m)\n"
MOVED_LOG = "def log(**m):\n    experiment.log_metrics(**m)\n"
FUNCTION = "\ndef send_metrics(**metrics):\n    experiment.log_metrics(**metrics)\n\n\n"

# files before, files after (what is left out stays as it is), exit status of the second run
PROJECTS = {
    "one owns it, the other imports it": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\nutils.log(b=2)\n", "utils.py": SEND + LOG},
        {"train.py": "import utils\nfrom utils import experiment\nexperiment.log_metrics(a=1)\nutils.log(b=2)\n",
         "utils.py": MADE + MOVED_LOG}, 0),
    "the import of the owner comes last": (
        {"train.py": SEND + "import os\nfrom utils import log\nsend_metrics(a=1)\n", "utils.py": SEND + LOG},
        {"train.py": "import os\nfrom utils import log\nfrom utils import experiment\nexperiment.log_metrics(a=1)\n",
         "utils.py": MADE + MOVED_LOG}, 0),
    "the import of the owner comes after other things": (
        {"train.py": SEND + "send_metrics(a=1)\nfrom utils import log\n", "utils.py": SEND + LOG}, {}, 1),
    "the import of the owner is in a function": (
        {"train.py": SEND + "def f():\n    import utils\nsend_metrics(a=1)\n", "utils.py": SEND + LOG}, {}, 1),
    "scripts that nothing connects": (
        {"train.py": SEND + "send_metrics(a=1)\n", "eval.py": SEND + "send_metrics(b=1)\n"},
        {"train.py": MADE + "experiment.log_metrics(a=1)\n", "eval.py": MADE + "experiment.log_metrics(b=1)\n"}, 0),
    "two that a third imports": (
        {"a.py": SEND + "send_metrics(a=1)\n", "b.py": SEND + "send_metrics(b=1)\n",
        "main.py": "import a\nfrom b import x\n"},
        {}, 1),
    "two that a third imports by way of a fourth": (
        {"a.py": SEND + "send_metrics(a=1)\n", "b.py": SEND + "send_metrics(b=1)\n",
         "main.py": "import a, middle\n", "middle.py": "def f():\n    import b as c\n"}, {}, 1),
    "each imports the other": (
        {"a.py": "import b\n" + SEND + "send_metrics(a=1)\n", "b.py": "import a\n" + SEND + "send_metrics(a=1)\n"}, {},
        1),
    "a script that what it imports imports": (
        {"train.py": SEND + "import model\nif __name__ == '__main__':\n    send_metrics(a=model.f())\n",
         "model.py": "def f():\n    from train import x\n"}, {}, 1),
    "a module that what it imports imports": (
        {"train.py": SEND + "import model\nsend_metrics(a=1)\n", "model.py": "def f():\n    from train import x\n"},
        {"train.py": MADE + "import model\nexperiment.log_metrics(a=1)\n"}, 0),
    "one that may be imported from another folder": (
        {"scripts/train.py": "from . import nothing\nfrom lib.utils import log\n" + SEND + "send_metrics(a=1)\n",
         "code/lib/utils.py": SEND + LOG}, {}, 1),
    "a chain": (
        {"a.py": "import b\n" + SEND + "send_metrics(a=1)\n", "b.py": "import c\n" + SEND + "send_metrics(b=1)\n",
         "c.py": SEND + "send_metrics(c=1)\n"},
        {"a.py": "import b\nfrom b import experiment\nexperiment.log_metrics(a=1)\n",
         "b.py": "import c\nfrom c import experiment\nexperiment.log_metrics(b=1)\n",
         "c.py": MADE + "experiment.log_metrics(c=1)\n"}, 0),
    "a package": (
        {"pkg/__init__.py": "", "pkg/log.py": SEND + LOG,
         "pkg/train.py": "from . import log\n" + SEND + "send_metrics(a=1)\n",
         "main.py": "from pkg.log import log\n" + SEND + "send_metrics(a=1)\n"},
        {"pkg/log.py": MADE + MOVED_LOG,
         "pkg/train.py": "from . import log\nfrom .log import experiment\nexperiment.log_metrics(a=1)\n",
         "main.py": "from pkg.log import log\nfrom pkg.log import experiment\nexperiment.log_metrics(a=1)\n"}, 0),
    "a package, by its own name and from above": (
        {"pkg/__init__.py": "", "pkg/log.py": SEND + LOG, "pkg/sub/__init__.py": "",
         "pkg/train.py": "import pkg.log\n" + SEND + "send_metrics(a=1)\n",
         "pkg/sub/eval.py": "from .. import log\n" + SEND + "send_metrics(a=1)\n"},
        {"pkg/log.py": MADE + MOVED_LOG,
         "pkg/train.py": "import pkg.log\nfrom pkg.log import experiment\nexperiment.log_metrics(a=1)\n",
         "pkg/sub/eval.py": "from .. import log\nfrom ..log import experiment\nexperiment.log_metrics(a=1)\n"}, 0),
    "a package that an import of its module loads": (
        {"pkg/__init__.py": SEND + "send_metrics(a=1)\n", "pkg/log.py": "",
         "main.py": SEND + "import pkg.log\nsend_metrics(b=1)\n"},
        {"pkg/__init__.py": MADE + FUNCTION + "send_metrics(a=1)\n",
         "main.py": "import pkg.log\nfrom pkg import experiment\nexperiment.log_metrics(b=1)\n"}, 0),
    "two that a third imports, over two lines": (
        {"a.py": SEND + "send_metrics(a=1)\n", "b.py": SEND + "send_metrics(b=1)\n",
         "main.py": "import a, \\\n    b\n"}, {}, 1),
    "two that a third imports, in lines with other things": (
        {"a.py": SEND + "send_metrics(a=1)\n", "b.py": SEND + "send_metrics(b=1)\n",
         "main.py": "# we import both\nimport os; import a\nif a: from b import x\n"}, {}, 1),
    "one that only gives it on, and one of its own": (
        {"utils.py": SEND, "model.py": "from utils import send_metrics\n",
         "train.py": SEND + "import model\nprint(1)\nsend_metrics(a=1)\n"}, {}, 1),
    "one with a fallback that is not used": (
        {"train.py": SEND + "x = 1\nimport utils\nsend_metrics(a=1)\n",
         "utils.py": "try:\n    " + SEND + "except ImportError:\n    send_metrics = None\n"}, {}, 1),
    "one that does not use it": (
        {"train.py": SEND + "x = 1\nimport utils\nsend_metrics(a=1)\n",
         "utils.py": "from polyaxon_helper import experiment\n"},
        {"train.py": MADE + "x = 1\nimport utils\nexperiment.log_metrics(a=1)\n", "utils.py": ""}, 0),
    "one that hands the package to another": (
        {"utils.py": "import polyaxon_helper as ph\n", "model.py": "import utils\nutils.ph.send_metrics(b=1)\n",
         "train.py": "import model\n" + SEND + "send_metrics(a=1)\n"}, {}, 1),
    "one with a star import that has to stay": (
        {"train.py": "import utils\nfrom polyaxon_helper import *\nfrom os.path import *\nget_log_level()\n",
         "utils.py": SEND + "send_metrics(a=1)\n"}, {}, 1),
    "functions of two": (
        {"train.py": "import utils\ndef f():\n    " + SEND + "    send_metrics(a=1)\n",
         "utils.py": "def f():\n    " + SEND + "    send_metrics(b=1)\ndef g():\n    import train\n"}, {}, 1),
    "one that imports the other by a string": (
        {"train.py": "import importlib\n" + SEND + "m = importlib.import_module('lib.model')\nsend_metrics(a=1)\n",
         "lib/model.py": SEND + "send_metrics(b=1)\n"}, {}, 1),
    "one that imports another by a string and a computed name": (
        {"train.py": "import importlib\n" + SEND + "m = importlib.import_module('lib.{}'.format(x))\n"
             "send_metrics(a=1)\n",
         "lib/model.py": SEND + "send_metrics(b=1)\n"}, {}, 1),
    "one of them has to stay": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "import polyaxon_helper\nf = polyaxon_helper\npolyaxon_helper.send_metrics(a=1)\n"}, {}, 1),
    "getters need no owner": (
        {"a.py": "import b\nfrom polyaxon_helper import get_params\nget_params()\n",
         "b.py": "from polyaxon_helper import get_params as p\np()\n"},
        {"a.py": "import b\nfrom polyaxon_client.tracking import Experiment\nExperiment.get_params()\n",
         "b.py": "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"}, 0),
    "a name that another file imports": (
        {"utils.py": SEND, "train.py": "from utils import send_metrics\nsend_metrics(a=1)\n"},
        {"utils.py": MADE + FUNCTION.rstrip("\n") + "\n"}, 0),
    "a name that another file uses by the module": (
        {"utils.py": SEND + "x = 1\n", "train.py": "import utils as u\nu.send_metrics(a=1)\n"},
        {"utils.py": MADE + FUNCTION + "x = 1\n"}, 0),
    "a name that another file patches": (
        {"train.py": "from polyaxon_helper import get_params\nget_params()\n",
        "test.py": "patch('train.get_params')\n"},
        {"train.py": "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"
            "get_params()\n"}, 0),
    "a name of one of two files": (
        {"utils.py": "from polyaxon_helper import get_params\n", "other.py": "from polyaxon_helper import get_params\n",
         "train.py": "from utils import get_params\nget_params()\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n",
         "other.py": ""}, 0),
    "a name that a file with the package in it patches": (
        {"utils.py": "from polyaxon_helper import get_params\n",
         "test.py": "from polyaxon_helper import get_log_level\npatch('utils.get_params')\nget_log_level()\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n",
         "test.py": "from polyaxon_client.tracking import get_log_level\npatch('utils.get_params')\nget_log_level()\n"},
        0),
    "a name that a file with the package in it uses": (
        {"utils.py": "from polyaxon_helper import get_params\n",
         "train.py": "import utils\nfrom polyaxon_helper import get_log_level\nutils.get_params()\nget_log_level()\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n",
         "train.py": "import utils\nfrom polyaxon_client.tracking import get_log_level\nutils.get_params()\n"
             "get_log_level()\n"}, 0),
    "everything from one": (
        {"utils.py": "from polyaxon_helper import get_params\n", "train.py": "from utils import *\nget_params()\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment\nget_params = Experiment.get_params\n"}, 0),
    "everything by way of one": (
        {"utils.py": "from polyaxon_helper import *\n", "train.py": "from utils import *\nget_params()\n"}, {}, 1),
    "a name by way of one that imports everything": (
        {"utils.py": "from polyaxon_helper import *\nget_params()\n",
         "train.py": "from utils import send_metrics as log\n"}, {}, 1),
    "a name of one that imports everything, by the module, and the Experiment beside it": (
        {"utils.py": "from polyaxon_helper import *\n", "train.py": "import utils\nutils.send_metrics(a=1)\n",
         "model.py": "import utils\n" + SEND + "send_metrics(a=1)\n"}, {}, 1),
    "others' names beside one that imports everything": (
        {"utils.py": "from polyaxon_helper import *\nfrom os import sep\nget_params()\n",
         "train.py": "from utils import sep\nsend_metrics = 1\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment\nfrom os import sep\nExperiment.get_params()\n"},
        0),
    "everything from one, where experiment means something else": (
        {"utils.py": SEND,
         "train.py": "experiment = 'baseline'\nfrom utils import *\nsend_metrics(a=len(experiment))\n"},
        {"utils.py": (MADE + FUNCTION.rstrip("\n") + "\n").replace("experiment", "polyaxon_experiment")}, 0),
    "everything from one, where Experiment means something else": (
        {"utils.py": "from polyaxon_helper import get_params\n",
         "train.py": "from ast import AST as Experiment\nfrom utils import *\nshow(Experiment, get_params())\n"},
        {"utils.py": "from polyaxon_client.tracking import Experiment as PolyaxonExperiment\n"
             "get_params = PolyaxonExperiment.get_params\n"}, 0),
    "a package with a module named experiment": (
        {"pkg/__init__.py": SEND + "send_metrics(a=1)\n", "pkg/experiment.py": "", "train.py": "import pkg.experiment"},
        {"pkg/__init__.py": (MADE + FUNCTION + "send_metrics(a=1)\n").replace("experiment", "polyaxon_experiment")}, 0),
    "the user's own module of that name": (
        {"polyaxon_helper.py": "def send_metrics(**m):\n    print(m)\n", "train.py": SEND + "send_metrics(a=1)\n"},
        {}, 0),
    "a package's own": (
        {"pkg/__init__.py": "from polyaxon_helper import get_params, get_log_level\n"},
        {"pkg/__init__.py": "from polyaxon_client.tracking import Experiment, get_log_level\n"
            "get_params = Experiment.get_params\n"}, 0),
    "a name that nobody uses": (
        {"utils.py": "from polyaxon_helper import get_params\nx = 1\n", "train.py": "import utils\nutils.x\n"},
        {"utils.py": "x = 1\n"}, 0),
    "an owner that has moved before": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\nutils.log(b=2)\n", "utils.py": MADE + MOVED_LOG},
        {"train.py": "import utils\nfrom utils import experiment\nexperiment.log_metrics(a=1)\nutils.log(b=2)\n"}, 0),
    "an owner with a factory that has moved before": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "import threading\n" + FACTORY.format(
             name="get_experiment", says=FACTORY_SAYS, threading="threading")},
        {"train.py": "import utils\nfrom utils import get_experiment\nexperiment = get_experiment()\n"
            "experiment.log_metrics(a=1)\n"}, 0),
    "another maker that can't be asked": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "def f():\n    from polyaxon_client.tracking import Experiment\n    return Experiment()\n"},
        {}, 1),
    "another maker that can't be asked, by its module": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "from polyaxon_client import tracking\nx = [tracking.Experiment()]\n"}, {}, 1),
    "another maker that this one does not import": (
        {"train.py": SEND + "send_metrics(a=1)\n", "utils.py": MADE + MOVED_LOG, "main.py": "import train, utils\n"},
        {}, 1),
    "one that only asks the class": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "from polyaxon_client.tracking import Experiment\nExperiment.get_params()\n"},
        {"train.py": "import utils\n" + MADE + "experiment.log_metrics(a=1)\n"}, 0),
    "makers that nothing connects to this one": (
        {"train.py": SEND + "send_metrics(a=1)\n", "a.py": MADE, "b.py": "import a\n" + MADE},
        {"train.py": MADE + "experiment.log_metrics(a=1)\n"}, 0),
    "a getter in a function": (
        {"a.py": "def f():\n    from polyaxon_helper import get_log_level\n    return get_log_level()\n", "b.py": ""},
        {"a.py": "def f():\n    from polyaxon_client.tracking import get_log_level\n    return get_log_level()\n"}, 0),
    "one that does not parse": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "from polyaxon_client.tracking import Experiment\nprint 'x'\n"},
        {"train.py": "import utils\n" + MADE + "experiment.log_metrics(a=1)\n"}, 0),
    "an owner that makes it in a function": (
        {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n",
         "utils.py": "import threading\n\n\ndef log():\n    from polyaxon_helper import send_metrics\n"
             "    send_metrics(b=1)\n"},
        {"train.py": "import utils\nfrom utils import get_experiment\nexperiment = get_experiment()\n"
            "experiment.log_metrics(a=1)\n",
         "utils.py": "import threading\n\n\n" + FACTORY.format(
             name="get_experiment", says=FACTORY_SAYS, threading="threading") + "\n\n"
                     "def log():\n    experiment = get_experiment()\n    experiment.log_metrics(b=1)\n"}, 0),
}


@pytest.mark.parametrize("before, after, status", list(PROJECTS.values()), ids=list(PROJECTS))
def test_moves_projects(before: Dict[str, str], after: Dict[str, str], status: int, tmp_path: Path,
                        capsys: Any) -> None:
    write(tmp_path, before)
    assert cli.main([str(tmp_path)]) == status, capsys.readouterr()
    found = {name: (tmp_path / name).read_text() for name in before}
    assert found == {**before, **after}
    assert cli.main([str(tmp_path)]) == status
    assert {name: (tmp_path / name).read_text() for name in before} == found


@pytest.mark.parametrize("situation", ["managed", "outside"])
@pytest.mark.parametrize("name", [name for name, (before, after, _) in PROJECTS.items()
                                  if "train.py" in before and after and "pkg" not in "".join(before)])
def test_projects_behave_as_before(name: str, situation: str) -> None:
    old, after, _ = PROJECTS[name]
    new = {**old, **after}
    runs = [standin.run(texts["train.py"], situation, tuple(
        (os.path.splitext(path)[0], text) for path, text in texts.items() if path != "train.py"))
        for texts in (old, new)]
    assert runs[1]._replace(made=0) == runs[0]._replace(made=0)
    assert runs[1].made <= 1


def test_an_owner_that_can_not_be_written_keeps_the_others(tmp_path: Path, capsys: Any) -> None:
    before = PROJECTS["one owns it, the other imports it"][0]
    write(tmp_path, before)
    (tmp_path / "utils.py").chmod(0o444)
    assert cli.main([str(tmp_path)]) == 2
    assert {name: (tmp_path / name).read_text() for name in before} == before
    assert "utils" in capsys.readouterr().out


def test_names_the_file_that_keeps_the_others(tmp_path: Path, capsys: Any) -> None:
    write(tmp_path, {"train.py": "import utils\n" + SEND + "send_metrics(**utils.get_params())\n",
                     "utils.py": "from polyaxon_helper import *\nsend_metrics(b=1)\n"})
    assert cli.main([str(tmp_path)]) == 1
    assert "train.py:3:1: send_metrics: stays: {} can't move".format(tmp_path / "utils.py") in capsys.readouterr().out


@pytest.mark.parametrize("utils, after, status", [
    (MADE + MOVED_LOG, "from utils import experiment\nexperiment.log_metrics(a=1)\n", 0),
    (SEND + LOG, SEND + "send_metrics(a=1)\n", 1),
    ("x = 1\n", MADE + "experiment.log_metrics(a=1)\n", 0),
], ids=["has moved", "has not moved", "has none"])
def test_a_module_beside_it_that_was_not_named(utils: str, after: str, status: int, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "import utils\n" + SEND + "send_metrics(a=1)\n", "utils.py": utils})
    assert cli.main([str(tmp_path / "train.py")]) == status
    assert (tmp_path / "train.py").read_text() == "import utils\n" + after
    assert (tmp_path / "utils.py").read_text() == utils


@pytest.mark.parametrize("between", [
    {"lib.py": "import b\n"}, {"lib.py": "from deep import x\n", "deep.py": "def f():\n    from b import x\n"},
    {"lib/__init__.py": "from . import deep\n", "lib/deep.py": "import b\n"},
], ids=["one", "two", "a package"])
def test_two_that_modules_connect_that_were_not_named(between: Dict[str, str], tmp_path: Path) -> None:
    named = {"a.py": "import lib\n" + SEND + "send_metrics(a=1)\n", "b.py": SEND + "send_metrics(b=1)\n"}
    write(tmp_path, {**named, **between})
    assert cli.main([str(tmp_path / name) for name in named]) == 1
    assert {name: (tmp_path / name).read_text() for name in named} == named


def test_two_threads_that_make_the_first_call_at_once_make_one_experiment() -> None:
    made: List[object] = []
    got: List[object] = []
    together = threading.Barrier(2)

    class Experiment:
        def __init__(self) -> None:
            time.sleep(0.05)  # as long as the other thread needs to come here
            made.append(self)

    tracking, exceptions = types.ModuleType("tracking"), types.ModuleType("exceptions")
    vars(tracking).update(Experiment=Experiment)
    vars(exceptions).update(PolyaxonClientException=ValueError)
    names: Dict[str, Any] = {"threading": threading}
    exec(FACTORY.format(name="get", says=FACTORY_SAYS, threading="threading"), names)

    def call() -> None:
        together.wait()
        got.append(names["get"]())

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "polyaxon_client", types.ModuleType("polyaxon_client"))
        patch.setitem(sys.modules, "polyaxon_client.tracking", tracking)
        patch.setitem(sys.modules, "polyaxon_client.exceptions", exceptions)
        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == 1 and got == made * 2
