"""Step 6 of a call: a slot of its route, so that no route takes more of a worker than is its own."""

from typing import TYPE_CHECKING

from gateway.routing.bulkhead import Admission

if TYPE_CHECKING:
    from gateway.rest.predict.intake import Caller


def admit(call: "Caller", deadline: float, *, resume: bool = False) -> Admission:
    """
    Wait for a slot until `deadline` (time.monotonic()) and hold it in a `with` block.

    Raises OverloadError, DeadlineError.
    `resume` is for a batch that comes back for its next chunk: it waits its turn, but a full queue does not refuse it.
    """
    return call.route.admit(deadline, resume=resume)
