"""Shows what the pod of a Polyaxon 1.x or 2.x says where it is not plain, and the one question that it asks the API."""
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from polyaxon_helper import environment
from polyaxon_helper.classic import tokens
from polyaxon_helper.local.server import serve
from polyaxon_helper.modern import answers, run

from ..conftest import Recorder
from ..containers import TOKEN, UUID
from ..processes import Process

RUN = "/u/p/runs/" + UUID
INPUTS = {"lr": 0.1, "layers": [1, 2]}


@pytest.fixture(autouse=True)
def variables(monkeypatch: Any, tmp_path: Path) -> Any:
    """Sets variables of this process, which then is a run's pod."""
    answers._inputs.cache_clear()

    def set_variables(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    set_variables(POLYAXON_RUN_INSTANCE="u.p.runs." + UUID, POLYAXON_CONTEXT_ROOT=str(tmp_path),
                  POLYAXON_AUTH_TOKEN=TOKEN)
    return set_variables


# --- what the environment says

FOLDERS: List[Any] = [
    pytest.param({}, "plx-context/artifacts/" + UUID, id="in the cluster: /plx-context"),
    pytest.param({"POLYAXON_IS_OFFLINE": "1"}, "tmp/plx/offline/runs/" + UUID, id="offline: /tmp/plx/offline"),
]


@pytest.mark.parametrize("variables_, folder", FOLDERS)
def test_where_no_variable_says_the_platforms_own_folder(
    variables_: Dict[str, str], folder: str, python: Process, own_folder: Path
) -> None:
    process = python("-W", "ignore", "-c", "import polyaxon_helper; print(polyaxon_helper.get_outputs_path())",
                     environment={"POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, **variables_})
    assert process.stdout == "{}\n".format(own_folder / folder / "outputs"), process.stderr


CATALOGS: List[Any] = [
    pytest.param("", id="none"),
    pytest.param("{}", id="no connections"),
    pytest.param('{"connections": null}', id="connections that are null"),
    pytest.param('{"connections": [{"name": "chat", "schema": null}]}', id="none with a path"),
]


@pytest.mark.parametrize("catalog", CATALOGS)
def test_no_data_paths(catalog: str, variables: Any) -> None:
    variables(POLYAXON_CONNECTIONS_CATALOG=catalog)
    assert environment.get_data_paths() is None


UNREADABLE: List[Any] = [
    *[("POLYAXON_CONNECTIONS_CATALOG", text) for text in (
        "[1]", "7", '{"connections": [1]}', '{"connections": 7}', '{"connections": [{"schema": {}}]}', "{",
        '{"connections": [{"name": "a", "schema": {"mountPath": 7}}]}',
        '{"connections": [{"name": [], "schema": {"bucket": "b"}}]}')],
    *[("POLYAXON_CONNECTION_SCHEMA_BAD", text) for text in ("[1]", "7", '{"schema": {"mountPath": "/"}}', "{")],
]


@pytest.mark.parametrize("variable, text", UNREADABLE)
def test_a_connection_that_cant_be_read_is_told_without_its_value(variable: str, text: str, variables: Any) -> None:
    variables(**{variable: text})
    with pytest.warns(RuntimeWarning) as told:
        assert environment.get_data_paths() is None
    message, = [str(warning.message) for warning in told]
    assert message in (variable + " has a connection that can't be read: it is left out",
                       variable + " is not valid JSON, and is taken as not set")


READABLE: List[Any] = [
    pytest.param({"POLYAXON_CONNECTIONS_CATALOG": '{"connections": [{"name": "b"}, {"name": "a", "schema": 7}, '
                  '{"name": "iris", "schema": {"mountPath": "/iris/"}}]}'}, id="in the catalog"),
    pytest.param({"POLYAXON_CONNECTION_SCHEMA_BAD": "{}", "POLYAXON_CONNECTION_SCHEMA_NONE": "",
                  "POLYAXON_CONNECTION_SCHEMA_IRIS": '{"name": "iris", "schema": {"mountPath": "/iris/"}}'},
                 id="with a variable each"),
]


@pytest.mark.parametrize("more", READABLE)
def test_beside_a_connection_that_cant_be_read_the_others_are_there(more: Dict[str, str], variables: Any) -> None:
    variables(**more)
    with pytest.warns(RuntimeWarning, match="has a connection that can't be read: it is left out"):
        assert environment.get_data_paths() == {"iris": "/iris"}


def test_the_outputs_folder_is_there(tmp_path: Path) -> None:
    path = environment.get_outputs_path()
    assert path == str(tmp_path / "artifacts" / UUID / "outputs") and os.path.isdir(path)


@pytest.mark.parametrize("instance", ["u.p.experiments.7", "u.p.runs.", "u.p.runs.../..", "u.p"])
def test_a_run_that_is_none_is_told(instance: str, variables: Any) -> None:
    variables(POLYAXON_RUN_INSTANCE=instance)
    with pytest.warns(RuntimeWarning, match="POLYAXON_RUN_INSTANCE is not OWNER.PROJECT.runs.UUID"):
        assert environment.get_outputs_path() is None
    assert environment.Experiment.get_experiment_info() is None


def test_a_cluster_and_a_task_that_are_none(variables: Any) -> None:
    variables(TF_CONFIG='{"cluster": [1], "task": "x"}')
    assert environment.Experiment.get_cluster_def() is environment.Experiment.get_task_info() is None


def test_a_tf_config_that_is_no_json_is_told(variables: Any) -> None:
    variables(TF_CONFIG="{")
    with pytest.warns(RuntimeWarning, match="TF_CONFIG is not valid JSON, and is taken as not set"):
        assert environment.Experiment.get_cluster_def() is None


def test_the_token_files_of_0_are_not_read(variables: Any, own_folder: Path) -> None:
    for path in (tokens.CONTEXT_FILE, tokens.KEPT_FILE):
        os.makedirs(os.path.dirname(path))
        Path(path).write_text('{"POLYAXON_SECRET_USER_TOKEN": "of-another-run"}')
    assert environment.get_user_token() == TOKEN
    os.environ.pop("POLYAXON_AUTH_TOKEN")
    assert environment.get_user_token() is None
    variables(POLYAXON_SECRET_USER_TOKEN="of-the-polyaxonfile")
    assert environment.get_user_token() == "of-the-polyaxonfile"


# --- what the API says

@pytest.fixture
def api(variables: Any) -> Iterator[None]:
    with serve(RUN, {"inputs": INPUTS}, TOKEN, os.devnull) as (host, _):
        variables(POLYAXON_HOST=host + "/")
        yield


def test_a_token_file_is_read_first(api: None, variables: Any, tmp_path: Path) -> None:
    (tmp_path / ".configs").mkdir()
    (tmp_path / ".configs" / ".auth").write_text('{"username": "u", "token": "%s"}' % TOKEN)
    variables(POLYAXON_AUTH_TOKEN="of-the-variable")
    assert environment.get_user_token() == TOKEN
    os.environ.pop("POLYAXON_AUTH_TOKEN")
    assert environment.Experiment.get_params() == INPUTS  # which needs a token


CHANGEABLE: Dict[str, Dict[str, Any]] = {
    "get_params": INPUTS,
    "get_experiment_info": {"project_name": "u.p", "experiment_uuid": UUID},
    "get_data_paths": {"data": "/DATA"},
    "get_cluster_def": {"master": ["a:1"]},
    "get_task_info": {"type": "master", "index": 0},
}


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_script_may_change_what_it_was_given(name: str, api: None, variables: Any) -> None:
    variables(TF_CONFIG='{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
              POLYAXON_CONNECTIONS_CATALOG='{"connections": [{"name": "data", "schema": {"mountPath": "/DATA"}}]}')
    get = getattr(environment if name == "get_data_paths" else environment.Experiment, name)
    for _ in range(2):
        given = get()
        assert {key: given[key] for key in CHANGEABLE[name]} == CHANGEABLE[name]
        for value in given.values():
            if isinstance(value, list):
                value.clear()
        given.clear()


# What a signal's handler gets while the script imports requests, and what the script gets then
IN_A_HANDLER = """
import sys, polyaxon_helper as h
class Signal:
    def find_spec(self, name, *rest):
        if name == "requests.models": print(h.get_params())
sys.meta_path.insert(0, Signal())
import requests
print(h.get_params())
"""


def test_a_call_amid_an_import_decides_nothing_for_those_after_it(api: None, python: Process) -> None:
    process = python("-W", "error::RuntimeWarning", "-c", IN_A_HANDLER, environment={
        name: value for name, value in os.environ.items() if name.startswith("POLYAXON_")})
    assert process.stdout == "None\n{}\n".format(INPUTS), process.stderr


@pytest.mark.parametrize("inputs", [None, {}])
def test_no_inputs_are_none(inputs: Any, variables: Any) -> None:
    with serve(RUN, {"inputs": inputs}, TOKEN, os.devnull) as (host, _):
        variables(POLYAXON_HOST=host)
        assert environment.Experiment.get_params() is None


FAULTS: List[Any] = [
    pytest.param((500, {}, b""), "status 500", id="an error"),
    pytest.param((302, {"Location": "/elsewhere"}, b""), "status 302", id="a redirect, which is not followed"),
    pytest.param((200, {}, b"no JSON"), "JSONDecodeError", id="no JSON"),
    pytest.param((200, {}, b"[]"), "AttributeError", id="no object"),
    pytest.param((0, {}, b""), "ConnectionError", id="no answer"),
]


@pytest.mark.parametrize("answer, reason", FAULTS)
def test_no_answer_is_none_and_told_once(answer: Any, reason: str, recorder: Recorder, variables: Any) -> None:
    variables(POLYAXON_HOST=recorder.url)
    recorder.answer = answer
    with pytest.warns(RuntimeWarning) as told:
        assert environment.Experiment.get_params() is None
        assert environment.Experiment.get_declarations() is None
    assert len(told) == len(recorder.asked) == 1
    assert "could not be had from its API, and are taken as not set ({})".format(reason) in str(told[0].message)
    assert TOKEN not in str(told[0].message)


def test_an_api_that_answers_by_the_byte_is_waited_for_in_vain(serve: Any, variables: Any, monkeypatch: Any) -> None:
    assert run.SECONDS == 5
    monkeypatch.setattr(run, "SECONDS", 0.5)
    variables(POLYAXON_HOST=serve([bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], 0.2))
    with pytest.warns(RuntimeWarning, match="no answer within 0.5 s"):
        assert environment.Experiment.get_params() is None


def test_what_the_api_is_asked(recorder: Recorder, variables: Any, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    variables(POLYAXON_HOST=recorder.url, NETRC=str(netrc), POLYAXON_HEADER="X-POLYAXON-SERVICE",
              POLYAXON_HEADER_SERVICE="sandbox")
    recorder.answer = (200, {}, b'{"inputs": {"lr": 1}}')
    assert environment.Experiment.get_params() == {"lr": 1}
    (method, path, headers, _), = recorder.asked
    assert (method, path) == ("GET", "/api/v1" + RUN)
    assert (headers["Authorization"], headers["X-POLYAXON-SERVICE"]) == ("Token " + TOKEN, "sandbox")


def test_of_no_known_run_nobody_is_asked(recorder: Recorder, variables: Any) -> None:
    variables(POLYAXON_HOST=recorder.url, POLYAXON_RUN_INSTANCE="u.p.7")
    with pytest.warns(RuntimeWarning) as told:
        assert environment.Experiment.get_params() is None
    assert "which run this is can't be told" in "".join(str(each.message) for each in told) and recorder.asked == []


def test_without_a_host_there_is_nobody_to_ask(variables: Any) -> None:
    with pytest.warns(RuntimeWarning, match="POLYAXON_HOST is not set"):
        assert environment.Experiment.get_params() is None


def test_offline_nobody_is_asked(recorder: Recorder, variables: Any) -> None:
    variables(POLYAXON_HOST=recorder.url, POLYAXON_IS_OFFLINE="true")
    assert environment.Experiment.get_params() is None
    assert recorder.asked == []


def test_nothing_of_polyaxon_is_imported_and_requests_only_to_ask(python: Process, tmp_path: Path) -> None:
    process = python("-c", (
        "import sys, polyaxon_helper as h\n"
        "h.get_outputs_path(), h.get_data_paths(), h.get_tf_config(), h.get_experiment_info(), h.get_log_level()\n"
        "print(sorted({'requests', 'polyaxon', 'traceml', 'polyaxon_client'} & set(sys.modules)))\n"
    ), backend="client", environment={
        "POLYAXON_RUN_INSTANCE": "u.p.runs." + UUID, "POLYAXON_CONTEXT_ROOT": str(tmp_path)})
    assert process.stdout == "[]\n", process.stderr
