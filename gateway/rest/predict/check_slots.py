"""
How many bodies a worker checks at a time: a check needs no model, and must not take what predictions need.

A check holds no slot of a route. It has one of these for each step in a native thread, and gives it back between two
chunks, so that a short check does not wait for a long one.
"""

from typing import Final

from gateway.errors import DeadlineError, OverloadError
from gateway.routing.bulkhead import Admission, Bulkhead

_STEPS: Final = Bulkhead("checks", 2, 32)
#: Checks of XLSX and Parquet: one, as each takes one of the few readers of tables while it lasts.
_FILES: Final = Bulkhead("checks of XLSX and Parquet", 1, 8)


def step(deadline: float, *, resume: bool) -> Admission:
    """Wait for a slot of one step until `deadline` (time.monotonic()); raises OverloadError."""
    return _slot(_STEPS, deadline, resume=resume)


def file(deadline: float) -> Admission:
    """Wait for the right to check a file that needs a reader of its own; raises OverloadError."""
    return _slot(_FILES, deadline, resume=False)


def _slot(bulkhead: Bulkhead, deadline: float, *, resume: bool) -> Admission:
    try:
        return bulkhead.slot(deadline, resume=resume)
    except (OverloadError, DeadlineError):
        raise OverloadError(
            "this worker checks as many bodies as it may",
            code="checks-full",
            hint="retry later, or send it to the route, which checks it as well",
            retry_after_s=bulkhead.retry_after_s(),
        ) from None
