"""
MLflow's scoring protocol: POST <route>/invocations, GET /ping and /version.

Predictions are what the model itself says (labels, numbers, maps of several outputs), as MLflow's clients expect it:
`response` templates shape the gateway's own answers only.
"""

import io
from collections.abc import Callable
from typing import Final

from flask import Response, request

from gateway import __version__
from gateway.codecs import mlflow
from gateway.codecs.chunks import Limits
from gateway.codecs.csv import CsvReader
from gateway.codecs.json import encode
from gateway.columns import columns_of, plan_of
from gateway.errors import InputError
from gateway.generation import Generation
from gateway.near import did_you_mean
from gateway.rest.api import Resource
from gateway.rest.calls import (
    INLINE_BYTES,
    INLINE_ROWS,
    Hands,
    charset_is_utf8,
    check_rows,
    counted_faults,
    generation_of_request,
    predict,
    serve_as,
)
from gateway.rest.errors import RequestError
from gateway.rest.reading import deadline_of
from gateway.routes import Route
from gateway.schema import Batch
from gateway.validation import Validator

#: What the scoring server of MLflow reads, and so its clients send.
MEDIA: Final = ("application/json", "text/csv")


def find(path: str) -> Route:
    """Return the route at a path without its first slash; raises RequestError 404."""
    table = generation_of_request().table
    route = table.by_path.get(f"/{path}")
    if route is None:
        hint = did_you_mean(f"/{path}", table.by_path) or "GET /routes lists every path"
        raise RequestError(404, f"there is no route /{path}", code="unknown-path", hint=hint)
    return route


class Invocations(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer POST <route>/invocations."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def post(self, path: str) -> Response:
        """Predict a data frame, records, instances, inputs or CSV."""
        route = find(path)
        serve_as(route)
        validator, _ = route.must_serve()
        deadline = deadline_of(route.spec.timeout_s)
        reader = _reader(request.mimetype)
        body = request.get_data(cache=False)
        with counted_faults(route):
            batch = self._hands.do(lambda: reader(body, route, validator), len(body), INLINE_BYTES, deadline)
        predictions = predict(route, batch, deadline)
        plan = plan_of(validator.signature, {"value"})

        def write() -> bytes:
            return encode({"predictions": columns_of(plan, batch, predictions).values})

        answer = self._hands.do(write, batch.size, INLINE_ROWS, deadline + route.spec.timeout_s)
        response = Response(answer, 200, mimetype="application/json")
        response.headers["X-Model-Version"] = route.version
        return response


def _reader(media: str) -> Callable[[bytes, Route, Validator], Batch]:
    if media == "text/csv" and charset_is_utf8():
        return _csv
    if (media == "application/json" or media.endswith("+json")) and charset_is_utf8():
        return _json
    raise RequestError(
        415,
        f"cannot read a body of type {request.content_type!r}" if media else "the body has no Content-Type",
        code="unsupported-media-type",
        hint=f"send {MEDIA[0]} or {MEDIA[1]}, in UTF-8",
    )


def _json(body: bytes, route: Route, validator: Validator) -> Batch:
    decoded = mlflow.decode(body, validator.signature)
    check_rows(route, len(decoded.instances))
    return validator.rows(decoded.instances, text=False, at=decoded.at)


def _csv(body: bytes, route: Route, validator: Validator) -> Batch:
    rows = route.spec.max_rows
    (chunk,) = CsvReader().read(io.BytesIO(body), Limits(max_rows=rows, chunk_rows=rows + 1))
    if chunk.faults:
        raise InputError(chunk.faults)
    return validator.columns(chunk.names, chunk.columns)


class Ping(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /ping, which load balancers of MLflow and SageMaker deployments ask."""

    def __init__(self, current: Callable[[], Generation]) -> None:
        self._current = current

    def get(self) -> Response:
        """Answer 200 with an empty line when traffic may come, else 503."""
        return Response("\n", 200 if self._current().table.is_ready() else 503, mimetype="text/plain")


class Version(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /version."""

    def get(self) -> Response:
        """Answer the version of the gateway: no MLflow is installed here."""
        return Response(f"{__version__}\n", 200, mimetype="text/plain")
