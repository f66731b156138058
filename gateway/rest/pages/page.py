"""What every page has in common: it may be switched off, it carries the policy, and a refusal of it is a page."""

from typing import Any

from flask import Response, request

from gateway.console.error_page import error_page
from gateway.console.policy import headers_of
from gateway.console.site import Site
from gateway.console.states import State, state_of_error
from gateway.errors import ForbiddenError, GatewayError, UnauthorisedError
from gateway.rest import errors
from gateway.rest.api import Endpoint, error_of, generation_of_request
from gateway.rest.doors import has_operations
from gateway.rest.errors import RequestError
from gateway.rest.middleware.conditional import document
from gateway.rest.middleware.forwarded import public_origin, public_path
from gateway.rest.offload import Offload
from gateway.rest.pages.locked import locked
from gateway.rest.predict.steps.authorise import AUTHENTICATOR
from gateway.rest.predict.steps.resolve import model_named, where_paths_stand
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route


class Page(Endpoint):
    """Be a page of a route: `name` of its path is the name of the route."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def route_of(self, name: str) -> Route:
        """Return the route; raises RequestError 404."""
        return route_called(name, generation_of_request())

    def without_key(self) -> Response | None:
        """Return the page that asks for a key, to people."""
        return locked()

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer, or say on a page why not."""
        must_show_console()
        try:
            return super().dispatch_request(*args, **kwargs)
        except Exception as error:
            return self.refusal(error_of(error))

    def refusal(self, error: GatewayError) -> Response:
        """Return the page of an error; one about the caller is JSON, which the page that asks for a key shows."""
        if isinstance(error, UnauthorisedError | ForbiddenError):
            raise error
        title = "There is no such model" if error.code == "unknown-model" else state_of(error).title
        return refusal_page(error, title, self._offload)


def refusal_page(error: GatewayError, title: str, offload: Offload) -> Response:
    """Return the page that tells an error."""
    here, state = site(), state_of(error)
    return page(
        offload.in_thread(lambda: error_page(title, state, here)), errors.status_of(error), errors.headers_of(error)
    )


def route_called(name: str, generation: Generation) -> Route:
    """Return the route of this name; raises RequestError 404."""
    return model_named(name, None, generation)


def site() -> Site:
    """Return what a page says of the gateway around it."""
    generation = generation_of_request()
    return Site(
        public_origin(),
        public_path(""),
        generation.id,
        has_docs=generation.snapshot.registry.server.docs and has_operations(),
        has_operations=has_operations(),
        has_keys=AUTHENTICATOR in request.environ,
    )


def max_body_size() -> int:
    """Return the most bytes of a body."""
    size: int = generation_of_request().snapshot.registry.server.max_body_size
    return size


def page(body: bytes, status: int = 200, more: dict[str, str] | None = None, *, has_plot: bool = False) -> Response:
    """
    Return a page with its policy; one that is no error has an ETag, and whoever has it already gets 304.

    It names the host and prefix of its request, and may hold inputs: caches that several readers share keep none.
    """
    if status == 200 and request.method in ("GET", "HEAD"):  # noqa: PLR2004
        response = document(body, "text/html")
    else:
        response = Response(body, status, mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers.extend(headers_of(has_plot=has_plot))
    response.headers.extend(more or {})
    return response


def state_of(error: GatewayError) -> State:
    """Return the words of an error; what may be told of it is what its JSON answer tells."""
    request_id = request.environ.get("gateway.request_id", "")
    body = errors.body_of(error, errors.status_of(error), request_id)
    return state_of_error(error, body["detail"], body.get("hint", ""), request_id)


def must_show_console() -> None:
    """Raise RequestError 404 where the registry switches the console off."""
    if not generation_of_request().snapshot.registry.server.console:
        raise RequestError(
            "the console is switched off",
            code="console-off",
            hint=f"server.console in registry.yaml switches it on; {where_paths_stand()}",
        )
