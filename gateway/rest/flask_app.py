"""
Flask as it is, but for one path; and which Flask a worker runs: this one, or the one with a short way.

The short way (fast_dispatch.py) uses what is private to Flask. With `GATEWAY_FAST_DISPATCH=false` it is not even
imported, so a release of Flask that it does not fit is no reason to stay with an older one.
"""

import importlib
from typing import Any, Final, NoReturn

from flask import Flask, Request
from werkzeug.exceptions import BadHost, NotFound
from werkzeug.routing import MapAdapter

#: Whether fixed paths go the short way -> what dispatches.
APPS: Final = {
    True: "gateway.rest.fast_dispatch:FastFlask",
    False: "gateway.rest.flask_app:PlainFlask",
}


def make_app(*, fast: bool) -> Flask:
    """Return an app without paths."""
    module, _, name = APPS[fast].partition(":")
    app: Flask = getattr(importlib.import_module(module), name)("gateway", static_folder=None)
    # A path with two slashes is another path: redirecting it would lose the body of a POST.
    app.url_map.merge_slashes = False
    return app


class Unknown:
    """
    Stand in for a URL adapter of a path that begins with two slashes.

    Werkzeug strips one: //loan would reach /loan, past a proxy whose rule for /loan does not know it.
    """

    def match(self, *, return_rule: bool = True) -> NoReturn:
        """Raise that there is no such path."""
        raise NotFound

    def allowed_methods(self) -> list[str]:
        """Return what OPTIONS lists."""
        return []


class PlainFlask(Flask):
    """Dispatch as Flask does, without paths that begin with two slashes, and deaf to offers of websockets."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return Flask's own adapter, or one that knows no path."""
        if request is not None and request.environ["PATH_INFO"].startswith("//"):
            adapter: Any = Unknown()  # Flask calls match() and gets its NotFound
            return adapter  # type: ignore[no-any-return]
        try:
            found = super().create_url_adapter(request)
        except BadHost:  # no rule asks for the host, which clients choose: what they ask for is answered in any case
            environ = {} if request is None else {**request.environ, "HTTP_HOST": "localhost"}
            found = self.url_map.bind_to_environ(environ)
        if found is not None:
            found.websocket = False  # an offer to upgrade is ignored (RFC 9110, 7.8); Werkzeug would answer it by 400
        return found
