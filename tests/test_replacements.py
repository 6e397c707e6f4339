"""One table: what the functions, the type checkers' texts and MIGRATION.md say is what replacements.py says."""
import ast
import inspect
import json
import re
from typing import Any, Dict, List

import pytest

import polyaxon_helper
from polyaxon_helper.replacements import (
    ATTRIBUTES,
    FUNCTIONS,
    METHODS,
    REPLACEMENTS,
    SIGNATURES,
    TRACEML,
    Target,
    advice,
    after,
    client,
    snippet,
    written,
)

from .processes import CLIENT_IS_0_4, ROOT, Process, needs_client, needs_traceml

# Every name of every release
LEGACY = set("""
    get_cluster_def get_declarations get_experiment_info get_task_info get_outputs_path get_data_path get_tf_config
    get_log_level get_api get_user_token send_metrics get_job_info get_data_paths get_outputs_refs_paths
    get_internal_token get_params experiment Experiment Job PolyaxonClientException
""".split())


def decorated() -> Dict[str, str]:
    """The text of each function's decorator, which type checkers show, by the function's name."""
    tree = ast.parse((ROOT / "polyaxon_helper" / "__init__.py").read_text(encoding="utf-8"))
    return {
        function.name: ast.literal_eval(function.decorator_list[0].args[0])  # type: ignore[attr-defined]  # a call
        for function in tree.body if isinstance(function, ast.FunctionDef) and function.decorator_list
    }


def test_every_legacy_name_is_in_the_table() -> None:
    assert set(REPLACEMENTS) == LEGACY


def test_every_row_is_a_function_or_an_attribute() -> None:
    assert list(decorated()) == list(FUNCTIONS)
    assert not set(FUNCTIONS) & set(ATTRIBUTES)
    assert all(callable(vars(polyaxon_helper)[name]) for name in FUNCTIONS)
    assert not set(ATTRIBUTES) & set(vars(polyaxon_helper))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_type_checkers_are_told_what_the_warning_tells(name: str) -> None:
    assert decorated()[name] == advice(name, client((3, 9))).partition(" Or run: ")[0]


TARGETS: List[Any] = [
    pytest.param(client((3, 9)), id="polyaxon-client, up to Python 3.9"),
    pytest.param(client((3, 10)), id="polyaxon-client, from Python 3.10 on"),
    pytest.param(TRACEML, id="traceml"),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", REPLACEMENTS)
def test_what_to_write_is_python_that_has_all_it_needs(name: str, target: Target) -> None:
    row = written(name, target)
    assert row.write or row.note
    above = ast.parse(after(row.needs, target))
    imports = [node for node in above.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    bound = {alias.name for node in imports for alias in node.names}
    bound.update(node.name for node in above.body if isinstance(node, ast.FunctionDef))
    assert row.needs in bound or not row.needs
    used = {node.id for node in ast.walk(ast.parse(row.write or "None", mode="eval")) if isinstance(node, ast.Name)}
    by_hand = {"json", "os"} if "needs import json, os" in row.note else set()
    assert used - {"c", "next", "iter"} <= bound | by_hand


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", REPLACEMENTS)
def test_what_is_said_is_one_line_and_names_migrate_where_that_moves_it(name: str, target: Target) -> None:
    told, moves = advice(name, target), written(name, target).moves
    assert "\n" not in told and len(told) <= 300
    assert "\n" not in snippet(name, target)
    assert told.endswith(" Or run: {} PATH".format(target.command)) == moves == ("migrate" in told)


ADVICE: List[Any] = [
    pytest.param(
        "get_log_level", client((3, 9)),
        "Write `get_log_level()` after `from polyaxon_client.tracking import get_log_level`."
        " Or run: python -m polyaxon_helper.migrate PATH", id="an import"),
    pytest.param(
        "get_log_level", client((3, 10)),
        "Write `get_log_level()` after `from polyaxon_helper.client import get_log_level`."
        " Or run: python -m polyaxon_helper.migrate PATH", id="the import that works from Python 3.10 on"),
    pytest.param(
        "PolyaxonClientException", client((3, 13)),
        "Write `PolyaxonClientException` after `from polyaxon_helper.client import PolyaxonClientException`."
        " Or run: python -m polyaxon_helper.migrate PATH", id="the exception, from the same module"),
    pytest.param(
        "get_data_path", client((3, 9)),
        "Write `next(iter((get_data_paths() or {}).values()), None)` after `from polyaxon_client.tracking import"
        " get_data_paths`; the first volume's; better name the one that you mean."
        " Or run: python -m polyaxon_helper.migrate PATH", id="a note"),
    pytest.param(
        "send_metrics", client((3, 12)),
        "Write `get_experiment().log_metrics(...)`; MIGRATION.md has get_experiment, and migrate writes it."
        " Or run: python -m polyaxon_helper.migrate PATH", id="a function"),
    pytest.param(
        "send_metrics", TRACEML,
        "Write `tracking.get_or_create_run().log_metrics(...)` after `from traceml import tracking`."
        " Or run: python -m polyaxon_helper.migrate --to traceml PATH", id="traceml"),
    pytest.param(
        "get_internal_token", client((3, 9)),
        'Write `os.environ.get("POLYAXON_INTERNAL_SECRET_TOKEN")` after `import os`.', id="what does not move"),
    pytest.param(
        "get_cluster_def", TRACEML,
        'Write `json.loads(os.environ["TF_CONFIG"])["cluster"]`; only a TFJob has it, with `chief` in place of'
        " `master`; needs import json, os.", id="what does not move to traceml"),
    pytest.param("get_internal_token", TRACEML, "Nothing gives it; there is none any more.", id="nothing"),
]


@pytest.mark.parametrize("name, target, text", ADVICE)
def test_advice(name: str, target: Target, text: str) -> None:
    assert advice(name, target) == text


def test_migration_guide_has_the_same_table() -> None:
    text = (ROOT / "MIGRATION.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+?) \|(?: `(.+?)`)? \|$", text, re.MULTILINE)
    old = client((3, 9))
    assert rows == [
        (name, row.client.write, "`get_experiment`, below" if row.client.needs in old.functions
         else "`{}`".format(after(row.client.needs, old)), row.traceml.write)
        for name, row in REPLACEMENTS.items()
    ]
    assert "```python\n" + after("get_experiment", old) + "\n```" in text
    new = {after(name, TRACEML) for name, module in TRACEML.homes.items() if module}
    assert set(re.findall(r"`(from (?:traceml|polyaxon)\b.+?)`", text)) == new
    for target in (old, client((3, 10)), TRACEML):
        assert "pip install {}".format(target.requires) in text


def parameters(function: Any) -> List[Any]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if REPLACEMENTS[name].client.moves])
def test_what_a_legacy_function_takes(name: str) -> None:
    takes, handed_on = SIGNATURES.get(name, ("", ""))
    namespace: Dict[str, Any] = {}
    exec("def function({}): return dict({})".format(takes, handed_on.replace("envvar", "envvar=envvar")), namespace)
    assert parameters(getattr(polyaxon_helper, name)) == parameters(namespace["function"])
    assert list(namespace["function"]()) == [each for each in handed_on.split() if "*" not in each]


# Prints what is not there of what the rows say
SUCCESSORS_OF_TRACEML = """
import re
from importlib import import_module
from traceml import tracking
from polyaxon_helper.replacements import METHODS, REPLACEMENTS, TRACEML
for name, row in REPLACEMENTS.items():
    for path in re.findall(r"tracking\\.(\\w+)", row.traceml.write):
        if not hasattr(tracking, path): print(name, path)
    for path in re.findall(r"get_or_create_run\\(\\)\\.(\\w+)", row.traceml.write):
        if path not in ("owner", "project", "run_uuid", "run_data", "client") and not hasattr(tracking.Run, path):
            print(name, path)
for name, module in TRACEML.homes.items():
    getattr(import_module(module), name) if module else import_module(name)
"""


@pytest.mark.slow
@needs_traceml
def test_every_successor_of_traceml_is_there(python: Process) -> None:
    process = python("-c", SUCCESSORS_OF_TRACEML)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


@pytest.mark.slow
@needs_client
def test_every_successor_is_there(python: Process) -> None:
    process = python("-c", (
        "import sys, polyaxon_helper.client\nfrom operator import attrgetter\n"
        "from polyaxon_helper.replacements import REPLACEMENTS, after, client\n"
        "for row in REPLACEMENTS.values():\n"
        "    if row.home: attrgetter(row.path)(sys.modules[row.home])\n"
        "    for python in (3, 9), (3, 10): exec(after(row.client.needs, client(python)), {})\n"
    ), backend="client")
    assert (process.returncode, process.stderr) == (0, "")


OF_THE_CLIENT = {
    "log_metrics": "(self, **metrics)",
    "log_params": "(self, reset=False, **params)",
    "log_tags": "(self, tags, reset=False)",
    "log_data_ref": "(self, data, data_name='data', reset=False)",
    "log_artifact": "(self, file_path)",
    "log_output": "(self, filename, **kwargs)",
    "log_code_ref": "(self)",
    "log_run_env": "(self)",
    "set_name": "(self, name)",
    "set_description": "(self, description)",
    "failed": "(self, message=None, traceback=None)",
    "log_failed": "(self, message=None, traceback=None)",
    "stop": "(self)",
    "log_stopped": "(self)",
    "get_outputs_path": "(self)",
    "get_log_level": "(self)",
    "get_params": "()",
    "get_declarations": "()",
}
"""What the methods of polyaxon-client 0.6.1's Experiment take that a run of traceml's has too."""


def test_every_method_has_its_signature() -> None:
    assert list(METHODS) == list(OF_THE_CLIENT)


@pytest.mark.slow
@needs_client
@pytest.mark.skipif(CLIENT_IS_0_4, reason="they are those of 0.6")
def test_the_clients_methods_take_what_they_are_said_to_take(python: Process) -> None:
    process = python("-c", (
        "import inspect, json, sys\nfrom polyaxon_helper.client import Experiment\n"
        "def unwrapped(function):\n"  # its decorators' wrappers don't tell what they wrap
        "    return unwrapped(function.__closure__[0].cell_contents) if function.__closure__ else function\n"
        "methods = {name: unwrapped(getattr(Experiment, name)) for name in sys.argv[1:]}\n"
        "print(json.dumps({name: str(inspect.signature(method)) for name, method in methods.items()}))\n"
    ), *METHODS, backend="client")
    assert json.loads(process.stdout) == OF_THE_CLIENT, process.stderr


# Makes each call that a row of METHODS allows and the client's method takes; prints those in which the run's method,
# called as the row says, would take another value or name, or fail
CALLS = """
import inspect, itertools, json, sys
from traceml.tracking import Run
from polyaxon_helper.replacements import METHODS
made = 0
def given(signature, positional, named):
    bound = signature.bind(*positional, **named).arguments
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            bound.update(bound.pop(parameter.name, {}))
    bound.pop("self", None)
    return dict(bound)
for name, signature in json.loads(sys.argv[1]).items():
    namespace = {}
    exec("def legacy{}: pass".format(signature), namespace)
    legacy, row = inspect.signature(namespace["legacy"]), METHODS[name]
    method = inspect.signature(getattr(Run, row.name))
    names = ["reset", "lr", "loss"] if row.keywords is None else list(row.keywords)
    calls = itertools.product(range(row.positional + 1), range(len(names) + 1))
    for positional, number in calls:
        for keywords in itertools.combinations(names, number):
            values = list(range(positional))
            try:
                took = given(legacy, ["self"] * ("self" in signature) + values, {key: key for key in keywords})
            except TypeError:
                continue
            if number < row.required:
                continue
            new = row.keywords or {key: key for key in names}
            made += 1
            expected = {new[key]: value for key, value in took.items()}
            gives = given(method, ["run"] + values, {new[key]: key for key in keywords})
            if gives != expected:
                print(name, values, keywords, gives)
print(made)
"""


@pytest.mark.slow
@needs_traceml
def test_a_run_of_traceml_takes_each_call_of_the_clients_methods(python: Process) -> None:
    process = python("-W", "ignore", "-c", CALLS, json.dumps(OF_THE_CLIENT))
    assert (process.returncode, process.stdout) == (0, "46\n"), process.stderr
