"""A run of Polyaxon 1.x or 2.x: what its container says, and its metrics.

    run.py      which run this is, its folder and its API
    answers.py  what the legacy getters give
    events.py   metrics, in the files that the platform collects

A variable of 0.x that the polyaxonfile sets is asked before. Seen with polyaxon 2.18.0, of which nothing is imported.
"""
