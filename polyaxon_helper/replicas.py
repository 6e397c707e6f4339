"""Tells which of a distributed run's replicas this process is."""
import os
import re
import sys
from functools import lru_cache
from typing import Any, Dict

from .variables import parsed

# set by torchrun and Kubeflow's operators, Open MPI, MPICH, Slurm
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
_CHIEFS = ("chief", "master")  # the first replica's roles, where there is one of them


@lru_cache(maxsize=None)  # a metric asks for it
def replica() -> str:
    """Return "" for the first replica, or the only one, else ROLE-INDEX, such as "worker-1"; it stays so.

    The first of these that is set decides: TF_CONFIG's task, RANK, OMPI_COMM_WORLD_RANK, PMI_RANK, SLURM_PROCID,
    NODE_RANK with LOCAL_RANK (PyTorch Lightning's own).
    """
    config = tf_config(warns=False)  # it may be asked at exit
    task, cluster = config.get("task", {}), config.get("cluster", {})
    if task.get("type"):
        role, index = _plain(task["type"]), _number(task.get("index"))
        is_chief = role in _CHIEFS or role == "worker" and not any(map(cluster.get, _CHIEFS))
        return "" if is_chief and index == "0" else "{}-{}".format(role, index)
    rank = next(filter(None, map(_set_to, _RANKS)), None)
    if rank:
        return "" if _number(rank) == "0" else "rank-" + _number(rank)
    node, local = _number(_set_to("NODE_RANK")), _number(_set_to("LOCAL_RANK"))
    return "" if (node, local) == ("0", "0") else "node-{}-rank-{}".format(node, local)


def is_main() -> bool:
    """Tell whether this is the one process of a run that tells of all: the first replica's, and no child's."""
    multiprocessing = sys.modules.get("multiprocessing")
    return not replica() and (multiprocessing is None or multiprocessing.current_process().name == "MainProcess")


def tf_config(warns: bool = True) -> Dict[str, Any]:
    """Return the objects in TF_CONFIG, as Kubeflow's operator sets it; {} where it does not."""
    config = parsed("TF_CONFIG", warns)
    return {name: part for name, part in config.items() if isinstance(part, dict)} if isinstance(config, dict) else {}


def _set_to(variable: str) -> str:
    """Return what a variable is set to; "" where that says that there is none, as -1 does."""
    text = os.environ.get(variable, "").strip()
    return "" if text.startswith("-") else text


def _plain(text: Any) -> str:
    """Return what is fit for a file's name."""
    return re.sub(r"\W", "-", str(text), flags=re.ASCII)


def _number(text: Any) -> str:
    """Return an index as a text, without zeros in front: it may be a number, a text, or not be there."""
    return _plain(text or 0).lstrip("0") or "0"


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=replica.cache_clear)  # who starts a child so may then number it
