"""
Build the OpenAPI 3.1 document of a generation from registry and manifests.

It is built once per generation and has identical bytes in every worker.
"""

from typing import Any

from gateway import __version__
from gateway.answers.json_schema import answer_schema, batch_schema, detail_schema
from gateway.rest.describe.openapi_check import REPORT, check_operation
from gateway.rest.describe.openapi_errors import ERRORS, own_responses
from gateway.rest.describe.openapi_explained import (
    answer_beside,
    explain_options,
    explained_protocols,
    explained_schemas,
)
from gateway.rest.describe.openapi_parts import (
    ANSWER_HEADERS,
    COMMON_PATHS,
    DETAIL_OPTION,
    SCHEMAS,
    TABLE_OPTIONS,
    TAGS,
)
from gateway.rest.describe.openapi_v2 import v2_paths
from gateway.rest.describe.request_schema import body_schema, form_schema, instance_schema, parameter_schema
from gateway.rest.predict.explaining import is_explainable
from gateway.rest.predict.negotiate import OFFERED
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.schema import Field, Signature
from gateway.validation.sample import sample

Part = dict[str, Any]

_TOO_LONG: Part = {"414": {"description": "the request line is longer than 8,190 bytes: use POST"}}
_COLUMNS = "every column that <route>/schema lists is needed, misspelt ones are refused, others ignored and counted"
_TABLE: Part = {"description": f"a header with the names of the fields, then one row per instance; {_COLUMNS}"}
_NAMED: Part = {"description": f"a table with one column per field; {_COLUMNS}"}
_UPLOAD: Part = {"type": "object", "required": ["file"], "properties": {"file": {"contentMediaType": "text/csv"}}}
#: Bodies that JSON Schema cannot describe: files, as a body or in the field `file` of a form.
_FILES: dict[str, Part] = {
    "text/csv": _TABLE,
    "application/x-ndjson": {"description": "an instance per line"},
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _NAMED,
    "application/vnd.apache.parquet": _NAMED,
    "multipart/form-data": _UPLOAD,
}
_TABLES = tuple(media for media in _FILES if media != "multipart/form-data")
FORM = "application/x-www-form-urlencoded"


def openapi(generation: Generation) -> Part:
    """Return the document; routes that could not be prepared are omitted, they only answer 503."""
    strict = generation.snapshot.registry.server.strict
    paths: Part = {}
    schemas: Part = SCHEMAS | explained_protocols() | {"check": REPORT}
    for route in generation.table.by_name.values():
        if route.signature is None or route.problem is not None:
            continue
        schemas |= _schemas(route, route.signature, strict=strict)
        for path in route.paths:
            paths[path] = _predict_item(route, route.signature, path)
            checked = check_operation(route.name, _body(route, route.signature))
            paths[f"{path}/check"] = {"post": _operation(route, path, "check") | checked}
            paths[f"{path}/invocations"] = _invocations_item(route, path)
            paths[f"{path}/schema"] = _schema_item(route, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Multi-model gateway",
            "version": __version__,
            "summary": "One endpoint per model of registry.yaml",
            "x-generation": generation.id,
        },
        "servers": [{"url": "/"}],
        "tags": [*({"name": route.name, "description": route.spec.description} for route in _shown(generation)), *TAGS],
        # /ping and /version may be routes.
        "paths": paths | v2_paths(generation.table.by_name) | {p: i for p, i in COMMON_PATHS.items() if p not in paths},
        "components": {"schemas": schemas, "responses": own_responses(has_keys=False)},
    }


def _shown(generation: Generation) -> list[Route]:
    return [
        route for route in generation.table.by_name.values() if route.signature is not None and route.problem is None
    ]


def _schemas(route: Route, signature: Signature, *, strict: bool) -> Part:
    spec, name = route.spec, route.name
    instance = instance_schema(signature, strict=strict, id_fields=spec.id_fields)
    reference = f"#/components/schemas/{name}.instance"
    answer, detailed = answer_schema(signature, spec.response), detail_schema(signature, spec.response)
    # The answer itself is told once: of 1,000 routes this document is long enough.
    detailed["properties"]["answer"] = {"$ref": f"#/components/schemas/{name}.answer"}
    explained: Part = {}
    if is_explainable(route):
        explained = explained_schemas(name, signature, spec)
        detailed["properties"]["explanation"] = {"$ref": f"#/components/schemas/{name}.explanation"}
        either = detailed["properties"]["answer"], answer_beside(name, signature, spec)
        detailed["properties"]["answer"] = either[0] if either[0] == either[1] else {"anyOf": list(either)}
    return explained | {
        f"{name}.instance": instance | {"examples": [sample(signature)]},
        f"{name}.body": body_schema(signature, reference, max_rows=spec.max_rows, id_fields=spec.id_fields),
        f"{name}.form": form_schema(signature, spec.id_fields),
        f"{name}.answer": answer,
        f"{name}.batch": batch_schema(answer, spec.batch),
        f"{name}.detailed": detailed,
        f"{name}.detailed_batch": batch_schema({"$ref": f"#/components/schemas/{name}.detailed"}, spec.batch),
    }


def _predict_item(route: Route, signature: Signature, path: str) -> Part:
    options = [DETAIL_OPTION, *explain_options(route)]
    one = ["answer", "detailed", *(["explained"] if is_explainable(route) else [])]
    return {
        "summary": route.spec.description or f"Predict with {route.name}",
        "get": _operation(route, path, "query")
        | {
            "parameters": [*(_parameter(field) for field in signature.inputs), *options],
            "responses": _answers(route, *one) | _TOO_LONG,
        },
        "post": _operation(route, path, "predict")
        | {
            "parameters": [*TABLE_OPTIONS, *options],
            "requestBody": _body(route, signature),
            "responses": _answers(route, *one, *_batches(one), has_body=True),
        },
    }


def _batches(schemas: list[str]) -> list[str]:
    """Return the schemas of batches of answers."""
    return ["batch" if one == "answer" else f"{one}_batch" for one in schemas]


def _operation(route: Route, path: str, verb: str) -> Part:
    suffix = "" if path == route.spec.path else path.replace("/", ".")
    shown: Part = {"operationId": f"{route.name}{suffix}.{verb}", "tags": [route.name]}
    if suffix:
        shown["description"] = f"The same as {route.spec.path}."
    return shown


def _parameter(field: Field) -> Part:
    shown: Part = {"name": field.name, "in": "query", "required": field.required, "schema": parameter_schema(field)}
    if field.aliases:
        shown["description"] = f"also {', '.join(field.aliases)}"
    if field.examples:
        shown["example"] = field.examples[0]
    return shown


def _body(route: Route, signature: Signature) -> Part:
    example = sample(signature)
    examples = {"one": {"value": example}, "batch": {"value": [example, example]}}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{route.name}.body"}, "examples": examples},
            FORM: {"schema": {"$ref": f"#/components/schemas/{route.name}.form"}},
            **{media: {"schema": schema} for media, schema in _FILES.items()},
        },
    }


def _answers(route: Route, *schemas: str, has_body: bool = False) -> Part:
    names = [f"{route.name}.{schema}" for schema in schemas] + ["skipped"] * has_body
    references: list[Part] = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    content: Part = {"application/json": {"schema": schema}}
    if has_body:
        content |= {media: {"schema": {}} for media in OFFERED if media not in content}
    errors = [400, 422, 500, 503, 504, *((406, 413, 415) if has_body else (406,))]
    return {"200": {"description": "the prediction", "headers": ANSWER_HEADERS, "content": content}} | {
        str(status): {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in sorted(errors)
    }


def _invocations_item(route: Route, path: str) -> Part:
    media = {"schema": {"$ref": "#/components/schemas/mlflow.request"}}
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/mlflow.error"}}}}
    texts = {400: "malformed, or not what the model takes", 413: "too large", 415: "a media type that nobody reads"}
    texts |= {
        422: "not to be explained",
        500: "the model raised",
        503: "not ready, or the queue is full",
        504: "too slow",
    }
    return {
        "post": _operation(route, path, "invocations")
        | {
            "summary": f"Predict with {route.name} (MLflow scoring protocol)",
            "parameters": [*TABLE_OPTIONS[:2], *explain_options(route)],
            "requestBody": {
                "required": True,
                "content": {"application/json": media, **{kind: {"schema": _FILES[kind]} for kind in _TABLES}},
            },
            "responses": {
                "200": {
                    "description": "labels, numbers, or maps of several outputs",
                    "headers": ANSWER_HEADERS,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/mlflow.answer"}}},
                }
            }
            | {str(status): {"description": text} | error for status, text in texts.items()},
        }
    }


def _schema_item(route: Route, path: str) -> Part:
    content = {"application/json": {"schema": {"type": "object"}}}
    only_sample: Part = {
        "name": "sample",
        "in": "query",
        "allowEmptyValue": True,
        "schema": {"type": "string"},
        "description": "only a sample of the inputs, ready to be sent",
    }
    return {
        "get": _operation(route, path, "schema")
        | {
            "summary": "JSON Schema of inputs and outputs",
            "parameters": [only_sample],
            "responses": {
                "200": {"description": "the schemas", "content": content},
                "304": {"description": "unchanged since the ETag that you named"},
            },
        }
    }
