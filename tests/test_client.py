"""Importing the real client where it can't be imported by itself, and falling back where it can't be at all."""
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Dict, List

import pytest

from polyaxon_helper.replacements import REPLACEMENTS, after, client

from .conftest import Recorder
from .containers import CONTAINERS
from .processes import CLIENT_IS_0_4, HAS_CLIENT, Process, needs_client

pytestmark = pytest.mark.slow

STATE = """
import collections, warnings, markupsafe
def state():
    return (
        sorted(name for name in vars(collections) if name[0].isupper()), hasattr(markupsafe, "soft_unicode"),
        list(warnings.filters), warnings.showwarning,
    )
"""


def write(folder: Path, files: Dict[str, str]) -> None:
    """Write files of these names and texts in a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


IMPORTS: List[Any] = [
    pytest.param([], {}, "import polyaxon_client.tracking as t; print(t.get_log_level())", id="import polyaxon_client"),
    pytest.param(["-W", "error"], {}, "import polyaxon_client.tracking as t; print(t.get_log_level())",
                 id="under -W error"),
    pytest.param([], {"POLYAXON_NO_OP": "1", "POLYAXON_LOG_LEVEL": "None"},
                 "import polyaxon_client.tracking as t; print(t.get_log_level())", id="in no-op"),
]


@needs_client
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
                 "correct that variable (a switch is true or false), or unset it", id="a junk boolean"),
    pytest.param({"HIDDEN_MODULES": "pkg_resources"}, "ModuleNotFoundError: .*pkg_resources",
                 "pip install 'setuptools<81'", id="setuptools without pkg_resources"),
    pytest.param({"HIDDEN_MODULES": "distutils"}, "ModuleNotFoundError: .*distutils",
                 "pip install 'setuptools<81'", id="no distutils"),
    pytest.param({"HIDDEN_MODULES": "polystores"}, "ModuleNotFoundError: .*polystores",
                 "pip install -U 'polyaxon-helper[client]'", id="a library that is missing"),
    pytest.param({"HIDDEN_MODULES": "markupsafe"}, "ModuleNotFoundError: .*markupsafe",
                 "pip install -U 'polyaxon-helper[client]'", id="the very library that a name is lent to",
                 marks=pytest.mark.skipif(CLIENT_IS_0_4, reason="0.4 does not need it")),
]


@needs_client
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


@needs_client
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
        "try: polyaxon_helper.client.Experiment\nexcept ImportError as error: print(error)\n"
    ), backend="client", environment={"POLYAXON_NO_OP": "perhaps"})
    assert process.returncode == 0 and "RheaError" in process.stdout, process.stderr


def test_a_client_that_is_not_installed_is_no_news(python: Process) -> None:
    process = python("-W", "error::RuntimeWarning", "-c", (
        "import polyaxon_helper.client\nprint(polyaxon_helper.get_log_level())\nimport polyaxon_client"
    ), environment={"HIDDEN_MODULES": "polyaxon_client"})
    assert process.stdout == "None\n"
    assert "ModuleNotFoundError" in process.stderr


@needs_client
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


@needs_client
def test_an_experiment_whose_outputs_are_in_a_bucket_can_be_made(
    python: Process, recorder: Recorder, tmp_path: Path
) -> None:
    write(tmp_path, GOOGLE)
    process = python("-c", STATE + (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "import polyaxon_helper.client\nbefore = state()\n"
        "from polyaxon_client.tracking import Experiment\n"
        "print(Experiment().outputs_store.store.STORE_TYPE)\n"
        "assert state() == before\n"
    ), str(tmp_path), backend="client", environment={
        **CONTAINERS["0.5.6 offline"], "POLYAXON_RUN_OUTPUTS_PATH": "gs://bucket/7", "KEY": "{}",
        "POLYAXON_IN_CLUSTER": "true", "POLYAXON_API_HTTP_HOST": recorder.url,
        "POLYSTORES_RUN_STORES_ACCESS_KEYS": '{"gs://bucket/7": {"store": "gcs", "secret_key": "KEY"}}',
        "POLYSTORES_TMP_AUTH_GCS_ACCESS_PATH": str(tmp_path / "access.json"),
    })
    assert (process.stdout, process.returncode) == ("gcs\n", 0), process.stderr


# Nor are Amazon's and Microsoft's
AMAZON = {"boto3/__init__.py": "", "botocore/__init__.py": "",
          "botocore/exceptions.py": "class ClientError(Exception): pass"}
MICROSOFT = {
    "azure/__init__.py": "", "azure/storage/__init__.py": "",
    "azure/common.py": "class AzureHttpError(Exception): pass",
    "azure/storage/blob/__init__.py": "class BlockBlobService: pass",
    "azure/storage/blob/models.py": "class BlobPrefix: pass",
}
S3_KEYS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "hunter2"}
S3_SET = {"AWS_ACCESS_KEY_ID": "an-id"}
IN_A_RUN = {"POLYAXON_IN_CLUSTER": "true", "POLYAXON_IS_MANAGED": "true"}

# The bucket; the store's libraries; the credentials; further variables; what is then in os.environ; what is told
CREDENTIALS: List[Any] = [
    pytest.param("/OUT/7", {}, None, IN_A_RUN, {}, "", id="a volume"),
    pytest.param("/OUT/7", AMAZON, ("s3://other", "s3", S3_KEYS), IN_A_RUN, {}, "", id="another's bucket"),
    pytest.param("s3://b/7", AMAZON, ("s3://b/7", "s3", S3_KEYS), {**IN_A_RUN, "POLYAXON_NO_OP": "1"}, {}, "",
                 id="in no-op"),
    pytest.param("", AMAZON, ("s3://b/7", "s3", S3_KEYS), IN_A_RUN, {}, "", id="no outputs"),
    pytest.param("s3://b/7", AMAZON, ("s3://b/7", "s3", S3_KEYS), IN_A_RUN, S3_SET, "", id="Amazon's"),
    pytest.param("gs://b/7", GOOGLE, ("gs://b/7", "gcs", {"a": "b"}), IN_A_RUN,
                 {"GOOGLE_APPLICATION_CREDENTIALS": "access.json"}, "", id="Google's"),
    pytest.param("wasbs://b/7", MICROSOFT, ("wasbs://b/7", "azure", {"AZURE_ACCOUNT_NAME": "name"}), IN_A_RUN,
                 {"AZURE_ACCOUNT_NAME": "name"}, "", id="Microsoft's"),
    pytest.param("s3://b/7", {**AMAZON, "boto3/__init__.py": "raise ImportError('no libcrypt')"},
                 ("s3://b/7", "s3", S3_KEYS), IN_A_RUN, {}, "ImportError: no libcrypt", id="no library"),
    pytest.param("s3://b/7", AMAZON, ("s3://b/7", "s3", ["hunter2"]), IN_A_RUN, {}, "PolyaxonStoresException: is what ",
                 id="no object"),
    pytest.param("s3://b/7", AMAZON, ("s3://b/7", "s3", {**S3_KEYS, "AWS_SECRET_ACCESS_KEY": ["hunter2"]}), IN_A_RUN,
                 S3_SET, "TypeError: is what POLYSTORES_RUN_STORES_ACCESS_KEYS names right?", id="no text"),
    pytest.param("s3://b/7", AMAZON, ("s3://b/7", "tape", {"hunter2": "hunter2"}), IN_A_RUN, {},
                 "PolyaxonStoresException: is what ", id="an unknown store"),
]
GIVES = """
import json, os, sys
def taken():
    names = "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_ACCOUNT_NAME"
    return {name: os.environ.pop(name) for name in names if name in os.environ}
taken()
import polyaxon_helper as h
first, then = getattr(h, sys.argv[1]), getattr(h, sys.argv[2])
first()
print(json.dumps(taken()))
first(), then()
print(taken())
"""
GETTERS = ["get_outputs_path", "get_outputs_refs_paths"]


@needs_client
@pytest.mark.parametrize("first, then", [GETTERS, GETTERS[::-1]], ids=GETTERS)
@pytest.mark.parametrize("outputs, files, keys, variables, found, told", CREDENTIALS)
def test_the_first_outputs_path_has_a_buckets_credentials_put_into_os_environ_once(
    outputs: str, files: Dict[str, str], keys: Any, variables: Dict[str, str], found: Dict[str, str], told: str,
    first: str, then: str, python: Process, own_folder: Path
) -> None:
    write(own_folder, {**files, "train.py": GIVES})
    access = {} if keys is None else {"KEY": json.dumps(keys[2]), "POLYSTORES_RUN_STORES_ACCESS_KEYS": json.dumps(
        {keys[0]: {"store": keys[1], "secret_key": "KEY"}})}
    process = python("-W", "ignore::DeprecationWarning", "train.py", first, then, backend="client", environment={
        **access, **variables, "POLYAXON_RUN_OUTPUTS_PATH": outputs, "POLYAXON_HELPER_SUMMARY": "0",
        "POLYSTORES_TMP_AUTH_GCS_ACCESS_PATH": "access.json"})
    assert process.stdout == "{}\n{{}}\n".format(json.dumps(found)), process.stderr
    assert process.stderr.count("A bucket's credentials can't be put into os.environ") == bool(told)
    assert told in process.stderr and "hunter2" not in process.stderr


MADE = """
import os, sys, polyaxon_helper as h
{}
os.environ["AWS_ACCESS_KEY_ID"] = "the script's"
h.get_outputs_path()
print(os.environ["AWS_ACCESS_KEY_ID"])
"""


@needs_client
@pytest.mark.parametrize("make", ["h.send_metrics(loss=1)", "h.experiment", "h.Experiment()", (
    "import polyaxon_helper.client\nfrom polyaxon_client.tracking import Experiment\nExperiment()")])
def test_an_experiment_has_put_the_credentials_there_itself(
    make: str, python: Process, recorder: Recorder, own_folder: Path
) -> None:
    write(own_folder, {**AMAZON, "train.py": MADE.format(make)})
    process = python("train.py", backend="client", environment={
        **CONTAINERS["0.5.6 offline"], **IN_A_RUN, "POLYAXON_API_HTTP_HOST": recorder.url,
        "POLYAXON_RUN_OUTPUTS_PATH": "s3://b/7", "KEY": json.dumps(S3_KEYS),
        "POLYSTORES_RUN_STORES_ACCESS_KEYS": '{"s3://b/7": {"store": "s3", "secret_key": "KEY"}}'})
    assert process.stdout == "the script's\n", process.stderr


ZIPPED: Dict[str, Dict[str, str]] = {
    "an ImportError": {"polyaxon_client/__init__.py": "raise ImportError('cannot import name Mapping')"},
    "no module tracking": {"polyaxon_client/__init__.py": ""},
    "no package": {"polyaxon_client.py": ""},
    "a SyntaxError": {"polyaxon_client/__init__.py": "print 'old'"},
    "no Experiment": {"polyaxon_client/__init__.py": "", "polyaxon_client/tracking.py": ""},
    "an error that ends it": {"polyaxon_client/__init__.py": "1 / 0"},
}


@pytest.mark.parametrize("files", ZIPPED.values(), ids=ZIPPED)
def test_a_client_in_a_zip_that_cant_be_imported_is_told_once(
    files: Dict[str, str], python: Process, own_folder: Path
) -> None:
    with zipfile.ZipFile(str(own_folder / "libraries.zip"), "w") as file:
        for name, text in {**files, "pkg_resources.py": ""}.items():
            file.writestr(name, text)
    process = python("-W", "ignore::DeprecationWarning", "-c", (
        "import sys\nsys.path.insert(0, 'libraries.zip')\nimport polyaxon_helper as h\n"
        "for _ in range(2): print(h.get_log_level())\n"
    ), backend="client", environment={
        **CONTAINERS["0.5.6"], "POLYAXON_HELPER_SUMMARY": "0", "HIDDEN_MODULES": "traceml"})
    assert process.stdout == "INFO\nINFO\n", process.stderr
    told = "RuntimeWarning: polyaxon-client of an unknown release is installed but can't be imported ("
    assert (process.stderr.count("Warning"), process.stderr.count(told)) == (1, 1), process.stderr


@needs_client
def test_what_was_lent_is_taken_back_when_making_fails(python: Process) -> None:
    process = python("-c", STATE + (
        "import polyaxon_helper.client\nbefore = state()\n"
        "from polyaxon_client.tracking import Experiment\n"
        "try: Experiment()\n"
        "except Exception as error: print(type(error).__name__)\n"
        "assert state() == before\n"
    ), backend="client")
    assert (process.stdout, process.returncode) == ("PolyaxonClientException\n", 0), process.stderr


NAMES = sorted(name for name, row in REPLACEMENTS.items() if row.path == name)
BROKEN = {
    "polyaxon_client/__init__.py": "raise ImportError('cannot import name Mapping from collections')",
    "pkg_resources.py": "",
}
IS_BROKEN = "ImportError polyaxon_client polyaxon-client of an unknown release is installed but can't be imported ({})"
INSTALL = "To have the client: pip install 'polyaxon-helper[client]'"
UPDATE = "To have the client: pip install -U 'polyaxon-helper[client]'"

# the client that is there; files beside the script; variables; what the ImportError is and says; how many warnings
WITHOUT: List[Any] = [
    pytest.param("environment", {}, {}, [
        "ModuleNotFoundError polyaxon_client polyaxon-client is not installed. " + INSTALL], 0, id="none is installed"),
    pytest.param("client", BROKEN, {"HIDDEN_MODULES": "traceml"}, [
        IS_BROKEN.format("ImportError: cannot import name Mapping from collections") + ". " + UPDATE], 1,
        id="one that can't be imported"),
    pytest.param("client", {}, {"HIDDEN_MODULES": "polystores"}, [
        "ModuleNotFoundError polyaxon_client polyaxon-client 0.", "(ModuleNotFoundError: ", "polystores", UPDATE],
        1, id="the real one, which lacks a library", marks=needs_client),
    pytest.param("client", {}, {"POLYAXON_NO_OP": "perhaps"}, [
        "ImportError polyaxon_client polyaxon-client 0.", "(RheaError: Cannot convert value `perhaps`",
        "To have the client: correct that variable (a switch is true or false), or unset it"],
        1, id="the real one, which fails by its own exception", marks=needs_client),
]
SAFE = """
import polyaxon_helper.client as module
for _ in range(2):
    try:
        from polyaxon_helper.client import Experiment, get_data_paths
    except ImportError as error:
        failed = error
print(type(failed).__name__, failed.name, failed)
print(hasattr(module, "nothing"))
"""


@pytest.mark.parametrize("backend, files, variables, says, warnings", WITHOUT)
def test_without_a_client_its_names_are_an_import_error_that_says_what_to_do(
    backend: str, files: Dict[str, str], variables: Dict[str, str], says: List[str], warnings: int, python: Process,
    own_folder: Path
) -> None:
    write(own_folder, {**files, "train.py": SAFE})
    process = python("train.py", backend=backend, environment=variables)
    told, others = process.stdout.splitlines()
    assert re.fullmatch(".*".join(map(re.escape, says)), told), told
    assert others == "False"
    assert process.stderr.count("Warning") == process.stderr.count("RuntimeWarning: polyaxon-client ") == warnings
    process = python("-c", "from polyaxon_helper.client import get_data_paths", backend=backend, environment=variables,
                     cwd=own_folder)
    assert (process.returncode, told.split(None, 2)[2] in process.stderr) == (1, True), process.stderr


# A script that has a fallback, as maintainers write it, on Python 3.10 and later
GUARDED = """
try:
    from polyaxon_helper.client import Experiment, get_outputs_path
    where = get_outputs_path()
except {}:
    where = "here"
print(where)
"""
GUARDS: List[Any] = [
    pytest.param("environment", {}, "ImportError", "here", id="none is installed: the fallback"),
    pytest.param("environment", {}, "ModuleNotFoundError", "here", id="none is installed: the narrower guard, too"),
    pytest.param("client", BROKEN, "ImportError", "here", id="one that can't be imported: the fallback"),
    pytest.param("client", {}, "ImportError", "/OUT/u/p/experiments/7", id="one that works: the client",
                 marks=needs_client),
]


@pytest.mark.parametrize("backend, files, error, where", GUARDS)
def test_a_guarded_import_takes_its_fallback_only_without_a_client(
    backend: str, files: Dict[str, str], error: str, where: str, python: Process, own_folder: Path
) -> None:
    write(own_folder, {**files, "train.py": GUARDED.format(error)})
    process = python("train.py", backend=backend, environment={**CONTAINERS["0.5.6"], "POLYAXON_IN_CLUSTER": "true"})
    assert (process.stdout, process.returncode) == (where + "\n", 0), process.stderr


@needs_client
@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_the_clients_own_object(name: str, python: Process) -> None:
    process = python("-W", "error", "-c", (
        "import sys\nfrom polyaxon_helper.client import {0}\n"
        "print({0} is sys.modules[{1!r}].{0})\n"
    ).format(name, REPLACEMENTS[name].home), backend="client")
    assert (process.stdout, process.stderr) == ("True\n", "")


@pytest.mark.parametrize("backend", [
    "environment", pytest.param("client", marks=pytest.mark.skipif(not HAS_CLIENT, reason="there is none"))])
def test_any_other_name_is_no_attribute(backend: str, python: Process) -> None:
    process = python("-c", (
        "import polyaxon_helper.client as module\n"
        "try: module.send_metrics\nexcept AttributeError as error: print(error)\n"
        "from polyaxon_helper.client import nothing\n"
    ), backend=backend)
    assert process.stdout == "module 'polyaxon_helper.client' has no attribute 'send_metrics'\n"
    assert "\nImportError: cannot import name 'nothing' from 'polyaxon_helper.client'" in process.stderr
    assert process.returncode == 1


SENDS = after("get_experiment", client((3, 10))) + """

from polyaxon_helper.client import PolyaxonClientException, get_data_paths
assert get_data_paths() == {{"iris": {data!r}}}, get_data_paths()
assert Experiment.get_params() == {{"x": 3}}, Experiment.get_params()
for step in range(20):
    get_experiment().log_metrics({name}=step)
"""


@needs_client
@pytest.mark.skipif(CLIENT_IS_0_4, reason="it finds no parameters in a run of 0.5")
def test_a_run_whose_two_modules_each_make_an_experiment_loses_no_metric(python: Process, own_folder: Path) -> None:
    data = str(own_folder / "data")
    write(own_folder, {"data/iris.csv": "", "evaluate.py": SENDS.format(data=data, name="accuracy"),
                       "train.py": "import evaluate\n" + SENDS.format(data=data, name="loss")})
    process = python("-W", "default", "-m", "polyaxon_helper.local", "--param", "x=3", "--data", "iris=data",
                     "--outputs", "out", "train.py", backend="client", cwd=own_folder)
    assert (process.returncode, process.stdout) == (0, ""), process.stderr
    assert "Warning" not in process.stderr and "deprecated" not in process.stderr
    sent = [json.loads(line)["values"] for line in (own_folder / "out" / "metrics.jsonl").read_text().splitlines()]
    assert sorted(map(str, sent)) == sorted(str({name: n}) for name in ("accuracy", "loss") for n in range(20))
