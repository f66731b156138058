"""
Step 2 of a call: who calls, and whether they may.

The dispatch of every endpoint that is no call (rest/api.py) asks the same function, so nothing is served past it.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import ForbiddenError, UnauthorisedError
from gateway.rest.access import Access
from gateway.rest.covered_routes import covered_routes, described, named
from gateway.rest.errors import MAX_ECHOED
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.security.authentication import Authenticator
from gateway.security.principal import ANONYMOUS, Principal
from gateway.security.scopes import CATALOG, METRICS, PREDICT_ALL, predict_scope

#: Where the environ has the Authenticator of a gateway that asks for keys; without keys it is not there.
AUTHENTICATOR: Final = "gateway.authenticator"
#: Where a known caller stands in the environ, also of a request that is refused afterwards.
PRINCIPAL: Final = "gateway.principal"
#: Where the route that was asked for stands beside it, None for an endpoint of the whole gateway.
ASKED_ROUTE: Final = "gateway.asked_route"
#: Stands in the environ of a request that is answered though its key or token was refused.
REFUSED: Final = "gateway.refused"
_BEARER: Final = "bearer "
_HINT: Final = "send `Authorization: Bearer $GATEWAY_KEY`, or the key as `X-API-Key`"
#: Access -> scopes of which one suffices, beside that of the route where it is about one.
_SCOPES: Final[Mapping[Access, tuple[str, ...]]] = {
    Access.PREDICT: (),
    Access.DESCRIBE: (CATALOG,),
    Access.CATALOG: (CATALOG,),
    Access.METRICS: (METRICS,),
    Access.NOTHING: (CATALOG, PREDICT_ALL),
}
#: Accesses that are about one route.
OF_ROUTE: Final = frozenset((Access.PREDICT, Access.DESCRIBE))


def authorise(environ: dict[str, Any], route: Route | None, access: Access) -> Principal:
    """
    Return who calls; raises UnauthorisedError for a caller that is not known, ForbiddenError for one that may not.

    `route` is the one that is called or described, None for an endpoint of the whole gateway.
    """
    authenticator: Authenticator | None = environ.get(AUTHENTICATOR)
    if authenticator is None or access is Access.PUBLIC:
        return ANONYMOUS
    environ[ASKED_ROUTE] = route
    environ[PRINCIPAL] = principal = authenticator.principal_of(credential_of(environ))
    if access is not Access.KNOWN and not _is_covered(principal, route, access):
        raise _forbidden(environ, principal, access)
    return principal


def asks_for_key(environ: Mapping[str, Any]) -> bool:
    """Say whether the gateway asks for a key, and the request holds nothing that could be one."""
    return AUTHENTICATOR in environ and "HTTP_AUTHORIZATION" not in environ and "HTTP_X_API_KEY" not in environ


def credential_of(environ: Mapping[str, Any]) -> str:
    """Return the key or token of a request; raises UnauthorisedError where there is none, or two."""
    given: str = environ.get("HTTP_AUTHORIZATION", "")
    key: str = environ.get("HTTP_X_API_KEY", "").strip()
    token = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
    if key and token and key != token:
        raise UnauthorisedError("Authorization and X-API-Key hold two different keys", hint="send one of them")
    if not (token or key):
        raise _missing(environ, given.strip())
    return token or key


def _missing(environ: Mapping[str, Any], given: str) -> UnauthorisedError:
    """Return what is wrong with a request that holds no key where keys stand."""
    if given.lower() == _BEARER.strip() or (not given and "HTTP_X_API_KEY" in environ):
        return UnauthorisedError("the key is empty", hint="put the key into the variable: export GATEWAY_KEY=gw_…")
    if given:
        return UnauthorisedError("the field Authorization does not begin with Bearer", hint=_HINT)
    return UnauthorisedError("this gateway asks for a key", hint=_HINT)


def _is_covered(principal: Principal, route: Route | None, access: Access) -> bool:
    if any(principal.may(scope) for scope in _SCOPES[access]):
        return True
    return route is not None and access in OF_ROUTE and principal.may(predict_scope(route.spec.path))


def _forbidden(environ: Mapping[str, Any], principal: Principal, access: Access) -> ForbiddenError:
    """Return the refusal; of a route that is there it says what it says of one that is not."""
    needed = f"it needs the scope {_SCOPES[access][0]}; " if access in (Access.CATALOG, Access.METRICS) else ""
    told = f"{needed}it has: {', '.join(sorted(principal.scopes)) or 'none'}"
    path = environ["PATH_INFO"][:MAX_ECHOED]
    generation: Generation = environ["gateway.generation"]
    covered = covered_routes(principal, generation)
    if access is Access.CATALOG and covered:
        told += f"; {named(covered, generation)}"
    shown, total = described(covered, generation), len(covered)
    if principal.kind == "jwt":
        return ForbiddenError(
            f"the token of {principal.id} may not use {path}",
            hint=f"{told}; its issuer, and `jwt` of keys.yaml, say what a token may",
            routes=shown,
            total_routes=total,
        )
    return ForbiddenError(
        f"the key {principal.id} may not use {path}",
        hint=f"{told}; `gateway key create` makes one with others",
        routes=shown,
        total_routes=total,
    )
