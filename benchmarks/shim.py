"""Measures the shim, as ratios within one run: python benchmarks/shim.py, where polyaxon-helper[client] is installed.

Each line is the median of ROUNDS rounds, in which both sides take turns in new processes.
"""
import os
import statistics
import subprocess
import sys
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

CLIENT = "import polyaxon_helper.client\nfrom polyaxon_client.tracking import Experiment, get_log_level\n"
SHIM = "from polyaxon_helper import get_log_level, send_metrics"

# Offline, so that the client's own sending is not in the way; the shim does not know the difference.
RUN: Dict[str, str] = {
    "POLYAXON_IS_MANAGED": "true",
    "POLYAXON_IN_CLUSTER": "true",
    "POLYAXON_IS_OFFLINE": "true",
    "POLYAXON_LOG_LEVEL": "INFO",
    "POLYAXON_RUN_OUTPUTS_PATH": "/tmp",
    "POLYAXON_EXPERIMENT_INFO": '{"project_name": "u.p", "experiment_name": "u.p.1"}',
    "POLYAXON_HELPER_SUMMARY": "0",
    "PYTHONDONTWRITEBYTECODE": "",  # else what is being developed is compiled at each start, and the library is not
}


def seconds(code: str) -> float:
    """Run the code in a process that is in a run, and return the number that it prints."""
    return float(subprocess.check_output([sys.executable, "-c", code], env={**os.environ, **RUN},
                                         stderr=subprocess.DEVNULL))


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
    return [
        ("`import polyaxon_helper`", "{:.2f} times `import deprecation`".format(ours / library),
         "{:.1f} ms, {:.1f} ms".format(ours * 1e3, library * 1e3), "1.5 times"),
        ("`import polyaxon_helper`", "{:.2f} of `import polyaxon_client.tracking`".format(ours / client),
         "{:.1f} ms, {:.1f} ms".format(ours * 1e3, client * 1e3), "0.10"),
        ("a getter", "{:.1f} microseconds over the client's own".format((our_getter - getter) * 1e6),
         "{:.1f} us, {:.1f} us".format(our_getter * 1e6, getter * 1e6), "15"),
        ("`send_metrics`", "{:.1f} microseconds over `experiment.log_metrics`".format((send - log) * 1e6),
         "{:.1f} us, {:.1f} us".format(send * 1e6, log * 1e6), "15"),
    ]


if __name__ == "__main__":
    print("Python {}, medians of {} rounds\n".format(sys.version.split()[0], ROUNDS))
    print("| what | costs | medians | at most |\n|---|---|---|---|")
    for row in rows():
        print("| {} |".format(" | ".join(row)))
