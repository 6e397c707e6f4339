"""One table: what the functions, the type checkers' texts and MIGRATION.md say is what replacements.py says."""
import ast
import re
from typing import Dict

import pytest

import polyaxon_helper
from polyaxon_helper.replacements import ATTRIBUTES, FUNCTIONS, REPLACEMENTS, TRACEML_AFTER, advice

from .processes import ROOT, Process, needs_client, needs_traceml

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
    assert decorated()[name] == advice(name)


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_what_to_write_is_python(name: str) -> None:
    row = REPLACEMENTS[name]
    ast.parse(row.after)
    ast.parse(row.write, mode="eval")
    ast.parse(TRACEML_AFTER)
    ast.parse(row.traceml.write or "None", mode="eval")
    assert row.traceml.write and row.traceml.moves or row.traceml.note


def test_migration_guide_has_the_same_table() -> None:
    text = (ROOT / "MIGRATION.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| `(.+?)` \|(?: `(.+?)`)? \|$", text, re.MULTILINE)
    assert rows == [(name, row.write, row.after, row.traceml.write) for name, row in REPLACEMENTS.items()]
    assert "`{}`".format(TRACEML_AFTER) in text


@pytest.mark.slow
@needs_traceml
def test_every_successor_of_traceml_is_there(python: Process) -> None:
    process = python("-c", (
        "import re\nfrom importlib import import_module\n"
        "from polyaxon_helper.replacements import REPLACEMENTS, TRACEML_AFTER\n"
        "exec(TRACEML_AFTER.partition(';')[0])\n"
        "for row in REPLACEMENTS.values():\n"
        "    for path in re.findall(r'tracking\\.([a-z]\\w*)', row.traceml.write): getattr(tracking, path)\n"
        "    for path in re.findall(r'TRACKING_RUN\\.(\\w+)', row.traceml.write): getattr(tracking.Run, path)\n"
        "import_module('polyaxon.exceptions').PolyaxonClientException\n"
    ))
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.slow
@needs_client
def test_every_successor_is_there(python: Process) -> None:
    process = python("-c", (
        "import sys, polyaxon_helper.client\nfrom operator import attrgetter\n"
        "from polyaxon_helper.replacements import REPLACEMENTS\n"
        "for row in REPLACEMENTS.values():\n"
        "    if row.home: attrgetter(row.path)(sys.modules[row.home])\n"
        "    exec(row.after.partition(';')[0])\n"
    ), backend="client")
    assert (process.returncode, process.stderr) == (0, "")
