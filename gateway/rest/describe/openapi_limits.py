"""What an OpenAPI document says of limits of callers: which operations refuse who sends too much, and the headers."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.rest.describe.openapi_errors import LIMIT_HEADERS, error_of
from gateway.rest.describe.openapi_parts import OPEN_OPERATIONS, map_operations
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route

Part = dict[str, Any]

_REFUSED: Final = "429"


def with_limits(document: Part, generation: Generation, *, has_keys: bool) -> Part:
    """Return a document that says so of every operation that is limited; parts that are shared stay as they are."""
    limited = _Limited(generation, has_keys=has_keys)
    told = map_operations(document["paths"], lambda path, one: _told(path, one) if limited(path, one) else one)
    return document | {"paths": told}


class _Limited:
    """Say which operations are limited: by their route, by `server.limits`, or by limits beside a key."""

    def __init__(self, generation: Generation, *, has_keys: bool) -> None:
        self._routes: Mapping[str, Route] = generation.table.by_name
        self._beside_routes = generation.limits is not None
        #: Each key may have limits of its own, within a second.
        self._has_keys = has_keys
        self._of_some_route = has_keys or any(route.limits for route in self._routes.values())

    def __call__(self, path: str, operation: Part) -> bool:
        """Say whether callers of an operation may be refused."""
        if operation["operationId"] in OPEN_OPERATIONS:
            return False
        if "{model}" in path:  # a name that is no model's is charged as what is no route
            return self._beside_routes or (self._of_some_route and "/repository/" not in path)
        route = self._routes.get(operation["tags"][0])
        if route is None or not _is_below(path, route):
            return self._beside_routes
        return bool(route.limits) or self._has_keys


def _is_below(path: str, route: Route) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in route.paths)


def _told(path: str, operation: Part) -> Part:
    answers = {
        status: answer | {"headers": answer.get("headers", {}) | LIMIT_HEADERS} if status == "200" else answer
        for status, answer in operation["responses"].items()
    }
    return operation | {"responses": {**answers, _REFUSED: error_of(path, int(_REFUSED))}}
