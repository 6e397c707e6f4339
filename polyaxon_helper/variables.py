"""Reads environment variables, and never shows what they are set to, for a parameter may be a password."""
import json
import os
from typing import Any, NamedTuple

from .warn import say_once, warn_once

NO_OP = "POLYAXON_NO_OP"
OFFLINE = "POLYAXON_IS_OFFLINE"
BUCKETS = "POLYSTORES_RUN_STORES_ACCESS_KEYS"  # of which variable each bucket's credentials are in


# those of distutils' strtobool, which the client reads booleans with
_TRUE, _FALSE = {"y", "yes", "t", "true", "on", "1"}, {"n", "no", "f", "false", "off", "0"}


def flag(variable: str) -> bool:
    """Return the boolean that a variable is set to; False, with a warning, where it is neither true nor false."""
    value = os.environ.get(variable, "0").lower()
    if value not in _TRUE and value not in _FALSE:
        warn_once("{} is neither true nor false, and is taken as false".format(variable))
    return value in _TRUE


def parsed(variable: str, warns: bool = True) -> Any:
    """Return the JSON that a variable is set to; None where it is set to none, and, with a warning, to broken one."""
    text = os.environ.get(variable)
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        if warns:
            warn_once("{} is not valid JSON, and is taken as not set".format(variable))
        return None


class Seconds(NamedTuple):
    """A variable that is set to a number of seconds."""

    variable: str
    default: float

    def read(self) -> float:
        """Return the seconds, at most a day; the default, and a line on standard error, where it is no number."""
        try:
            return max(0.0, min(float(os.environ.get(self.variable) or self.default), 86400.0))
        except ValueError:
            say_once("{} is no number of seconds: {} are taken".format(*self))
            return self.default


EXIT_TIMEOUT = Seconds("POLYAXON_HELPER_EXIT_TIMEOUT", 5.0)  # how long an exit waits for the API
