"""Runs a script in a pod of Polyaxon 1.x or 2.x: answers from what its container says, and keeps its metrics.

    run.py      which run this is, its folder and its API
    answers.py  what the legacy getters give
    events.py   metrics, in the files that the platform collects
    uploads.py  uploads the run's files, where nothing else does
    offline.py  what an offline run has beside them, to be pushed later

A variable of 0.x that the polyaxonfile sets is asked before. Seen with polyaxon 2.18.0, of which nothing is imported.
"""
import atexit

from ..variables import NO_OP, OFFLINE, flag
from . import offline, run, uploads


def collect() -> None:
    """Have the run's files collected where the platform's sidecar does not: at the outputs path and at a new metric."""
    if flag(OFFLINE):
        offline.write("running")
    elif flag(uploads.HAS_PROCESS_SIDECAR):
        uploads.begin()


def _end() -> None:
    """At exit, write how an offline run ended, or upload what is left."""
    if uploads.is_begun():  # whatever os.environ says by now
        uploads.end()
    elif run.is_here() and not flag(NO_OP):
        if flag(OFFLINE):
            offline.end()
        elif flag(uploads.HAS_PROCESS_SIDECAR):
            uploads.end()


atexit.register(_end)
