"""Uses what stands for polyaxon_client.tracking where the client is not, as a script uses the client."""
import copy
import json
import os
import pickle
import warnings
from typing import Any, Dict

import pytest

from polyaxon_helper import environment
from polyaxon_helper.environment import Experiment, Job
from polyaxon_helper.exceptions import PolyaxonClientException

from .processes import CLIENT_IS_0_4, Process, needs_client

INFO = '{"project_name": "u.p", "experiment_name": "u.p.7"}'
RUN = {"POLYAXON_EXPERIMENT_INFO": INFO, "POLYAXON_JOB_INFO": "{}"}


@pytest.mark.parametrize("variables", [{"POLYAXON_NO_OP": "yes"}, {**RUN, "POLYAXON_IS_OFFLINE": "t"}],
                         ids=["in no-op, also outside Polyaxon", "offline"])
@pytest.mark.parametrize("kind", [Experiment, Job])
def test_nothing_is_done(kind: Any, variables: Dict[str, str], monkeypatch: Any) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert kind().log_params(lr=0.1) is None
    assert kind is Job or kind().log_metrics(loss="no number") is None


LEFT_OUT: Dict[str, Any] = {
    "Experiment().log_params": lambda: Experiment().log_params(lr=0.1),
    "Experiment().log_artifact": lambda: Experiment().log_artifact("model.pt"),
    "Experiment().log_data_ref": lambda: Experiment().log_data_ref(data=[1], data_name="train"),
    "Experiment().log_framework": lambda: Experiment().log_framework("torch"),
    "Experiment().set_name": lambda: Experiment().set_name("mine"),
    "Job().log_status": lambda: Job().log_status("running"),
    "Job().log_params": lambda: Job().log_params(**{"self": 1, "name": 2, "what": 3}),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_needs_the_client_is_left_out_with_one_warning(what: str, monkeypatch: Any) -> None:
    for name, value in RUN.items():
        monkeypatch.setenv(name, value)
    with pytest.warns(RuntimeWarning) as caught:
        assert LEFT_OUT[what]() is None
        assert LEFT_OUT[what]() is None
    assert [str(each.message).partition(",")[0] for each in caught] == [
        what + " is left out: it needs polyaxon-client"]
    assert "pip install 'polyaxon-helper[client]'" in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [Experiment, Job])
def test_looking_for_what_needs_the_client_warns_of_nothing(kind: Any, monkeypatch: Any) -> None:
    for name, value in RUN.items():
        monkeypatch.setenv(name, value)
    assert hasattr(kind(), "log_params") and callable(kind().log_params)
    pickle.dumps(kind()), copy.copy(kind()), copy.deepcopy(kind())


@pytest.mark.parametrize("variables", [RUN, {"POLYAXON_NO_OP": "yes"}, {**RUN, "POLYAXON_IS_OFFLINE": "t"}],
                         ids=["in a run", "in no-op", "offline"])
@pytest.mark.parametrize("kind", [Experiment, Job])
@pytest.mark.parametrize("name", ["log_parms", "client", "outputs_store", "_update", "__len__", "_repr_html_", "shape"])
def test_any_other_name_is_no_attribute(name: str, kind: Any, variables: Dict[str, str], monkeypatch: Any) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert not hasattr(kind(), name)
    with pytest.raises(AttributeError, match="'{}' has no attribute '{}' without polyaxon-client".format(
            kind.__name__, name)):
        getattr(kind(), name)


def test_what_one_kind_alone_has_is_no_attribute_of_the_other(monkeypatch: Any) -> None:
    for name, value in RUN.items():
        monkeypatch.setenv(name, value)
    assert hasattr(Experiment(), "log_framework") and not hasattr(Job(), "log_framework")
    assert hasattr(Experiment(), "log_metrics") and not hasattr(Job(), "log_metrics")
    assert hasattr(Job(), "get_job_info") and not hasattr(Experiment(), "get_job_info")


def test_a_run_knows_which_it_is(monkeypatch: Any) -> None:
    monkeypatch.setenv("POLYAXON_EXPERIMENT_INFO", INFO)
    monkeypatch.setenv("POLYAXON_JOB_INFO", '{"project_name": "u.p", "job_name": "u.p.jobs.3"}')
    for run in Experiment(), Job():
        assert (run.project, run.username, run.project_name, run.is_notebook_job) == ("u.p", "u", "p", False)
    assert (Experiment().experiment_id, Job().job_id) == ("7", "3")
    assert not hasattr(Experiment(), "job_id") and not hasattr(Job(), "experiment_id")


# Prints the public functions and methods of the client's classes, then those that stand for them without it
OF_THE_CLASSES = """
import json, polyaxon_helper.client as client, polyaxon_helper.environment as environment
from polyaxon_helper.replacements import LEFT_OUT
for kind in "Experiment", "Job":
    real, ours = getattr(client, kind), getattr(environment, kind)
    print(json.dumps([
        [name for name in dir(real) if name[0] != "_" and callable(getattr(real, name))],
        sorted({name for name in dir(ours) if name[0] != "_" and callable(getattr(ours, name))} | LEFT_OUT[kind]),
        [name for name in LEFT_OUT[kind] if name in dir(ours)],
    ]))
"""


@pytest.mark.slow
@needs_client
def test_every_method_of_the_clients_classes_is_there_or_left_out(python: Process) -> None:
    process = python("-c", OF_THE_CLASSES, backend="client")
    assert process.returncode == 0, process.stderr
    for line in process.stdout.splitlines():
        of_the_client, of_ours, twice = json.loads(line)
        assert set(of_the_client) <= set(of_ours) and not twice
        assert CLIENT_IS_0_4 or of_the_client == of_ours


DEEP = ['{"a": ' * 17000 + "1" + "}" * 17000, "[" * 60000 + "]" * 60000, '{"a": [' * 100000]
GETTERS: Dict[str, Any] = {
    "POLYAXON_RUN_DATA_PATHS": environment.get_data_paths,
    "POLYAXON_REFS_OUTPUTS_PATHS": environment.get_outputs_refs_paths,
    "POLYAXON_PARAMS": Experiment.get_params, "POLYAXON_CLUSTER": Experiment.get_cluster_def,
    "POLYAXON_EXPERIMENT_INFO": Experiment.get_experiment_info, "POLYAXON_TASK_INFO": Experiment.get_task_info,
    "POLYAXON_JOB_INFO": Job.get_job_info,
}


@pytest.mark.parametrize("text", DEEP, ids=["objects", "lists", "broken too"])
@pytest.mark.parametrize("variable", GETTERS)
def test_json_nested_deep_is_as_broken(variable: str, text: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "environ", {variable: text})
    with pytest.warns(RuntimeWarning, match=variable + " is not valid JSON") as caught:
        assert GETTERS[variable]() is None
    assert len(caught) == 1


BUCKET = {"POLYSTORES_RUN_STORES_ACCESS_KEYS": '{"s3://b/7": {"store": "s3", "secret_key": "KEY"}}'}
IN_A_BUCKET = {"POLYAXON_RUN_OUTPUTS_PATH": "s3://b/7", "POLYAXON_REFS_OUTPUTS_PATHS": '{"jobs": []}', **RUN}
CREDENTIALS: Any = [
    pytest.param({}, 0, id="outside Polyaxon"),
    pytest.param(IN_A_BUCKET, 0, id="no keys"),
    pytest.param({**IN_A_BUCKET, "POLYSTORES_RUN_STORES_ACCESS_KEYS": "{}"}, 0, id="keys of no store"),
    pytest.param({**IN_A_BUCKET, **BUCKET, "POLYAXON_NO_OP": "1"}, 0, id="no-op"),
    pytest.param({**IN_A_BUCKET, **BUCKET}, 1, id="keys"),
]


@pytest.mark.parametrize("variables, told", CREDENTIALS)
@pytest.mark.parametrize("get", [
    environment.get_outputs_path, environment.get_outputs_refs_paths, Experiment.get_outputs_path,
    Job.get_outputs_refs_paths, lambda: Experiment.get_tf_config(None)])
def test_a_buckets_credentials_are_not_there_without_the_client(
    get: Any, variables: Dict[str, str], told: int, monkeypatch: Any
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        get(), get()
    assert [str(each.message).partition(": ")[0] for each in caught] == [
        "A bucket's credentials are not in os.environ"] * told


@pytest.mark.parametrize("kind, variable", [(Experiment, "POLYAXON_EXPERIMENT_INFO"), (Job, "POLYAXON_JOB_INFO")])
def test_outside_polyaxon_there_is_none(kind: Any, variable: str) -> None:
    with pytest.raises(PolyaxonClientException, match=variable + " is not set"):
        kind()


def test_a_run_with_arguments_is_another_one_which_needs_the_client(monkeypatch: Any) -> None:
    monkeypatch.setenv("POLYAXON_EXPERIMENT_INFO", INFO)
    with pytest.raises(PolyaxonClientException) as caught:
        Experiment(project="u.p")
    assert str(caught.value).startswith("Experiment(...) with arguments needs polyaxon-client, ")
    assert caught.value.message == str(caught.value)


def test_an_environ_that_a_test_of_the_users_put_in_place_is_read(monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "environ", {"POLYAXON_LOG_LEVEL": "INFO"})
    assert environment.get_log_level() == "INFO"


@pytest.mark.parametrize("getter", [
    environment.get_outputs_path, environment.get_data_paths, environment.get_log_level, Experiment.get_params,
    Experiment.get_cluster_def, Experiment.get_tf_config, Job.get_job_info], ids=lambda getter: str(getter.__name__))
def test_a_getter_can_be_pickled(getter: Any) -> None:
    assert pickle.loads(pickle.dumps(getter)) == getter


def test_tf_config_is_set_nowhere_without_a_name(monkeypatch: Any) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    answer = environment.Experiment.get_tf_config(None)
    assert answer is not None and answer["environment"] == "cloud"
    assert "TF_CONFIG" not in os.environ
