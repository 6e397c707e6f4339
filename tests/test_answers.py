"""Every function, in every environment, answered by everyone who can: one process a backend and environment."""
import json
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from .containers import ANSWERS, CLIENT_ANSWERS, CONTAINERS
from .processes import BACKENDS, python_in

# Asks each function, and prints its answer or exception as JSON; tf_config_set is the side effect of get_tf_config.
ASK_ALL = """
import json, os, sys, polyaxon_helper
answers = {}
for name in sys.argv[1:]:
    try:
        answers[name] = getattr(polyaxon_helper, name)()
    except Exception as error:
        answers[name] = "{}: {}".format(type(error).__name__, error)
answers["TF_CONFIG"] = json.loads(os.environ.get("TF_CONFIG", "null"))
print(json.dumps(answers))
"""

Key = Tuple[str, str]


@pytest.fixture(scope="module")
def answers(new_folders: Iterator[Path]) -> Dict[Key, Any]:
    """(standard output's answers, standard error) by (backend, container), each asked when first wanted."""
    python = python_in(next(new_folders))

    class Asked(Dict[Key, Any]):
        def __missing__(self, key: Key) -> Any:
            backend, container = key
            process = python("-c", ASK_ALL, *ANSWERS[container], backend=backend, environment=CONTAINERS[container])
            assert process.returncode == 0, process.stderr
            # the client prints a line of its own where JSON is broken
            self[key] = json.loads(process.stdout.splitlines()[-1]), process.stderr
            return self[key]

    return Asked()


def expected(backend: str, container: str, name: str) -> Any:
    if backend == "client" and name in CLIENT_ANSWERS.get(container, {}):
        return CLIENT_ANSWERS[container][name]
    return ANSWERS[container][name]


# Importing the client takes half a second a container
WHO_ANSWERS_WHERE = [
    pytest.param(backend, container, id="{} answers in {}".format(backend, container),
                 marks=[pytest.mark.slow] if backend == "client" and container != "0.5.6" else [])
    for backend in BACKENDS for container in CONTAINERS
]


@pytest.mark.parametrize("name", ANSWERS["outside"])
@pytest.mark.parametrize("backend, container", WHO_ANSWERS_WHERE)
def test_answer(answers: Dict[Key, Any], backend: str, container: str, name: str) -> None:
    assert answers[backend, container][0][name] == expected(backend, container, name)


@pytest.mark.parametrize("backend, container", WHO_ANSWERS_WHERE)
def test_tf_config_is_set_where_there_is_a_cluster_and_nobody_set_it(
    answers: Dict[Key, Any], backend: str, container: str
) -> None:
    before = json.loads(CONTAINERS[container].get("TF_CONFIG", "null"))
    answer = expected(backend, container, "get_tf_config")
    by_client = backend == "client" and not container.startswith(("1.", "2."))
    is_set = isinstance(answer, dict) and before is None and (answer["cluster"] or by_client)
    assert answers[backend, container][0]["TF_CONFIG"] == (answer if is_set else before)


def test_broken_json_is_told_by_its_variable_and_never_shown(answers: Dict[Key, Any]) -> None:
    _, stderr = answers["environment", "0.5.6 with broken JSON"]
    assert stderr.count("RuntimeWarning: POLYAXON_PARAMS is not valid JSON") == 1
    assert "hunter2" not in stderr
