"""GET and POST /console/<name>: the try page, empty, or with what a link or a form gave."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, request

from gateway.codecs.json import encode
from gateway.console.page_data import island
from gateway.console.try_page import Attempt, try_page
from gateway.errors import GatewayError, InputError, NotReadyError
from gateway.rest import errors
from gateway.rest.api import error_of
from gateway.rest.middleware.conditional import document
from gateway.rest.pages.form_dialect import FormDialect
from gateway.rest.pages.locked import is_locked
from gateway.rest.pages.page import Page, max_body_size, must_show_console, page, route_called, site, state_of
from gateway.rest.predict.call import Call
from gateway.rest.predict.intake import Intake
from gateway.routing.routes import Route


class TryPage(Page):
    """Answer the try page of a route; what has inputs is a call, as any other prediction is."""

    def dispatch_request(self, name: str) -> Any:
        """Predict where there are inputs, else show the form."""
        if (request.method == "POST" or request.query_string) and not is_locked():
            must_show_console()
            return self._predicted(name)
        return super().dispatch_request(name=name)

    def get(self, name: str) -> Response:
        """Show the form, or its data to who asks for JSON."""
        route, here, size = self.route_of(name), site(), max_body_size()
        wants_data = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
        if wants_data:
            shown = document(encode(island(route, here, max_body_size=size)))
        else:
            body = self._offload.in_thread(lambda: try_page(route, here, max_body_size=size))
            shown = page(body, has_plot=_has_plot(route))
        shown.vary.add("Accept")
        return shown

    def post(self, name: str) -> Response:
        """Predict; the dispatch of this page does so before this method is asked."""
        return self._predicted(name)

    def _predicted(self, name: str) -> Response:
        dialect = FormDialect()
        call = Call(dialect, partial(route_called, name), self._offload)
        try:
            response = call.answer()
        except Exception as error:
            return self._refused(call, dialect, error_of(error))
        assert dialect.outcome is not None  # noqa: S101 - narrows the type: `write` of the dialect has set it
        outcome = replace(dialect.outcome, ms=(call.predict_s or 0.0) * 1e3)
        shown = page(self._page(call.route, Attempt(dialect.texts, outcome)), has_plot=_has_plot(call.route))
        shown.headers.extend((key, value) for key, value in response.headers if key.startswith("X-"))
        return shown

    def _refused(self, call: Call, dialect: FormDialect, error: GatewayError) -> Response:
        """Return the form as it was sent, with what is wrong with it; a page of its own where no route is known."""
        if not hasattr(call, "route"):
            return self.refusal(error)
        if isinstance(error, NotReadyError):
            with suppress(GatewayError):  # a route that does not serve is found out before anything is read
                dialect.sent(Intake(call))
        faults = error.faults if isinstance(error, InputError) else ()
        body = self._page(call.route, Attempt(dialect.texts, state=state_of(error), faults=faults))
        return page(body, errors.status_of(error), errors.headers_of(error), has_plot=_has_plot(call.route))

    def _page(self, route: Route, attempt: Attempt) -> bytes:
        here, size = site(), max_body_size()
        return self._offload.in_thread(lambda: try_page(route, here, max_body_size=size, attempt=attempt))


def _has_plot(route: Route) -> bool:
    return route.spec.plot is not None
