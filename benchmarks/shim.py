"""Measures the shim, as ratios within one run: python benchmarks/shim.py, where polyaxon-helper[client] is installed.

Each line is the median of ROUNDS rounds, in which both sides take turns in new processes.
"""
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Dict, List, Tuple

ROUNDS = 15

IMPORT = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""

CALL = """
import time
{}
def loop(times):
    start = time.perf_counter()
    for _ in range(times):
        {}
    return (time.perf_counter() - start) / times
loop(100)
print(loop(10000))
"""

SEND = """
import sys, time, deprecation
sys.modules["polyaxon_client"] = None
from polyaxon_helper import send_metrics
@deprecation.deprecated("0.6.0", "1.0.0", "0.6.0", "Write something else.")
def empty(**metrics):
    pass
def loop(function):
    start = time.perf_counter()
    for _ in range(500):
        function(loss=0.5, accuracy=0.25, rate=0.1)
    return (time.perf_counter() - start) / 500
rounds = sorted((loop(send_metrics) / loop(empty) for _ in range(41)))
print(rounds[20])
"""

CLIENT = "import polyaxon_helper.client\nfrom polyaxon_client.tracking import Experiment, get_log_level\n"
SHIM = "from polyaxon_helper import get_log_level, send_metrics"

# Offline, so that the client's own sending is not in the way; the shim does not know the difference.
RUN: Dict[str, str] = {
    "POLYAXON_IS_MANAGED": "true",
    "POLYAXON_IN_CLUSTER": "true",
    "POLYAXON_IS_OFFLINE": "true",
    "POLYAXON_LOG_LEVEL": "INFO",
    "POLYAXON_HELPER_EXIT_TIMEOUT": "0",
    "POLYAXON_EXPERIMENT_INFO": '{"project_name": "u.p", "experiment_name": "u.p.1"}',
    "POLYAXON_HELPER_SUMMARY": "0",
    "PYTHONDONTWRITEBYTECODE": "",  # else what is being developed is compiled at each start, and the library is not
}


POD: Dict[str, str] = {
    "POLYAXON_RUN_INSTANCE": "u.p.runs.7", "POLYAXON_COLLECT_ARTIFACTS": "true", "POLYAXON_IS_OFFLINE": "",
}


def seconds(code: str, **variables: str) -> float:
    """Run the code in a process that is in a run, and return the number that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"POLYAXON_RUN_OUTPUTS_PATH": folder, "POLYAXON_CONTEXT_ROOT": folder}
        return float(subprocess.check_output([sys.executable, "-c", code], stderr=subprocess.DEVNULL,
                                             env={**os.environ, **RUN, **places, **variables}))


def medians(*codes: str) -> List[float]:
    for code in codes:
        seconds(code)  # compiled and cached from here on
    rounds = [[seconds(code) for code in codes] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds)]


def rows() -> List[Tuple[str, str, str, str]]:
    library, ours, client = medians(*map(IMPORT.format, ("deprecation", "polyaxon_helper",
                                                         "polyaxon_helper.client, polyaxon_client.tracking")))
    getter, our_getter, log, send = medians(
        CALL.format(CLIENT, "get_log_level()"),
        CALL.format(SHIM, "get_log_level()"),
        CALL.format(CLIENT + "experiment = Experiment()", "experiment.log_metrics(loss=0.1)"),
        CALL.format(SHIM, "send_metrics(loss=0.1)"),
    )
    nobody = "http://127.0.0.1:9"
    sends = [statistics.median(seconds(SEND, **variables) for _ in range(ROUNDS)) for variables in (
        {"POLYAXON_IS_OFFLINE": "", "POLYAXON_API_HTTP_HOST": nobody, "POLYAXON_SECRET_USER_TOKEN": "t"}, POD)]
    return [
        ("`import polyaxon_helper`", "{:.2f} times `import deprecation`".format(ours / library),
         "{:.1f} ms, {:.1f} ms".format(ours * 1e3, library * 1e3), "3 times"),
        ("`import polyaxon_helper`", "{:.2f} of `import polyaxon_client.tracking`".format(ours / client),
         "{:.1f} ms, {:.1f} ms".format(ours * 1e3, client * 1e3), "0.12"),
        ("a getter", "{:.1f} microseconds over the client's own".format((our_getter - getter) * 1e6),
         "{:.1f} us, {:.1f} us".format(our_getter * 1e6, getter * 1e6), "15"),
        ("`send_metrics`", "{:.1f} microseconds over `experiment.log_metrics`".format((send - log) * 1e6),
         "{:.1f} us, {:.1f} us".format(send * 1e6, log * 1e6), "15"),
        ("`send_metrics` of three floats, no client",
         "{:.1f} times an empty deprecated function".format(sends[0]), "", "6 times"),
        ("the same on Polyaxon 2", "{:.1f} times an empty deprecated function".format(sends[1]), "", "10 times"),
    ]


if __name__ == "__main__":
    print("Python {}, medians of {} rounds\n".format(sys.version.split()[0], ROUNDS))
    print("| what | costs | medians | at most |\n|---|---|---|---|")
    for row in rows():
        print("| {} |".format(" | ".join(row)))
