"""Sending 500 metrics: ours beside polyaxon-client, sentry-sdk, posthog, segment and OpenTelemetry, in one run.

    pip install polyaxon-client==0.6.1 'markupsafe<2.1' 'setuptools<81' sentry-sdk posthog segment-analytics-python \\
        opentelemetry-sdk opentelemetry-exporter-otlp-proto-http requests deprecation
    python benchmarks/reporter.py [NAME ...]

By hand, on a Python that all of them run on (3.11). A loopback server in its own process counts what arrives; each cell
is a process of its own. Prints the table in Markdown, and the ratios to ours.
"""
import gzip
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BURST = 500
LIMIT = 40
"""Seconds after which a process that does not end is killed."""

LIBRARIES = {
    "polyaxon_helper": """
sys.modules["polyaxon_client"] = None
from polyaxon_helper import send_metrics
def send(step): send_metrics(step=step)
""",
    "polyaxon-client 0.6.1": """
import collections, collections.abc
collections.Mapping, collections.MutableMapping = collections.abc.Mapping, collections.abc.MutableMapping
from polyaxon_client.tracking import Experiment
experiment = Experiment()
def send(step): experiment.log_metrics(step=step)
""",
    "sentry-sdk": """
import sentry_sdk
sentry_sdk.init(dsn=URL.replace("http://", "http://key@") + "/1", default_integrations=True)
def send(step): sentry_sdk.capture_message("step={};".format(step))
""",
    "posthog": """
from posthog import Posthog
client = Posthog("key", host=URL)
def send(step): client.capture(distinct_id="me", event="step={};".format(step))
""",
    "segment": """
import segment.analytics as analytics
analytics.write_key, analytics.host = "key", URL
def send(step): analytics.track("me", "step={};".format(step))
""",
    "OpenTelemetry": """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=URL + "/v1/traces")))
tracer = provider.get_tracer("bench")
def send(step): tracer.start_span("step={};".format(step)).end()
""",
}

SCRIPT = """
import logging, os, statistics, sys, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
URL, ending = sys.argv[1:]
{library}
def burst():
    times = []
    for step in range({burst}):
        began = time.perf_counter()
        send(step)
        times.append(time.perf_counter() - began)
    print("TIMES", statistics.median(times) * 1e6, times[0] * 1e6, flush=True)
if ending == "exit" or ending.startswith("SIG"):
    burst()
elif ending == "fork":
    send(-1)
    if not os.fork():
        burst()
        sys.exit()
    os.wait()
elif ending == "multiprocessing":
    import multiprocessing
    send(-1)
    child = multiprocessing.get_context("fork").Process(target=burst)
    child.start(); child.join()
print("ENDS", time.time(), flush=True)
if ending.startswith("SIG"):
    sys.stdin.read()
"""

CONDITIONS = [  # name, ending, what the server does
    ("normal exit", "exit", "fine"), ("SIGTERM", "SIGTERM", "fine"), ("SIGKILL", "SIGKILL", "fine"),
    ("fork", "fork", "fine"), ("multiprocessing child", "multiprocessing", "fine"),
    ("two errors, then fine", "exit", "two errors"), ("always errors", "exit", "errors"),
    ("never answers", "exit", "mute"),
]


class Counting(BaseHTTPRequestHandler):
    """Takes any request, and finds the steps in it, whatever the protocol."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    mode, errors = "fine", 0
    steps: set = set()
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.body()
        cls = type(self)
        is_data = any(word in self.path for word in ("/metrics/", "envelope", "batch", "traces"))
        status = 201 if "/metrics/" in self.path else 200
        if is_data and cls.mode == "mute":
            threading.Event().wait(LIMIT)
            self.close_connection = True
            return
        with cls.lock:
            if is_data and (cls.mode == "errors" or cls.mode == "two errors" and cls.errors < 2):
                cls.errors += 1
                status = 503
            elif is_data:
                found = re.findall(rb'step=(\d+);|"step": (\d+)', body)
                cls.steps |= {int(step or other) for step, other in found}
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PATCH = do_POST

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline(), 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if not size:
                    break
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body

    def log_message(self, *arguments) -> None:
        pass


class Control(Counting):
    """Sets what the server does, and tells how many steps came."""

    def do_POST(self) -> None:
        text = json.dumps(len(Counting.steps)).encode()
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if asked:
            Counting.mode, Counting.errors, Counting.steps = asked, 0, set()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve() -> None:
    ThreadingHTTPServer.request_queue_size = 256
    ThreadingHTTPServer.daemon_threads = True
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Counting, Control)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(*[server.server_port for server in servers], flush=True)
    sys.stdin.read()


def tell(port: int, what: str = "") -> int:
    import urllib.request

    with urllib.request.urlopen("http://127.0.0.1:{}/".format(port), what.encode()) as answer:
        return json.loads(answer.read().decode())


def environment(url: str, folder: str) -> dict:
    info = {"project_name": "u.p", "experiment_name": "u.p.7", "experiment_uuid": "b", "project_uuid": "a"}
    outputs = os.path.join(folder, "outputs")
    os.makedirs(outputs, exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("POLYAXON", "PYTHON"))},
        "HOME": folder, "TMPDIR": folder, "PYTHONPATH": str(ROOT), "POLYAXON_API_HTTP_HOST": url,
        "POLYAXON_API_VERSION": "v1",
        "POLYAXON_EXPERIMENT_INFO": json.dumps(info), "POLYAXON_SECRET_USER_TOKEN": "t", "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_IN_CLUSTER": "true", "POLYAXON_RUN_OUTPUTS_PATH": outputs, "POLYAXON_HELPER_SUMMARY": "0",
    }


def cell(library: str, ending: str, mode: str, url: str, control: int) -> dict:
    """One process: its time a call in microseconds, its exit in seconds, what arrived, and what did after a resend."""
    with tempfile.TemporaryDirectory() as folder:
        tell(control, mode)
        variables = environment(url, folder)
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(library=LIBRARIES[library], burst=BURST), url, ending], env=variables,
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            universal_newlines=True,
        )
        threading.Timer(LIMIT, process.kill).start()
        lines = []
        while not any(line.startswith("ENDS") for line in lines):
            line = process.stdout.readline()
            if not line:
                break
            lines.append(line)
        ends = time.time()
        if ending.startswith("SIG"):
            process.send_signal(getattr(signal, ending))
        process.stdout.read()
        process.wait()
        took = time.time() - ends
        time.sleep(0.3)  # what the kernel still holds
        result = {"exit": took, "arrived": tell(control)}
        for line in lines:
            if line.startswith("TIMES"):
                result["call"], result["first"] = map(float, line.split()[1:])
        if library == "polyaxon_helper":
            delivered = set_mode_keeping(control)
            subprocess.run([sys.executable, "-c", "import sys; sys.modules['polyaxon_client'] = None\n"
                            "from polyaxon_helper.resend import main; main([])"],
                           env=variables, stdout=subprocess.DEVNULL)
            result["resent"] = result["arrived"] + tell(control) if delivered else tell(control)
        return result


def set_mode_keeping(control: int) -> bool:
    """Have the server take all from here on; whether what it had before has to be added."""
    before = tell(control)
    tell(control, "fine")
    return before > 0


def main(names) -> None:
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              universal_newlines=True)
    port, control = map(int, server.stdout.readline().split())
    url = "http://127.0.0.1:{}".format(port)
    chosen = [name for name in LIBRARIES if not names or name in names]
    results = {}
    for library in chosen:
        runs = [cell(library, "exit", "fine", url, control) for _ in range(5)]
        results[library] = {
            "time a call, median, \u00b5s": statistics.median(run["call"] for run in runs),
            "first call, ms": statistics.median(run["first"] for run in runs) / 1000,
            "delay at exit, s": statistics.median(run["exit"] for run in runs),
        }
        for name, ending, mode in CONDITIONS:
            run = cell(library, ending, mode, url, control)
            results[library][name] = run
            print(library, name, run, file=sys.stderr, flush=True)
    server.communicate("")
    print("| |", " | ".join(chosen), "|\n|---|" + "---|" * len(chosen))
    for name in list(results[chosen[0]])[:3]:
        print("|", name, "|", " | ".join("{:.3g}".format(results[library][name]) for library in chosen), "|")
    for name, *_ in CONDITIONS:
        cells = []
        for library in chosen:
            run = results[library][name]
            text = str(run["arrived"]) + (" ({})".format(run["resent"]) if "resent" in run else "")
            is_slow = name in ("always errors", "never answers")
            cells.append("{}, {:.1f} s".format(text, run["exit"]) if is_slow else text)
        print("| {} |".format(name), " | ".join(cells), "|")
    print("\nRatios to polyaxon_helper:")
    for name in list(results[chosen[0]])[:3]:
        ours = results[chosen[0]][name]
        ratios = ["{}: {:.2f}".format(library, results[library][name] / ours) for library in chosen[1:]]
        print("-", name, ", ".join(ratios))


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(sys.argv[1:])
