"""Fixed parts of the OpenAPI document: health, catalog, schemas of V2 and MLflow."""

from collections.abc import Callable
from typing import Any, Final

from gateway.rest.responses import IGNORED, INVALID

Part = dict[str, Any]

JSON: Final = "application/json"


def ref(name: str) -> Part:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def make_object(required: list[str], **properties: Part) -> Part:
    """Return the schema of an object."""
    return {"type": "object", "properties": properties, "required": required}


_TEXT: Final[Part] = {"type": "string"}
_TEXTS: Final[Part] = {"type": "array", "items": _TEXT}
_LIST: Final[Part] = {"type": "array"}
_FAULT: Final = make_object(
    ["at", "code", "message"],
    at=_TEXT | {"description": "JSON path, or name of a parameter"},
    code=_TEXT | {"description": "stable"},
    message=_TEXT,
    expected={},
    got={},
    hint=_TEXT,
    field=_TEXT,
    row={"type": "integer", "minimum": 0},
)
#: Figures of a route that are whole numbers, and those that are none.
_COUNTS: Final = ("requests", "errors", "shed", "in_flight", "queue_depth")
_RATES: Final = ("error_rate", "per_second", "p50_ms", "p95_ms")
_TENSOR: Final = make_object(
    ["name", "shape", "datatype"],
    name=_TEXT,
    shape={"type": "array", "items": {"type": "integer"}},
    datatype=_TEXT,
    parameters={"type": "object"},
    data={"type": "array"},
)

SCHEMAS: Final[Part] = {
    "error": make_object(
        ["type", "title", "status", "detail", "message", "request_id"],
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        message={
            "description": "field -> text for faults of fields, else a text",
            "anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT}],
        },
        errors={"type": "array", "items": ref("fault"), "description": "every bad field, the first 100"},
        total_errors={"type": "integer"},
        hint=_TEXT,
        request_id=_TEXT,
    ),
    "fault": _FAULT,
    "skipped": make_object(
        ["predictions", "errors", "total_errors"],
        predictions={
            "type": ["array", "object"],
            "description": "the good rows in their places, null for a bad one; by id, bad ones are absent",
        },
        errors={"type": "array", "items": ref("fault"), "description": "one fault per bad row"},
        total_errors={"type": "integer", "minimum": 0},
    ),
    "health.figures": make_object(
        ["generation", "started", "reload", "routes"],
        generation=_TEXT,
        started={"type": "number", "description": "Unix time"},
        reload=make_object([], at={"type": "number"}, result=_TEXT, faults={"type": "integer"}),
        routes={"type": "object", "additionalProperties": ref("route.figures")},
    ),
    "route.figures": make_object(
        ["state", "version", *_COUNTS, *_RATES],
        state={"enum": ["FAILED", "LOADING", "READY", "IDLE"]},
        version=_TEXT,
        error_rate={"type": "number", "minimum": 0, "maximum": 1},
        per_second={"type": "number"},
        p50_ms={"type": ["number", "null"]},
        p95_ms={"type": ["number", "null"]},
        **{key: {"type": "integer", "minimum": 0} for key in _COUNTS},
    ),
    "v2.error": make_object(["error"], error=_TEXT, errors={"type": "array", "items": ref("fault")}, request_id=_TEXT),
    "v2.request": make_object(
        ["inputs"],
        id=_TEXT,
        parameters={"type": "object"},
        inputs={"type": "array", "minItems": 1, "items": ref("v2.tensor")},
        outputs={"type": "array", "items": make_object(["name"], name=_TEXT, parameters={"type": "object"})},
    ),
    "v2.response": make_object(
        ["model_name", "outputs"],
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        parameters={"type": "object"},
        outputs={"type": "array", "items": ref("v2.tensor")},
    ),
    "v2.tensor": _TENSOR,
    "v2.metadata": make_object(
        ["name", "versions", "platform", "inputs", "outputs"],
        name=_TEXT,
        versions=_TEXTS,
        platform=_TEXT,
        inputs={"type": "array", "items": ref("v2.tensor")},
        outputs={"type": "array", "items": ref("v2.tensor")},
    ),
    "mlflow.request": {
        "type": "object",
        "properties": {
            "dataframe_split": make_object(
                ["data"], columns={"type": "array"}, index={"type": "array"}, data={"type": "array"}
            ),
            "dataframe_records": {"type": "array", "items": {"type": "object"}},
            "instances": {"type": "array"},
            "inputs": {},
            "params": {"type": ["object", "null"]},
        },
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in ("dataframe_split", "dataframe_records", "instances", "inputs")],
    },
    "mlflow.answer": make_object(["predictions"], predictions={"type": ["array", "object"]}),
    "mlflow.error": make_object(["error_code", "message"], error_code=_TEXT, message=_TEXT, request_id=_TEXT),
}

#: Headers of an answer that tell what of the request did not count.
ANSWER_HEADERS: Final[Part] = {
    IGNORED: {
        "description": "names that belong to no field: how many, then the first 20, percent-encoded",
        "schema": _TEXT,
    },
    INVALID: {
        "description": "values that count as missing because they cannot be read, where the registry wants that: "
        "how many, then by field",
        "schema": _TEXT,
    },
}
#: Options of a call that sends a table; those in the query that are no fields.
TABLE_OPTIONS: Final[list[Part]] = [
    {
        "name": "_sheet",
        "in": "query",
        "description": "sheet of an XLSX workbook, by name or by number from 1; the first where it is absent",
        "schema": _TEXT,
    },
    {
        "name": "_header",
        "in": "query",
        "description": "row of a CSV or XLSX with the names of the fields, from 1; the first that is not blank",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "_on_error",
        "in": "query",
        "description": "whether bad rows of a batch are skipped",
        "schema": {"enum": ["abort", "skip"]},
    },
]
DETAIL_OPTION: Final[Part] = {
    "name": "_detail",
    "in": "query",
    "description": "whether prediction and probabilities stand beside the answer of the route, as `answer`",
    "schema": {"enum": ["true", "false"]},
}
TAGS: Final[list[Part]] = [
    {"name": "v2", "description": "Open Inference Protocol: every route is a model of the same name"},
    {"name": "gateway", "description": "health, metrics, catalog"},
]


def answer(text: str, schema: Part, media: str = JSON) -> Part:
    """Return a response of one media type."""
    return {"description": text, "content": {media: {"schema": schema}}}


def get(tag: str, name: str, summary: str, responses: Part, *, parameters: list[Part] | None = None) -> Part:
    """Return a path with a GET."""
    operation: Part = {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}


def map_operations(paths: Part, told: Callable[[str, Part], Part]) -> Part:
    """Return `paths` with what a function of path and operation makes of each operation."""
    return {
        path: {
            name: told(path, part) if isinstance(part, dict) and "responses" in part else part
            for name, part in item.items()
        }
        for path, item in paths.items()
    }


def _plain(name: str, summary: str, *, media: str = JSON, extra: Part | None = None) -> Part:
    schema: Part = {"type": "object"} if media == JSON else _TEXT
    return get("gateway", name, summary, {"200": answer(summary, schema, media)} | (extra or {}))


_SAME: Final[Part] = {"304": {"description": "unchanged since the ETag that you named"}}
#: Operations that need no key and have no limit (`operationId`).
OPEN_OPERATIONS: Final = frozenset(("health.live", "health.ready", "v2.live", "v2.ready", "ping"))
UNREADY: Final[Part] = {"503": answer("not ready", {"type": "object"})}

COMMON_PATHS: Final[Part] = {
    "/health": get(
        "gateway",
        "health",
        "Everything there is to know about routes, workers and the last reload",
        {"200": answer("the report, or the figures", {"anyOf": [ref("health.figures"), {"type": "object"}]})} | _SAME,
        parameters=[
            {
                "name": "figures",
                "in": "query",
                "allowEmptyValue": True,
                "schema": _TEXT,
                "description": "only figures of every route, for pages that ask every few seconds",
            }
        ],
    ),
    "/health/live": _plain("health.live", "The process answers"),
    "/health/ready": _plain("health.ready", "Traffic may come", extra=UNREADY),
    "/metrics": _plain("metrics", "Metrics in Prometheus' text format", media="text/plain"),
    "/routes": _plain("routes", "What this gateway serves", extra=_SAME),
    "/openapi.json": _plain("openapi", "This document", extra=_SAME),
    "/ping": _plain("ping", "Traffic may come (MLflow's path)", media="text/plain") | {},
    "/version": _plain("version", "Version of the gateway (MLflow's path)", media="text/plain"),
}
COMMON_PATHS["/ping"]["get"]["responses"]["503"] = answer("not ready", _TEXT, "text/plain")
