"""Paths of the Open Inference Protocol in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from gateway.rest.describe.openapi_errors import error_of
from gateway.rest.describe.openapi_parts import (
    ANSWER_HEADERS,
    JSON,
    UNREADY,
    Part,
    answer,
    get,
    make_object,
    ref,
)
from gateway.routing.routes import Route

_TEXT: Final[Part] = {"type": "string"}
_TEXTS: Final[Part] = {"type": "array", "items": _TEXT}

_VERSION: Final[Part] = {"name": "version", "in": "path", "required": True, "schema": _TEXT}
_NOT_FOUND: Final[Part] = {"404": answer("no such model or version", ref("v2.error"))}


def _v2_error(*statuses: int) -> Part:
    return {str(status): error_of("/v2", status) for status in statuses}


def _model_paths(stem: str, name: str, parameters: list[Part]) -> Part:
    state = make_object(["name", "ready"], name=_TEXT, ready={"type": "boolean"})
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
            "content": {JSON: {"schema": ref("v2.request")}, "application/octet-stream": {"schema": {}}},
        },
        "responses": {
            "200": {
                "description": "the output tensors",
                "headers": ANSWER_HEADERS,
                "content": {JSON: {"schema": ref("v2.response")}, "application/octet-stream": {"schema": {}}},
            }
        }
        | _NOT_FOUND
        | _v2_error(400, 413, 415, 422, 500, 503, 504),
    }
    metadata = {"200": answer("metadata", ref("v2.metadata"))} | _NOT_FOUND | _v2_error(503)
    ready = {"200": answer("ready", state), "503": answer("not ready", state)} | _NOT_FOUND
    return {
        stem: get("v2", f"v2.{name}", "Versions, platform and tensors", metadata, parameters=parameters),
        f"{stem}/ready": get("v2", f"v2.{name}.ready", "Can this model predict?", ready, parameters=parameters),
        f"{stem}/infer": {"post": infer},
    }


_BOOLEAN: Final[Part] = {"type": "boolean"}
_INDEX: Final = make_object(["name", "state"], name=_TEXT, version=_TEXT, state=_TEXT, reason=_TEXT)

_LIVE: Final = make_object(["live"], live=_BOOLEAN)
_READY: Final = make_object(["ready"], ready=_BOOLEAN)
_NAMES: Final = make_object(["models"], models=_TEXTS)

_FIXED: Final[Part] = {
    "/v2": get("v2", "v2", "Server metadata", {"200": answer("metadata", make_object(["name", "extensions"]))}),
    "/v2/health/live": get("v2", "v2.live", "The process answers", {"200": answer("live", _LIVE)}),
    "/v2/health/ready": get("v2", "v2.ready", "Every model can predict", {"200": answer("ready", _READY)} | UNREADY),
    "/v2/models": get("v2", "v2.models", "Names of all models", {"200": answer("names", _NAMES)}),
    "/v2/repository/index": {
        "post": {
            "operationId": "v2.index",
            "tags": ["v2"],
            "summary": "Models with state and reason",
            "requestBody": {"content": {JSON: {"schema": {"type": "object", "properties": {"ready": _BOOLEAN}}}}},
            "responses": {"200": answer("the index", {"type": "array", "items": _INDEX})} | _v2_error(400),
        }
    },
}


def v2_paths(routes: Mapping[str, Route]) -> Part:
    """Return the paths of the protocol for a gateway with these models."""
    model: Part = {
        "name": "model",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": list(routes)},
    }
    return {
        **_FIXED,
        **_model_paths("/v2/models/{model}", "model", [model]),
        **_model_paths("/v2/models/{model}/versions/{version}", "version", [model, _VERSION]),
        "/v2/repository/models/{model}/{action}": {
            "post": {
                "operationId": "v2.control",
                "tags": ["v2"],
                "summary": "Refused: models come from registry.yaml alone",
                "parameters": [
                    model,
                    {"name": "action", "in": "path", "required": True, "schema": {"enum": ["load", "unload"]}},
                ],
                "responses": {"403": answer("refused", ref("v2.error"))} | _NOT_FOUND,
            }
        },
    }
