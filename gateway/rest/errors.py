"""
The only table of HTTP codes: an error of the gateway becomes a status, a JSON body and headers.

The body has RFC 9457's members, every bad field under `errors`, and `message` as Flask-RESTful clients know it.
"""

from http import HTTPStatus
from typing import Any

import msgspec
from flask import Response, has_request_context, request

from gateway.errors import (
    DeadlineError,
    Fault,
    GatewayError,
    InputError,
    NotReadyError,
    OverloadError,
    PredictError,
)

#: Error class -> status; the first match along the class's ancestry wins.
STATUS: dict[type[GatewayError], int] = {
    InputError: 400,
    NotReadyError: 503,
    OverloadError: 503,
    DeadlineError: 504,
    PredictError: 500,
    GatewayError: 500,
}

#: Statuses whose detail may stand in the answer; the cause of all others stands only in the log.
_HIDDEN = frozenset({500})


class RequestError(GatewayError):
    """A request that HTTP itself refuses: wrong method, path, type, size."""

    def __init__(
        self, status: int, message: str, *, code: str, hint: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status
        self.headers = headers or {}


def status_of(error: GatewayError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, RequestError):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: GatewayError, status: int, request_id: str) -> dict[str, Any]:
    """Return the JSON body of an error answer."""
    detail = error.message
    if status in _HIDDEN:
        detail = f"the prediction failed; the log has the cause under request id {request_id}"
    body: dict[str, Any] = {
        "type": f"urn:gateway:error:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "message": detail,
    }
    if isinstance(error, InputError):
        body["message"] = dict(error.by_field()) or detail
        body["errors"] = [_fault(fault) for fault in error.faults]
        if error.total > len(error.faults):
            body["total_errors"] = error.total
    if error.hint and status not in _HIDDEN:
        body["hint"] = error.hint
    body["request_id"] = request_id
    return body


def _fault(fault: Fault) -> dict[str, Any]:
    shown: dict[str, Any] = {"at": fault.at, "code": fault.code, "message": fault.message}
    for name in ("expected", "got", "hint", "field", "row"):
        value = getattr(fault, name)
        if value is not None:
            shown[name] = value
    return shown


def headers_of(error: GatewayError) -> dict[str, str]:
    """Return the headers that belong to an error: when to come back, what is allowed."""
    if isinstance(error, (NotReadyError, OverloadError)):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, RequestError):
        return error.headers
    return {}


def respond(error: GatewayError) -> Response:
    """Turn an error into the answer of the current request."""
    status = status_of(error)
    request_id = request.environ.get("gateway.request_id", "") if has_request_context() else ""
    response = Response(msgspec.json.encode(body_of(error, status, request_id)), status, mimetype=_media_type())
    response.headers.extend(headers_of(error))
    return response


def _media_type() -> str:
    accepted = request.headers.get("Accept", "") if has_request_context() else ""
    return "application/problem+json" if "application/problem+json" in accepted else "application/json"
