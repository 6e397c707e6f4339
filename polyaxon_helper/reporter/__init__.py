"""Sending metrics without the client."""
from datetime import datetime, timezone
from typing import Any, Mapping, Optional

from . import checks


def send(api: Optional[str], info: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Send one point of each metric, stamped now, in one request.

    `api` is the API's URL with its version, `info` the experiment's POLYAXON_EXPERIMENT_INFO. Raises
    PolyaxonClientException for a value that is no number; whatever goes wrong with the request is a RuntimeWarning.
    """
    values = checks.sendable(metrics)
    if values or not metrics:
        from .api import post  # and with it requests, which nobody should load who sends nothing

        post(api, info, {"values": values, "created_at": datetime.now(timezone.utc).isoformat(" ", "microseconds")})
