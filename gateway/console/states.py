"""What a page says when there is no result: why, and the way out. `static/states.js` has the same kinds."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.errors import DeadlineError, GatewayError, InputError, NotReadyError, OverloadError
from gateway.routing.routes import Route

Kind: TypeAlias = Literal["invalid", "loading", "failed", "overloaded", "deadline", "error"]

_TITLES: dict[Kind, str] = {
    "invalid": "Some inputs cannot be used",
    "loading": "The model is loading",
    "failed": "This model does not serve",
    "overloaded": "The model is busy",
    "deadline": "The model took too long",
    "error": "The request failed",
}


@dataclass(frozen=True, slots=True)
class State:
    """Hold the words of one state."""

    kind: Kind
    text: str
    fix: str = ""
    retry_after_s: int | None = None
    request_id: str = ""

    @property
    def title(self) -> str:
        """Return the first words."""
        return _TITLES[self.kind]


def state_of_error(error: GatewayError, text: str, fix: str, request_id: str) -> State:
    """Return the state of a request that was refused or failed; `text` is what may be told of it."""
    return State(_kind(error), text, fix, getattr(error, "retry_after_s", None), request_id)


def state_of_route(route: Route) -> State | None:
    """Return the state of a route before anything is asked of it; None where it serves, or would load."""
    if (problem := route.reason) is not None:
        kind: Kind = "loading" if problem.code == "loading" else "failed"
        return State(kind, problem.message, problem.hint or "")
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
    return "deadline" if isinstance(error, DeadlineError) else "error"
