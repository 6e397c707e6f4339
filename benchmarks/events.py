"""500 metrics in the pod of a Polyaxon 2: ours beside traceml's, in one run.

    pip install 'polyaxon>=2.7' numpy requests deprecation
    python -m benchmarks.events

By hand. Each cell is a process of its own, with a loopback API that answers at once. Prints the table in Markdown;
medians of 5 rounds in turn.
"""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from polyaxon_helper.local.run import OWNER, PROJECT, Run, environment
from polyaxon_helper.local.server import serve

ROOT = Path(__file__).resolve().parent.parent
BURST = 500
ROUNDS = 5
LIMIT = 20
"""Seconds after which a process that does not end is killed."""

LIBRARIES = {
    "this": "from polyaxon_helper import send_metrics as log",
    "traceml": "from traceml import tracking\ntracking.get_or_create_run()\nlog = tracking.log_metrics",
}
SCRIPT = """
import os, signal, statistics, sys, time, warnings
warnings.simplefilter("ignore")
began = time.perf_counter()
{log}
log(first=1.0)
print("READY", time.perf_counter() - began, flush=True)
def burst():
    times = []
    for step in range({burst}):
        began = time.perf_counter()
        log(step=step, loss=0.5)
        times.append(time.perf_counter() - began)
    print("CALL", statistics.median(times) * 1e6, flush=True)
if sys.argv[1] == "fork":
    child = os.fork()
    if not child:
        burst()
        sys.exit()
    os.waitpid(child, 0)
else:
    burst()
print("ENDS", time.time(), flush=True)
if sys.argv[1].startswith("SIG"):
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
"""
ENDINGS = ["normal exit", "SIGTERM", "SIGKILL", "fork"]


def measure(library: str, ending: str) -> dict:
    """Return what the script printed, how long it took to end, and how many points are left."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run([], {}, outputs=folder, pod=uuid.uuid4().hex)
        path = "/{}/{}/runs/{}".format(OWNER, PROJECT, run.pod)
        with serve(path, {"uuid": run.pod, "inputs": {}}, "token", os.devnull) as (host, _):
            variables = {**environment(run, host, "token"), "PYTHONPATH": str(ROOT), "POLYAXON_HELPER_SUMMARY": "0"}
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT.format(log=LIBRARIES[library], burst=BURST), ending], env=variables,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, start_new_session=True)
            try:
                printed, _ = process.communicate(timeout=LIMIT)
                ended = time.time()
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                printed, ended = process.communicate()[0], float("nan")
        found = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines()}
        files = list(Path(folder).glob("artifacts/*/events/metric/loss.plx"))
        left = sum(len(set(path.read_text().split("\n")[1:])) for path in files)
        return {"first": found.get("READY"), "call": found.get("CALL"), "exit": ended - found.get("ENDS", ended),
                "left": left, "blocked": ended != ended}


def main() -> None:
    rows = {library: {ending: [] for ending in ENDINGS} for library in LIBRARIES}
    for number in range(ROUNDS):
        for ending in ENDINGS[:1] if number else ENDINGS:
            for library in LIBRARIES:
                rows[library][ending].append(measure(library, ending))
    print("| |", " | ".join(LIBRARIES), "|\n|---|" + "---|" * len(LIBRARIES))
    for what, key, digits in (("time a call, microseconds", "call", 0), ("delay at exit, seconds", "exit", 2),
                              ("imports and first call, seconds", "first", 2)):
        cells = ["{:.{}f}".format(statistics.median(each[key] for each in rows[library]["normal exit"]), digits)
                 for library in LIBRARIES]
        print("| {} | {} |".format(what, " | ".join(cells)))
    for ending in ENDINGS:
        cells = ["{}{}".format(each["left"], " (blocked for ever)" if each["blocked"] else "")
                 for each in (rows[library][ending][0] for library in LIBRARIES)]
        print("| {} | {} |".format(ending, " | ".join(cells)))


if __name__ == "__main__":
    main()
