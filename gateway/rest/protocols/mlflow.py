"""
MLflow's scoring protocol: POST <route>/invocations, GET /ping and /version.

Predictions are what the framework's own predict returns, as MLflow's server answers them: labels, numbers, lists of
several outputs, probabilities of a raw booster. `response` templates shape the gateway's own answers only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Response, request

from gateway import __version__
from gateway.answers.answer import AnswerContext
from gateway.answers.columns import Columns, columns_of, plan_of
from gateway.codecs import mlflow
from gateway.codecs.json import encode
from gateway.rest.api import Resource
from gateway.rest.errors import MAX_ECHOED, RequestError
from gateway.rest.predict.batch import Answering, answer_batch
from gateway.rest.predict.body import read_body
from gateway.rest.predict.calls import (
    INLINE_BYTES,
    INLINE_ROWS,
    Offload,
    charset_is_utf8,
    check_rows,
    counted_faults,
    generation_of_request,
    predict,
    serve_as,
    work_of,
)
from gateway.rest.predict.negotiate import Preferences
from gateway.rest.predict.reading import checked, deadline_of
from gateway.rest.predict.responses import columns_ignored
from gateway.rest.predict.sources import BODY_TYPES, body_source, is_table
from gateway.routing.routes import Route
from gateway.schema import Batch, OwnAnswer
from gateway.system.suggest import did_you_mean
from gateway.validation import Validator

JSON: Final = "application/json"
#: The answer is MLflow's whatever `batch` of the route says.
_AS_MLFLOW: Final = Preferences(shape="wrapped")
#: What of the predictions the framework's own predict returns, see schema.Output.
_READERS: Final[dict[OwnAnswer, Callable[[Columns], list[Any]]]] = {
    "value": lambda columns: columns.values,
    "probability": lambda columns: [row[1] for row in columns.probabilities or ()],
    "probabilities": lambda columns: list(columns.probabilities or ()),
    "list": lambda columns: [list(row.values()) if isinstance(row, dict) else row for row in columns.values],
}
_OF_PROBABILITIES: Final = frozenset({"probability", "probabilities"})


def find(path: str) -> Route:
    """Return the route at a path without its first slash; raises RequestError 404."""
    table = generation_of_request().table
    route = table.by_path.get(f"/{path}")
    if route is None:
        hint = did_you_mean(f"/{path}", table.by_path) or "GET /routes lists every path"
        raise RequestError(404, f"there is no route /{path[:MAX_ECHOED]}", code="unknown-path", hint=hint)
    return route


class Invocations(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer POST <route>/invocations."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def post(self, path: str) -> Response:
        """Predict a data frame, records, instances or inputs in JSON, or a table in whatever format the route reads."""
        route = find(path)
        serve_as(route)
        validator, _ = route.must_serve()
        _must_answer_alike(route, validator)
        _must_read(request.mimetype, route)
        with counted_faults(route):
            if is_table(request.mimetype):
                return answer_batch(route, validator, _own(validator), body_source(), _AS_MLFLOW)
            return self._frame(route, validator)

    def _frame(self, route: Route, validator: Validator) -> Response:
        deadline = deadline_of(route.spec.timeout_s, request.environ)
        body = read_body(request.environ)

        def read() -> Batch:
            body.make_room(route.spec.max_rows, times=2)  # rows of names are built from rows of cells
            decoded = mlflow.decode(body.content, validator.signature, partial(check_rows, route))
            check_rows(route, len(decoded.instances))
            return checked(validator, decoded)

        batch = self._offload.do(read, len(body), INLINE_BYTES, deadline)
        predictions = predict(route, batch, deadline)
        answer_of = _own(validator)

        def write() -> bytes:
            return encode({"predictions": answer_of(batch, predictions, AnswerContext())})

        answer = self._offload.do(write, work_of(batch, body.content), INLINE_ROWS, deadline + route.spec.timeout_s)
        response = Response(answer, 200, mimetype="application/json")
        response.headers["X-Model-Version"] = route.version
        response.headers.extend(columns_ignored(batch.ignored))
        return response


def _own(validator: Validator) -> Answering:
    """Return what turns predictions into what the framework's own predict returns."""
    own = validator.signature.output.own
    plan = plan_of(validator.signature, {"probabilities" if own in _OF_PROBABILITIES else "value"})
    read = _READERS[own]
    return lambda batch, predictions, _: read(columns_of(plan, batch, predictions))


def _must_answer_alike(route: Route, validator: Validator) -> None:
    """Refuse with 501 where the framework's own predict answers something that this route does not compute."""
    reason = validator.signature.output.own_differs
    if reason:
        raise RequestError(
            501,
            f"MLflow's server would answer otherwise than route {route.spec.path}: {reason}",
            code="unlike-framework",
            hint=f"serve the model as said, or ask {route.spec.path} for this route's own answer",
        )


def _must_read(media: str, route: Route) -> None:
    """Refuse with 415 what is neither JSON nor a table; texts are UTF-8 here, as MLflow has it."""
    if (is_table(media) or media == JSON or media.endswith("+json")) and charset_is_utf8():
        return
    raise RequestError(
        415,
        f"cannot read a body of type {request.content_type[:80]!r}" if media else "the body has no Content-Type",
        code="unsupported-media-type",
        hint=f"send {JSON} or {', '.join(BODY_TYPES)}, in UTF-8; forms and files of forms go to {route.spec.path}",
    )


class Ping(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /ping, which load balancers of MLflow and SageMaker deployments ask."""

    def get(self) -> Response:
        """Answer 200 with an empty line when traffic may come, else 503."""
        return Response("\n", 200 if generation_of_request().table.is_ready() else 503, mimetype="text/plain")


class Version(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET /version."""

    def get(self) -> Response:
        """Answer the version of the gateway: no MLflow is installed here."""
        return Response(f"{__version__}\n", 200, mimetype="text/plain")
