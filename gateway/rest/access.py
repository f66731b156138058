"""What a caller needs for each endpoint: the one table of it. An endpoint that is not in it cannot be mounted."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Access(Enum):
    """
    Say what a caller needs.

    PUBLIC: nothing. KNOWN: any key. PREDICT: the scope of the route. DESCRIBE: that, or `catalog`. CATALOG, METRICS:
    that scope. NOTHING: what is not there; only a key that may know every route is told so.
    """

    PUBLIC = auto()
    KNOWN = auto()
    PREDICT = auto()
    DESCRIBE = auto()
    CATALOG = auto()
    METRICS = auto()
    NOTHING = auto()


#: How the endpoints of routes are called: `route:` and the path.
ROUTE: Final = "route:"

#: Endpoint -> access.
_ACCESS: Final[Mapping[str, Access]] = {
    "live": Access.PUBLIC,
    "ready": Access.PUBLIC,  # its detail needs CATALOG
    "v2-live": Access.PUBLIC,
    "v2-ready": Access.PUBLIC,
    "ping": Access.PUBLIC,
    "static-files": Access.PUBLIC,
    "docs": Access.PUBLIC,  # a page without data: that comes from /openapi.json
    "version": Access.KNOWN,
    "v2": Access.KNOWN,
    "check": Access.PREDICT,
    "invocations": Access.PREDICT,
    "v2-infer": Access.PREDICT,
    "v2-infer-version": Access.PREDICT,
    "schema": Access.DESCRIBE,
    "v2-model": Access.DESCRIBE,
    "v2-model-version": Access.DESCRIBE,
    "v2-model-ready": Access.DESCRIBE,
    "v2-model-ready-version": Access.DESCRIBE,
    "console-try": Access.DESCRIBE,
    "console-batch": Access.DESCRIBE,
    "console-model": Access.DESCRIBE,
    "console-plot": Access.DESCRIBE,
    "root": Access.CATALOG,
    "console": Access.CATALOG,
    "catalog": Access.CATALOG,
    "openapi": Access.CATALOG,
    "health": Access.CATALOG,
    "v2-models": Access.CATALOG,
    "v2-index": Access.CATALOG,
    "v2-control": Access.CATALOG,
    "metrics": Access.METRICS,
}


#: What no limit holds for: what balancers and supervisors ask, and styles and scripts, which browsers load once.
UNLIMITED: Final = frozenset(("live", "ready", "v2-live", "v2-ready", "ping", "static-files"))


def access_of(endpoint: str) -> Access:
    """Return what an endpoint asks for; raises KeyError for one that is not in the table."""
    return Access.PREDICT if endpoint.startswith(ROUTE) else _ACCESS[endpoint]
