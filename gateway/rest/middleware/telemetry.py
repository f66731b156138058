"""
Add request ids and timing headers, count requests, write access lines: a WSGI middleware around the Flask app.

It is outside of Flask, so that it also sees requests that Flask does not handle.
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from gateway import logs, metrics
from gateway.rest.middleware.trace_context import TraceContext, trace_context_of
from gateway.rest.predict.call import Call
from gateway.rest.predict.steps.account import account
from gateway.rest.predict.steps.authorise import ASKED_ROUTE, AUTHENTICATOR, PRINCIPAL, REFUSED
from gateway.rest.predict.steps.limit import USAGE
from gateway.rest.rate_limit_headers import headers_of
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.security import audit
from gateway.security.authentication import Authenticator
from gateway.security.meter import Usage
from gateway.security.principal import Principal
from gateway.security.refusal_sums import Refusal

#: An X-Request-ID is echoed if it matches: it gets into logs and headers.
_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)

#: Of answers that do not say more: a cache in front knows `Authorization`, and would keep what an X-API-Key opened ...
_PRIVATE: Final = ("Cache-Control", "no-store")
#: ... and, of a document, hand it to another key where it may not ask again: while the gateway is away.
_SHARED: Final = ("Cache-Control", "no-cache")
_OWN: Final = ("Cache-Control", "private, no-cache")
#: Statuses from here on answer no rows.
_FIRST_REFUSAL: Final = 400
#: Statuses of requests that are refused for who asked.
_FOR_WHO_ASKED: Final = frozenset((401, 403))

StartResponse = Callable[..., Any]


class _Ids:
    """Make ids from a random prefix per process and a counter: as unique as a UUID, at a tenth of its cost."""

    __slots__ = ("_next", "_prefix")

    def __init__(self) -> None:
        self._next = itertools.count(1).__next__
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._prefix = os.urandom(10).hex()

    def new(self) -> str:
        """Return a unique id of 32 hex digits."""
        return f"{self._prefix}{self._next():012x}"


new_id = _Ids().new


class Telemetry:
    """
    Wrap a WSGI app.

    Sets `gateway.request_id` and `gateway.generation` in the environ, so that a request ends in the generation in
    which it began, and the authenticator where callers need a key; a Call that knows its route leaves itself there as
    `gateway.call`.
    """

    def __init__(
        self,
        app: Callable[[dict[str, Any], StartResponse], Iterable[bytes]],
        current: Callable[[], Generation],
        authenticator: Authenticator | None = None,
    ) -> None:
        self._app = app
        self._current = current
        self._authenticator = authenticator

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given and _ID.fullmatch(given) else new_id()
        environ["gateway.request_id"] = request_id
        environ["gateway.generation"] = generation = self._current()
        if self._authenticator is not None and self._authenticator.is_required:
            environ[AUTHENTICATOR] = self._authenticator
        trace = trace_context_of(environ) if "HTTP_TRACEPARENT" in environ else None

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seconds = time.perf_counter() - started
            # Taken out again: call and environ would hold each other until the garbage collector comes.
            call: Call | None = environ.pop("gateway.call", None)
            headers += (
                ("X-Request-ID", request_id),
                ("X-Gateway-Generation", generation.id),
                ("Server-Timing", self._timing(call, seconds)),
            )
            if trace is not None:
                headers.append(("traceresponse", trace.response))
            if AUTHENTICATOR in environ:
                _keep_private(headers)
            if USAGE in environ:
                self._tell_limits(environ.pop(USAGE), headers, int(status[:3]))
            self._record(environ, call, int(status[:3]), seconds, trace)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self._app(environ, start)

    @staticmethod
    def _tell_limits(usage: Usage, headers: list[tuple[str, str]], code: int) -> None:
        headers += headers_of(usage)
        if code >= _FIRST_REFUSAL:
            usage.give_back()

    @staticmethod
    def _timing(call: Call | None, seconds: float) -> str:
        total = f"total;dur={seconds * 1e3:.3f}"
        if call is None or call.predict_s is None:
            return total
        return f"predict;dur={call.predict_s * 1e3:.3f}, {total}"

    @staticmethod
    def _record(
        environ: dict[str, Any], call: Call | None, code: int, seconds: float, trace: TraceContext | None
    ) -> None:
        if call is not None:
            account(call, environ["REQUEST_METHOD"], code, seconds)
        if code in audit.REFUSALS:
            _tell_refusal(environ, call, code)
        elif REFUSED in environ:
            _tell_refusal(environ, call, 401)
        if not logs.writes_access():
            return
        line = logs.AccessLine(
            request_id=environ["gateway.request_id"],
            client=environ.get("REMOTE_ADDR", ""),
            route=environ.get("PATH_INFO", "") if call is None else call.route.spec.path,
            method=environ["REQUEST_METHOD"],
            code=code,
            duration_ms=seconds * 1e3,
            rows=0 if call is None else call.rows,
            generation=environ["gateway.generation"].id,
        )
        if trace is not None:
            line.trace_id, line.span_id, line.parent_span_id = trace.trace_id, trace.span_id, trace.parent_span_id
            line.tracestate = trace.state or msgspec.UNSET
        logs.access(line)


def _keep_private(headers: list[tuple[str, str]]) -> None:
    """Let no cache that several callers share keep an answer that a key opened."""
    for at, pair in enumerate(headers):
        if pair[0] == "Cache-Control":
            if pair == _SHARED:
                headers[at] = _OWN
            return
    headers.append(_PRIVATE)


def _tell_refusal(environ: dict[str, Any], call: Call | None, code: int) -> None:
    """Count a request that was refused, and write its audit line."""
    if code in _FOR_WHO_ASKED:
        asked: Route | None = environ.get(ASKED_ROUTE)
        metrics.refused(metrics.NO_ROUTE if asked is None else asked.name, code)
    principal: Principal | None = environ.get(PRINCIPAL)
    audit.refused(
        Refusal(
            who=audit.NOBODY if principal is None else principal.id,
            what=environ["REQUEST_METHOD"],
            route=environ.get("PATH_INFO", "") if call is None else call.route.spec.path,
            status=code,
            rows=0 if call is None else call.rows,
            request_id=environ["gateway.request_id"],
            client=environ.get("REMOTE_ADDR", ""),
        )
    )
