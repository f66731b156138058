"""POST <route>/check in the OpenAPI document: its report, which is one for all routes."""

from typing import Any, Final

from gateway.rest.describe.openapi_errors import ERRORS
from gateway.rest.describe.openapi_parts import JSON, TABLE_OPTIONS, make_object, ref

Part = dict[str, Any]

_TEXT: Final[Part] = {"type": "string"}
_COUNT: Final[Part] = {"type": "integer", "minimum": 0}
_NAME: Final[Part] = {"type": ["string", "null"]}
_HEAD: Final[Part] = {
    "name": "_head",
    "in": "query",
    "description": "the body is the beginning of a larger CSV or NDJSON file: a line that its end cuts is no row",
    "schema": {"type": "boolean"},
}
_MATCHES: Final = ["exact", "alias", "near", "missing", "optional", "position"]

#: Schema of the report.
REPORT: Final[Part] = make_object(
    [
        *("route", "format", "ok", "rows", "complete", "columns", "extra", "extra_total", "id"),
        *("total_errors", "bad_rows", "kinds", "errors", "first_rows"),
    ],
    route=_TEXT,
    format={"enum": ["csv", "form", "json", "ndjson", "parquet", "query", "xlsx"]},
    ok={"type": "boolean", "description": "the route answers every row"},
    rows=_COUNT,
    complete={"type": "boolean", "description": "whether these are all rows of the file"},
    columns={
        "type": "array",
        "items": make_object(["field", "column", "match"], field=_TEXT, column=_NAME, match={"enum": _MATCHES}),
    },
    extra={"type": "array", "items": _TEXT, "description": "columns of no field, 200 at most"},
    extra_total=_COUNT,
    id=_NAME | {"description": "the column of the row ids"},
    total_errors=_COUNT,
    bad_rows=_COUNT,
    kinds={
        "type": "array",
        "items": make_object(["code", "column", "count"], code=_TEXT, column=_NAME, count=_COUNT, example=ref("fault")),
    },
    errors={"type": "array", "items": ref("fault"), "maxItems": 20},
    first_rows=make_object(
        ["columns", "rows"],
        columns={"type": "array", "items": _TEXT},
        rows={"type": "array", "items": {"type": "array"}, "maxItems": 5},
    ),
)


def check_operation(name: str, body: Part) -> Part:
    """Return what an operation says about checking the bodies of a route."""
    errors = {str(status): {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in (400, 413, 415, 503)}
    return {
        "summary": f"Check a body for {name} without predicting",
        "parameters": [*TABLE_OPTIONS[:2], _HEAD],
        "requestBody": body,
        "responses": {
            "200": {"description": "the report, of a faulty body too", "content": {JSON: {"schema": ref("check")}}}
        }
        | errors,
    }
