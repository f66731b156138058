"""
Refusals in an OpenAPI document: their meaning, their headers, and the form that each protocol gives them.

Operations of the gateway's own paths refer to one response per status; those of V2 and MLflow have their own schemas.
"""

from typing import Any, Final

from gateway.rest.describe.openapi_parts import JSON, answer, ref

Part = dict[str, Any]

#: Status -> name and meaning of an error of the gateway's own paths.
ERROR_TEXTS: Final = {
    400: ("BadRequest", "malformed, or not what the model takes: every bad field is listed"),
    401: ("Unauthorised", "no key, or none that counts: mistyped, unknown, expired or revoked"),
    403: ("Forbidden", "the key counts, and no scope of it covers this path"),
    404: ("NotFound", "no such path"),
    405: ("MethodNotAllowed", "the path has other methods; Allow lists them"),
    406: ("NotAcceptable", "no media type of Accept can be written"),
    413: ("TooLarge", "the body, or the number of rows, is above the limit"),
    415: ("UnsupportedMediaType", "no codec reads this media type"),
    422: ("NotExplainable", "an explanation was asked for, and the answers of this model have no exact one"),
    429: ("RateLimited", "this caller has used up its requests or rows; come back after Retry-After"),
    500: ("Failed", "the model raised; the log has the cause under the request id"),
    503: ("Unavailable", "the model is not ready, or the queue of the route is full; come back after Retry-After"),
    504: ("TooSlow", "the deadline of the call passed"),
}
ERRORS: Final = {status: name for status, (name, _) in ERROR_TEXTS.items()}
#: Headers of answers where callers have limits, in the form of the IETF's draft.
LIMIT_HEADERS: Final[Part] = {
    "RateLimit-Policy": {
        "description": "the limits of the caller: q in w seconds, burst at once where that differs",
        "schema": {"type": "string"},
        "example": '"requests";q=20;w=1',
    },
    "RateLimit": {
        "description": "what is left of them: r now, all of it again in t seconds",
        "schema": {"type": "string"},
        "example": '"requests";r=19;t=1',
    },
}
_RETRY: Final[Part] = {
    "Retry-After": {"description": "seconds until it is worth trying", "schema": {"type": "integer", "minimum": 0}}
}
_CHALLENGE: Final[Part] = {"WWW-Authenticate": {"description": "how to say who calls", "schema": {"type": "string"}}}
_HEADERS: Final[dict[int, Part]] = {401: _CHALLENGE, 429: _RETRY | LIMIT_HEADERS, 503: _RETRY}
#: Status -> schema of the native form, where it is more than that of every error.
_SCHEMAS: Final = {403: "error.forbidden"}
#: Statuses that a document has only where there are keys.
_OF_KEYS: Final = frozenset((401, 403))


def own_responses(*, has_keys: bool) -> Part:
    """Return the responses of the gateway's own form by name, those about keys where callers need one."""
    return {
        name: _with_headers(
            status,
            {
                "description": text,
                "content": {
                    media: {"schema": ref(_SCHEMAS.get(status, "error"))}
                    for media in (JSON, "application/problem+json")
                },
            },
        )
        for status, (name, text) in ERROR_TEXTS.items()
        if has_keys or status not in _OF_KEYS
    }


def error_of(path: str, status: int) -> Part:
    """Return the response of a refusal at a path, in the form of its protocol."""
    if path == "/v2" or path.startswith("/v2/"):
        return _with_headers(status, answer(ERROR_TEXTS[status][1], ref("v2.error")))
    if path.endswith("/invocations"):
        return _with_headers(status, answer(ERROR_TEXTS[status][1], ref("mlflow.error")))
    return {"$ref": f"#/components/responses/{ERRORS[status]}"}


def _with_headers(status: int, response: Part) -> Part:
    return response | {"headers": _HEADERS[status]} if status in _HEADERS else response
