"""
Step 3 of a call: what a caller may use up. A request is charged before its body is read, its rows once they are valid.

The dispatch of every endpoint that is no call (rest/api.py) charges its requests here too. Endpoints of the whole
gateway, and routes without limits, are never charged.
"""

from functools import cache
from pathlib import Path
from typing import Final

from flask.globals import _cv_app, _cv_request

from gateway.errors import QuotaError, RateLimitError
from gateway.routing.routes import Route
from gateway.security.client_address import caller_at
from gateway.security.meter import Caller, Meter, Usage
from gateway.security.principal import ANONYMOUS, Principal

#: Where a request keeps its Usage; telemetry makes headers of it.
USAGE: Final = "gateway.usage"
_WAIT_HINT: Final = "send it again after Retry-After (seconds); RateLimit-Policy says how much a caller has"
#: Key of an app's meter in its configuration.
METER: Final = "gateway.meter"


@cache
def meter_in(run_dir: Path, state_dir: Path) -> Meter:
    """Return the meter of these folders; all apps of a worker have the same."""
    return Meter(run_dir, state_dir)


def charge_request(principal: Principal, route: Route | None) -> None:
    """Charge one request, of a route or (None) of an endpoint of the whole gateway; raises RateLimitError."""
    if route is None:
        return
    limits = route.limits if principal.limits is None else principal.limits
    if not limits:
        return
    environ = _cv_request.get().request.environ  # what `request` stands for, without its 2 us
    if principal is ANONYMOUS:
        caller = Caller(caller_at(environ.get("REMOTE_ADDR", "")), is_address=True)
    else:
        caller = Caller(principal.id, is_address=False)
    environ[USAGE] = usage = Usage(_cv_app.get().app.config[METER], caller, route.name, limits)
    refusing = usage.begin()
    if refusing is not None:
        route.counters.metrics.limited(refusing.limit)
        raise RateLimitError(
            f"one caller of {route.spec.path} has {limits.told('requests')}: this request is beyond that",
            hint=_WAIT_HINT,
            retry_after_s=refusing.wait_s,
        )


def charge_rows(principal: Principal, route: Route, rows: int) -> None:
    """Charge the rows of a call, before the first of them is predicted; raises RateLimitError."""
    limits = route.limits if principal.limits is None else principal.limits
    if not limits or (limits.rows is None and limits.daily is None):
        return
    usage: Usage = _cv_request.get().request.environ[USAGE]
    refusing = usage.add_rows(rows)
    if refusing is None:
        return
    route.counters.metrics.limited(refusing.limit)
    if refusing.limit == "daily":
        raise QuotaError(
            f"one caller of {route.spec.path} has {limits.told('daily')}, {refusing.left:,} are left today (UTC), "
            f"and this request has {rows:,}",
            hint="send no more rows than are left, or wait for the next day (Retry-After, in seconds)",
            retry_after_s=refusing.wait_s,
        )
    raise RateLimitError(
        f"one caller of {route.spec.path} has {limits.told('rows')}: those of this request are beyond that",
        hint=_WAIT_HINT,
        retry_after_s=refusing.wait_s,
    )
