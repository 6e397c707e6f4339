"""Importing the real client where it can't be imported by itself, and falling back where it can't be at all."""
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest

from .containers import CONTAINERS
from .processes import CLIENT_IS_0_4, Process, needs_client

pytestmark = [pytest.mark.slow, needs_client]

STATE = """
import collections, warnings, markupsafe
def state():
    return (
        sorted(name for name in vars(collections) if name[0].isupper()), hasattr(markupsafe, "soft_unicode"),
        list(warnings.filters), warnings.showwarning,
    )
"""

IMPORTS: List[Any] = [
    pytest.param([], {}, "import polyaxon_client.tracking as t; print(t.get_log_level())", id="import polyaxon_client"),
    pytest.param(["-W", "error"], {}, "import polyaxon_client.tracking as t; print(t.get_log_level())",
                 id="under -W error"),
    pytest.param([], {"POLYAXON_NO_OP": "1", "POLYAXON_LOG_LEVEL": "None"},
                 "import polyaxon_client.tracking as t; print(t.get_log_level())", id="in no-op"),
]


@pytest.mark.parametrize("options, variables, script", IMPORTS)
def test_client_can_be_imported_after_it(
    options: List[str], variables: Dict[str, str], script: str, python: Process
) -> None:
    code = STATE + "import polyaxon_helper\nbefore = state()\nimport polyaxon_helper.client\n"
    process = python(*options, "-c", code + "assert state() == before, (state(), before)\n" + script, backend="client",
                     environment={**CONTAINERS["0.5.6"], "POLYAXON_IN_CLUSTER": "1", "POLYAXON_LOG_LEVEL": "None",
                                  **variables})
    assert (process.stderr, process.stdout, process.returncode) == ("", "None\n", 0)


FAILURES: List[Any] = [
    pytest.param({"POLYAXON_NO_OP": "perhaps"}, r"RheaError: Cannot convert value `perhaps`",
                 "set that variable to true or false, or unset it", id="a junk boolean"),
    pytest.param({"HIDDEN_MODULES": "pkg_resources"}, "ModuleNotFoundError: No module named 'pkg_resources'",
                 "pip install 'setuptools<81'", id="setuptools without pkg_resources"),
    pytest.param({"HIDDEN_MODULES": "distutils"}, "ModuleNotFoundError: .*distutils",
                 "pip install 'setuptools<81'", id="no distutils"),
    pytest.param({"HIDDEN_MODULES": "polystores"}, "ModuleNotFoundError: .*polystores",
                 "pip install -U 'polyaxon-helper[client]'", id="a library that is missing"),
    pytest.param({"HIDDEN_MODULES": "markupsafe"}, "ModuleNotFoundError: .*markupsafe",
                 "pip install -U 'polyaxon-helper[client]'", id="the very library that a name is lent to",
                 marks=pytest.mark.skipif(CLIENT_IS_0_4, reason="0.4 does not need it")),
]


@pytest.mark.parametrize("variables, failure, remedy", FAILURES)
def test_failing_import_falls_back_and_says_why_once(
    variables: Dict[str, str], failure: str, remedy: str, python: Process
) -> None:
    process = python("-W", "ignore::DeprecationWarning", "-c", (
        STATE if "HIDDEN_MODULES" not in variables else "state = lambda: None\n"
    ) + (
        "import polyaxon_helper as h, sys\nbefore = state()\n"
        "print(h.get_log_level(), h.get_data_paths(), h.Experiment.__module__)\n"
        "assert state() == before\n"
    ), backend="client", environment={**CONTAINERS["0.5.6"], "POLYAXON_HELPER_SUMMARY": "0", **variables})
    answers = "INFO {'data': '/DATA', 'more': '/MORE'} polyaxon_helper.environment\n"
    assert (process.returncode, process.stdout) == (0, answers)
    told = [line for line in process.stderr.splitlines() if "polyaxon-client" in line]
    assert len(told) == 1
    which = r"<string>:\d+: RuntimeWarning: polyaxon-client 0\.[456]\.\d is installed but can't be imported "
    assert re.match(which + r"\(" + failure, told[0])
    assert told[0].endswith("To have the client: " + remedy)


def test_a_failing_import_is_not_tried_again(python: Process) -> None:
    process = python("-c", (
        "import polyaxon_helper as h, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "h.get_log_level()\n"
        "class Watch:\n"
        "    def find_spec(self, name, *rest): assert 'polyaxon_client' not in name\n"
        "sys.meta_path.insert(0, Watch())\n"
        "h.get_log_level(); h.Experiment\n"
        "import polyaxon_helper.client\n"
        "print(polyaxon_helper.client.settings)\n"
    ), backend="client", environment={"POLYAXON_NO_OP": "perhaps"})
    assert (process.returncode, process.stdout) == (0, "None\n"), process.stderr


def test_a_client_that_is_not_installed_is_no_news(python: Process) -> None:
    process = python("-W", "error::RuntimeWarning", "-c", (
        "import polyaxon_helper.client as client\nprint(client.settings)\nimport polyaxon_client"
    ), environment={"HIDDEN_MODULES": "polyaxon_client"})
    assert process.stdout == "None\n"
    assert "ModuleNotFoundError" in process.stderr


def test_a_client_beside_traceml_is_told_once_with_what_to_do(python: Process, tmp_path: Path) -> None:
    (tmp_path / "traceml.py").write_text("raise ImportError('cannot import name soft_unicode from markupsafe')")
    process = python("-W", "ignore::DeprecationWarning", "-c", (
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport polyaxon_helper as h\n"
        "print(h.get_log_level(), h.get_log_level(), 'traceml' in sys.modules)\n"
    ), str(tmp_path), backend="client", environment={**CONTAINERS["0.5.6"], "POLYAXON_HELPER_SUMMARY": "0",
                                                    "POLYAXON_IN_CLUSTER": "true"})
    assert process.stdout == "INFO INFO False\n"
    assert process.stderr.count("polyaxon-client and polyaxon 2 (traceml) are both installed here") == 1
    assert "Have each in an environment of its own: pip uninstall" in process.stderr


# Google's libraries are not installed here; polystores' own client for them, which needs a lent name, is real
GOOGLE = {
    "google/__init__.py": "", "google/auth/__init__.py": "", "google/oauth2/__init__.py": "",
    "google/oauth2/service_account.py": "class Credentials: pass", "google/api_core/__init__.py": "",
    "google/api_core/exceptions.py": "class GoogleAPIError(Exception): pass\nclass NotFound(Exception): pass",
    "google/cloud/__init__.py": "", "google/cloud/storage/__init__.py": "",
    "google/cloud/storage/client.py": "class Client: pass",
}


def test_an_experiment_whose_outputs_are_in_a_bucket_can_be_made(python: Process, tmp_path: Path) -> None:
    for name, text in GOOGLE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    process = python("-c", STATE + (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "import polyaxon_helper.client\nbefore = state()\n"
        "from polyaxon_client.tracking import Experiment\n"
        "print(Experiment().outputs_store.store.STORE_TYPE)\n"
        "assert state() == before\n"
    ), str(tmp_path), backend="client", environment={
        **CONTAINERS["0.5.6 offline"], "POLYAXON_RUN_OUTPUTS_PATH": "gs://bucket/7", "KEY": "{}",
        "POLYAXON_IN_CLUSTER": "true",
        "POLYSTORES_RUN_STORES_ACCESS_KEYS": '{"gs://bucket/7": {"store": "gcs", "secret_key": "KEY"}}',
        "POLYSTORES_TMP_AUTH_GCS_ACCESS_PATH": str(tmp_path / "access.json"),
    })
    assert (process.stdout, process.returncode) == ("gcs\n", 0), process.stderr


def test_what_was_lent_is_taken_back_when_making_fails(python: Process) -> None:
    process = python("-c", STATE + (
        "import polyaxon_helper.client\nbefore = state()\n"
        "from polyaxon_client.tracking import Experiment\n"
        "try: Experiment()\n"
        "except Exception as error: print(type(error).__name__)\n"
        "assert state() == before\n"
    ), backend="client")
    assert (process.stdout, process.returncode) == ("PolyaxonClientException\n", 0), process.stderr
