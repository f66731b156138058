"""GET /console/<name>/model: the model page of a route."""

from flask import Response

from gateway.console.route_page import route_page
from gateway.rest.pages.page import Page, max_body_size, page, site


class ModelPage(Page):
    """Answer the model page."""

    def get(self, name: str) -> Response:
        """Show the page."""
        route, here, size = self.route_of(name), site(), max_body_size()
        return page(self._offload.in_thread(lambda: route_page("model", route, here, max_body_size=size)))
