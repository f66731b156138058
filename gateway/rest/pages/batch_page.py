"""GET and POST /console/<name>/batch: the page of files, and the file that comes back."""

from functools import partial
from typing import Any

from flask import Response, request

from gateway.console.batch import Refusal, batch_page, faulty
from gateway.errors import GatewayError, InputError
from gateway.rest import errors
from gateway.rest.api import error_of
from gateway.rest.pages.batch_dialect import BatchDialect
from gateway.rest.pages.locked import is_locked
from gateway.rest.pages.page import Page, max_body_size, must_show_console, page, route_called, site, state_of
from gateway.rest.predict.call import Call
from gateway.routing.routes import Route


class BatchPage(Page):
    """Answer the batch page of a route; a file that comes is a call, as any other prediction is."""

    def dispatch_request(self, name: str) -> Any:
        """Predict the rows of a file, else show the page."""
        if request.method == "POST" and not is_locked():
            must_show_console()
            return self.post(name)
        return super().dispatch_request(name=name)

    def get(self, name: str) -> Response:
        """Show the page."""
        return page(self._page(self.route_of(name)))

    def post(self, name: str) -> Response:
        """Return the answers as a file to keep, or the page with what is wrong."""
        dialect = BatchDialect()
        call = Call(dialect, partial(route_called, name), self._offload)
        try:
            response = call.answer()
        except Exception as error:
            return self._refused(call, error_of(error))
        response.headers["Content-Disposition"] = f'attachment; filename="{call.route.name}.{dialect.format}"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _refused(self, call: Call, error: GatewayError) -> Response:
        """Return the page with the faults of the file; a page of its own where no route is known."""
        if not hasattr(call, "route"):
            return self.refusal(error)
        refusal = faulty(error.faults, error.total) if isinstance(error, InputError) else Refusal(state_of(error))
        return page(self._page(call.route, refusal), errors.status_of(error), errors.headers_of(error))

    def _page(self, route: Route, refusal: Refusal | None = None) -> bytes:
        here, size = site(), max_body_size()
        return self._offload.in_thread(lambda: batch_page(route, here, max_body_size=size, refusal=refusal))
