"""Runs a command: gives it its environment, passes signals on, and tells its exit status."""
import json
import math
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from string import Template
from typing import IO, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..classic import journal
from ..variables import NO_OP, OFFLINE, flag
from .curves import METRICS
from .server import serve

OWNER, PROJECT, GROUP = "local", "run", "1"

POLL = 0.02  # seconds between two looks at a process
GRACE = 30  # seconds that a polyaxonfile's command has to end by a signal, as a pod's; a second signal ends it at once

_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
ENDING = {getattr(signal, name) for name in _PASSED_ON[:4] if hasattr(signal, name)}


class Run(NamedTuple):
    """Holds what a run is given."""

    command: Union[str, List[str]]  # a text for bash, or a program and its arguments
    params: Dict[str, Any]
    kind: str = "experiment"  # or job
    in_group: bool = False
    number: int = 1
    variables: Mapping[str, str] = {}  # those of its image; a value may name others, as in /opt/bin:$PATH
    log_level: str = "INFO"
    data_paths: Dict[str, str] = {}
    outputs: str = ""  # of a pod, its context, in which it has a folder of its own
    pod: str = ""  # its UUID, where it is the pod of a 2.x
    programs: str = ""  # a folder that its PATH begins with

    @property
    def artifacts(self) -> str:
        """Return its own folder, which has its metrics."""
        return os.path.join(self.outputs, *(["runs" if flag(OFFLINE) else "artifacts", self.pod] if self.pod else []))


class NotStarted(ValueError):
    """Tells that a command can't be started: there is no bash, or the parameters are more than a system takes."""


def environment(run: Run, api_host: str, token: str) -> Dict[str, str]:
    """Make the environment of a process in a Polyaxon 0.5 experiment or job, or in the pod of a 2.x."""
    outer = {  # what it says of Polyaxon is about another run, but for the user's own switches
        name: value for name, value in os.environ.items()
        if not name.startswith("POLYAXON_") or name.startswith("POLYAXON_HELPER_") or name in (NO_OP, OFFLINE)
    }
    image = {name: Template(value).safe_substitute(outer) for name, value in run.variables.items()}
    no_proxy = ",".join(filter(None, [outer.get("no_proxy") or outer.get("NO_PROXY"), "127.0.0.1"]))
    own: Dict[str, Any] = {
        **(_pod(run) if run.pod else _experiment(run)), "no_proxy": no_proxy, "NO_PROXY": no_proxy,
        "POLYAXON_API_VERSION": "v1", "POLYAXON_IS_MANAGED": "true", "POLYAXON_LOG_LEVEL": run.log_level,
        "POLYAXON_HOST" if run.pod else "POLYAXON_API_HTTP_HOST": api_host,
        "POLYAXON_AUTH_TOKEN" if run.pod else "POLYAXON_SECRET_USER_TOKEN": token,
    }
    as_texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in own.items()}
    return {**outer, **image, **as_texts}


def _pod(run: Run) -> Dict[str, Any]:
    connections = [{"name": name, "kind": "host_path", "schema": {"hostPath": path, "mountPath": path}}
                   for name, path in run.data_paths.items()]
    return {
        "POLYAXON_RUN_INSTANCE": "{}.{}.runs.{}".format(OWNER, PROJECT, run.pod),
        "POLYAXON_CONTEXT_ROOT": run.outputs,
        "POLYAXON_OFFLINE_ROOT": run.outputs,
        "POLYAXON_COLLECT_ARTIFACTS": "true",
        "POLYAXON_CONNECTIONS_CATALOG": {"connections": connections},
    }


def _experiment(run: Run) -> Dict[str, Any]:
    project = "{}.{}".format(OWNER, PROJECT)
    group = "{}.{}".format(project, GROUP) if run.in_group else None
    info = {
        "project_name": project, "project_uuid": uuid.uuid4().hex, "role": "master", "type": "runner", "app": run.kind,
        run.kind + "_name": "{}.{}".format(project + ".jobs" if run.kind == "job" else group or project, run.number),
        run.kind + "_uuid": uuid.uuid4().hex,
    }
    own: Dict[str, Any] = {"POLYAXON_JOB_INFO": info} if run.kind == "job" else {
        "POLYAXON_EXPERIMENT_INFO": {"experiment_group_name": group, "experiment_group_uuid": uuid.uuid4().hex, **info},
        "POLYAXON_CLUSTER": {"master": ["127.0.0.1:2222"]},
        "POLYAXON_TASK_INFO": {"type": "master", "index": 0},
    }
    return {
        "POLYAXON_IN_CLUSTER": "true",
        "POLYAXON_INTERNAL_HEADER": "X-POLYAXON-INTERNAL",
        "POLYAXON_INTERNAL_HEADER_SERVICE": "runner",
        "POLYAXON_RUN_OUTPUTS_PATH": run.outputs,
        "POLYAXON_RUN_DATA_PATHS": run.data_paths,
        "POLYAXON_PARAMS": run.params,
        **own,
    }


def run_command(run: Run, signals: Sequence[int], log: Optional[IO[bytes]] = None) -> Tuple[int, List[str]]:
    """Run a run's command with its API; its exit status, or a signal's negative number, and which metrics are not kept.

    Each signal, also one that is added meanwhile, is sent on to it. With a log its output goes there, and it has no
    terminal. Raises NotStarted, and OSError where the outputs can't be written.
    """
    about = {"uuid": run.pod, "owner": OWNER, "project": PROJECT, "name": "local", "inputs": run.params}
    command, token = run.command, secrets.token_hex(20)
    kept = os.devnull if run.pod else os.path.join(run.outputs, METRICS)  # a pod's are in its event files
    where = "/{}/{}/{}/{}".format(OWNER, PROJECT, "runs" if run.pod else run.kind + "s", run.pod or run.number)
    with serve(where, about if run.pod else {}, token, kept) as (api_host, troubles):
        variables = environment(run, api_host, token)
        if run.programs:
            variables["PATH"] = run.programs + os.pathsep + variables.get("PATH", os.defpath)
        grouped = hasattr(os, "killpg") and isinstance(command, str)
        try:
            child = subprocess.Popen(
                ["bash", "-c", command] if isinstance(command, str) else command, env=variables, stdout=log, stderr=log,
                stdin=log and subprocess.DEVNULL, start_new_session=grouped)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the command, an = in a variable's name
            raise NotStarted("the command can't be started: {}".format(error)) from None
        status = _wait(child, signals, grouped)
        if os.path.isdir(os.path.join(run.outputs, journal.FOLDER)):  # which a script leaves that was killed
            resend = [sys.executable, "-m", "polyaxon_helper.resend", run.outputs]
            subprocess.call(resend, env=variables, stdout=subprocess.DEVNULL)
    return status, [text.format(count) for text, count in troubles.items()]


@contextmanager
def our_python() -> Iterator[str]:
    """Give a folder with python and python3 that are this interpreter: not links, which lose a virtual environment."""
    # before any thread: what one starts meanwhile would have a program open for writing, which then can't run
    with tempfile.TemporaryDirectory(prefix="polyaxon_helper_python_") as folder:
        for name in ("python", "python3"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\nexec {} \"$@\"\n".format(shlex.quote(sys.executable)))
            os.chmod(file.name, 0o755)
            if not os.access(file.name, os.X_OK):
                raise NotStarted("no program can run in {}: set TMPDIR to another folder".format(folder))
        yield folder


def _wait(child: "subprocess.Popen[Any]", signals: Sequence[int], grouped: bool) -> int:
    """Wait for a process and pass signals on. One with a group of its own takes that with it, as a container's does."""
    passed, deadline = 0 if ENDING & set(signals) else len(signals), math.inf  # an earlier SIGUSR1 is not for it
    # Not child.wait(): a signal that comes just before that system call would not be seen till it returns
    while child.poll() is None:
        for number in signals[passed:]:
            passed += 1
            if grouped and number in ENDING:
                deadline = 0 if deadline < math.inf else time.monotonic() + GRACE
            if grouped or number != signal.SIGINT or not _at_terminal():  # the terminal has sent it already
                _send(child, number, grouped)
        if time.monotonic() > deadline:
            _send(child, signal.SIGKILL, grouped)
        time.sleep(POLL)
    if grouped:
        _send(child, signal.SIGKILL, grouped)
    return int(child.returncode)


def _send(child: "subprocess.Popen[Any]", number: int, grouped: bool) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the latter of a group of zombies alone, on macOS
        (os.killpg if grouped else os.kill)(child.pid, number)


def take_signals() -> List[int]:
    """Take the signals that end a process or are for the script; return a list to which each is added as it comes."""
    taken: List[int] = []
    for number in [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it, for the script too
            signal.signal(number, lambda number, frame: taken.append(number))
    return taken


def _at_terminal() -> bool:
    """Tell whether Ctrl-C at our terminal goes to all of our process group."""
    try:
        with open(os.ctermid(), "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):  # there is none, or this is Windows, where it does
        return sys.platform == "win32"
