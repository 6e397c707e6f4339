"""Compares what is sent, field by field, with what the real polyaxon-client sends for the same calls."""
import json
import re
from typing import Any, Dict, List

import pytest

from ..processes import needs_client
from .conftest import TOKEN, Run, Server

pytestmark = pytest.mark.slow

CALLS = """
import sys
for step in range(3): send_metrics(step=step, loss=0.5, good=True)
send_metrics(other=1e-300)
sys.stdout.write("sent"); sys.stdout.flush(); sys.stdin.read()
"""
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00$")

# What differs between two releases of requests, or says how long the body is
OF_THE_TRANSPORT = {"content-length", "user-agent", "accept-encoding", "host"}


def sent(server: Server, run: Run, **variables: str) -> List[Any]:
    server.reset()
    with run.start(CALLS, **variables) as process:
        server.wait(stored=4)
        run.end(process)
    return [request for request in server.seen()["requests"] if request["path"].endswith("/metrics/")]


def fields(requests: List[Any]) -> Dict[str, Any]:
    entries = [entry for request in requests for entry in json.loads(request["body"])]
    return {
        "paths": {request["path"] for request in requests},
        "headers": [dict(pairs) for pairs in {tuple(sorted(
            pair for pair in request["headers"].items() if pair[0] not in OF_THE_TRANSPORT
        )) for request in requests}],
        "fields": [sorted(entry) for entry in entries],
        "values": [entry["values"] for entry in entries],
        "types": [[type(value) for value in entry["values"].values()] for entry in entries],
        "stamps": [bool(STAMP.match(entry["created_at"])) for entry in entries],
    }


def test_request(server: Server, run: Run) -> None:
    assert fields(sent(server, run)) == {
        "paths": {"/api/v1/u/p/experiments/7/metrics/"},
        "headers": [{
            "accept": "*/*", "authorization": "Token " + TOKEN, "connection": "keep-alive",
            "content-type": "application/json", "x-polyaxon-internal": "runner",
        }],
        "fields": [["created_at", "values"]] * 4,
        "values": [{"step": step, "loss": 0.5, "good": True} for step in range(3)] + [{"other": 1e-300}],
        "types": [[int, float, bool]] * 3 + [[float]],
        "stamps": [True] * 4,
    }


@needs_client
def test_request_is_the_clients(server: Server, run: Run) -> None:
    ours = fields(sent(server, run))
    clients = fields(sent(server, run, HIDDEN_MODULES="", POLYAXON_IS_MANAGED="true", POLYAXON_IN_CLUSTER="true"))
    assert ours == clients
