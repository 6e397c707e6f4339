"""Offers what polyaxon_client.tracking does, read from the environment: for where the client can't answer.

Outside Polyaxon every getter answers None. The variables of each are in the table, newest first, so that one release
serves the containers of every Polyaxon from 0.0 to 0.6; where none is set, the pod of a 1.x or 2.x is asked.
"""
import functools
import json
import os
from typing import Any, Callable, Dict, Optional, TypeVar, cast

from . import classic, modern
from .classic import tokens
from .exceptions import PolyaxonClientException
from .modern import answers, events, run
from .replacements import FUNCTIONS, LEFT_OUT
from .variables import BUCKETS, NO_OP, OFFLINE, flag, parsed
from .warn import warn_once

T = TypeVar("T")

_NEEDS = ("{} needs polyaxon-client, which is not installed, can't be imported, or can't read this container. "
          "On Polyaxon 0.x: pip install 'polyaxon-helper[client]'")


def variable_set(name: str) -> Optional[str]:
    """Give the newest variable of the legacy name that is set, to anything but an empty text."""
    return next(filter(os.environ.get, FUNCTIONS[name].variables), None)


def _getter(name: str, read: Callable[[str], T], owner: str = "") -> Callable[[], T]:
    """Make the function of a class, or of this module, that answers by the variable that is set, else by the pod."""
    def get() -> T:
        variable = variable_set(name)
        if variable is None or flag(NO_OP):
            return cast(T, None if flag(NO_OP) else answers.answer(name))
        if name.startswith("get_outputs") and parsed(BUCKETS):
            warn_once(_NEEDS.format("A bucket's credentials are not in os.environ: to put them there"))
        return read(variable)

    get.__name__, get.__qualname__ = name, owner + name  # by which it is pickled
    return get


get_outputs_refs_paths = _getter("get_outputs_refs_paths", parsed)
get_data_paths = _getter("get_data_paths", parsed)
get_data_path = _getter("get_data_path", os.getenv)
get_log_level = _getter("get_log_level", os.getenv)
get_internal_token = _getter("get_internal_token", os.getenv)
_get_outputs_path = _getter("get_outputs_path", os.getenv)
_get_host = _getter("get_api", os.getenv)
_get_token = _getter("get_user_token", os.getenv)


def get_outputs_path() -> Optional[str]:
    path = _get_outputs_path()
    if path and run.is_here():
        modern.collect()
    return path


def get_api(version: str = "v1") -> Optional[str]:
    host = _get_host()
    return host and "{}/api/{}".format(host.rstrip("/"), version)


def get_user_token() -> Optional[str]:
    if run.is_here():  # where the files of 0.x are of another run
        return _get_token()
    return None if flag(NO_OP) else tokens.user_token()


class _Run:
    """Holds what Experiment and Job share: most of the client's methods are left out."""

    get_outputs_path = staticmethod(get_outputs_path)
    get_outputs_refs_paths = staticmethod(get_outputs_refs_paths)
    get_data_paths = staticmethod(get_data_paths)
    get_log_level = staticmethod(get_log_level)
    is_notebook_job = False

    _KIND: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._report: Optional[Callable[[Dict[str, Any]], None]] = None  # decided when it is made, as by the client
        self.is_off = flag(NO_OP)
        if self.is_off:
            return
        if args or kwargs:
            raise PolyaxonClientException(_NEEDS.format("{}(...) with arguments".format(self._KIND)))
        kind = self._KIND.lower()
        getter = "get_{}_info".format(kind)
        info = getattr(self, getter)()
        if not isinstance(info, dict):
            variable = FUNCTIONS[getter].variables[0]
            raise PolyaxonClientException("This is no Polyaxon {}: {} is not set".format(kind, variable))
        self.project = str(info.get("project_name"))
        self.username, _, self.project_name = self.project.partition(".")
        setattr(self, kind + "_id", str(info.get(kind + "_name")).rpartition(".")[2])
        if run.is_here():
            self._report = events.write
        elif not flag(OFFLINE):
            self._report = functools.partial(classic.send, info)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in LEFT_OUT[self._KIND]:
            raise AttributeError("{!r} has no attribute {!r} without polyaxon-client".format(self._KIND, name))

        def leave_out(*args: Any, **kwargs: Any) -> None:
            if not flag(NO_OP) and not flag(OFFLINE):
                warn_once(_NEEDS.format("{}().{} is left out: it".format(self._KIND, name)))

        return leave_out


class Experiment(_Run):
    """Does what polyaxon_client.tracking.Experiment does, as far as that needs no client."""

    _KIND = "Experiment"
    experiment_id: str

    get_cluster_def = staticmethod(_getter("get_cluster_def", parsed, "Experiment."))
    get_task_info = staticmethod(_getter("get_task_info", parsed, "Experiment."))
    get_experiment_info = staticmethod(_getter("get_experiment_info", parsed, "Experiment."))
    get_params = get_declarations = staticmethod(_getter("get_params", parsed, "Experiment."))

    def log_metrics(*this: "Experiment", **metrics: Any) -> None:  # so that a metric may be called self
        """Keep one point of each metric on disk, and have it sent to the Polyaxon API within about a second.

        On Polyaxon 1.x and 2.x it is in an event file, which the platform collects.
        Raises PolyaxonClientException for a value that is no number.
        """
        if this[0]._report:
            this[0]._report(metrics)

    @classmethod
    def get_tf_config(cls, envvar: Optional[str] = "TF_CONFIG") -> Optional[Dict[str, Any]]:
        if flag(NO_OP):
            return None
        task = {"cluster": cls.get_cluster_def(), "task": cls.get_task_info()}
        tf_config = {**task, "model_dir": get_outputs_path(), "environment": "cloud"}
        # TensorFlow takes no cluster that is null; 2 takes no `master`: what Kubeflow's operator has set stays
        if envvar and tf_config["cluster"] and not (run.is_here() and os.environ.get(envvar)):
            os.environ[envvar] = json.dumps(tf_config)
        return tf_config


class Job(_Run):
    """Does what polyaxon_client.tracking.Job does, as far as that needs no client."""

    _KIND = "Job"
    job_id: str

    get_job_info = staticmethod(_getter("get_job_info", parsed, "Job."))
