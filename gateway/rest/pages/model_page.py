"""GET and POST /console/<name>/model: all that is known of a model; POST asks its golden rows again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from flask import Response, request

from gateway.codecs.json import encode
from gateway.console.code_samples import CodeSample, code_samples
from gateway.console.golden_table import GoldenTable, compared_table, golden_table
from gateway.console.model_page import ModelFacts, limit_rows, model_page
from gateway.console.server_rows import server_rows
from gateway.console.site import Site
from gateway.console.states import State
from gateway.console.traffic import Traffic, traffic_of
from gateway.errors import GatewayError
from gateway.metrics.route_totals import route_totals
from gateway.rest import errors
from gateway.rest.api import error_of
from gateway.rest.executor_reports import ExecutorReports
from gateway.rest.offload import Offload
from gateway.rest.pages.cards import Cards
from gateway.rest.pages.golden_dialect import GoldenDialect
from gateway.rest.pages.locked import is_locked
from gateway.rest.pages.page import Page, max_body_size, must_show_console, page, route_called, site, state_of
from gateway.rest.predict.call import Call
from gateway.routing.routes import Route
from gateway.validation.sample import sample

JSON: Final = "application/json"
#: Finds the golden rows of a route as its page shows them.
Golden: TypeAlias = Callable[[Route], GoldenTable | None]


class ModelPage(Page):
    """Answer the model page of a route."""

    def __init__(self, *, executors: ExecutorReports, workers: int, cards: Cards, offload: Offload) -> None:
        super().__init__(offload)
        self._executors = executors
        self._workers = workers
        self._cards = cards

    def dispatch_request(self, name: str) -> Any:
        """Ask the golden rows again for a POST, which is a call as any other prediction is; else show the page."""
        if request.method == "POST" and not is_locked():
            must_show_console()
            return self._asked_again(name)
        return super().dispatch_request(name=name)

    def get(self, name: str) -> Response:
        """Return the page."""
        route = self.route_of(name)
        return page(self._page(route, golden_table))

    def post(self, name: str) -> Response:
        """Ask the golden rows again; the dispatch of this page does so before this method is asked."""
        return self._asked_again(name)

    def _asked_again(self, name: str) -> Response:
        """Return the page with the answers of now, or as JSON what its script shows of them."""
        dialect = GoldenDialect()
        wants_json = request.accept_mimetypes.best_match(["text/html", JSON]) == JSON
        call = Call(dialect, partial(route_called, name), self._offload)
        try:
            answered = call.answer()
        except Exception as error:
            if wants_json:
                raise
            return self._refused(call, error_of(error))

        def compared(route: Route) -> GoldenTable | None:
            shown = golden_table(route)
            return None if shown is None else compared_table(shown, dialect.compared)

        if wants_json:
            table = self._offload.in_thread(lambda: compared(call.route))
            body = {} if table is None else table.as_json()
            response = Response(encode(body), mimetype=JSON, headers={"Cache-Control": "no-store"})
        else:
            response = page(self._page(call.route, compared))
        for header in ("X-Model-Version", "X-Gateway-Generation"):
            if header in answered.headers:
                response.headers[header] = answered.headers[header]
        response.vary.add("Accept")
        return response

    def _refused(self, call: Call, error: GatewayError) -> Response:
        """Return the page with the reason; a page of its own where no route is known."""
        if not hasattr(call, "route"):
            return self.refusal(error)
        body = self._page(call.route, golden_table, state_of(error))
        return page(body, errors.status_of(error), errors.headers_of(error))

    def _page(self, route: Route, golden: Golden, state: State | None = None) -> bytes:
        here, most = site(), max_body_size()

        def drawn() -> bytes:
            facts = ModelFacts(
                card=self._cards.of(route.manifest),
                golden=golden(route),
                traffic=self._traffic(route),
                server=server_rows(self._executors.of([route])[route.name]),
                samples=_samples(route, here),
                limits=limit_rows(route, self._workers, most),
                state=state,
            )
            return model_page(route, here, facts, max_body_size=most)

        return self._offload.in_thread(drawn)

    def _traffic(self, route: Route) -> Traffic:
        view = self._executors.scoreboard.routes().get(route.name)
        return traffic_of(route_totals(self._executors.metrics_dir, route.name), view)


def _samples(route: Route, here: Site) -> Sequence[CodeSample]:
    if route.signature is None:
        return ()
    return code_samples(here.origin + here.url(route.spec.path), sample(route.signature), has_key=here.has_keys)
