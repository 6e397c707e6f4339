"""A run of ten minutes, 300 entries a second, with a server that goes away and comes back, errs and throttles.

    python -m benchmarks.soak [SECONDS]

By hand. Fails where an entry that was accepted did not arrive, or the process's memory grew.
"""
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.classic.conftest import Run, Server

SENDER = """
import resource, sys, time
began, step, first = time.monotonic(), 0, 0
while time.monotonic() - began < {seconds}:
    for _ in range(30):
        send_metrics(step=step)
        step += 1
    time.sleep(max(0.0, began + step / 300 - time.monotonic()))
    if not first and time.monotonic() - began > {seconds} / 10:
        first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(step, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first)
"""
FLAPS = [
    [], [], [], [{"kind": "error", "times": 3}],
    [{"kind": "status", "status": 429, "headers": {"Retry-After": "3"}, "times": 2}], [{"kind": "cut"}],
    [{"kind": "drip"}], [{"kind": "status", "status": 503, "times": 4}], None,
]


def main(seconds: float, folder: Path) -> bool:
    chance = random.Random(4)
    server = Server()
    server.reset()
    (folder / "tmp").mkdir()
    run = Run(server, folder, timeout=seconds + 120)
    with run.start(SENDER.format(seconds=seconds)) as process:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            flap = chance.choice(FLAPS)
            if flap is None:
                server.tell("away")
            else:
                server.fault(*flap)
            time.sleep(chance.uniform(1, 6))
            server.tell("back")
        server.fault()
        ended = run.end(process)
    accepted, grown = map(int, ended.stdout.split())
    resent = run.resend() if run.left() else None
    steps = server.steps()
    missing = set(range(accepted)) - set(steps)
    print("{} accepted, {} missing, {} doubles, {} requests, memory grew by {} kB, exit {}, {!r}, resend {}".format(
        accepted, len(missing), len(steps) - len(set(steps)), len(server.seen()["requests"]), grown, ended.returncode,
        ended.stderr, resent and resent.returncode))
    server.close()
    return bool(missing or grown > 20000 or run.left())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 600.0, Path(temporary)))
