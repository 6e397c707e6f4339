"""TF_CONFIG as TensorFlow reads it, 1.15 and a current one, after an unchanged script has called get_tf_config."""
import importlib.util
import json
import socket
from typing import Any, Dict, List

import pytest

from .containers import CONTAINERS, OUTPUTS
from .processes import Process

IS_1 = importlib.util.find_spec("tensorflow_core") is not None  # 1.15's own; importing it takes seconds

# What get_tf_config gives, and what TensorFlow then takes for its cluster and this process's task
RESOLVE = """
import json, os, sys
import polyaxon_helper
given = polyaxon_helper.get_tf_config()
import tensorflow as tf
resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
print(json.dumps([given["cluster"], resolver.cluster_spec().as_dict(), resolver.task_type, resolver.task_id]))
"""
POD = CONTAINERS["2.18 pod"]
TFJOB = {"chief": ["c:2222"], "worker": ["w:2222", "x:2222"], "ps": ["p:2222"]}
LEGACY_TFJOB = {"master": TFJOB["chief"], "worker": TFJOB["worker"], "ps": TFJOB["ps"]}


def tfjob(cluster: Dict[str, List[str]], role: str, index: int) -> Dict[str, str]:
    """The variables of a TFJob's pod; its operator adds an environment."""
    config = {"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"}
    return {**POD, "TF_CONFIG": json.dumps(config)}


# the variables; what get_tf_config gives as cluster; the cluster, role and index that TensorFlow finds
RESOLVED: List[Any] = [
    pytest.param({}, None, {}, None, None, id="outside"),
    pytest.param(CONTAINERS["0.5.6 job"], None, {}, None, None, id="0.5.6 without a cluster"),
    pytest.param(POD, None, {}, None, None, id="2.18 without a cluster"),
    pytest.param(CONTAINERS["1.18 pod"], None, {}, None, None, id="1.18 without a cluster"),
    pytest.param(tfjob(TFJOB, "chief", 0), LEGACY_TFJOB, TFJOB, "chief", 0, id="2.18, a TFJob's chief"),
    pytest.param(tfjob(TFJOB, "worker", 1), LEGACY_TFJOB, TFJOB, "worker", 1, id="2.18, a TFJob's worker"),
    pytest.param(tfjob(TFJOB, "evaluator", 0), LEGACY_TFJOB, TFJOB, "evaluator", 0, id="2.18, a TFJob's evaluator"),
    pytest.param({**POD, "POLYAXON_CLUSTER": json.dumps(LEGACY_TFJOB),
                  "POLYAXON_TASK_INFO": '{"type": "ps", "index": 0}'},
                 LEGACY_TFJOB, LEGACY_TFJOB, "ps", 0, id="2.18 whose polyaxonfile sets the old names"),
    pytest.param({**CONTAINERS["0.5.6"], "POLYAXON_CLUSTER": json.dumps(LEGACY_TFJOB)},
                 LEGACY_TFJOB, LEGACY_TFJOB, "master", 0, id="0.5.6, the master"),
]


@pytest.mark.parametrize("variables, given, cluster, role, index", RESOLVED)
def test_what_tensorflow_reads(
    variables: Dict[str, str], given: Any, cluster: Any, role: Any, index: Any, python: Process
) -> None:
    process = python("-W", "ignore", "-c", RESOLVE, environment=variables)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == [given, cluster, role, index]


@pytest.mark.skipif(not IS_1, reason="TensorFlow 2.16 dropped the estimators")
@pytest.mark.parametrize("role, index, is_chief", [("master", 0, True), ("worker", 1, False)])
def test_an_estimator_of_1_finds_its_role(role: str, index: int, is_chief: bool, python: Process) -> None:
    process = python("-W", "ignore", "-c", """
import json, polyaxon_helper
polyaxon_helper.get_tf_config()
import tensorflow as tf
config = tf.estimator.RunConfig()
print(json.dumps([config.task_type, config.task_id, config.is_chief, config.model_dir]))
""", environment={**CONTAINERS["0.5.6"], "POLYAXON_CLUSTER": json.dumps(LEGACY_TFJOB),
                  "POLYAXON_TASK_INFO": json.dumps({"type": role, "index": index})})
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == [role, index, is_chief, OUTPUTS]


STRATEGY = """
import os, sys
import polyaxon_helper
polyaxon_helper.get_tf_config()
os.environ["TF_CONFIG"] = os.environ["TF_CONFIG"].replace("chief", sys.argv[1])
import tensorflow as tf
print(tf.distribute.MultiWorkerMirroredStrategy().num_replicas_in_sync)
"""


@pytest.mark.skipif(IS_1, reason="TensorFlow 2 refuses a master, 1.15 does not")
@pytest.mark.parametrize("role, starts", [("chief", True), ("master", False)], ids=["as it is", "as it was translated"])
def test_a_strategy_of_2_starts_with_what_the_operator_set(role: str, starts: bool, python: Process) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(free.getsockname()[1])
    process = python("-W", "ignore", "-c", STRATEGY, role, environment=tfjob({"chief": [address]}, "chief", 0))
    assert (process.stdout == "1\n") is starts, process.stderr
