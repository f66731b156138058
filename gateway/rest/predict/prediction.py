"""The one Resource of all prediction routes: decode, predict, encode. Batches that are more than a little go on."""

import time
from typing import Any

from flask import Response, request

from gateway.codecs.json import encode
from gateway.errors import InputError
from gateway.rest.api import Resource
from gateway.rest.predict.batch import answer_batch, one_answer
from gateway.rest.predict.calls import context_of
from gateway.rest.predict.negotiate import preferences
from gateway.rest.predict.reading import Rows, deadline_of, read
from gateway.rest.predict.responses import JsonResponse, columns_ignored
from gateway.routing.routes import Route


class Prediction(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET and POST of the route called `route_name`, in the generation in which the request began."""

    # All it holds is a name, so one object serves every request.
    init_every_request = False

    def __init__(self, route_name: str) -> None:
        self._name = route_name

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Response:
        """Answer, whatever the method: its look-up, which Flask-RESTful does here, would end in one place anyway."""
        return self._predict()

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
        wanted = preferences(environ)
        try:
            reading = read(environ, route, validator, wanted)
            if isinstance(reading, Rows):
                return answer_batch(route, validator, answer, reading.source, reading.wanted)
        except InputError as error:
            _count_faults(route, error)
            raise
        environ["gateway.rows"] = reading.batch.size
        deadline = deadline_of(route.spec.timeout_s, environ)
        started = time.perf_counter()
        predictions = route.predict(reading.batch, deadline)
        environ["gateway.predict_s"] = time.perf_counter() - started
        context = context_of(route, environ)
        if wanted.format != "json" and reading.single:
            return one_answer(route, reading.batch, answer(reading.batch, predictions, context)[0], wanted)

        def write() -> bytes:
            answers = answer(reading.batch, predictions, context)
            return encode(answers[0] if reading.single else shape(answers, route))

        response = JsonResponse(route.run(write) if reading.large else write(), ("X-Model-Version", route.version))
        if reading.batch.ignored:
            response.headers.extend(columns_ignored(reading.batch.ignored))
        return response


def shape(answers: list[Any], route: Route) -> Any:
    """Return the answer to a short batch in the shape that the route declares; those by id are no short batches."""
    return {"predictions": answers} if route.spec.batch == "wrapped" else answers


def _count_faults(route: Route, error: InputError) -> None:
    for fault in error.faults:
        route.counters.metrics.fault(fault.field)
    request.environ["gateway.faults"] = error.total
