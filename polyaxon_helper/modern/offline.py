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
from typing import Any, Dict, List, Optional

from .. import files
from ..replacements import FUNCTIONS
from ..replicas import is_main
from ..variables import parsed
from ..warn import warn_once
from . import run

MODE = 0o666
OUTPUTS = {"name": "outputs", "kind": "dir", "path": "outputs", "is_input": False, "summary": {}}


_BEGAN = datetime.now(timezone.utc).isoformat()
_writer = 0  # the PID of the process that wrote first: this one, or the one that it was forked from


def write(status: str) -> None:
    """Write both files anew; where that fails, a RuntimeWarning says why."""
    global _writer
    this, folder = run.run(), run.artifacts()
    if not this or not folder:
        return
    _writer = _writer or os.getpid()
    path = os.path.join(folder, "run.plx.json")
    metrics: Optional[List[str]] = None
    try:
        os.makedirs(folder, exist_ok=True)
        before = _read(path)
        while metrics != _metrics(folder):  # another process may begin one, and write its list before this one does
            metrics = _metrics(folder)
            has_any = bool(metrics)
            _place(path, {
                "uuid": this.uuid, "created_at": before.get("created_at") or datetime.now(timezone.utc).isoformat(),
                "kind": "job", "is_managed": False, "inputs": _inputs(),
                "status": status if is_main() else before.get("status", status),
                "meta_info": {"has_metrics": has_any, "has_events": has_any}})
            # of an empty list nothing would be pushed
            _place(os.path.join(folder, "lineages.plx.json"), [run.lineage(metric) for metric in metrics] or [OUTPUTS])
    except OSError as error:
        warn_once("what pushes this offline run can't be written to {}: {}".format(folder, error.strerror))


def end() -> None:
    """Write how the run ended, as far as that can be seen: sys.exit(1) looks like success.

    The process that wrote first does, or the one whose children did: it was there before the run's file was.
    """
    folder = run.artifacts()
    if folder and is_main() and (_writer or os.getpid()) == os.getpid():
        uncaught = getattr(sys, "last_type", None)
        if _writer or _BEGAN < _read(os.path.join(folder, "run.plx.json")).get("created_at", ""):
            write("succeeded" if uncaught is None else "stopped" if uncaught is KeyboardInterrupt else "failed")


def _metrics(folder: str) -> List[str]:
    with suppress(FileNotFoundError):
        return sorted(name[:-4] for name in os.listdir(os.path.join(folder, run.EVENTS)) if name.endswith(".plx"))
    return []


def _read(path: str) -> Dict[str, Any]:
    """Return what an earlier process, or this one, wrote of the run."""
    with suppress(OSError, ValueError, TypeError), open(path, encoding="utf-8") as file:
        return dict(json.load(file))
    return {}


def _inputs() -> Optional[Dict[str, Any]]:
    """Return the parameters that the environment has, if they are what JSON can hold."""
    inputs = parsed(FUNCTIONS["get_params"].variables[0], warns=False)
    with suppress(ValueError):  # NaN, which Python's reader takes
        json.dumps(inputs, allow_nan=False)
        return inputs if isinstance(inputs, dict) else None
    return None


def _place(path: str, content: Any) -> None:
    files.place(path, json.dumps(content, indent=1).encode(), MODE)
