"""Sending metrics without the client. The journal is the queue: what is accepted is on disk before `send` returns.

    checks.py    which values may be sent
    journal.py   the entries that wait, in a file of this process's own
    backlog.py   the journals of this process and of earlier ones, and what was given up
    sending.py   the thread that empties them, and what happens at exit and at a fork
    api.py       one request, and what its answer means; imports requests, so only the thread imports it
    tokens.py    where the token is
"""
from typing import Any, Callable, Mapping, Optional

from ..notices import warn_once
from . import checks, sending


def send(api: Callable[[], Optional[str]], info: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Accept one point of each metric, stamped now; a thread sends it within about a second.

    `api` gives the API's URL with its version when something is sent, `info` is the experiment's
    POLYAXON_EXPERIMENT_INFO. Raises PolyaxonClientException for a value that is no number, and nothing else: what else
    goes wrong is a RuntimeWarning.
    """
    line, left_out = checks.entry(metrics)
    if line:
        try:
            trouble = sending.reporter.accept(api, info, line)
        except Exception as error:  # training must go on, whatever this was; its text might quote a secret
            trouble = "a metric could not be kept for sending: {}".format(type(error).__name__)
        if trouble:
            warn_once(trouble)
    for name in left_out:  # last: where warnings are errors, the rest is on its way
        warn_once("metric {!r} was None, NaN or infinite, which Polyaxon can't keep: it is left out then".format(name))
