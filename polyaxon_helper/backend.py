"""Decides who answers: polyaxon_client.tracking where it imports and can read this container, else the environment.

That is done at the first call, once a process. Whoever it is, the table's dotted path is looked up on it.
"""
import os
import sys
from operator import attrgetter
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from . import environment, late, lending
from .exceptions import PolyaxonClientException
from .modern.run import is_here
from .replacements import FUNCTIONS, REPLACEMENTS
from .warn import warn_once

T = TypeVar("T")

_client: Optional[bool] = None  # whether the client answers; None: not decided yet
_NOT_MADE = object()
_experiment: Any = _NOT_MADE
_places: Dict[str, Tuple[Any, Callable[[Any], Any]]] = {}


def find(name: str) -> Callable[..., T]:
    """Find what stands for the legacy `name` with whoever answers."""
    module, look_up = _places.get(name) or _place(name)
    try:
        found: Callable[..., T] = look_up(module)
    except AttributeError:  # what stands in for the client lacks it
        found = look_up(environment)
    return found


def _place(name: str) -> Tuple[Any, Callable[[Any], Any]]:
    row = REPLACEMENTS[name]
    place: Tuple[Any, Callable[[Any], Any]]
    if name == "get_data_path":  # takes more than asking the successor
        place = sys.modules[__name__], attrgetter(name)
    elif row.home is None or row.path is None:  # the client has nothing of the kind
        place = environment, attrgetter(name)
    else:
        place = sys.modules.get(row.home) if client_answers() else environment, attrgetter(row.asks or row.path)
        if _client is None:
            return place  # for now
    _places[name] = place
    return place


def client_answers() -> bool:
    """Tell who answers; in the midst of an import, where nothing can be decided, it is the environment."""
    try:
        return _decided()
    except late.UnderWay:
        return False


def _decided() -> bool:
    global _client
    if _client is None:
        _client = _client_can_answer()
    return _client


def _client_can_answer() -> bool:
    if is_here() or not lending.has_client():  # no client of 0.x can read the pod of a later one
        return False
    settings = sys.modules.get(lending.SETTINGS)
    # 0.5 renamed the sign of a managed run, so a client takes a container of the other era for no container at all
    sign = "POLYAXON_IS_MANAGED" if settings is None or hasattr(settings, "IS_MANAGED") else "POLYAXON_IN_CLUSTER"
    in_container = environment.is_set("get_experiment_info") or environment.is_set("get_job_info")
    return sign in os.environ or not in_container


def experiment() -> Any:
    """Return this process's one Experiment, made now if there is none yet; None outside a Polyaxon experiment.

    In the midst of an import it is one that keeps the metrics in a journal.
    """
    if _experiment is _NOT_MADE:
        try:
            _decided()
            late.alone(_make)
        except late.UnderWay:
            return _made(environment.Experiment, PolyaxonClientException)
    return _experiment


def _make() -> None:
    global _experiment
    if _experiment is _NOT_MADE:
        _experiment = _made(find("Experiment"), find("PolyaxonClientException"))


def _made(make: Callable[[], Any], exception: Any) -> Any:
    # What importing polyaxon-helper 0.5.0 did
    try:
        return make()
    except exception:
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
