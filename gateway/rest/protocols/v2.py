"""
The Open Inference Protocol v2 over HTTP: health and metadata; inference is in v2_infer.py.

Every route is a model of the same name.
"""

from typing import Any, Final

from flask import Response

from gateway import __version__
from gateway.codecs import v2_specs
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.predict.steps.resolve import model_named
from gateway.rest.responses import json_response
from gateway.routing.routes import Route

NAME: Final = "multi-model-gateway"
EXTENSIONS: Final = ("binary_tensor_data", "model_repository(index)")
#: State of a route -> the word of the repository extension. A lazy model that is not loaded yet serves all the same.
STATES: Final = {"READY": "READY", "IDLE": "READY", "LOADING": "LOADING", "FAILED": "UNAVAILABLE"}


class Server(Endpoint):
    """Answer GET /v2."""

    def get(self) -> Response:
        """Tell name, version and extensions."""
        return json_response({"name": NAME, "version": __version__, "extensions": EXTENSIONS})


class Live(Endpoint):
    """Answer GET /v2/health/live."""

    def get(self) -> Response:
        """Answer 200 always."""
        return json_response({"live": True})


class Ready(Endpoint):
    """Answer GET /v2/health/ready: the protocol asks for all models, not only the critical ones."""

    def get(self) -> Response:
        """Answer 200 or 503."""
        routes = generation_of_request().table.by_name.values()
        ready = all(STATES[route.state] == "READY" for route in routes)
        response = json_response({"live": True, "ready": ready}, 200 if ready else 503)
        if not ready:
            response.headers["Retry-After"] = "5"
        return response


class Models(Endpoint):
    """Answer GET /v2/models, which KServe has and the protocol has not."""

    def get(self) -> Response:
        """List the names of all models."""
        return json_response({"models": list(generation_of_request().table.by_name)})


class _OfModel(Endpoint):
    def route_of(self, model: str, version: str | None = None) -> Route:
        """Return the route that is this model; raises RequestError 404."""
        return model_named(model, version, generation_of_request())


class Model(_OfModel):
    """Answer GET of a model's metadata."""

    def get(self, model: str, version: str | None = None) -> Response:
        """Tell versions, platform and tensors; from the manifest, so also while the model is loading."""
        route = self.route_of(model, version)
        signature = route.signature
        if signature is None:
            route.must_serve()
            raise AssertionError("a route without a signature cannot serve")
        return json_response(
            {
                "name": route.name,
                "versions": [route.version],
                "platform": route.manifest.platform or route.manifest.loader,
                "inputs": [spec.as_json() for spec in v2_specs.input_specs(signature)],
                "outputs": [spec.as_json() for spec in v2_specs.output_specs(signature)],
            }
        )


class ModelReady(_OfModel):
    """Answer GET of a model's readiness."""

    def get(self, model: str, version: str | None = None) -> Response:
        """Answer 200 or 503, with the reason."""
        route = self.route_of(model, version)
        ready = STATES[route.state] == "READY"
        body: dict[str, Any] = {"name": route.name, "ready": ready}
        if ready:
            return json_response(body)
        body["error"] = route.reason.message if route.reason else "the model is being loaded"
        response = json_response(body, 503)
        response.headers["Retry-After"] = "5"
        return response
