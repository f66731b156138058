"""
The audit log: one line for each request that was refused for who asked, and for each change of what is served.

Lines say who, what, on which route and with what result, never a value of a request nor a secret. They go the way of
all logs, under the logger `gateway.audit`, whatever the settings of the access log. Of a flood of refused requests
some lines tell several together (refusal_sums.py).
"""

import logging
import time
from typing import Any, Final

from gateway.security.refusal_sums import Refusal, RefusalSums

log: Final = logging.getLogger("gateway.audit")

#: Statuses of requests that are refused for who asked, or for how often.
REFUSALS: Final = frozenset((401, 403, 429))
#: Who asked, where no credential was right.
NOBODY: Final = "anonymous"
#: Of this process; used by the loop of a worker alone.
_sums: Final = RefusalSums()


def refused(refusal: Refusal) -> None:
    """Record a request that was refused: by a line of its own, beyond the budget of lines in a sum."""
    now = time.monotonic()
    if _sums.has_line(now):
        log.warning("refused", extra=_told(refusal))
    else:
        _sums.add(refusal, now)


def tell_sums(*, at_once: bool = False) -> None:
    """Write the sums that are due, or all of them; called often, and before the process ends."""
    for refusal, times in _sums.due(float("inf") if at_once else time.monotonic()):
        log.warning("refused", extra=_told(refusal) | {"times": times})


def _told(refusal: Refusal) -> dict[str, Any]:
    told = refusal._asdict()
    told["result"] = told.pop("status")
    return told


def changed(*, who: str, what: str, result: str, **more: object) -> None:
    """Record a change, or an attempt at one: `who` names its source, `more` the names of routes, keys, generations."""
    log.info("changed", extra={"who": who, "what": what, "result": result, **more})
