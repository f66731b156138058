"""
The audit log: one line for each request that was refused for who asked, and for each change of what is served.

Lines say who, what, on which route and with what result, never a value of a request nor a secret. They go the way of
all logs, under the logger `gateway.audit`, whatever the settings of the access log.
"""

import logging
from typing import Final

log: Final = logging.getLogger("gateway.audit")

#: Statuses of requests that are refused for who asked, or for how often.
REFUSALS: Final = frozenset((401, 403, 429))
#: Who asked, where no credential was right.
NOBODY: Final = "anonymous"


def refused(*, who: str, what: str, route: str, status: int, rows: int, request_id: str, client: str) -> None:
    """Record a request that was refused; `what` is its method."""
    log.warning(
        "refused",
        extra={
            "who": who or NOBODY,
            "what": what,
            "route": route,
            "result": status,
            "rows": rows,
            "request_id": request_id,
            "client": client,
        },
    )


def changed(*, who: str, what: str, result: str, **more: object) -> None:
    """Record a change, or an attempt at one: `who` names its source, `more` the names of routes, keys, generations."""
    log.info("changed", extra={"who": who, "what": what, "result": result, **more})
