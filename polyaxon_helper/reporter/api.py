"""Requests to the Polyaxon API."""
import os
import threading
from typing import Any, Dict, Mapping, Optional
from urllib.parse import urlsplit

import requests

from ..notices import warn_once
from . import tokens

TIMEOUT = (3.05, 10)
"""Seconds to connect, and to wait for an answer."""

_exchange_lock = threading.RLock()


def post(api: Optional[str], info: Mapping[str, Any], entry: Dict[str, Any]) -> None:
    """POST one metric entry of the experiment; whatever goes wrong is a RuntimeWarning that shows no token."""
    try:
        experiment = _experiment_url(api, info)
        _exchange_ephemeral(experiment)
        headers = tokens.headers()
        if headers is None:
            raise _NotSent("there is no token in the environment")
        status = _request(experiment + "metrics/", headers, entry).status_code
        if status != 201:
            raise _NotSent("{} answered with status {}".format(urlsplit(experiment).hostname, status))
    except (_NotSent, requests.RequestException) as error:
        # a library's text may quote a header or a URL's password: its name must do
        reason = str(error) if isinstance(error, _NotSent) else type(error).__name__
        warn_once("a metric was not stored by the Polyaxon API: {}".format(reason))


class _NotSent(Exception):
    pass


def _experiment_url(api: Optional[str], info: Mapping[str, Any]) -> str:
    if not api:
        raise _NotSent("POLYAXON_API_HTTP_HOST is not set")
    try:
        user, project = info["project_name"].split(".")
        number = info["experiment_name"].split(".")[-1]
    except (KeyError, AttributeError, ValueError):
        raise _NotSent("POLYAXON_EXPERIMENT_INFO doesn't name the project and the experiment") from None
    return "{}/{}/{}/experiments/{}/".format(api, user, project, number)


def _exchange_ephemeral(experiment: str) -> None:
    """Exchange the single-use token for a lasting one, once: any attempt that the server sees burns it."""
    with _exchange_lock:
        ephemeral = tokens.ephemeral()
        if not ephemeral:
            return
        headers = {"Authorization": "EphemeralToken " + ephemeral, **tokens.service_header()}
        for endpoint in ("ephemeraltoken/", "token/"):  # since 0.3.9, and before
            response = _request(experiment + endpoint, headers)
            if response.status_code != 404:
                break
        del os.environ[tokens.EPHEMERAL]
        try:
            tokens.keep(response.json()["token"])
        except (ValueError, KeyError, TypeError):
            warn_once("the ephemeral token was refused, with status {}".format(response.status_code))


def _request(url: str, headers: Dict[str, str], body: Any = None) -> requests.Response:
    def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(headers)
        return request

    # As `auth`, because a .netrc would replace a plain Authorization header; to no other host, so no redirects
    return requests.post(url, json=body, auth=authorise, timeout=TIMEOUT, allow_redirects=False)
