"""
The page that asks for a key, in the place of each page that a caller without one asks for.

It is the same whether what was asked for is there or not, and its script fetches that with the key.
"""

from typing import Final

from flask import Response, request

from gateway.console.locked_page import locked_page
from gateway.console.policy import headers_of
from gateway.console.site import Site
from gateway.rest import errors
from gateway.rest.api import generation_of_request
from gateway.rest.doors import has_operations
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.predict.steps.authorise import asks_for_key

_UNAUTHORISED: Final = 401
#: What browsers accept when a person goes somewhere, and no other client.
_PERSON: Final = "application/xhtml+xml"


def is_locked() -> bool:
    """Say whether the current request gets the page that asks for a key instead of the one that it names."""
    return asks_for_key(request.environ) and wants_page()


def locked() -> Response | None:
    """
    Return the page to whoever asked for one, None for a client that reads JSON.

    A form that was sent without a script cannot hold a key: it is refused, and the page says why.
    """
    if not wants_page():
        return None
    return _page(200 if request.method in ("GET", "HEAD") else _UNAUTHORISED)


def locked_elsewhere() -> Response | None:
    """Return the page, refused, to a person who went to a path that is no page: /metrics, or one that is not there."""
    accepted = request.headers.get("Accept", "")
    is_person = request.method in ("GET", "HEAD") and _PERSON in accepted and wants_page()
    is_shown = generation_of_request().snapshot.registry.server.console
    return _page(_UNAUTHORISED) if is_person and is_shown else None


def _page(status: int) -> Response:
    has_docs = generation_of_request().snapshot.registry.server.docs and has_operations()
    body = locked_page(Site("", public_path(""), "", has_docs, has_operations(), has_keys=True))
    response = Response(body, status, mimetype="text/html")
    response.headers.extend(headers_of(has_plot=True))
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if status == _UNAUTHORISED:
        response.headers["WWW-Authenticate"] = errors.CHALLENGE
    return response


def wants_page() -> bool:
    """Say whether the client prefers HTML to JSON; one that takes anything does not."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
