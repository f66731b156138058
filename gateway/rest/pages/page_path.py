"""Paths of a route that the registry calls pages: a browser sees the try page there, everybody else gets the answer."""

from typing import Any

from flask import Response, request

from gateway.rest.api import generation_of_request
from gateway.rest.offload import Offload
from gateway.rest.pages.locked import wants_page
from gateway.rest.pages.try_page import TryPage
from gateway.rest.predict.prediction import Prediction
from gateway.rest.predict.steps.authorise import asks_for_key


class PageOrPrediction(Prediction):
    """
    Answer by `Accept`.

    A path of its own: clients that only say that they are a browser (Java's `text/html, image/gif, …, */*; q=.2`) get
    JSON at all other paths of the route.
    """

    def __init__(self, route_name: str, offload: Offload) -> None:
        super().__init__(route_name, offload)
        self._name = route_name
        self._page = TryPage(offload)

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Response:
        """
        Show the page with what the query says to who reads HTML and the console is on; else predict.

        Without a key the refusal is that of a path that is not there.
        """
        is_seen = request.method in ("GET", "HEAD") and generation_of_request().snapshot.registry.server.console
        if is_seen and wants_page() and not asks_for_key(request.environ):
            shown: Response = self._page.dispatch_request(name=self._name)
        else:
            shown = super().dispatch_request(*args, **kwargs)
        shown.vary.add("Accept")
        return shown
