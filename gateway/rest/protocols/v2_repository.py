"""
The repository extension of the Open Inference Protocol: what there is, in which state.

Models come from registry.yaml alone, so load and unload are refused.
"""

from typing import Any, Final

from flask import Response, request

from gateway.codecs.json import parse
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.errors import MAX_ECHOED, RequestError, too_large
from gateway.rest.predict.body import read_body
from gateway.rest.predict.steps.resolve import model_named
from gateway.rest.protocols.v2 import STATES
from gateway.rest.responses import json_response
from gateway.routing.routes import Route

#: Options are one word; nobody needs a native thread to read them.
MAX_OPTIONS_BYTES: Final = 4 * 1024


class RepositoryIndex(Endpoint):
    """Answer POST /v2/repository/index."""

    def post(self) -> Response:
        """List models with state and reason; `{"ready": true}` leaves out those that cannot serve."""
        body = read_body(request.environ).content
        if len(body) > MAX_OPTIONS_BYTES:
            raise too_large(MAX_OPTIONS_BYTES, hint='send {} or {"ready": true}')
        options = parse(body) if body.strip() else {}
        if not isinstance(options, dict) or not isinstance(options.get("ready", False), bool):
            raise RequestError('the body must be {} or {"ready": true}', code="json-type")
        rows = [_index_row(route) for route in generation_of_request().table.by_name.values()]
        return json_response([row for row in rows if row["state"] == "READY" or not options.get("ready")])


def _index_row(route: Route) -> dict[str, Any]:
    reason = route.reason.message if route.reason else ""
    if route.state == "IDLE":
        reason = "is loaded by its first request"
    return {"name": route.name, "version": route.version, "state": STATES[route.state], "reason": reason}


class RepositoryControl(Endpoint):
    """Refuse POST of load and unload: what a gateway serves stands in one file, and nowhere else."""

    def post(self, model: str, action: str) -> Response:
        """Answer 404 for an unknown model, else 403 with what to do instead."""
        if action not in ("load", "unload"):
            raise RequestError(
                f"there is no action {action[:MAX_ECHOED]!r}", code="unknown-path", hint="load or unload"
            )
        route = model_named(model, None, generation_of_request())
        raise RequestError(
            f"{action} of model {route.name!r} is refused: models come from registry.yaml alone",
            code="repository-read-only",
            hint="edit registry.yaml (it is read again by itself), or run: gateway reload",
        )
