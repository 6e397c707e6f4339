"""polyaxon_client's names, also where newer Pythons or libraries dropped what it needs.

    from polyaxon_helper.client import Experiment, get_data_paths

These are the client's own objects, on Python 3.7 to 3.13: Experiment, Job and the getters of polyaxon_client.tracking,
and PolyaxonClientException. Once this module is imported, `import polyaxon_client` works in the process too.

Importing this module never fails. Where polyaxon_client is installed but still can't be imported, a RuntimeWarning
says which release it is, what failed and what to do; each of its names is then an ImportError that says the same.
"""
import sys
from typing import TYPE_CHECKING, Any

from . import lending
from .replacements import REPLACEMENTS

if TYPE_CHECKING:  # pragma: no cover - it never runs
    class Experiment(Any):  # type: ignore[misc]  # it may have any attribute: the client's own has no types
        pass

    class Job(Any):  # type: ignore[misc]  # the same
        pass

    class PolyaxonClientException(Exception):
        pass

    get_data_paths: Any
    get_log_level: Any
    get_outputs_path: Any
    get_outputs_refs_paths: Any

_HOMES = {name: row.home for name, row in REPLACEMENTS.items() if row.home and row.path == name}
"""The client's module that each of its names is in."""

lending.failure()

if not TYPE_CHECKING:  # pragma: no branch - a checker would take any name for the client's

    def __getattr__(name: str) -> Any:
        """Give the client's own object of this name, or raise what says why there is none."""
        if name not in _HOMES:
            raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
        failure = lending.failure()
        if failure is not None:
            raise type(failure)(str(failure), name=lending.PACKAGE)
        return getattr(sys.modules.get(_HOMES[name]), name)  # a stub may have none
