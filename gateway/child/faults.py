"""The errors of this server: each has a code, the status of its answer, and what to do about it."""

from __future__ import annotations

from typing import Any


class ChildError(Exception):
    """Carry an answer that is no prediction; `hint` says how to fix it."""

    def __init__(self, status: int, code: str, message: str, hint: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        body = {"error": self.message, "code": self.code}
        if self.hint:
            body["hint"] = self.hint
        return body


class LoadError(ChildError):
    """Say why the model cannot be loaded; every call is answered so until the process is replaced."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(503, code, message, hint)


def bad_request(message: str) -> ChildError:
    """Return the refusal of a request that is no inference request of this model."""
    return ChildError(400, "bad-request", message)


def text_of(error: BaseException) -> str:
    """Return type and message of an exception in one line of bounded length."""
    message = " ".join(str(error).split())
    if len(message) > 2000:
        message = message[:2000] + "…"
    name = type(error).__name__
    return f"{name}: {message}" if message else name
