"""What an OpenAPI document says of keys, where callers need one: two ways to send it, and who is refused."""

from typing import Any, Final

from gateway.rest.describe.openapi_errors import error_of, own_responses
from gateway.rest.describe.openapi_parts import OPEN_OPERATIONS, make_object, map_operations, ref

Part = dict[str, Any]

SCHEMES: Final[Part] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "a key of `gateway key create`: `Authorization: Bearer gw_…`",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key in a header"},
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


def with_keys(document: Part) -> Part:
    """Return a document that says so of every path; parts that documents share are left as they are."""
    components = document["components"]
    return document | {
        "security": [{name: []} for name in SCHEMES],
        "paths": map_operations(document["paths"], _told),
        "components": components
        | {
            "securitySchemes": SCHEMES,
            "schemas": components["schemas"] | {"error.forbidden": {"allOf": [ref("error"), _FORBIDDEN]}},
            "responses": own_responses(has_keys=True),
        },
    }


def _told(path: str, operation: Part) -> Part:
    if operation["operationId"] in OPEN_OPERATIONS:
        return operation | {"security": []}
    refused = {str(status): error_of(path, status) for status in (401, 403)}
    return operation | {"responses": refused | operation["responses"]}
