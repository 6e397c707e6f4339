"""The client's exception, for where the client is not."""
from typing import Optional


class PolyaxonClientException(Exception):
    """Stands in for the client's class, so that `except PolyaxonClientException` goes on working."""

    def __init__(self, message: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message


class ClientNeeded(PolyaxonClientException, AttributeError):
    """Something was asked for that only polyaxon-client can do."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "{} needs polyaxon-client, which is not installed, can't be imported, or can't read this container. "
            "On Polyaxon 0.x: pip install 'polyaxon-helper[client]'".format(what)
        )
