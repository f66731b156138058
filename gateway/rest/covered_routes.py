"""
The routes that the scopes of a key cover, for callers who may not list all of them.

A refusal names them, with the page and the description of each, so that their callers find what they may use.
"""

from collections.abc import Sequence
from typing import Final

from gateway.rest.middleware.forwarded import public_path
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.security.principal import Principal
from gateway.security.scopes import PREDICT, PREDICT_ALL

#: Routes that one refusal describes, and those that its text names.
MOST_DESCRIBED: Final = 100
_MOST_NAMED: Final = 3


def covered_routes(principal: Principal, generation: Generation) -> list[Route]:
    """Return the routes that a principal may call."""
    table = generation.table
    if principal.may(PREDICT_ALL):
        return list(table.by_name.values())
    paths = (scope.removeprefix(PREDICT) for scope in sorted(principal.scopes) if scope.startswith(PREDICT))
    # A scope names the path of the registry; an alias is no scope.
    return [route for path in paths if (route := table.by_path.get(path)) and route.spec.path == path]


def described(routes: Sequence[Route], generation: Generation) -> list[dict[str, str]]:
    """Return what a refusal says of the first routes: where their callers, and people, find the rest."""
    base, has_pages = public_path(""), generation.snapshot.registry.server.console
    return [_entry(route, base, has_pages=has_pages) for route in routes[:MOST_DESCRIBED]]


def named(routes: Sequence[Route], generation: Generation) -> str:
    """Return the same of a few routes in one text, for clients that show no more than a hint."""
    told = [_text(entry) for entry in described(routes[:_MOST_NAMED], generation)]
    more = f" and {len(routes) - len(told):,} more" if len(routes) > len(told) else ""
    return f"it opens {', '.join(told)}{more}"


def _entry(route: Route, base: str, *, has_pages: bool) -> dict[str, str]:
    entry = {"path": route.spec.path, "name": route.name, "schema": f"{base}{route.spec.path}/schema"}
    if route.spec.description:
        entry["description"] = route.spec.description
    if has_pages:
        entry["page"] = f"{base}/console/{route.name}"
    return entry


def _text(entry: dict[str, str]) -> str:
    page = f"page {entry['page']}, " if "page" in entry else ""
    return f"{entry['path']} ({page}schema {entry['schema']})"
