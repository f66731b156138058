"""GET /: the index page for people, the catalog for programs; GET /console: what the script of the page reads."""

from collections.abc import Callable
from typing import Any

from flask import Response, request

from gateway.codecs.json import encode
from gateway.console.index import Figures, Wanted, index_data, index_page
from gateway.errors import RateLimitError
from gateway.generations.history import Event
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.describe.catalog import Catalog
from gateway.rest.doors import has_operations
from gateway.rest.executor_reports import ExecutorReports
from gateway.rest.middleware.conditional import document
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.offload import Offload
from gateway.rest.ops.figures import route_figures
from gateway.rest.pages.locked import locked, wants_page
from gateway.rest.pages.page import must_show_console, page, refusal_page, site
from gateway.rest.predict.steps.resolve import no_route
from gateway.routing.live_generation import Generation


class Index(Catalog):
    """Answer by `Accept`: a page only to who asks for HTML rather than for JSON."""

    def __init__(
        self,
        workers: int,
        executors: ExecutorReports,
        offload: Offload,
        last: Callable[[], Event | None],
    ) -> None:
        super().__init__(workers, executors, offload)
        self._last = last

    def without_key(self) -> Response | None:
        """Return the page that asks for a key, to people, where the console is on; else the way to /docs."""
        server = generation_of_request().snapshot.registry.server
        if not wants_page() or not (server.console or server.docs):
            return None
        return locked() if server.console else self._redirect()

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer; people who ask too often are told so on a page."""
        try:
            return super().dispatch_request(*args, **kwargs)
        except RateLimitError as error:
            if not (wants_page() and generation_of_request().snapshot.registry.server.console):
                raise
            return refusal_page(error, "Too many requests", self._offload)

    def get(self) -> Response:
        """Show the index page; without console redirect to /docs, without both answer the catalog, if it is here."""
        server = generation_of_request().snapshot.registry.server
        if wants_page() and server.console:
            shown = self._page()
        elif not has_operations():
            raise no_route("/", ())
        elif wants_page() and server.docs:
            shown = self._redirect()
        else:
            shown = super().get()
        shown.vary.add("Accept")
        return shown

    @staticmethod
    def _redirect() -> Response:
        return Response(status=302, headers={"Location": public_path("/docs")})

    def _page(self) -> Response:
        generation, here, wanted = generation_of_request(), site(), Wanted.of(request.args)
        last = self._last() if has_operations() else None
        return page(
            self._offload.in_thread(lambda: index_page(generation, here, self._figures(generation), last, wanted))
        )

    def _figures(self, generation: Generation) -> dict[str, Figures]:
        views, status = self._executors.scoreboard.routes(), self._executors.status()
        table = generation.table.by_name
        return {name: route_figures(route, views.get(name), status) for name, route in table.items()}


class IndexData(Endpoint):
    """Answer GET /console: names, paths and descriptions of all routes, and the last reload; people go to /."""

    def __init__(self, offload: Offload, last: Callable[[], Event | None]) -> None:
        self._offload = offload
        self._last = last

    def get(self) -> Response:
        """Return the data as JSON, to a browser the way to the page."""
        must_show_console()
        if wants_page():
            shown = Response(status=302, headers={"Location": public_path("/")})
        else:
            shown = document(self._data(generation_of_request()))
        shown.vary.add("Accept")
        return shown

    def _data(self, generation: Generation) -> bytes:
        last = self._last() if has_operations() else None

        def write() -> bytes:
            data: dict[str, Any] = index_data(generation, last)
            return encode(data)

        return self._offload.report(write, len(generation.table.by_name))
