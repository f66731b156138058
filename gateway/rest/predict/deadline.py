"""How long a client waits: the header X-Request-Timeout-Ms."""

import math
from collections.abc import Mapping
from typing import Any

from gateway.errors import Fault, OptionError


def client_timeout_s(environ: Mapping[str, Any]) -> float:
    """Return after how many seconds the client gives up, infinity where it does not say; raises OptionError."""
    text = environ.get("HTTP_X_REQUEST_TIMEOUT_MS")
    if text is None:
        return math.inf
    try:
        seconds = float(text) / 1e3
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        message = f"{text!r} is not a number of milliseconds above 0"
        raise OptionError([Fault("header.X-Request-Timeout-Ms", "bad-header", message)])
    return seconds
