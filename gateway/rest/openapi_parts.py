"""What is the same in the OpenAPI document of every registry: errors, health, catalog, the V2 protocol."""

from typing import Any, Final

Part = dict[str, Any]

_JSON: Final = "application/json"


def _ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Part) -> Part:
    return {"type": "object", "properties": properties, "required": required}


_TEXT: Final[Part] = {"type": "string"}
_TEXTS: Final[Part] = {"type": "array", "items": _TEXT}
_LIST: Final[Part] = {"type": "array"}
_FAULT: Final = _object(
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
_TENSOR: Final = _object(
    ["name", "shape", "datatype"],
    name=_TEXT,
    shape={"type": "array", "items": {"type": "integer"}},
    datatype=_TEXT,
    parameters={"type": "object"},
    data={"type": "array"},
)

SCHEMAS: Final[Part] = {
    "error": _object(
        ["type", "title", "status", "detail", "message", "request_id"],
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        message={
            "description": "field -> text for faults of fields, else a text",
            "anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT}],
        },
        errors={"type": "array", "items": _ref("fault"), "description": "every bad field, the first 100"},
        total_errors={"type": "integer"},
        hint=_TEXT,
        request_id=_TEXT,
    ),
    "fault": _FAULT,
    "v2.error": _object(["error"], error=_TEXT, errors={"type": "array", "items": _ref("fault")}, request_id=_TEXT),
    "v2.request": _object(
        ["inputs"],
        id=_TEXT,
        parameters={"type": "object"},
        inputs={"type": "array", "minItems": 1, "items": _ref("v2.tensor")},
        outputs={"type": "array", "items": _object(["name"], name=_TEXT, parameters={"type": "object"})},
    ),
    "v2.response": _object(
        ["model_name", "outputs"],
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        parameters={"type": "object"},
        outputs={"type": "array", "items": _ref("v2.tensor")},
    ),
    "v2.tensor": _TENSOR,
    "v2.metadata": _object(
        ["name", "versions", "platform", "inputs", "outputs"],
        name=_TEXT,
        versions=_TEXTS,
        platform=_TEXT,
        inputs={"type": "array", "items": _ref("v2.tensor")},
        outputs={"type": "array", "items": _ref("v2.tensor")},
    ),
    "mlflow.request": {
        "type": "object",
        "properties": {
            "dataframe_split": _object(
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
    "mlflow.answer": _object(["predictions"], predictions={"type": "array"}),
    "mlflow.error": _object(["error_code", "message"], error_code=_TEXT, message=_TEXT, request_id=_TEXT),
}

#: Status -> name and meaning of an error of the gateway's own paths.
_ERROR_TEXTS: Final = {
    400: ("BadRequest", "malformed, or not what the model takes: every bad field is listed"),
    404: ("NotFound", "no such path"),
    405: ("MethodNotAllowed", "the path has other methods; Allow lists them"),
    406: ("NotAcceptable", "no media type of Accept can be written"),
    413: ("TooLarge", "the body, or the number of rows, is above the limit"),
    415: ("UnsupportedMediaType", "no codec reads this media type"),
    500: ("Failed", "the model raised; the log has the cause under the request id"),
    503: ("Unavailable", "the model is not ready, or the queue of the route is full; come back after Retry-After"),
    504: ("TooSlow", "the deadline of the call passed"),
}
ERRORS: Final = {status: name for status, (name, _) in _ERROR_TEXTS.items()}
RESPONSES: Final[Part] = {
    name: {
        "description": text,
        "content": {media: {"schema": _ref("error")} for media in (_JSON, "application/problem+json")},
    }
    for name, text in _ERROR_TEXTS.values()
}
TAGS: Final[list[Part]] = [
    {"name": "v2", "description": "Open Inference Protocol: every route is a model of the same name"},
    {"name": "gateway", "description": "health, metrics, catalog"},
]


def _answer(text: str, schema: Part, media: str = _JSON) -> Part:
    return {"description": text, "content": {media: {"schema": schema}}}


def _get(tag: str, name: str, summary: str, responses: Part, *, parameters: list[Part] | None = None) -> Part:
    operation: Part = {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}


def _plain(name: str, summary: str, *, media: str = _JSON, extra: Part | None = None) -> Part:
    schema: Part = {"type": "object"} if media == _JSON else _TEXT
    return _get("gateway", name, summary, {"200": _answer(summary, schema, media)} | (extra or {}))


_SAME: Final[Part] = {"304": {"description": "unchanged since the ETag that you named"}}
_UNREADY: Final[Part] = {"503": _answer("not ready", {"type": "object"})}

COMMON_PATHS: Final[Part] = {
    "/health": _plain("health", "Everything there is to know about routes, workers and the last reload"),
    "/health/live": _plain("health.live", "The process answers"),
    "/health/ready": _plain("health.ready", "Traffic may come", extra=_UNREADY),
    "/metrics": _plain("metrics", "Metrics in Prometheus' text format", media="text/plain"),
    "/routes": _plain("routes", "What this gateway serves", extra=_SAME),
    "/openapi.json": _plain("openapi", "This document", extra=_SAME),
    "/ping": _plain("ping", "Traffic may come (MLflow's path)", media="text/plain") | {},
    "/version": _plain("version", "Version of the gateway (MLflow's path)", media="text/plain"),
}
COMMON_PATHS["/ping"]["get"]["responses"]["503"] = _answer("not ready", _TEXT, "text/plain")

_MODEL: Final[Part] = {"name": "model", "in": "path", "required": True, "schema": _TEXT}
_VERSION: Final[Part] = {"name": "version", "in": "path", "required": True, "schema": _TEXT}
_NOT_FOUND: Final[Part] = {"404": _answer("no such model or version", _ref("v2.error"))}


def _v2_error(*statuses: int) -> Part:
    return {str(status): _answer(_ERROR_TEXTS[status][1], _ref("v2.error")) for status in statuses}


def _model_paths(stem: str, name: str, parameters: list[Part]) -> Part:
    state = _object(["name", "ready"], name=_TEXT, ready={"type": "boolean"})
    infer: Part = {
        "operationId": f"v2.{name}.infer",
        "tags": ["v2"],
        "summary": "Predict: a column per input, or one [n, k] tensor",
        "parameters": [
            *parameters,
            {
                "name": "Inference-Header-Content-Length",
                "in": "header",
                "description": "bytes of JSON before binary tensors",
                "schema": {"type": "integer", "minimum": 0},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": _ref("v2.request")}, "application/octet-stream": {"schema": {}}},
        },
        "responses": {
            "200": {
                "description": "the output tensors",
                "content": {_JSON: {"schema": _ref("v2.response")}, "application/octet-stream": {"schema": {}}},
            }
        }
        | _NOT_FOUND
        | _v2_error(400, 413, 415, 500, 503, 504),
    }
    metadata = {"200": _answer("metadata", _ref("v2.metadata"))} | _NOT_FOUND | _v2_error(503)
    ready = {"200": _answer("ready", state), "503": _answer("not ready", state)} | _NOT_FOUND
    return {
        stem: _get("v2", f"v2.{name}", "Versions, platform and tensors", metadata, parameters=parameters),
        f"{stem}/ready": _get("v2", f"v2.{name}.ready", "Can this model predict?", ready, parameters=parameters),
        f"{stem}/infer": {"post": infer},
    }


_BOOLEAN: Final[Part] = {"type": "boolean"}
_INDEX: Final = _object(["name", "state"], name=_TEXT, version=_TEXT, state=_TEXT, reason=_TEXT)

_LIVE: Final = _object(["live"], live=_BOOLEAN)
_READY: Final = _object(["ready"], ready=_BOOLEAN)
_NAMES: Final = _object(["models"], models=_TEXTS)

V2_PATHS: Final[Part] = {
    "/v2": _get("v2", "v2", "Server metadata", {"200": _answer("metadata", _object(["name", "extensions"]))}),
    "/v2/health/live": _get("v2", "v2.live", "The process answers", {"200": _answer("live", _LIVE)}),
    "/v2/health/ready": _get("v2", "v2.ready", "Every model can predict", {"200": _answer("ready", _READY)} | _UNREADY),
    "/v2/models": _get("v2", "v2.models", "Names of all models", {"200": _answer("names", _NAMES)}),
    **_model_paths("/v2/models/{model}", "model", [_MODEL]),
    **_model_paths("/v2/models/{model}/versions/{version}", "version", [_MODEL, _VERSION]),
    "/v2/repository/index": {
        "post": {
            "operationId": "v2.index",
            "tags": ["v2"],
            "summary": "Models with state and reason",
            "requestBody": {"content": {_JSON: {"schema": {"type": "object", "properties": {"ready": _BOOLEAN}}}}},
            "responses": {"200": _answer("the index", {"type": "array", "items": _INDEX})} | _v2_error(400),
        }
    },
    "/v2/repository/models/{model}/{action}": {
        "post": {
            "operationId": "v2.control",
            "tags": ["v2"],
            "summary": "Refused: models come from registry.yaml alone",
            "parameters": [
                _MODEL,
                {"name": "action", "in": "path", "required": True, "schema": {"enum": ["load", "unload"]}},
            ],
            "responses": {"403": _answer("refused", _ref("v2.error"))} | _NOT_FOUND,
        }
    },
}
