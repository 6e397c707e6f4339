"""Writes what `polyaxon ops push` wants beside an offline run's files: run.plx.json and lineages.plx.json.

    run.plx.json       {"uuid": "...", "created_at": "2026-11-22T00:11:19.017849+00:00", "kind": "job",
                        "is_managed": false, "status": "succeeded", "meta_info": {"has_metrics": true, ...}}
    lineages.plx.json  [{"name": "loss", "kind": "metric", "path": "events/metric/loss.plx", ...}]

They name no owner and no project, which would beat those of the command. Seen with polyaxon 2.18.0 and 2.0.6.
"""
import json
import os
import sys
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, List, Optional

from .. import files
from ..replacements import FUNCTIONS
from ..replicas import is_main
from ..variables import parsed
from ..warn import warn_once
from . import run

MODE = 0o666
OUTPUTS = {"name": "outputs", "kind": "dir", "path": "outputs", "is_input": False, "summary": {}}


_has_written = False  # whether this process has


def write(status: str) -> None:
    """Write both files anew; where that fails, a RuntimeWarning says why."""
    global _has_written
    this, folder = run.run(), run.artifacts()
    if not this or not folder:
        return
    path = os.path.join(folder, "run.plx.json")
    metrics: Optional[List[str]] = None
    _has_written = True
    try:
        os.makedirs(folder, exist_ok=True)
        created_at = _created_at(path)
        while metrics != _metrics(folder):  # another process may begin one, and write its list before this one does
            metrics = _metrics(folder)
            has_any, inputs = bool(metrics), parsed(FUNCTIONS["get_params"].variables[0], warns=False)
            _place(path, {
                "uuid": this.uuid, "created_at": created_at, "kind": "job", "is_managed": False, "status": status,
                "inputs": inputs if isinstance(inputs, dict) else None,
                "meta_info": {"has_metrics": has_any, "has_events": has_any}})
            # of an empty list nothing would be pushed
            _place(os.path.join(folder, "lineages.plx.json"), [run.lineage(metric) for metric in metrics] or [OUTPUTS])
    except OSError as error:
        warn_once("what pushes this offline run can't be written to {}: {}".format(folder, error.strerror))


def _metrics(folder: str) -> List[str]:
    with suppress(FileNotFoundError):
        return sorted(name[:-4] for name in os.listdir(os.path.join(folder, run.EVENTS)) if name.endswith(".plx"))
    return []


def _created_at(path: str) -> str:
    """Return when the run began: what the file says, if there is one, else now."""
    with suppress(OSError, ValueError, LookupError, TypeError), open(path, encoding="utf-8") as file:
        return str(json.load(file)["created_at"])
    return datetime.now(timezone.utc).isoformat()


def _place(path: str, content: Any) -> None:
    files.place(path, json.dumps(content, indent=1).encode(), MODE)


def end() -> None:
    """Write how the run ended, as far as that can be seen: sys.exit(1) looks like success.

    The main process does, if it wrote anything itself, or may have children that did.
    """
    folder, may_know = run.artifacts(), _has_written or "multiprocessing" in sys.modules
    if folder and may_know and is_main() and os.path.exists(os.path.join(folder, "run.plx.json")):
        uncaught = getattr(sys, "last_type", None)
        write("succeeded" if uncaught is None else "stopped" if uncaught is KeyboardInterrupt else "failed")


def _begin_anew() -> None:
    """Forget, in a forked child, what the parent wrote."""
    global _has_written
    _has_written = False


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)
