"""Importing is free, and looking around makes and warns of nothing."""
import inspect
import pickle
import pydoc
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

import polyaxon_helper
from polyaxon_helper.deprecations import TARGET
from polyaxon_helper.replacements import ATTRIBUTES, FUNCTIONS, advice, written

from .containers import CONTAINERS
from .processes import BACKENDS, ROOT, Process

# Prints what the import brought beyond the standard library, sockets, threads and the files it opened for writing.
IMPORT = """
import sys
before = set(sys.modules)
events = []
if hasattr(sys, "addaudithook"):  # not on 3.7
    sys.addaudithook(lambda event, arguments: events.append((event, arguments)))
import socket, threading
made = []
socket.socket.__init__ = lambda *arguments, **named: made.append("socket")
import polyaxon_helper
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"polyaxon_client", "polyaxon_schemas", "requests", "urllib3", "numpy"}))
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "polyaxon_helper"))
print(made, threading.active_count())
print([a for e, a in events if e in ("socket.connect", "subprocess.Popen") or e == "open" and "w" in str(a[1])])
"""


# What is no part of a run: the client's names, and the commands
LATER = ("client", "commands", "local", "migrate", "resend")
FILES = [path.relative_to(ROOT).with_suffix("").parts for path in (ROOT / "polyaxon_helper").rglob("*.py")]


def test_import_loads_neither_client_nor_requests_and_opens_nothing(python: Process) -> None:
    # pyc files may be written: not by this import, but by Python for it
    process = python("-B", "-c", IMPORT, backend=BACKENDS[-1], environment={"COVERAGE_PROCESS_START": ""})
    assert process.stderr == ""
    assert process.stdout.splitlines() == [
        "[]",
        " ".join(sorted(".".join(parts).replace(".__init__", "") for parts in FILES if parts[1] not in LATER)),
        "[] 1",
        "[]",
    ]


# Uses each name but send_metrics; prints what came into sys.modules with the calls, and until the exit's last step
CALLS = """
import atexit, sys
import polyaxon_helper
before = set(sys.modules)
atexit.register(lambda: print(sorted(set(sys.modules) - before)))
for name in polyaxon_helper.__all__:
    if name != "send_metrics":
        try:
            found = getattr(polyaxon_helper, name)
            found() if name.startswith("get_") else None
        except DeprecationWarning:
            pass
print(sorted(set(sys.modules) - before))
"""
EACH_CONTAINER = {"outside Polyaxon": {}, **CONTAINERS, "broken": dict.fromkeys(CONTAINERS["0.5.6"], "{")}


@pytest.mark.parametrize("shown", ["ignore", "default", "error"])
@pytest.mark.parametrize("variables", EACH_CONTAINER.values(), ids=EACH_CONTAINER)
def test_no_call_imports_anything_more(
    variables: Dict[str, str], shown: str, python: Process, own_folder: Path
) -> None:
    script = own_folder / "train.py"
    script.write_text(CALLS)
    # where the inputs of a run have to be asked for, requests has to come
    variables = {**variables, "POLYAXON_PARAMS": "{}", "COVERAGE_PROCESS_START": ""}
    process = python("-W", shown, str(script), environment=variables)
    assert process.stdout == "[]\n[]\n", process.stderr
    assert ("deprecated call" in process.stderr) == (shown != "error")
    assert process.stderr.count("DeprecatedWarning: ") == (19 if shown == "default" else 0)


def test_dir_lists_the_functions_and_none_of_the_attributes() -> None:
    assert [name for name in dir(polyaxon_helper) if not name.startswith("__")] == sorted(FUNCTIONS)


def test_all_names_functions_and_attributes() -> None:
    assert polyaxon_helper.__all__ == [*FUNCTIONS, *ATTRIBUTES]


LOOKS: Any = {
    "inspect.getmembers()": lambda: inspect.getmembers(polyaxon_helper),
    "help()": lambda: pydoc.render_doc(polyaxon_helper),
    "hasattr of a dunder": lambda: hasattr(polyaxon_helper, "__wrapped__"),
    "pickling a function": lambda: pickle.loads(pickle.dumps(polyaxon_helper.send_metrics)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_looking_makes_no_experiment_and_warns_of_nothing(look: Any, monkeypatch: Any) -> None:
    made: List[str] = []
    for name in ("experiment", "client_answers"):
        monkeypatch.setattr("polyaxon_helper.backend." + name, lambda name=name: made.append(name))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        look()
    assert (made, caught) == ([], [])


def test_tab_completion_makes_nothing(python: Process) -> None:
    process = python("-W", "error", "-c", (
        "import sys, rlcompleter, polyaxon_helper\n"
        "complete = rlcompleter.Completer({'polyaxon_helper': polyaxon_helper}).complete\n"
        "print([complete('polyaxon_helper.', i) for i in range(40)], 'polyaxon_helper.client' in sys.modules)"
    ))
    assert (process.returncode, process.stderr) == (0, "")
    assert "polyaxon_helper.send_metrics(" in process.stdout and process.stdout.rstrip().endswith("False")


TAKES: Dict[str, List[Tuple[str, Any]]] = {
    "get_tf_config": [("envvar", "TF_CONFIG")],
    "get_api": [("version", "v1")],
    "send_metrics": [("**metrics", inspect.Parameter.empty)],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature_is_the_legacy_one(name: str) -> None:
    parameters = inspect.signature(getattr(polyaxon_helper, name)).parameters.values()
    assert [(str(each).partition(":")[0], each.default) for each in parameters] == TAKES.get(name, [])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_names_the_variables_and_what_to_write(name: str) -> None:
    text = inspect.getdoc(getattr(polyaxon_helper, name)) or ""
    assert [variable for variable in FUNCTIONS[name].variables if variable not in text] == []
    assert written(name, TARGET).write in text
    assert advice(name, TARGET) in text


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'polyaxon_helper' has no attribute 'get_output_path'"):
        getattr(polyaxon_helper, "get_output_path")


def test_version_is_the_distributions(python: Process) -> None:
    shown = python("-m", "pip", "show", "polyaxon-helper").stdout.splitlines()
    assert "Version: " + polyaxon_helper.__version__ in shown
