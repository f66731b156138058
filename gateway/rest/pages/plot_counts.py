"""GET /console/<name>/plot/<digest>: the binned counts that the plot of a route draws."""

from flask import Response

from gateway.codecs.json import encode
from gateway.console.plots import counts_of
from gateway.errors import GatewayError, Problem
from gateway.rest.errors import RequestError
from gateway.rest.middleware.conditional import document
from gateway.rest.pages.page import Page
from gateway.rest.pages.static_files import FOREVER
from gateway.routing.routes import Route


class PlotCounts(Page):
    """Answer the counts of this generation; the digest is that of the file, so that browsers may keep it."""

    def route_of(self, name: str, digest: str = "") -> Route:
        """Return the route; raises RequestError 404."""
        return super().route_of(name)

    def get(self, name: str, digest: str) -> Response:
        """Return the file of counts; raises RequestError 404 where there is none that can be drawn."""
        route = self.route_of(name)
        found = self._offload.in_thread(lambda: counts_of(route))
        if found is None:
            raise RequestError(
                f"{route.spec.path} has no plot", code="no-plot", hint="`plot` of the route in registry.yaml adds one"
            )
        if isinstance(found, Problem):
            raise RequestError(found.message, code="no-plot", hint=found.hint)
        response = document(encode(found))
        if route.manifest.attachments["plot"].sha256.startswith(digest):
            response.headers["Cache-Control"] = FOREVER
        return response

    def refusal(self, error: GatewayError) -> Response:
        """Return the error as JSON: a script asks, and no person reads it."""
        raise error
