"""The client's exception, for where the client is not."""
from typing import Optional


class PolyaxonClientException(Exception):
    """Stands in for the client's class, so that `except PolyaxonClientException` goes on working."""

    def __init__(self, message: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
