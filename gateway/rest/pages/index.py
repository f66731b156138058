"""GET /: the index page for people, the catalog for programs."""

from flask import Response

from gateway.console.index import index_page
from gateway.rest.api import generation_of_request
from gateway.rest.describe.catalog import Catalog
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.pages.page import page, site, wants_page


class Index(Catalog):
    """Answer by `Accept`: a page only to who asks for HTML rather than for JSON."""

    def get(self) -> Response:
        """Show the index page; without console redirect to /docs, without both answer the catalog."""
        server = generation_of_request().snapshot.registry.server
        if not wants_page():
            shown = super().get()
        elif server.console:
            shown = self._page()
        elif server.docs:
            shown = Response(status=302, headers={"Location": public_path("/docs")})
        else:
            shown = super().get()
        shown.vary.add("Accept")
        return shown

    def _page(self) -> Response:
        generation, here = generation_of_request(), site()
        return page(self._offload.in_thread(lambda: index_page(generation, here)))
