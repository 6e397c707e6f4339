"""A script's process: what it finds in its environment, the signals it is passed, and its exit status."""
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from types import FrameType
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from ..classic import journal
from ..variables import NO_OP, OFFLINE, flag
from .metrics import Metrics
from .server import serve

OWNER, PROJECT, NUMBER = "local", "run", "1"

# The user's own switches; what else an outer environment says of Polyaxon is about another run
_KEPT = (NO_OP, OFFLINE)

POLL = 0.02
"""Seconds between two looks at the script's process."""

_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class Run(NamedTuple):
    """Holds what a run is given."""

    params: Dict[str, Any]
    data_paths: Dict[str, str]
    outputs: str
    """The experiment's outputs; of a pod, its context, in which it has a folder of its own."""
    log_level: str
    pod: str = ""
    """Its UUID, where it is the pod of a 2.x."""

    @property
    def path(self) -> str:
        """The API's, to ask about this run."""
        return "/".join(["", OWNER, PROJECT, *(["runs", self.pod] if self.pod else ["experiments", NUMBER])])

    @property
    def artifacts(self) -> str:
        """A pod's own folder."""
        return os.path.join(self.outputs, "runs" if flag(OFFLINE) else "artifacts", self.pod)


def environment(run: Run, api_host: str, token: str) -> Dict[str, str]:
    """The environment of a process in a Polyaxon 0.5 experiment, or in the pod of a 2.x."""
    outer = {
        name: value for name, value in os.environ.items()
        if not name.startswith("POLYAXON_") or name.startswith("POLYAXON_HELPER_") or name in _KEPT
    }
    no_proxy = ",".join(filter(None, [outer.get("no_proxy") or outer.get("NO_PROXY"), "127.0.0.1"]))
    variables = _pod(run, api_host, token) if run.pod else _experiment(run, api_host, token)
    return {
        **outer, "no_proxy": no_proxy, "NO_PROXY": no_proxy, "POLYAXON_API_VERSION": "v1",
        "POLYAXON_IS_MANAGED": "true", "POLYAXON_LOG_LEVEL": run.log_level, **variables,
    }


def _pod(run: Run, api_host: str, token: str) -> Dict[str, str]:
    connections = [{"name": name, "kind": "host_path", "schema": {"hostPath": path, "mountPath": path}}
                   for name, path in run.data_paths.items()]
    return {
        "POLYAXON_RUN_INSTANCE": "{}.{}.runs.{}".format(OWNER, PROJECT, run.pod),
        "POLYAXON_HOST": api_host,
        "POLYAXON_AUTH_TOKEN": token,
        "POLYAXON_CONTEXT_ROOT": run.outputs,
        "POLYAXON_OFFLINE_ROOT": run.outputs,
        "POLYAXON_COLLECT_ARTIFACTS": "true",
        "POLYAXON_CONNECTIONS_CATALOG": json.dumps({"connections": connections}),
    }


def _experiment(run: Run, api_host: str, token: str) -> Dict[str, str]:
    info = {
        "project_name": "{}.{}".format(OWNER, PROJECT),
        "experiment_group_name": None,
        "experiment_name": "{}.{}.{}".format(OWNER, PROJECT, NUMBER),
        "project_uuid": uuid.uuid4().hex,
        "experiment_uuid": uuid.uuid4().hex,
        "role": "master",
        "type": "runner",
        "app": "experiment",
    }
    return {
        "POLYAXON_API_HTTP_HOST": api_host,
        "POLYAXON_IN_CLUSTER": "true",
        "POLYAXON_INTERNAL_HEADER": "X-POLYAXON-INTERNAL",
        "POLYAXON_INTERNAL_HEADER_SERVICE": "runner",
        "POLYAXON_SECRET_USER_TOKEN": token,
        "POLYAXON_RUN_OUTPUTS_PATH": run.outputs,
        "POLYAXON_RUN_DATA_PATHS": json.dumps(run.data_paths),
        "POLYAXON_PARAMS": json.dumps(run.params),
        "POLYAXON_CLUSTER": json.dumps({"master": ["127.0.0.1:2222"]}),
        "POLYAXON_EXPERIMENT_INFO": json.dumps(info),
        "POLYAXON_TASK_INFO": json.dumps({"type": "master", "index": 0}),
    }


def run_script(command: Sequence[str], run: Run, metrics: Metrics) -> int:
    """Run the command with its API; its exit status, or the negative number of the signal that ended it."""
    about = {"uuid": run.pod, "owner": OWNER, "project": PROJECT, "name": "local", "inputs": run.params}
    with serve(run.path, about if run.pod else {}, metrics) as api_host:
        variables = environment(run, api_host, secrets.token_hex(20))
        with _signals_passed_on() as children:
            child = subprocess.Popen(command, env=variables)
            children.append(child)
            status = _wait(child)
        if os.path.isdir(os.path.join(run.outputs, journal.FOLDER)):
            # a script that was killed left metrics there
            subprocess.call([sys.executable, "-m", "polyaxon_helper.resend", run.outputs], env=variables,
                            stdout=subprocess.DEVNULL)
        if run.pod:
            metrics.add_events(run.artifacts)
        return status


def _wait(child: "subprocess.Popen[bytes]") -> int:
    # Not child.wait(): a signal that comes just before that system call would not be seen till it returns
    while child.poll() is None:
        time.sleep(POLL)
    return int(child.returncode)


@contextmanager
def _signals_passed_on() -> Iterator[List["subprocess.Popen[bytes]"]]:
    """Send on each signal that would end this process to the child in the list, once it is there."""
    children: List["subprocess.Popen[bytes]"] = []

    def pass_on(number: int, frame: Optional[FrameType]) -> None:
        if number == signal.SIGINT and _terminal_sends_it():
            return  # the child has it from the terminal already
        for child in children:
            child.send_signal(number)

    numbers = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal_sends_it() -> bool:
    """Tell whether Ctrl-C at our terminal goes to all of our process group."""
    if sys.platform == "win32":  # pragma: no cover - no test runs there
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # no terminal, a closed or no stdin
        return False
