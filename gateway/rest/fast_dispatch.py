"""
Flask without what this gateway never uses: sessions, signals, teardowns, globals, matching by pattern where a look-up
will do.

A request for a fixed path that no hook is about goes a short way: the same context variables, the same view, the same
error handlers, and nothing else. All other requests go Flask's own way. A hook that is to hold for every request would
be skipped here: what is enforced is a step of a call or of an endpoint's dispatch. tests/rest/test_fast_dispatch.py
holds both ways equal. Measured: docs/benchmarks.md, "The request path".
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NoReturn

from flask import Flask, Request, Response
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter, Rule

from gateway.rest.flask_app import PlainFlask

_NO_SESSION = NullSession()


class NoSessions(SessionInterface):
    """Give every request the same empty session, which nobody can write."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Return the empty session."""
        return _NO_SESSION

    def is_null_session(self, obj: object) -> bool:
        """Say that there is nothing to save."""
        return True


class NoGlobals:
    """Stand in for `flask.g`: requests share one app context, so what one of them left there another would see."""

    __slots__ = ()


class LazyRequest(Request):
    """
    Be a Flask request of which only environ and method are made at once.

    The first look at anything else that Werkzeug's constructor sets lets it run; it takes 6 us.
    """

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        self.shallow = shallow

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that are not there. Once Werkzeug's constructor has run, they are or do not exist.
        if name.startswith("_") or "headers" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        super().__init__(self.environ, populate_request=False, shallow=self.shallow)
        return getattr(self, name)


class Known:
    """Stand in for a URL adapter where path and method are known already; knows their view too."""

    __slots__ = ("_found", "rule", "view")

    def __init__(self, rule: Rule, view: Callable[[], Any]) -> None:
        self.rule = rule
        self.view = view
        self._found: tuple[Rule, dict[str, Any]] = (rule, {})

    def match(self, *, return_rule: bool = True) -> tuple[Rule, dict[str, Any]]:
        """Return the rule and no arguments."""
        return self._found

    def allowed_methods(self) -> list[str]:
        """Return what OPTIONS lists."""
        return sorted(self.rule.methods or ())


class ShortContext(RequestContext):
    """Be the context of a request whose view is known; bound by whoever makes it."""

    def __init__(self, app: Flask, environ: dict[str, Any], known: Known) -> None:
        # Flask's own constructor is not called: it looks for what is known here.
        self.app = app
        self.request = request = LazyRequest(environ)
        request.url_rule, request.view_args = known._found
        self.url_adapter = known  # type: ignore[assignment]  # see create_url_adapter
        self.flashes = None
        self._session = _NO_SESSION
        self._after_request_functions = []
        self._cv_tokens = []


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


class FastFlask(PlainFlask):
    """Serve fixed paths fast and all others as Flask does."""

    session_interface = NoSessions()
    url_rule_class = ReadOnlyRule
    request_class = LazyRequest
    app_ctx_globals_class = NoGlobals  # type: ignore[assignment]  # nothing can be set on it, which is the point

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request: the short way if its path is fixed and no hook is about it, else Flask's."""
        known = self._known.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if known is None or _is_hooked_before(environ):
            return super().wsgi_app(environ, start_response)
        context = ShortContext(self, environ, known)
        app_token, request_token = _cv_app.set(self._shared_context), _cv_request.set(context)
        try:
            return self._answer(known)(environ, start_response)
        finally:
            if "files" in context.request.__dict__:
                context.request.close()
            _cv_request.reset(request_token)
            _cv_app.reset(app_token)

    def _answer(self, known: Known) -> Response:
        """Return what the view makes of the request, or what the error handlers make of its exception."""
        try:
            try:
                answer = known.view()
            except Exception as error:
                return self.finalize_request(self.handle_user_exception(error))
            if isinstance(answer, Response):
                return self.process_response(answer)
            return self.finalize_request(answer)
        except Exception as error:
            return self.handle_exception(error)

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

    def process_response(self, response: Response) -> Response:
        """Run the hooks only for requests that one of them is about: other origins, and clients that take gzip."""
        environ = _cv_request.get().request.environ
        if "HTTP_ORIGIN" in environ or "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return super().process_response(response)
        return response

    @cached_property
    def _shared_context(self) -> AppContext:
        """Return the app context of all short requests; it holds nothing of any of them."""
        return AppContext(self)

    @cached_property
    def _known(self) -> dict[tuple[str, str], Known]:
        """Map method and path to the rules without placeholders; made at the first request, when all are mounted."""
        self._got_first_request = True
        fixed = [rule for rule in self.url_map.iter_rules() if not rule.arguments and rule.websocket is False]
        view_of = self.view_functions.__getitem__
        return {
            (method, rule.rule): Known(rule, view_of(rule.endpoint)) for rule in fixed for method in rule.methods or ()
        }


def _is_hooked_before(environ: dict[str, Any]) -> bool:
    """Say whether a hook that runs before the view is about this request: preflights and coded bodies."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        or "HTTP_CONTENT_ENCODING" in environ
        or "HTTP_TRANSFER_ENCODING" in environ
    )
