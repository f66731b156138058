"""
Step 3 of a call: what a caller may use up. A request is charged before its body is read, its rows once they are valid.

The dispatch of every endpoint that is no call (rest/api.py) charges its requests here too: those about a route to the
route, all others, and callers that are not known, to the `limits` of `server`. Without limits nothing is charged.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

from flask.globals import _cv_app, _cv_request

from gateway import metrics
from gateway.errors import QuotaError, RateLimitError
from gateway.rest.access import UNLIMITED
from gateway.routing.routes import Route
from gateway.security.client_address import caller_at
from gateway.security.limits import CallerLimits
from gateway.security.meter import Caller, Meter, Usage, Use
from gateway.security.principal import ANONYMOUS, Principal

#: Where a request keeps its Usage; telemetry makes headers of it.
USAGE: Final = "gateway.usage"
_WAIT_HINT: Final = "send it again after Retry-After (seconds); RateLimit-Policy says how much a caller has"
#: What stands in the place of a route, in the meter and as a `limit` on /metrics: neither is the name of one.
_GATEWAY: Final = "(gateway)"
_UNAUTHORISED: Final = "unauthorised"
#: Key of an app's meter in its configuration.
METER: Final = "gateway.meter"


@cache
def meter_in(run_dir: Path, state_dir: Path) -> Meter:
    """Return the meter of these folders; all apps of a worker have the same."""
    return Meter(run_dir, state_dir)


def charge_request(principal: Principal, route: Route | None) -> None:
    """Charge one request, of a route or (None) of what is no route; raises RateLimitError."""
    if route is None:
        _charge_gateway(principal)
        return
    limits = route.limits if principal.limits is None else principal.limits
    if not limits:
        return
    refusing = _charge(_caller(principal), route.name, limits)
    if refusing is not None:
        route.counters.metrics.limited(refusing.limit)
        raise RateLimitError(
            f"one caller of {route.spec.path} has {limits.told('requests')}: this request is beyond that",
            hint=_WAIT_HINT,
            retry_after_s=refusing.wait_s,
        )


def charge_unauthorised() -> None:
    """Charge the address of a request whose key or token was refused, or had none; raises RateLimitError."""
    limits = _gateway_limits()
    if limits is None:
        return
    refusing = _charge(_caller(ANONYMOUS), _UNAUTHORISED, limits)
    if refusing is not None:
        metrics.limited(metrics.NO_ROUTE, _UNAUTHORISED)
        raise RateLimitError(
            f"one address has {limits.told('requests')}, without a key or token that counts: this one is beyond that",
            hint="send a key that counts; without one, send it again after Retry-After (seconds)",
            retry_after_s=refusing.wait_s,
        )


def _charge_gateway(principal: Principal) -> None:
    limits = _gateway_limits()
    if limits is None or _is_unlimited():
        return
    if principal.limits is not None:
        limits = principal.limits.of_requests
    refusing = _charge(_caller(principal), _GATEWAY, limits) if limits else None
    if refusing is not None:
        metrics.limited(metrics.NO_ROUTE, refusing.limit)
        raise RateLimitError(
            f"one caller has {limits.told('requests')}, for everything that is no route: this request is beyond that",
            hint=_WAIT_HINT,
            retry_after_s=refusing.wait_s,
        )


def _gateway_limits() -> CallerLimits | None:
    limits: CallerLimits | None = _environ()["gateway.generation"].limits
    return limits


def _is_unlimited() -> bool:
    rule = _cv_request.get().request.url_rule
    return rule is not None and rule.endpoint in UNLIMITED


def _charge(caller: Caller, what: str, limits: CallerLimits) -> Use | None:
    """Charge a request, and leave for its headers what is left; return the limit that refuses it."""
    _environ()[USAGE] = usage = Usage(_cv_app.get().app.config[METER], caller, what, limits)
    return usage.begin()


def _caller(principal: Principal) -> Caller:
    if principal is ANONYMOUS:
        return Caller(caller_at(_environ().get("REMOTE_ADDR", "")), is_address=True)
    return Caller(principal.id, is_address=False)


def _environ() -> dict[str, Any]:
    environ: dict[str, Any] = _cv_request.get().request.environ  # what `request` stands for, without its 2 us
    return environ


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
