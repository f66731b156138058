"""
The only tables of HTTP statuses of errors: an error of the gateway becomes a status, a JSON body and headers.

The body has RFC 9457's members, every bad field under `errors`, and `message` as Flask-RESTful clients know it.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from flask import Response, has_request_context, request

from gateway.errors import (
    DeadlineError,
    Fault,
    ForbiddenError,
    GatewayError,
    InputError,
    NotExplainable,
    NotReadyError,
    OverloadError,
    PredictError,
    QuotaError,
    RateLimitError,
    TooLargeError,
    UnauthorisedError,
    UnreadableError,
)

#: Error class -> status; the first match along the class's ancestry wins.
STATUS: dict[type[GatewayError], int] = {
    InputError: 400,
    UnauthorisedError: 401,
    ForbiddenError: 403,
    TooLargeError: 413,
    UnreadableError: 415,
    NotExplainable: 422,
    RateLimitError: 429,
    QuotaError: 429,
    NotReadyError: 503,
    OverloadError: 503,
    DeadlineError: 504,
    PredictError: 500,
    GatewayError: 500,
}

#: Code of a RequestError -> status.
STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "bad-chunks": 400,
    "bad-encoding": 400,
    "bad-header": 400,
    "bad-request": 400,
    "bad-request-line": 400,
    "body-cut": 400,
    "chunks-too-small": 400,
    "json-type": 400,
    "repository-read-only": 403,
    "console-off": 404,
    "docs-off": 404,
    "no-plot": 404,
    "unknown-file": 404,
    "unknown-model": 404,
    "no-golden-rows": 404,
    "unknown-path": 404,
    "unknown-version": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "body-timeout": 408,
    "body-too-large": 413,
    "form-too-large": 413,
    "request-line-too-long": 414,
    "unsupported-encoding": 415,
    "unsupported-media-type": 415,
    "expectation": 417,
    "headers-too-large": 431,
    "transfer-coding": 501,
    "unlike-framework": 501,
    "http-version": 505,
}

#: Status -> error_code of MLflow (its databricks.proto); 400 and others below 500 are BAD_REQUEST.
MLFLOW_CODES: dict[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    501: "NOT_IMPLEMENTED",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
#: How a caller says who it is (RFC 6750); browsers ask no password for it.
CHALLENGE: Final = 'Bearer realm="gateway"'
#: Characters of what a client sent (a path, a name, a type) that an error repeats.
MAX_ECHOED = 200
#: Faults that stand in a one-text error of another protocol.
MAX_TOLD = 5

#: Statuses whose detail may stand in the answer; the cause of all others stands only in the log.
_HIDDEN = frozenset({500})


class RequestError(GatewayError):
    """A request that HTTP itself refuses: wrong method, path, type, size."""

    def __init__(
        self, message: str, *, code: str, hint: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = STATUS_OF_CODE[code]
        self.headers = headers or {}


class NotThereError(RequestError):
    """
    A path or a name that is not there.

    What it may have been meant for is looked up when the answer is written: among 1,000 routes that takes longer than
    an answer, and callers who may not know the routes get none.
    """

    def __init__(self, message: str, *, code: str, find_hint: Callable[[], str]) -> None:
        super().__init__(message, code=code)
        self.find_hint = find_hint


class PlainHttpError(RequestError):
    """A refusal of Werkzeug's own that has no code here: it has the status that Werkzeug gives it."""

    def __init__(self, status: int, message: str) -> None:
        GatewayError.__init__(self, message, code=f"http-{status}")
        self.status = status
        self.headers = {}


def too_large(
    limit_bytes: int, hint: str = "send fewer rows, or raise server.max_body_size in registry.yaml"
) -> RequestError:
    """Return the error of a body above `limit_bytes`."""
    return RequestError(
        f"the body is larger than {limit_bytes} bytes",
        code="body-too-large",
        hint=hint,
    )


def status_of(error: GatewayError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, RequestError):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: GatewayError, status: int, request_id: str) -> dict[str, Any]:
    """Return the JSON body of an error answer."""
    detail = error.message
    if status in _HIDDEN:
        what = "prediction" if isinstance(error, PredictError) else "gateway"
        detail = f"the {what} failed; the log has the cause under request id {request_id}"
    body: dict[str, Any] = {
        "type": f"urn:gateway:error:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "message": detail,
    }
    if isinstance(error, InputError):
        body["message"] = dict(error.by_field()) or detail
        body["errors"] = [fault_json(fault) for fault in error.faults]
        if error.total > len(error.faults):
            body["total_errors"] = error.total
    hint = error.find_hint() if isinstance(error, NotThereError) else error.hint
    if hint and status not in _HIDDEN:
        body["hint"] = hint
    if isinstance(error, ForbiddenError) and error.routes:
        body["routes"] = error.routes
        if error.total_routes > len(error.routes):
            body["total_routes"] = error.total_routes
    body["request_id"] = request_id
    return body


def fault_json(fault: Fault) -> dict[str, Any]:
    """Return a fault as answers show it; members without a value are left out."""
    shown: dict[str, Any] = {"at": str(fault.at), "code": fault.code, "message": fault.message}
    for name in ("expected", "got", "hint", "field", "row"):
        value = getattr(fault, name)
        if value is not None:
            shown[name] = value
    return shown


def headers_of(error: GatewayError) -> dict[str, str]:
    """Return the headers that belong to an error: when to come back, what is allowed, how to say who calls."""
    if isinstance(error, UnauthorisedError):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, (NotReadyError, OverloadError, RateLimitError)):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, RequestError):
        return error.headers
    return {}


def respond(error: GatewayError) -> Response:
    """Turn an error into the answer of the current request."""
    status = status_of(error)
    request_id = request.environ.get("gateway.request_id", "") if has_request_context() else ""
    body = body_of(error, status, request_id)
    path = request.path if has_request_context() else ""
    if path == "/v2" or path.startswith("/v2/"):
        response = Response(msgspec.json.encode(_v2_body(body)), status, mimetype="application/json")
    elif path.endswith("/invocations"):
        response = Response(msgspec.json.encode(_mlflow_body(body)), status, mimetype="application/json")
    else:
        response = Response(msgspec.json.encode(body), status, mimetype=_media_type())
    response.headers.extend(headers_of(error))
    return response


def _v2_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the error of the Open Inference Protocol: a text, and beside it what the protocol does not forbid."""
    shown = {"error": _one_text(body)}
    return shown | {name: body[name] for name in ("errors", "total_errors", "request_id") if name in body}


def _mlflow_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the error of MLflow's scoring server."""
    code = MLFLOW_CODES.get(body["status"], "BAD_REQUEST" if body["status"] < 500 else "INTERNAL_ERROR")  # noqa: PLR2004
    shown = {"error_code": code, "message": _one_text(body)}
    return shown | {name: body[name] for name in ("errors", "total_errors", "request_id") if name in body}


def _one_text(body: dict[str, Any]) -> str:
    """Return detail and hint as one text, with every fault where there are several."""
    faults = body.get("errors", ())
    texts = [f"{fault['at']}: {fault['message']}" for fault in faults[:MAX_TOLD]] or [body["detail"]]
    if (more := body.get("total_errors", len(faults)) - MAX_TOLD) > 0:
        texts.append(f"and {more} more")
    hint = body.get("hint") or (faults[0].get("hint") if len(faults) == 1 else None)
    return "; ".join(texts) + (f" ({hint})" if hint else "")


def _media_type() -> str:
    accepted = request.headers.get("Accept", "") if has_request_context() else ""
    return "application/problem+json" if "application/problem+json" in accepted else "application/json"
