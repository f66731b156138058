"""
Step 2 of a call: who calls, and whether they may.

The dispatch of every endpoint that is no call (rest/api.py) asks the same function, so nothing is served past it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.routing.routes import Route


@dataclass(frozen=True, slots=True)
class Principal:
    """Name the caller of a request."""

    name: str


#: Whoever calls a gateway that knows no keys.
ANONYMOUS: Final = Principal("anonymous")


def authorise(environ: Mapping[str, Any], route: Route | None) -> Principal:
    """
    Return who calls; a refusal is raised as RequestError.

    `route` is the one that is called or described, None for an endpoint of the whole gateway. There are no keys yet:
    everybody may do everything.
    """
    return ANONYMOUS
