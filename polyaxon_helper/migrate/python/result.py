"""What comes of a module."""
from typing import List, NamedTuple


class Unreadable(Exception):
    """Python can't parse the text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Surprise(Exception):
    """Something that this program takes for impossible; the text is left as it is."""


class Place(NamedTuple):
    """A place in a text that a person has to read about."""

    line: int
    """From 1, as the column."""
    column: int
    name: str
    message: str


class Report(NamedTuple):
    """What a person has to know of a text."""

    places: List[Place]
    """What stays, and what to type for it."""
    notes: List[Place]
    """What moved and is not quite as it was."""


class Result(NamedTuple):
    """A module, rewritten."""

    text: str
    uses: int
    """How many uses of legacy names moved."""
    before: Report
    """As the lines were in the old text."""
    after: Report
    """The same, as the lines are in the new one."""
    makes: bool
    """Whether the module now makes an Experiment of its own."""
    on_shim: bool
    """Whether something in it stays with the legacy package."""
    on_client: bool
    """Whether something in it stays with polyaxon_client."""
