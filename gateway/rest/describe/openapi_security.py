"""What an OpenAPI document says of keys, where callers need one: two ways to send it, and who is refused."""

from typing import Any, Final

from gateway.rest.describe.openapi_parts import JSON, make_object, ref

Part = dict[str, Any]

SCHEMES: Final[Part] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "a key of `gateway key create`: `Authorization: Bearer gw_…`",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key in a header"},
}
#: Status -> name of the response, meaning, schema.
_ERRORS: Final = {
    "401": ("Unauthorised", "no key, or none that counts: mistyped, unknown, expired or revoked", "error"),
    "403": ("Forbidden", "the key counts, and no scope of it covers this path", "error.forbidden"),
}
_TEXT: Final = {"type": "string"}
_OWN: Final = make_object(
    ["path", "name", "schema"], path=_TEXT, name=_TEXT, description=_TEXT, schema=_TEXT, page=_TEXT
)
_FORBIDDEN: Final = make_object(
    [],
    routes={"type": "array", "items": _OWN, "description": "what the key covers, the first 100"},
    total_routes={"type": "integer"},
)
#: Paths that answer everybody.
_OPEN: Final = frozenset(("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/ping", "/docs"))


def with_keys(document: Part) -> Part:
    """Return a document that says so of every path; parts that documents share are left as they are."""
    components = document["components"]
    return document | {
        "security": [{name: []} for name in SCHEMES],
        "paths": {path: _item(path, item) for path, item in document["paths"].items()},
        "components": components
        | {
            "securitySchemes": SCHEMES,
            "schemas": components["schemas"] | {"error.forbidden": {"allOf": [ref("error"), _FORBIDDEN]}},
            "responses": components["responses"]
            | {name: _response(text, schema) for name, text, schema in _ERRORS.values()},
        },
    }


def _item(path: str, item: Part) -> Part:
    return {name: _operation(path, part) if _is_operation(part) else part for name, part in item.items()}


def _is_operation(part: Any) -> bool:
    return isinstance(part, dict) and "responses" in part


def _operation(path: str, operation: Part) -> Part:
    if path in _OPEN:
        return operation | {"security": []}
    refused = {status: {"$ref": f"#/components/responses/{name}"} for status, (name, *_) in _ERRORS.items()}
    return operation | {"responses": refused | operation["responses"]}


def _response(text: str, schema: str) -> Part:
    return {
        "description": text,
        "content": {media: {"schema": ref(schema)} for media in (JSON, "application/problem+json")},
    }
