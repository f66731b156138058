"""Step 9 of a call: what it leaves behind in metrics and on the scoreboard, whatever became of it."""

from typing import TYPE_CHECKING, Final

from gateway.errors import InputError, OptionError

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call

#: Statuses from here on count as errors of a route, 503 and 504 too: these clients got no prediction.
_FIRST_ERROR: Final = 500


def account(call: "Call", method: str, status: int, seconds: float) -> None:
    """Count a call that is answered; called by the telemetry layer, which alone knows status and time."""
    counters = call.route.counters
    counters.metrics.request(method, status, seconds)
    counters.slot.record(counters.index, int(seconds * 1e9), error=status >= _FIRST_ERROR)


def account_faults(call: "Call", error: InputError) -> None:
    """Count the faulty values of a call; a header or an option that cannot be read is none."""
    if not isinstance(error, OptionError):
        for fault in error.faults:
            call.route.counters.metrics.fault(fault.field)
