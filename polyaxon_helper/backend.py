"""Decides who answers: polyaxon_client.tracking where it imports and can read this container, else the environment.

That is done at the first call, once a process. Whoever it is, the table's dotted path is looked up on it.
"""
import functools
import os
import sys
import threading
from operator import attrgetter
from types import ModuleType
from typing import Any, Callable, Optional, Tuple

from . import environment, pod
from .notices import warn_once
from .replacements import FUNCTIONS, REPLACEMENTS

_lock = threading.RLock()
_client: Optional[bool] = None  # whether the client answers; None: not decided yet
_NOT_MADE = object()
_experiment: Any = _NOT_MADE


def find(name: str) -> Any:
    """Find what stands for the legacy `name` with whoever answers."""
    module, look_up = _place(name)
    return look_up(module)


@functools.lru_cache(maxsize=None)
def _place(name: str) -> Tuple[ModuleType, Callable[[Any], Any]]:
    row = REPLACEMENTS[name]
    if name in ("get_data_path", "send_metrics"):  # take more than asking the successor
        return sys.modules[__name__], attrgetter(name)
    if row.home is None or row.path is None:  # the client has nothing of the kind
        return environment, attrgetter(name)
    return sys.modules[row.home] if client_answers() else environment, attrgetter(row.asks or row.path)


def client_answers() -> bool:
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                _client = _client_can_answer()
    return _client


def _client_can_answer() -> bool:
    if pod.is_here():  # which no client of 0.x can read
        return False
    from . import client  # imports polyaxon_client, or says why it can't

    if client.settings is None:
        return False
    # 0.5 renamed the sign of a managed run, so a client takes a container of the other era for no container at all
    sign = "POLYAXON_IS_MANAGED" if hasattr(client.settings, "IS_MANAGED") else "POLYAXON_IN_CLUSTER"
    in_container = environment.is_set("get_experiment_info") or environment.is_set("get_job_info")
    return sign in os.environ or not in_container


def experiment() -> Any:
    """This process's one Experiment, made now if there is none yet; None outside a Polyaxon experiment."""
    global _experiment
    if _experiment is _NOT_MADE:
        with _lock:
            if _experiment is _NOT_MADE:
                _experiment = _made_experiment()
    return _experiment


def _made_experiment() -> Any:
    # What importing polyaxon-helper 0.5.0 did
    try:
        return find("Experiment")()
    except find("PolyaxonClientException"):
        return None
    except TypeError:  # the client's, in a job
        if environment.is_set("get_experiment_info"):
            raise
        return None


def send_metrics(**metrics: Any) -> None:
    run = experiment()
    if run is None:
        warn_once(
            "send_metrics sends nothing: this is no Polyaxon experiment, or one that could not be reached "
            "({} is {}set). To run a script as one: python -m polyaxon_helper.local SCRIPT".format(
                FUNCTIONS["get_experiment_info"].variables[0],
                "" if environment.is_set("get_experiment_info") else "not "))
    else:
        run.log_metrics(**metrics)


def get_data_path() -> Optional[str]:
    return environment.get_data_path() or next(iter((find("get_data_paths")() or {}).values()), None)
