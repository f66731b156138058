"""
Flask without what this gateway never uses: sessions, async views, matching by pattern where a look-up will do.

Measured per request (scripts/bench/request_cost.py): sessions 3 us, the async check 5 us, matching 14 us.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NoReturn

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter, Rule

_NO_SESSION = NullSession()


class NoSessions(SessionInterface):
    """Give every request the same empty session, which nobody can write."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Return the empty session."""
        return _NO_SESSION

    def is_null_session(self, obj: object) -> bool:
        """Say that there is nothing to save."""
        return True


class Known:
    """Stand in for a URL adapter where path and method are known already."""

    __slots__ = ("_found",)

    def __init__(self, rule: Rule) -> None:
        self._found: tuple[Rule, dict[str, Any]] = (rule, {})

    def match(self, *, return_rule: bool = True) -> tuple[Rule, dict[str, Any]]:
        """Return the rule and no arguments."""
        return self._found

    def allowed_methods(self) -> list[str]:
        """Return what OPTIONS lists."""
        return sorted(self._found[0].methods or ())


def _no_url(rule: Rule, **values: Any) -> NoReturn:
    raise NotImplementedError("paths of this gateway are read, never built")


class ReadOnlyRule(Rule):
    """
    Match a path and never build one.

    Werkzeug compiles two functions a rule for `url_for`, which nobody calls here: 0.34 s of the 0.42 s in which 1,000
    routes are mounted, beside the requests of a worker that takes a new route on.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., NoReturn]:
        return _no_url


class GatewayFlask(Flask):
    """Serve fixed paths fast and all others as Flask does."""

    session_interface = NoSessions()
    url_rule_class = ReadOnlyRule

    def ensure_sync(self, func: Any) -> Any:
        """Return the function as it is: none of ours is async."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return a stand-in for a known path and method, else Flask's own adapter."""
        if request is not None:
            environ = request.environ
            known = self._known.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
            if known is not None:
                return known  # type: ignore[return-value]  # Flask calls match(), and allowed_methods() for OPTIONS
        return super().create_url_adapter(request)

    def preprocess_request(self) -> Any:
        """Run the hooks only for requests that one of them is about: preflights and coded bodies."""
        environ = request.environ
        if (
            environ["REQUEST_METHOD"] == "OPTIONS"
            or "HTTP_CONTENT_ENCODING" in environ
            or "HTTP_TRANSFER_ENCODING" in environ
        ):
            return super().preprocess_request()
        return None

    def process_response(self, response: Response) -> Response:
        """Run the hooks only for requests that one of them is about: other origins, and clients that take gzip."""
        environ = request.environ
        if "HTTP_ORIGIN" in environ or "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return super().process_response(response)
        return response

    @cached_property
    def _known(self) -> dict[tuple[str, str], Known]:
        """Map method and path to the rules without placeholders; made at the first request, when all are mounted."""
        fixed = [rule for rule in self.url_map.iter_rules() if not rule.arguments and rule.websocket is False]
        return {(method, rule.rule): Known(rule) for rule in fixed for method in rule.methods or ()}
