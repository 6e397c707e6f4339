"""The environments of each era of Polyaxon: what a container sets, and what each legacy function answers in it."""
import json
from typing import Any, Dict

from .processes import CLIENT_IS_0_4

INFO = {
    "project_name": "u.p", "experiment_group_name": None, "experiment_name": "u.p.7", "project_uuid": "a",
    "experiment_uuid": "b",
}
JOB = {
    "project_name": "u.p", "project_uuid": "a", "job_name": "u.p.jobs.1", "job_uuid": "c", "role": "master",
    "type": "runner", "app": "job",
}
CLUSTER = {"master": ["plx-b-master-0:2222"], "worker": [], "ps": []}
TASK = {"type": "master", "index": 0}
PARAMS = {"lr": 0.1, "layers": [1, 2]}
DATA = {"data": "/DATA", "more": "/MORE"}
REFS = {"experiments": ["/OUT/u/p/experiments/3"], "jobs": []}
OUTPUTS = "/OUT/u/p/experiments/7"
HOST = "http://HOST:80"
TOKEN = "4f1c9f3b2d5e48a7b6c5d4e3f2a190817263544f"
SECRET = "another-secret-of-the-cluster"
UUID = "0123456789abcdef0123456789abcdef"
NO_HOST = "http://127.0.0.1:9"
CONTEXT = "/dev/null/context"  # where nobody can write


def texts(**variables: Any) -> Dict[str, str]:
    """The variables with POLYAXON_ before their names, as JSON where they are no text."""
    return {"POLYAXON_" + name: v if isinstance(v, str) else json.dumps(v) for name, v in variables.items()}


_EVERY_ERA = texts(LOG_LEVEL="INFO", CLUSTER=CLUSTER, EXPERIMENT_INFO=INFO, TASK_INFO=TASK)
_API = texts(
    API_HTTP_HOST=HOST, API_VERSION="v1", IN_CLUSTER="true", INTERNAL_HEADER="X-POLYAXON-INTERNAL",
    INTERNAL_HEADER_SERVICE="runner")
_0_3 = {**_EVERY_ERA, **_API, **texts(
    RUN_OUTPUTS_PATH=OUTPUTS, RUN_DATA_PATHS=DATA, REFS_OUTPUTS_PATHS=REFS, DECLARATIONS=PARAMS)}
_0_5 = {**_EVERY_ERA, **_API, **texts(
    RUN_OUTPUTS_PATH=OUTPUTS, RUN_DATA_PATHS=DATA, REFS_OUTPUTS_PATHS=REFS, PARAMS=PARAMS, IS_MANAGED="true")}
_0_5_JOB = {**_API, **texts(
    RUN_OUTPUTS_PATH=OUTPUTS, RUN_DATA_PATHS=DATA, LOG_LEVEL="INFO", PARAMS=PARAMS, IS_MANAGED="true", JOB_INFO=JOB)}
_2 = texts(
    RUN_INSTANCE="u.p.runs." + UUID, IS_MANAGED="true", HOST=NO_HOST, AUTH_TOKEN=TOKEN, API_VERSION="v1",
    LOG_LEVEL="INFO", COLLECT_ARTIFACTS="true", CONTEXT_ROOT=CONTEXT, CONNECTIONS_CATALOG={"connections": [
        {"name": "data", "kind": "volume_claim", "schema": {"volumeClaim": "v", "mountPath": "/DATA/"}},
        {"name": "bucket", "kind": "s3", "schema": {"bucket": "s3://b/"}},
        {"name": "code", "kind": "git", "schema": {"url": "http://HOST/u/p"}}, {"name": "chat", "kind": "slack"},
    ]})
_1 = {**{name: value for name, value in _2.items() if "CATALOG" not in name}, **texts(
    CONNECTION_SCHEMA_DATA={"name": "data", "schema": {"volumeClaim": "v", "mountPath": "/DATA/"}},
    CONNECTION_SCHEMA_BUCKET={"name": "bucket", "schema": {"bucket": "s3://b/"}},
    CONNECTION_SCHEMA_CODE={"name": "code", "schema": {"url": "http://HOST/u/p"}})}
_OLD_NAMES = texts(
    RUN_OUTPUTS_PATH=OUTPUTS, RUN_DATA_PATHS=DATA, PARAMS=PARAMS, CLUSTER=CLUSTER, TASK_INFO=TASK, EXPERIMENT_INFO=INFO,
    JOB_INFO=JOB)
_TFJOB = {"cluster": {"chief": ["c:2222"], "worker": ["w:2222"]}, "task": {"type": "chief", "index": 0}}

CONTAINERS: Dict[str, Dict[str, str]] = {
    "outside": {},
    "0.0": {**_EVERY_ERA, **texts(
        API=HOST, USER_TOKEN=TOKEN, OUTPUTS_PATH=OUTPUTS, DATA_PATH="/DATA", DECLARATIONS=PARAMS)},
    "0.1.8": {**_EVERY_ERA, **texts(
        API=HOST, INTERNAL_SECRET_TOKEN=SECRET, RUN_OUTPUTS_PATH=OUTPUTS, DATA_PATHS=DATA, DECLARATIONS=PARAMS)},
    "0.2.9": {**_0_3, **texts(SECRET_EPHEMERAL_TOKEN=SECRET)},
    "0.4.4": _0_3,
    "0.5.6": {**_0_5, **texts(SECRET_USER_TOKEN=TOKEN)},
    "0.5.6 in no-op": {**_0_5, **texts(NO_OP="yes")},
    "0.5.6 offline": {**_0_5, **texts(IS_OFFLINE="1")},
    "0.5.6 job": _0_5_JOB,
    "0.5.6 with no parameters": {**_0_5, **texts(PARAMS="null")},
    "0.5.6 with broken JSON": {**_0_5, **texts(PARAMS='{"password": "hunter2"')},
    "both eras' variables": {**_0_3, **_0_5, **texts(
        DECLARATIONS={"old": 1}, OUTPUTS_PATH="/OLD", DATA_PATHS={"old": "/OLD"})},
    "1.18 pod": _1,
    "2.18 pod": _2,
    "2.18 pod of a TFJob": {**_2, "TF_CONFIG": json.dumps(_TFJOB)},
    "2.18 pod whose polyaxonfile sets the old names": {**_2, **_OLD_NAMES, "TF_CONFIG": json.dumps(_TFJOB)},
    "2.18 pod in no-op": {**_2, **texts(NO_OP="true")},
    "2.18 pod offline": {**_2, **texts(IS_OFFLINE="true", OFFLINE_ROOT=CONTEXT)},
    "2.18 pod of no known run": {**_2, **texts(RUN_INSTANCE="u.p.7")},
}

TF_CONFIG = {"cluster": CLUSTER, "task": TASK, "model_dir": OUTPUTS, "environment": "cloud"}

_NOTHING: Dict[str, Any] = dict.fromkeys([
    "get_cluster_def", "get_declarations", "get_params", "get_experiment_info", "get_task_info", "get_job_info",
    "get_outputs_path", "get_outputs_refs_paths", "get_data_paths", "get_data_path", "get_log_level", "get_api",
    "get_user_token", "get_internal_token",
])
_EVERYWHERE = {
    **_NOTHING, "get_cluster_def": CLUSTER, "get_declarations": PARAMS, "get_params": PARAMS,
    "get_experiment_info": INFO, "get_task_info": TASK, "get_outputs_path": OUTPUTS, "get_log_level": "INFO",
    "get_api": HOST + "/api/v1", "get_tf_config": TF_CONFIG,
}
_LATER = {**_EVERYWHERE, "get_data_paths": DATA, "get_data_path": "/DATA", "get_outputs_refs_paths": REFS}
_EMPTY_TF_CONFIG = {"cluster": None, "task": None, "model_dir": None, "environment": "cloud"}
_POD_INFO = {
    "project_name": "u.p", "experiment_group_name": None, "experiment_name": "u.p." + UUID, "project_uuid": None,
    "experiment_uuid": UUID, "experiment_group_uuid": None, "role": None, "type": None, "app": None,
}
_POD_JOB = {
    "project_name": "u.p", "project_uuid": None, "job_name": "u.p.jobs." + UUID, "job_uuid": UUID, "role": None,
    "type": None, "app": None,
}
_POD_OUTPUTS = "{}/artifacts/{}/outputs".format(CONTEXT, UUID)
_POD = {
    **_NOTHING, "get_outputs_path": _POD_OUTPUTS, "get_data_paths": {"data": "/DATA", "bucket": "s3://b"},
    "get_data_path": "/DATA", "get_experiment_info": _POD_INFO, "get_job_info": _POD_JOB, "get_log_level": "INFO",
    "get_api": NO_HOST + "/api/v1", "get_user_token": TOKEN,
    "get_tf_config": {**_EMPTY_TF_CONFIG, "model_dir": _POD_OUTPUTS},
}
_LEGACY_CLUSTER = {"master": ["c:2222"], "worker": ["w:2222"]}
_POD_OFFLINE = "{}/runs/{}/outputs".format(CONTEXT, UUID)

ANSWERS: Dict[str, Dict[str, Any]] = {
    "outside": {**_NOTHING, "get_tf_config": _EMPTY_TF_CONFIG},
    "0.0": {**_EVERYWHERE, "get_data_path": "/DATA", "get_user_token": TOKEN},
    "0.1.8": {**_EVERYWHERE, "get_data_paths": DATA, "get_data_path": "/DATA", "get_internal_token": SECRET},
    "0.2.9": _LATER,
    "0.4.4": _LATER,
    "0.5.6": {**_LATER, "get_user_token": TOKEN},
    "0.5.6 in no-op": {**_NOTHING, "get_tf_config": None},
    "0.5.6 offline": _LATER,
    "0.5.6 job": {
        **_NOTHING, "get_job_info": JOB, "get_declarations": PARAMS, "get_params": PARAMS, "get_outputs_path": OUTPUTS,
        "get_data_paths": DATA, "get_data_path": "/DATA", "get_log_level": "INFO", "get_api": HOST + "/api/v1",
        "get_tf_config": {**_EMPTY_TF_CONFIG, "model_dir": OUTPUTS},
    },
    "0.5.6 with no parameters": {**_LATER, "get_params": None, "get_declarations": None},
    "0.5.6 with broken JSON": {**_LATER, "get_params": None, "get_declarations": None},
    "both eras' variables": _LATER,
    "1.18 pod": _POD,
    "2.18 pod": _POD,
    "2.18 pod of a TFJob": {
        **_POD, "get_cluster_def": _LEGACY_CLUSTER, "get_task_info": TASK,
        "get_tf_config": {"cluster": _LEGACY_CLUSTER, "task": TASK, "model_dir": _POD_OUTPUTS, "environment": "cloud"},
    },
    "2.18 pod whose polyaxonfile sets the old names": {
        **_EVERYWHERE, "get_data_paths": DATA, "get_data_path": "/DATA", "get_job_info": JOB,
        "get_api": NO_HOST + "/api/v1", "get_user_token": TOKEN,
    },
    "2.18 pod in no-op": {**_NOTHING, "get_tf_config": None},
    "2.18 pod offline": {
        **_POD, "get_outputs_path": _POD_OFFLINE, "get_tf_config": {**_EMPTY_TF_CONFIG, "model_dir": _POD_OFFLINE}},
    "2.18 pod of no known run": {
        **_POD, "get_experiment_info": None, "get_job_info": None, "get_outputs_path": None,
        "get_tf_config": _EMPTY_TF_CONFIG},
}
"""What the environment answers, and the client 0.5 - 0.6 too, but for CLIENT_ANSWERS; in a pod it is never asked."""

NOT_MANAGED = "PolyaxonClientException: This experiment/job is not {} Polyaxon{}.".format(
    *("running inside a", " job") if CLIENT_IS_0_4 else ("managed by", "")
)
_WITHOUT_CLIENT = ("get_api", "get_user_token", "get_internal_token")  # the environment answers them, always

CLIENT_ANSWERS: Dict[str, Dict[str, Any]] = {
    "outside": {name: NOT_MANAGED for name in ANSWERS["outside"] if name not in _WITHOUT_CLIENT},
}
if CLIENT_IS_0_4:  # it reads POLYAXON_DECLARATIONS alone
    for name in CONTAINERS:
        if name.startswith("0.5.6"):
            CLIENT_ANSWERS[name] = {"get_params": None, "get_declarations": None}
    CLIENT_ANSWERS["both eras' variables"] = {"get_params": {"old": 1}, "get_declarations": {"old": 1}}
