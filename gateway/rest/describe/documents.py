"""GET /openapi.json, /docs and <route>/schema."""

import base64
import hashlib
import re
from importlib import resources
from typing import Any, Final

from flask import Response, request

from gateway.codecs.json import encode
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.describe.openapi import openapi
from gateway.rest.describe.openapi_limits import with_limits
from gateway.rest.describe.openapi_security import with_keys
from gateway.rest.describe.route_schema import route_schema
from gateway.rest.describe.sample_request import SampleRequest
from gateway.rest.errors import RequestError
from gateway.rest.middleware.conditional import document
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.offload import Offload
from gateway.rest.predict.steps.authorise import AUTHENTICATOR
from gateway.rest.predict.steps.resolve import route_at, where_paths_stand
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.validation.sample import sample

_PAGE: Final = resources.files(__package__).joinpath("docs.html").read_bytes()
#: The page where the console is off: without links to it.
_PAGE_ALONE: Final = _PAGE.replace(b'data-console="on"', b'data-console="off"', 1)
#: Only the page's own script and style may run, and it may send requests to this gateway only.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        *(
            f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}'"
            for kind, tag in (("script", b"script"), ("style", b"style"))
            for body in re.findall(b"<%s>(.*?)</%s>" % (tag, tag), _PAGE, re.DOTALL)
        ),
    )
)


class OpenApiCache:
    """Cache the document of the newest generation, so that each worker builds it once per generation."""

    def __init__(self) -> None:
        self._last: tuple[str, bool, bytes] = ("", False, b"")

    def read(self, generation: Generation, offload: Offload, *, has_keys: bool) -> bytes:
        """Return the OpenAPI document; 1,000 routes take a second, so a native thread builds it."""
        if self._last[:2] != (generation.id, has_keys):
            text = offload.in_thread(lambda: encode(_document(generation, has_keys=has_keys)))
            self._last = generation.id, has_keys, text
        return self._last[2]


def _document(generation: Generation, *, has_keys: bool) -> dict[str, Any]:
    made = with_limits(openapi(generation), generation, has_keys=has_keys)
    return with_keys(made) if has_keys else made


class OpenApi(Endpoint):
    """Answer GET /openapi.json."""

    def __init__(self, cache: OpenApiCache, offload: Offload) -> None:
        self._cache = cache
        self._offload = offload

    def get(self) -> Response:
        """Return the OpenAPI document of the active generation."""
        has_keys = AUTHENTICATOR in request.environ
        text = self._cache.read(generation_of_request(), self._offload, has_keys=has_keys)
        prefix = public_path("")
        return document(text.replace(_servers("/"), _servers(prefix), 1) if prefix else text)


def _servers(url: str) -> bytes:
    """Return the member of an OpenAPI document that says below which URL its paths are."""
    return b'"servers":' + encode([{"url": url}])


class Docs(Endpoint):
    """Answer GET /docs with one self-contained page."""

    def get(self) -> Response:
        """Return the page; it reads /routes and <route>/schema, with a key where they need one."""
        _must_show()
        has_console = generation_of_request().snapshot.registry.server.console
        response = document(_PAGE if has_console else _PAGE_ALONE, "text/html")
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


class RouteSchema(Endpoint):
    """Answer GET <route>/schema."""

    def route_of(self, path: str) -> Route:
        """Return the route at the path before /schema; raises RequestError 404."""
        return route_at(path, generation_of_request())

    def get(self, path: str) -> Response:
        """
        Return JSON Schemas of an instance, of its answer, and of the answer to a batch.

        With `?sample`, return only an instance: printed curl commands fetch it if it is too long to print.
        """
        route = self.route_of(path)
        if route.signature is None:
            route.must_serve()
            raise AssertionError("a route without a signature cannot serve")
        strict = generation_of_request().snapshot.registry.server.strict
        if "sample" in request.args:
            return document(SampleRequest(route.spec.path, route.name, sample(route.signature)).json.encode())
        return document(encode(route_schema(route, route.signature, strict=strict)))


def _must_show() -> None:
    if not generation_of_request().snapshot.registry.server.docs:
        raise RequestError(
            "the documentation is switched off",
            code="docs-off",
            hint=f"server.docs in registry.yaml switches it on; {where_paths_stand()}",
        )
