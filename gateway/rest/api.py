"""
The only importer of flask_restful: mounts one Resource per path and keeps its error handling ours.

Flask-RESTful is in maintenance; everything it does for us stands here, so that flask.views could take its place.
"""

import errno
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flask import Flask, Response, current_app, request
from flask_restful import Api, Resource
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Rule

from gateway.errors import (
    ForbiddenError,
    GatewayError,
    OverloadError,
    PredictError,
    RateLimitError,
    UnauthorisedError,
)
from gateway.rest.access import ROUTE, Access, access_of
from gateway.rest.errors import PlainHttpError, RequestError, respond, too_large
from gateway.rest.predict.steps.authorise import AUTHENTICATOR, OF_ROUTE, PRINCIPAL, REFUSED, asks_for_key, authorise
from gateway.rest.predict.steps.limit import USAGE, charge_request, charge_unauthorised
from gateway.rest.predict.steps.resolve import no_route, route_in
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.security.principal import ANONYMOUS

log = logging.getLogger("gateway.rest")

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))

__all__ = ["Endpoint", "GatewayApi", "Resource", "error_of", "generation_of_request"]


def generation_of_request() -> Generation:
    """Return the generation in which the current request began."""
    generation: Generation = request.environ["gateway.generation"]
    return generation


class Endpoint(Resource):  # type: ignore[misc]  # flask_restful has no types
    """
    Be an endpoint that predicts nothing: it is authorised and charged before its method runs.

    What predicts is a Call (rest/predict/call.py), which does both itself.
    """

    def route_of(self, *path: Any, **parts: Any) -> Route | None:
        """Return the route that the parts of the path name, None for an endpoint of the whole gateway."""
        return None

    def without_key(self) -> Response | None:
        """Return what a caller without a key sees; None where it sees the refusal."""
        return None

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Run the method of the request for a caller who may."""
        environ, rule = request.environ, request.url_rule
        assert rule is not None  # noqa: S101 - narrows the type: an endpoint is dispatched by its rule
        if asks_for_key(environ) and (shown := self.without_key()) is not None:
            charge_request(authorise(environ, None, Access.PUBLIC), None)
            return shown
        try:
            route = self.route_of(**kwargs)
        except RequestError:
            charge_request(authorise(environ, None, Access.NOTHING), None)
            raise
        charge_request(authorise(environ, route, access_of(rule.endpoint)), route)
        return super().dispatch_request(*args, **kwargs)


def may(access: Access) -> bool:
    """
    Say whether the caller of the current request may more than its endpoint asks for.

    A key that is refused is charged to its address and told in the audit log as everywhere, though the endpoint
    answers: else keys could be tried here in secret.
    """
    environ = request.environ
    if AUTHENTICATOR not in environ:
        return True
    if asks_for_key(environ):
        return False
    try:
        authorise(environ, None, access)
    except UnauthorisedError:
        environ[REFUSED] = True
        with suppress(RateLimitError):
            charge_unauthorised()
        environ.pop(USAGE, None)  # the answer itself is not limited, and says nothing of limits
        return False
    except GatewayError:
        return False
    return True


def admit_options() -> None:
    """
    Authorise and charge OPTIONS; what browsers ask beforehand is answered before (cors.py).

    A hook: OPTIONS is answered by Flask without a view, and never goes the short way. It is asked of paths that are not
    there as well, before any other hook refuses the request in its own words.
    """
    if request.method != "OPTIONS":
        return
    if request.url_rule is None:
        authorise(request.environ, None, Access.NOTHING)  # the 404 that follows is charged
    else:
        _admit(request.url_rule, request.view_args or {})


def admit_unread() -> None:
    """Authorise and charge a request that a hook refuses before its view is asked; raises what refuses it."""
    wrong = request.routing_exception
    if request.method == "OPTIONS":
        return  # admitted by its own hook
    if request.url_rule is not None:
        _admit(request.url_rule, request.view_args or {})
    elif isinstance(wrong, MethodNotAllowed):
        _admit_to_path(wrong)
    else:
        charge_request(authorise(request.environ, None, Access.NOTHING), None)


class GatewayApi(Api):  # type: ignore[misc]  # flask_restful has no types
    """
    Answer every error, wherever it was raised, in one JSON form and never with a traceback.

    `without_key` may have another answer for a caller who sent no key: a page for people.
    """

    def __init__(self, app: Flask, without_key: Callable[[], Response | None]) -> None:
        self._without_key = without_key
        # Flask-RESTful's own handling covers only its own paths: an unknown path would still be HTML.
        super().__init__(app, catch_all_404s=True)
        app.register_error_handler(HTTPException, self.handle_error)
        app.register_error_handler(Exception, self.handle_error)

    def handle_error(self, e: BaseException) -> Response:
        """Turn any exception into an answer; an unknown one is logged and answered with an id only."""
        if isinstance(e, HTTPException) and isinstance(e.response, Response):
            return e.response
        error = _charged(error_of(e))
        if isinstance(error, UnauthorisedError) and asks_for_key(request.environ):
            return self._without_key() or respond(error)
        return respond(error)

    def mount(self, resource: type[Any], path: str, endpoint: str, **kwargs: Any) -> None:
        """Mount one Resource at one path; `kwargs` go to its constructor. Raises KeyError if access.py lacks it."""
        access_of(endpoint)
        self.add_resource(resource, path, endpoint=endpoint, resource_class_kwargs=kwargs, strict_slashes=False)


def error_of(error: BaseException) -> GatewayError:
    """Return any exception as an error of the gateway; one whose cause no answer tells is logged."""
    told = {"request_id": request.environ.get("gateway.request_id", "")}
    if isinstance(error, PredictError):
        log.error("predict failed", exc_info=error, extra=told)
        return error
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        log.error("the disk is full", extra=told)
        return _disk_full()
    log.error("request failed", exc_info=error, extra=told)
    return GatewayError("internal error", code="internal")


def _charged(error: GatewayError) -> GatewayError:
    """Charge a request that was refused before it was charged; return why it is refused."""
    try:
        if isinstance(error, UnauthorisedError):
            charge_unauthorised()
        elif isinstance(error, ForbiddenError):
            # To the caller, as a path that is not there: they are told alike.
            charge_request(request.environ[PRINCIPAL], None)
        elif error.code == "console-off":  # before anybody was asked for a key
            charge_request(ANONYMOUS, None)
    except RateLimitError as beyond:
        return beyond
    return error


def _from_http(error: HTTPException) -> GatewayError:
    try:
        if isinstance(error, NotFound):
            charge_request(authorise(request.environ, None, Access.NOTHING), None)
            return _not_found()
        if isinstance(error, MethodNotAllowed):
            _admit_to_path(error)
            allowed = ", ".join(sorted(error.valid_methods or ()))
            # The text that Flask-RESTful's clients know.
            text = "The method is not allowed for the requested URL."
            return RequestError(text, code="method-not-allowed", hint=f"allowed: {allowed}", headers={"Allow": allowed})
    except GatewayError as refused:
        return refused
    if isinstance(error, RequestEntityTooLarge):
        return too_large(request.max_content_length or 0)
    return PlainHttpError(error.code or 500, error.description or error.name)


def _admit(rule: Rule, parts: Mapping[str, Any]) -> None:
    """Authorise and charge a request for what a rule leads to, where no view is asked; raises what refuses it."""
    access, route = access_of(rule.endpoint), None
    if access in OF_ROUTE:  # all others say the same of every name that the path holds
        try:
            route = route_in(rule.endpoint.removeprefix(ROUTE), parts, generation_of_request())
        except RequestError:
            access = Access.NOTHING
    charge_request(authorise(request.environ, route, access), route)


def _admit_to_path(error: MethodNotAllowed) -> None:
    """Authorise and charge a request whose method its path does not have: not everybody may know which it has."""
    adapter = current_app.url_map.bind_to_environ(request.environ)
    rule, parts = adapter.match(method=next(iter(error.valid_methods or ("GET",))), return_rule=True)
    _admit(rule, parts)


def _disk_full() -> OverloadError:
    return OverloadError(
        "the disk of this gateway is full: the body cannot wait there",
        code="disk-full",
        hint="retry later; whoever runs the gateway frees space, moves GATEWAY_HOME or lowers GATEWAY_SPOOL_MB",
        retry_after_s=5,
    )


def _not_found() -> RequestError:
    known = [rule.rule for rule in current_app.url_map.iter_rules() if not rule.arguments]
    return no_route(request.path, known)
