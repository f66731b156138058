"""The one Resource of all prediction routes."""

from functools import partial, wraps
from typing import Any

from flask import Response

from gateway.rest.api import Resource
from gateway.rest.offload import Offload
from gateway.rest.predict.call import Call
from gateway.rest.predict.native import Native
from gateway.rest.predict.steps.resolve import route_named


class Prediction(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer GET and POST of the route called `route_name`, in the generation in which the request began."""

    # What it holds is the same for every request, so one object serves them all.
    init_every_request = False

    def __init__(self, route_name: str, offload: Offload) -> None:
        self._find = partial(route_named, route_name)
        self._offload = offload

    @classmethod
    def as_view(cls, name: str, *args: Any, **kwargs: Any) -> Any:
        """Return the view of one route, without Flask's look on each request whether it is asynchronous (1 us)."""
        answer = cls(*args, **kwargs).dispatch_request

        @wraps(super().as_view(name, *args, **kwargs))
        def view() -> Response:
            return answer()

        return view

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Response:
        """Answer, whatever the method: its look-up, which Flask-RESTful does here, would end in one place anyway."""
        return Call(Native(), self._find, self._offload).answer()

    def get(self) -> Response:
        """Predict from query parameters, a form or a JSON body."""
        return self.dispatch_request()

    def post(self) -> Response:
        """Predict from query parameters, a form or a JSON body."""
        return self.dispatch_request()
