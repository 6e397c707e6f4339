"""Polyaxon 0.x without the client: its tokens, and its metrics.

    entries.py   a call's metrics, as the API takes them
    journal.py   the entries that wait, in a file of this process's own: what is accepted is there before `send` returns
    backlog.py   the journals of this process and of earlier ones, and what was given up
    sending.py   the thread that empties them, and what happens at exit and at a fork
    api.py       the API's requests, and what its answers mean
    tokens.py    where the token is
"""
from typing import Any, Mapping

from ..warn import warn_once
from . import entries, sending


def send(info: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Accept one point of each metric, stamped now; a thread sends it within about a second.

    `info` is the experiment's POLYAXON_EXPERIMENT_INFO. Raises PolyaxonClientException for a value that is no number,
    and nothing else: what else goes wrong is a RuntimeWarning.
    """
    lines, troubles = entries.entries(metrics)
    for line in lines:
        try:
            troubles.append(sending.reporter.accept(info, line))
        except Exception as error:  # training must go on, whatever this was; its text might quote a secret
            troubles.append("a metric could not be kept for sending: {}".format(type(error).__name__))
    for trouble in filter(None, troubles):  # last: where warnings are errors, the rest is on its way
        warn_once(trouble)
