"""What an answer of a model server other than 200 means: for these rows, for this server, for the caller."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from gateway.errors import (
    DeadlineError,
    Fault,
    GatewayError,
    InputError,
    NotReadyError,
    OverloadError,
    PredictError,
    TooLargeError,
)
from gateway.executors.http_answer import Answer

#: The rows are refused, too many, or too slow; the model raised; the server is busy, is loading the model, or cannot
#: answer for it.
Kind: TypeAlias = Literal["rows", "large", "late", "raised", "busy", "starting", "away"]

_OK: Final = 200
_KINDS: Final[dict[int, Kind]] = {400: "rows", 422: "rows", 413: "large", 408: "late", 504: "late", 429: "busy"}
_AWAY: Final = {
    401: "it refuses our credentials (401)",
    403: "it refuses our credentials (403)",
    404: "it has no such model (404)",
    502: "what stands before it cannot reach it (502)",
}
_UNAVAILABLE: Final = 503
#: Codes of a 503 of servers that we write; every other one is away.
_UNAVAILABLE_KINDS: Final[dict[str, Kind]] = {"overloaded": "busy", "child-loading": "starting"}
_REDIRECTS: Final = range(300, 400)
#: Characters of a server's text that are told on, and seconds that a caller is asked to wait at most.
_MOST_TEXT: Final = 300
_LONGEST_WAIT_S: Final = 60
_decode: Final = msgspec.json.Decoder().decode


class StartingError(NotReadyError):
    """
    The server is being started, or is loading the model: no failure that a breaker counts.

    `was_lost` says that the request was sent to a process that has ended since: it may be sent once more, not twice.
    """

    was_lost = False


class BrokenAnswer(PredictError):
    """The answer contradicts the protocol, the request, or what the server told of its model."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say why there is no answer; `reason` may hold what the server says, `retry_after_s` is its own."""

    kind: Kind
    reason: str
    retry_after_s: int = 1

    @property
    def is_final(self) -> bool:
        """Say whether another server, or another try, would answer alike."""
        return self.kind in {"rows", "large", "late", "raised"}

    def error(self, what: str) -> GatewayError:
        """Return the error for the caller; `what` names the server."""
        match self.kind:
            case "rows":
                return InputError([Fault("$", "executor-refused", f"{what} refuses these values: {self.reason}")])
            case "large":
                return TooLargeError(f"{what} refuses a batch of this size", hint="send fewer rows at once")
            case "late":
                return DeadlineError(f"the deadline passed while {what} predicted")
            case "raised":
                return PredictError(f"{what}: {self.reason}")
            case "busy":
                return OverloadError(f"{what} takes no more requests now", retry_after_s=self.retry_after_s)
        if self.kind == "starting":
            return StartingError(
                f"{what} is not ready yet: {self.reason}",
                code="executor-unavailable",
                hint="retry in a few seconds",
                retry_after_s=self.retry_after_s,
            )
        return unavailable(what, self.reason, self.retry_after_s)


def away(what: str) -> str:
    """Return how a message of a server that cannot answer begins."""
    return f"{what} is away: "


def unavailable(what: str, reason: str, retry_after_s: float = 1) -> NotReadyError:
    """Return the error of a server that cannot answer."""
    return NotReadyError(
        f"{away(what)}{reason}",
        code="executor-unavailable",
        hint="retry in a few seconds; GET /routes and the log name the server",
        retry_after_s=max(1, min(int(retry_after_s + 0.5), _LONGEST_WAIT_S)),
    )


def absent(what: str) -> StartingError:
    """Return the error of a server that the arbiter is starting."""
    return StartingError(
        f"{what} is not ready yet: it is being started",
        code="executor-unavailable",
        hint="retry in a few seconds; GET /routes and the log say why it ended",
        retry_after_s=1,
    )


def lost_twice(what: str) -> NotReadyError:
    """Return the error of a request during which two processes that the arbiter started have ended."""
    return NotReadyError(
        f"{what} ended twice while it answered this request",
        code="executor-unavailable",
        hint="see in the log how it ended before these rows are sent again: they may be what ends it",
        retry_after_s=1,
    )


def refusal_of(answer: Answer) -> Refusal | None:
    """Return what an answer refuses; None for 200."""
    status = answer.status
    if status == _OK:
        return None
    code, text = _told(answer.body)
    if status == _UNAVAILABLE:
        kind = _UNAVAILABLE_KINDS.get(code, "away")
        return Refusal(kind, text or "it is not ready (503)", _wait_s(answer))
    if status in _AWAY or status in _REDIRECTS:
        return Refusal("away", _AWAY.get(status, f"it answers with a redirect ({status}), which is not followed"))
    return Refusal(_KINDS.get(status, "raised"), text or f"status {status}", _wait_s(answer))


def _told(body: bytes) -> tuple[str, str]:
    """Return code and text of an error in the words of the protocol, of RFC 9457, or of nobody."""
    try:
        found: Any = _decode(body)
    except msgspec.MsgspecError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    text = next((found[key] for key in ("error", "detail", "message") if isinstance(found.get(key), str)), "")
    code = found.get("code")
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_TEXT])
    return code if isinstance(code, str) else "", shown.strip()


def _wait_s(answer: Answer) -> int:
    text = answer.headers.get(b"retry-after", b"1")
    return min(int(text), _LONGEST_WAIT_S) if text.isdigit() and len(text) < len("1000") else 1
