"""
The Open Inference Protocol v2 over HTTP: health, metadata, inference.

Every route is a model of the same name.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from flask import Response, request

from gateway import __version__
from gateway.answers.columns import columns_of, plan_of
from gateway.codecs import v2, v2_tables
from gateway.codecs.json import encode
from gateway.errors import InputError
from gateway.rest.api import Resource
from gateway.rest.errors import MAX_ECHOED, RequestError
from gateway.rest.predict.body import read_body
from gateway.rest.predict.calls import (
    INLINE_BYTES,
    INLINE_ROWS,
    Offload,
    check_rows,
    counted_faults,
    generation_of_request,
    json_response,
    predict,
    serve_as,
    work_of,
)
from gateway.rest.predict.reading import deadline_of
from gateway.rest.predict.responses import columns_ignored
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions, Signature
from gateway.system.suggest import did_you_mean
from gateway.validation import Validator

NAME: Final = "multi-model-gateway"
EXTENSIONS: Final = ("binary_tensor_data", "model_repository(index)")
HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_LENGTH_DIGITS: Final = 20
BINARY: Final = "application/octet-stream"
#: State of a route -> the word of the repository extension. A lazy model that is not loaded yet serves all the same.
STATES: Final = {"READY": "READY", "IDLE": "READY", "LOADING": "LOADING", "FAILED": "UNAVAILABLE"}


def find(name: str, version: str | None = None) -> Route:
    """Return the route that is this model; raises RequestError 404."""
    table = generation_of_request().table
    route = table.by_name.get(name)
    if route is None:
        hint = did_you_mean(name, table.by_name) or "GET /v2/models lists the models"
        raise RequestError(404, f"there is no model {name[:MAX_ECHOED]!r}", code="unknown-model", hint=hint)
    if version is not None and version != route.version:
        raise RequestError(
            404,
            f"model {name!r} has no version {version[:MAX_ECHOED]!r}",
            code="unknown-version",
            hint=f"its only version is {route.version!r}",
        )
    return route


class Server(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /v2."""

    def get(self) -> Response:
        """Tell name, version and extensions."""
        return json_response({"name": NAME, "version": __version__, "extensions": EXTENSIONS})


class Live(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /v2/health/live."""

    def get(self) -> Response:
        """Answer 200 always."""
        return json_response({"live": True})


class Ready(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /v2/health/ready: the protocol asks for all models, not only the critical ones."""

    def get(self) -> Response:
        """Answer 200 or 503."""
        routes = generation_of_request().table.by_name.values()
        ready = all(STATES[route.state] == "READY" for route in routes)
        response = json_response({"live": True, "ready": ready}, 200 if ready else 503)
        if not ready:
            response.headers["Retry-After"] = "5"
        return response


class Models(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /v2/models, which KServe has and the protocol has not."""

    def get(self) -> Response:
        """List the names of all models."""
        return json_response({"models": list(generation_of_request().table.by_name)})


class Model(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET of a model's metadata."""

    def get(self, model: str, version: str | None = None) -> Response:
        """Tell versions, platform and tensors; from the manifest, so also while the model is loading."""
        route = find(model, version)
        signature = route.signature
        if signature is None:
            route.must_serve()
            raise AssertionError("a route without a signature cannot serve")
        return json_response(
            {
                "name": route.name,
                "versions": [route.version],
                "platform": route.manifest.platform or route.manifest.loader,
                "inputs": [spec.as_json() for spec in v2_tables.input_specs(signature)],
                "outputs": [spec.as_json() for spec in v2_tables.output_specs(signature)],
            }
        )


class ModelReady(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET of a model's readiness."""

    def get(self, model: str, version: str | None = None) -> Response:
        """Answer 200 or 503, with the reason."""
        route = find(model, version)
        ready = STATES[route.state] == "READY"
        body: dict[str, Any] = {"name": route.name, "ready": ready}
        if ready:
            return json_response(body)
        body["error"] = route.reason.message if route.reason else "the model is being loaded"
        response = json_response(body, 503)
        response.headers["Retry-After"] = "5"
        return response


class Infer(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer POST of an inference request, as JSON or with binary tensors on either way."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def post(self, model: str, version: str | None = None) -> Response:
        """Predict; `outputs` of the request choose tensors and their form."""
        route = find(model, version)
        serve_as(route)
        validator, _ = route.must_serve()
        deadline = deadline_of(route.spec.timeout_s, request.environ)
        signature = validator.signature
        found_body = read_body(request.environ)
        body = found_body.content
        header_length = _header_length(len(body))

        def read() -> _Read:
            raw = header_length == 0
            if not raw:
                found_body.make_room(route.spec.max_rows)
            check = partial(check_rows, route)
            inference = v2_tables.raw_request(body, signature) if raw else v2.decode(body, header_length, check)
            check_rows(route, inference.inputs[0].shape[0])
            wanted = v2_tables.chosen(inference, v2_tables.output_specs(signature))
            return _Read(inference, wanted, _checked(inference, validator))

        with counted_faults(route):
            found = self._offload.do(read, len(body), INLINE_BYTES, deadline)
        predictions = predict(route, found.batch, deadline)

        def write() -> tuple[bytes, bytes]:
            return _write(route, signature, found, predictions)

        head, raw = self._offload.do(write, work_of(found.batch, body), INLINE_ROWS, deadline + route.spec.timeout_s)
        response = _respond(head, raw, route)
        response.headers.extend(columns_ignored(found.batch.ignored))
        return response


def _checked(inference: v2.InferRequest, validator: Validator) -> Batch:
    names, columns = v2_tables.table_of(inference, validator.signature)
    try:
        return validator.columns(names, columns, at="$.inputs")
    except InputError as error:
        raise v2_tables.locator_of(inference, validator.signature).rebased(error) from None


def _header_length(size: int) -> int | None:
    """Return how many bytes of JSON precede binary tensors, None for a body that is JSON; raises RequestError 415."""
    text = request.headers.get(HEADER_LENGTH)
    media = request.mimetype
    if media not in ("", "application/json", BINARY) and not media.endswith("+json"):
        raise RequestError(
            415,
            f"cannot read a body of type {media[:MAX_ECHOED]!r}",
            code="unsupported-media-type",
            hint=f"send application/json, or {BINARY} with {HEADER_LENGTH}",
        )
    if text is None:
        return None
    # Python refuses to read numbers of thousands of digits, and no body has a length of twenty.
    if not (text.isascii() and text.isdigit()) or len(text) >= _LENGTH_DIGITS or int(text) > size:
        raise RequestError(
            400,
            f"{HEADER_LENGTH} is {text[:20]!r}, the body has {size} bytes",
            code="bad-header",
            hint="send how many bytes of JSON precede the tensors",
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class _Read:
    """Hold a request that was decoded and checked: `wanted` are its outputs and whether each goes as raw bytes."""

    inference: v2.InferRequest
    wanted: list[tuple[v2_tables.TensorSpec, bool]]
    batch: Batch


def _write(route: Route, signature: Signature, read: _Read, predictions: Predictions) -> tuple[bytes, bytes]:
    """Return the JSON of an answer and the raw tensors that follow it."""
    inference, wanted = read.inference, read.wanted
    columns = columns_of(plan_of(signature, {"value", "probabilities"}), read.batch, predictions)
    values = {"prediction": columns.values, "probabilities": columns.probabilities or []}
    tensors = [v2_tables.output_tensor(spec, values[spec.name], binary=binary) for spec, binary in wanted]
    answer: dict[str, Any] = {"model_name": route.name, "model_version": route.version}
    if inference.id is not None:
        answer["id"] = inference.id
    if (content := inference.parameters.get("content_type")) in ("pd", "np", "str"):
        answer["parameters"] = {"content_type": content}
    outputs = [shown for shown, _ in tensors]
    if content == "pd" and inference.outputs is None:
        pairs = zip(outputs, wanted, strict=True)
        outputs = [column for shown, (spec, _) in pairs for column in v2_tables.as_columns(shown, spec.labels)]
    answer["outputs"] = outputs
    return encode(answer), b"".join(raw for _, raw in tensors)


def _respond(head: bytes, raw: bytes, route: Route) -> Response:
    response = Response(head + raw, 200, mimetype=BINARY if raw else "application/json")
    if raw:
        response.headers[HEADER_LENGTH] = str(len(head))
    response.headers["X-Model-Version"] = route.version
    return response
