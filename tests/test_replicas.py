"""Which replica of a distributed run a process is: what each launcher sets."""
import json
import re
from typing import Any, Dict, List

import pytest

from polyaxon_helper.replicas import replica

from .processes import Process, posix


def tf_config(role: str, index: Any, *roles: str) -> Dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": {r: ["h:1"] for r in roles}, "task": {"type": role, "index": index}})}


NO_CLUSTER = {"TF_CONFIG": '{"cluster": null, "task": null}'}

REPLICAS: List[Any] = [
    pytest.param({}, "", id="the only one"),
    pytest.param({"RANK": ""}, "", id="a rank that is empty"),
    pytest.param({"RANK": "-1", "LOCAL_RANK": "-1"}, "", id="ranks that say that there are none"),
    pytest.param({"RANK": " 0 ", "LOCAL_RANK": "1"}, "", id="a rank among blanks"),
    pytest.param(NO_CLUSTER, "", id="no cluster, as the client sets it"),
    pytest.param({"TF_CONFIG": '{"cluster": [1], "task": "x"}'}, "", id="a cluster and a task that are none"),
    pytest.param({"TF_CONFIG": "planted"}, "", id="a TF_CONFIG that is no JSON"),
    pytest.param(tf_config("chief", 0, "chief", "worker"), "", id="TensorFlow: the chief"),
    pytest.param(tf_config("master", 0, "master", "worker"), "", id="TensorFlow: the chief, told as master"),
    pytest.param(tf_config("worker", 0, "chief", "worker"), "worker-0", id="TensorFlow: a worker beside a chief"),
    pytest.param(tf_config("worker", 0, "worker", "ps"), "", id="TensorFlow: the first of workers"),
    pytest.param(tf_config("worker", None, "worker", "ps"), "", id="TensorFlow: a worker without an index"),
    pytest.param(tf_config("worker", 1, "worker", "ps"), "worker-1", id="TensorFlow: the second of workers"),
    pytest.param(tf_config("worker", "1", "worker"), "worker-1", id="TensorFlow: the second, its index a text"),
    pytest.param(tf_config("ps", 0, "worker", "ps"), "ps-0", id="TensorFlow: a parameter server"),
    pytest.param(tf_config("chief", 0), "", id="TensorFlow: a chief that knows of no others"),
    pytest.param(tf_config("evaluator", 0, "chief"), "evaluator-0", id="TensorFlow: an evaluator"),
    pytest.param(tf_config("evaluator", 0), "evaluator-0", id="TensorFlow: an evaluator that knows of no others"),
    pytest.param(tf_config("../up", "x/y", "worker"), "---up-x-y", id="TensorFlow: what no file may be called"),
    pytest.param({"RANK": "0"}, "", id="torchrun, Kubeflow: the first"),
    pytest.param({"RANK": "3"}, "rank-3", id="torchrun, Kubeflow: another"),
    pytest.param({"OMPI_COMM_WORLD_RANK": "0"}, "", id="Open MPI: the first"),
    pytest.param({"OMPI_COMM_WORLD_RANK": "2"}, "rank-2", id="Open MPI: another"),
    pytest.param({"PMI_RANK": "0"}, "", id="MPICH: the first"),
    pytest.param({"PMI_RANK": "1"}, "rank-1", id="MPICH: another"),
    pytest.param({"SLURM_PROCID": "00"}, "", id="Slurm: the first"),
    pytest.param({"SLURM_PROCID": "12"}, "rank-12", id="Slurm: another"),
    pytest.param({"NODE_RANK": "0", "LOCAL_RANK": "0"}, "", id="Lightning: the first"),
    pytest.param({"NODE_RANK": "0", "LOCAL_RANK": "1"}, "node-0-rank-1", id="Lightning: another of the first node"),
    pytest.param({"NODE_RANK": "1", "LOCAL_RANK": "0"}, "node-1-rank-0", id="Lightning: the first of another node"),
    pytest.param({"LOCAL_RANK": "1"}, "node-0-rank-1", id="Lightning: another, where no node is numbered"),
    pytest.param({"NODE_RANK": "1"}, "node-1-rank-0", id="Lightning: another node, which has one process"),
    pytest.param({**tf_config("chief", 0, "chief"), "RANK": "1"}, "", id="TensorFlow before a rank"),
    pytest.param({**NO_CLUSTER, "RANK": "1"}, "rank-1", id="a rank where TensorFlow has no cluster"),
    pytest.param({"RANK": "0", "OMPI_COMM_WORLD_RANK": "1", "LOCAL_RANK": "1"}, "", id="RANK before the others"),
    pytest.param({"OMPI_COMM_WORLD_RANK": "2", "PMI_RANK": "1", "SLURM_PROCID": "1"}, "rank-2", id="Open MPI's next"),
    pytest.param({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, "", id="Slurm before Lightning"),
]


@pytest.mark.parametrize("variables, expected", REPLICAS)
def test_which(variables: Dict[str, str], expected: str, monkeypatch: Any) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert replica() == expected
    assert re.match(r"[\w-]*\Z", replica(), re.ASCII)


def test_nothing_is_told_of_a_tf_config_that_is_no_json(monkeypatch: Any, recwarn: Any) -> None:
    monkeypatch.setenv("TF_CONFIG", "planted")
    assert replica() == "" and [str(each.message) for each in recwarn] == []


def test_it_stays_so(monkeypatch: Any) -> None:
    assert replica() == ""
    monkeypatch.setenv("RANK", "1")
    assert replica() == ""


@posix
def test_a_child_may_be_numbered_after_the_fork(python: Process) -> None:
    process = python("-c", """
import os, sys
from polyaxon_helper.replicas import replica
print([replica()])
sys.stdout.flush()
if os.fork():
    os.wait()
else:
    os.environ["RANK"] = "2"
    print([replica()])
""")
    assert process.stdout == "['']\n['rank-2']\n", process.stderr
