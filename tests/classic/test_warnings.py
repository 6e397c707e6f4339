"""A line of the script's that is a legacy call says so once, whatever is imported meanwhile."""
import pytest

from ..processes import EACH_BACKEND
from .conftest import Run

SENDS = """
import sys, threading
def send(step):
    send_metrics(step=step)
print("requests" in sys.modules)
%s
print("requests" in sys.modules, bool(sys.modules.get("polyaxon_client")))
"""

LOOPS = {
    "the line that has the first call": "for step in range(3): send_metrics(step=step)",
    "a line in a function": "for step in range(3): send(step)",
    "the script's own import in between": "for step in range(3):\n    send(step)\n    import requests",
    "a thread of its own": "for step in range(3):\n"
                           "    one = threading.Thread(target=lambda: send(step))\n    one.start()\n    one.join()",
}


@pytest.mark.parametrize("backend", EACH_BACKEND)
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_warns_once(loop: str, backend: str, run: Run) -> None:
    has_client = backend == "client"
    variables = {"POLYAXON_IS_MANAGED": "true", "POLYAXON_IN_CLUSTER": "true", "HIDDEN_MODULES": ""}
    process = run(SENDS % loop, "-W", "default", PYTHONWARNINGS="", **(variables if has_client else {}))
    assert process.stdout.splitlines() == ["False", "True {}".format(has_client)], process.stderr
    assert process.stderr.count("DeprecatedWarning: send_metrics") == 1, process.stderr
    assert has_client or run.server.steps() == [0, 1, 2]
