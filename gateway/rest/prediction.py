"""The one Resource of all prediction routes: decode, predict, encode. It returns finished responses."""

import time
from typing import Any

from flask import Response, request

from gateway.answers import AnswerContext
from gateway.codecs.json import encode
from gateway.errors import Fault, InputError
from gateway.rest.api import Resource
from gateway.rest.reading import deadline_of, read
from gateway.routes import Route


class Prediction(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET and POST of the route called `route_name`, in the generation in which the request began."""

    def __init__(self, route_name: str) -> None:
        self._name = route_name

    def get(self) -> Response:
        """Predict from query parameters, a form or a JSON body."""
        return self._predict()

    def post(self) -> Response:
        """Predict from query parameters, a form or a JSON body."""
        return self._predict()

    def _predict(self) -> Response:
        environ = request.environ
        route: Route = environ["gateway.generation"].table.by_name[self._name]
        environ["gateway.route"] = route
        validator, answer = route.must_serve()
        deadline = deadline_of(route.spec.timeout_s)
        try:
            reading = read(route, validator)
        except InputError as error:
            _count_faults(route, error)
            raise
        environ["gateway.rows"] = reading.batch.size
        started = time.perf_counter()
        predictions = route.predict(reading.batch, deadline)
        environ["gateway.predict_s"] = time.perf_counter() - started
        context = AnswerContext(model=route.name, version=route.version, request_id=environ["gateway.request_id"])
        answers = answer(reading.batch, predictions, context)
        body = answers[0] if reading.single else shape(answers, route, reading.batch.ids)
        response = Response(encode(body), 200, mimetype="application/json")
        response.headers["X-Model-Version"] = route.version
        return response


def shape(answers: list[Any], route: Route, ids: list[Any] | None) -> Any:
    """Return the answer to a batch in the shape that the route declares."""
    if route.spec.batch == "by_id" and ids is not None:
        keys = [json_key(row_id) for row_id in ids]
        if len(set(keys)) != len(keys):
            raise InputError(_duplicates(keys))
        return dict(zip(keys, answers, strict=True))
    if route.spec.batch == "wrapped":
        return {"predictions": answers}
    return answers


def json_key(value: Any) -> str:
    """Return an id as an object key; 7.0 is 7, as spreadsheets write it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _duplicates(keys: list[str]) -> list[Fault]:
    seen: dict[str, int] = {}
    faults = []
    for row, key in enumerate(keys):
        if key in seen:
            text = f"id {key!r} is also the id of row {seen[key]}; an object can hold it only once"
            faults.append(Fault(f"$[{row}]", "duplicate-id", text, row=row))
        seen.setdefault(key, row)
    return faults


def _count_faults(route: Route, error: InputError) -> None:
    for fault in error.faults:
        route.ledger.metrics.fault(fault.field)
    request.environ["gateway.faults"] = error.total
