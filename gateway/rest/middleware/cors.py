"""
Answer CORS requests of browsers, for the origins that `server.cors` of the registry lists and for no others.

A request without an Origin header costs one look-up.
"""

import re
from collections.abc import Collection
from typing import Final

from flask import Flask, Response, request

from gateway.rest.api import admit_options
from gateway.rest.predict.steps.authorise import AUTHENTICATOR

#: Headers that scripts of another origin may read, besides the simple ones.
EXPOSED: Final = (
    "ETag, Inference-Header-Content-Length, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "
    "X-Columns-Ignored, X-Gateway-Generation, X-Model-Version, X-Params-Ignored, X-Request-ID, X-Row-Count, "
    "X-Values-Invalid, traceresponse"
)
#: Seconds for which a browser may cache a preflight answer; two hours is the maximum of Chromium.
MAX_AGE_S: Final = 7200
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")


def install(app: Flask) -> None:
    """Answer preflights, and add CORS headers to the answers to listed origins."""
    app.before_request(_preflight)
    app.before_request(admit_options)
    app.after_request(_mark)


def _allowed() -> str | None:
    """Return the value of Access-Control-Allow-Origin for the current request, None for an unlisted origin."""
    environ = request.environ
    origin: str | None = environ.get("HTTP_ORIGIN")
    if origin is None:
        return None
    listed = environ["gateway.generation"].snapshot.registry.server.cors
    if "*" in listed:
        return "*"
    return origin if origin in listed else None


def _preflight() -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if _allowed() is None:
        return None
    methods: Collection[str] = () if request.url_rule is None else request.url_rule.methods or ()
    if AUTHENTICATOR in request.environ:
        methods = _METHODS  # a browser sends no key beforehand, so nothing is said of what is there
    elif request.url_rule is None:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    if _HEADER_NAMES.fullmatch(wanted):
        response.headers["Access-Control-Allow-Headers"] = wanted
    response.headers["Access-Control-Max-Age"] = str(MAX_AGE_S)
    response.vary.update(("Access-Control-Request-Method", "Access-Control-Request-Headers"))
    return response


def _mark(response: Response) -> Response:
    allowed = _allowed()
    if allowed is not None:
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if allowed != "*":
            response.vary.add("Origin")
    return response
