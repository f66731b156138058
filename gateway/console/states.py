"""What a page says when there is no result: why, and the way out. `static/states.js` has the same kinds."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.errors import DeadlineError, GatewayError, InputError, NotReadyError, OverloadError
from gateway.routing.routes import Route

Kind: TypeAlias = Literal["invalid", "loading", "failed", "overloaded", "deadline", "refused", "error"]

_TITLES: dict[Kind, str] = {
    "invalid": "The inputs cannot be used",
    "loading": "The model is loading",
    "failed": "This model does not serve",
    "overloaded": "The model is busy",
    "deadline": "The model took too long",
    "refused": "The request was refused",
    "error": "The model failed",
}
#: The way out where the error itself names none.
_FIXES: dict[Kind, str] = {
    "deadline": "Other inputs may be quicker; or raise timeout_s of the route.",
    "error": "Other inputs may work.",
}


@dataclass(frozen=True, slots=True)
class State:
    """Hold the words of one state."""

    kind: Kind
    text: str
    fix: str = ""
    retry_after_s: int | None = None
    request_id: str = ""
    faults: int = 0

    @property
    def title(self) -> str:
        """Return the first words."""
        if self.kind == "invalid" and self.faults:
            return f"{self.faults} input{'s' if self.faults > 1 else ''} cannot be used"
        return _TITLES[self.kind]


def state_of_error(error: GatewayError, text: str, fix: str, request_id: str) -> State:
    """Return the state of a request that was refused or failed; `text` is what may be told of it."""
    kind = _kind(error)
    faults = len({fault.field or fault.at for fault in error.faults}) if isinstance(error, InputError) else 0
    if faults:
        # Each fault stands at its field with its own fix.
        text, fix, request_id = "", "Correct the marked inputs and press Predict.", ""
    return State(kind, text, fix or _FIXES.get(kind, ""), getattr(error, "retry_after_s", None), request_id, faults)


def state_of_route(route: Route) -> State | None:
    """Return the state of a route before anything is asked of it; None where it serves, or would load."""
    if (problem := route.reason) is not None:
        kind: Kind = "loading" if problem.code == "loading" else "failed"
        return State(kind, problem.message, f"To fix: {problem.hint}." if problem.hint else "")
    if route.state == "LOADING":
        return State("loading", "It answers as soon as it is there.", "reload the page in a moment")
    return None


def _kind(error: GatewayError) -> Kind:
    if isinstance(error, InputError):
        return "invalid"
    if isinstance(error, NotReadyError):
        return "loading" if error.code in ("loading", "not-ready") else "failed"
    if isinstance(error, OverloadError):
        return "overloaded"
    if isinstance(error, DeadlineError):
        return "deadline"
    return "error" if error.code in ("predict-failed", "internal") else "refused"
