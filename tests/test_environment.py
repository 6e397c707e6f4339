"""Uses what stands for polyaxon_client.tracking where the client is not, as a script uses the client."""
import os
import pickle
from typing import Any, Dict

import pytest

from polyaxon_helper import environment
from polyaxon_helper.environment import Experiment, Job
from polyaxon_helper.exceptions import ClientNeeded, PolyaxonClientException

INFO = '{"project_name": "u.p", "experiment_name": "u.p.7"}'
RUN = {"POLYAXON_EXPERIMENT_INFO": INFO, "POLYAXON_JOB_INFO": "{}"}


@pytest.mark.parametrize("variables", [{"POLYAXON_NO_OP": "yes"}, {**RUN, "POLYAXON_IS_OFFLINE": "t"}],
                         ids=["in no-op, also outside Polyaxon", "offline"])
@pytest.mark.parametrize("kind", [Experiment, Job])
def test_nothing_is_done(kind: Any, variables: Dict[str, str], monkeypatch: Any) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert kind().log_params(lr=0.1) is None
    assert kind().log_metrics(loss="no number") is None


NEEDS_CLIENT: Any = {
    "Experiment().log_params": lambda: Experiment().log_params(lr=0.1),
    "Job().log_status": lambda: Job().log_status("running"),
    "Experiment(...) with arguments": lambda: Experiment(project="u.p"),
}


@pytest.mark.parametrize("what", NEEDS_CLIENT)
def test_what_needs_the_client_says_so(what: str, monkeypatch: Any) -> None:
    for name, value in RUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ClientNeeded) as caught:
        NEEDS_CLIENT[what]()
    assert str(caught.value).startswith(what + " needs polyaxon-client")
    assert "pip install 'polyaxon-helper[client]'" in str(caught.value)
    assert isinstance(caught.value, PolyaxonClientException) and caught.value.message == str(caught.value)
    assert not hasattr(Experiment(), "log_params")


@pytest.mark.parametrize("kind, variable", [(Experiment, "POLYAXON_EXPERIMENT_INFO"), (Job, "POLYAXON_JOB_INFO")])
def test_outside_polyaxon_there_is_none(kind: Any, variable: str) -> None:
    with pytest.raises(PolyaxonClientException, match=variable + " is not set"):
        kind()


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
