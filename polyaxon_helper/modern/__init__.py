"""A run of Polyaxon 1.x or 2.x: what its container says, and its metrics.

    run.py      which run this is, its folder and its API
    answers.py  what the legacy getters give
    events.py   metrics, in the files that the platform collects
    uploads.py  uploads the run's files, where nothing else does
    offline.py  what an offline run has beside them, to be pushed later

A variable of 0.x that the polyaxonfile sets is asked before. Seen with polyaxon 2.18.0, of which nothing is imported.
"""
from ..variables import OFFLINE, flag
from . import offline, uploads


def collect() -> None:
    """Have the run's files collected, where the platform's sidecar does not; a metric or the outputs path begins it."""
    if flag(OFFLINE):
        offline.write("running")
    elif flag(uploads.HAS_PROCESS_SIDECAR):
        uploads.begin()
