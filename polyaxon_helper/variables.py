"""Reading environment variables: what they are set to is never shown, for a parameter may be a password."""
import json
import os
from typing import Any

from .warn import warn_once

NO_OP = "POLYAXON_NO_OP"
OFFLINE = "POLYAXON_IS_OFFLINE"
BUCKETS = "POLYSTORES_RUN_STORES_ACCESS_KEYS"  # of which variable each bucket's credentials are in

# distutils' strtobool, which the client reads booleans with
_BOOLEANS = {
    **dict.fromkeys(("y", "yes", "t", "true", "on", "1"), True),
    **dict.fromkeys(("n", "no", "f", "false", "off", "0"), False),
}


def flag(variable: str) -> bool:
    """A boolean; False, with a warning, where it is neither true nor false."""
    value = os.environ.get(variable)
    if value is None:
        return False
    if value.lower() not in _BOOLEANS:
        warn_once("{} is neither true nor false, and is taken as false".format(variable))
    return _BOOLEANS.get(value.lower(), False)


def parsed(variable: str) -> Any:
    """The JSON of a variable; None where it is not set to any, and, with a warning, where it is broken."""
    text = os.environ.get(variable)
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        warn_once("{} is not valid JSON, and is taken as not set".format(variable))
        return None
