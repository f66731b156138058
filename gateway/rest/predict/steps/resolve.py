"""Step 1 of a call: which route it is about. Endpoints that describe a route look it up here as well."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from gateway.rest.doors import has_operations
from gateway.rest.errors import MAX_ECHOED, NotThereError, RequestError
from gateway.rest.middleware.forwarded import public_path
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.system.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call


def resolve(call: "Call") -> Route:
    """Return the route of a call in the generation in which its request began; raises RequestError 404."""
    return call.find(call.generation)


def route_in(path: str, parts: Mapping[str, str], generation: Generation) -> Route | None:
    """
    Return the route that a rule leads to, by its own path or by the parts of a path; None for one of the gateway.

    Raises RequestError 404 for parts that name none.
    """
    if path in generation.table.by_path:
        return generation.table.by_path[path]
    if "path" in parts:
        return route_at(parts["path"], generation)
    name = parts.get("model") or parts.get("name")
    return None if name is None else model_named(name, parts.get("version"), generation)


def route_named(name: str, generation: Generation) -> Route:
    """Return the route of a path that was mounted for it."""
    return generation.table.by_name[name]


def route_at(path: str, generation: Generation) -> Route:
    """Return the route at a path without its first slash; raises RequestError 404."""
    table = generation.table
    route = table.by_path.get(f"/{path}")
    if route is None:
        raise no_route(f"/{path}", table.by_path)
    return route


def no_route(path: str, known: Iterable[str]) -> RequestError:
    """Return the error of a path that nobody answers, with a path that it may have been meant for."""
    message = f"there is no route {public_path(path)[:MAX_ECHOED]}"
    return NotThereError(message, code="unknown-path", find_hint=partial(_route_hint, path, known))


def _route_hint(path: str, known: Iterable[str]) -> str:
    guess = nearest(path, known)
    return f"did you mean '{public_path(guess)}'?" if guess else where_paths_stand()


def where_paths_stand() -> str:
    """Return the end of a hint: where a client finds the paths that there are."""
    if not has_operations():
        return "ask whoever runs the gateway for its paths"
    return f"GET {public_path('/routes')} lists every path"


def model_named(name: str, version: str | None, generation: Generation) -> Route:
    """Return the route that is this model of the Open Inference Protocol; raises RequestError 404."""
    table = generation.table
    route = table.by_name.get(name)
    if route is None:
        message = f"there is no model {name[:MAX_ECHOED]!r}"
        raise NotThereError(message, code="unknown-model", find_hint=partial(_model_hint, name, table.by_name))
    if version is not None and version != route.version:
        raise RequestError(
            f"model {name!r} has no version {version[:MAX_ECHOED]!r}",
            code="unknown-version",
            hint=f"its only version is {route.version!r}",
        )
    return route


def _model_hint(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known) or f"GET {public_path('/v2/models')} lists the models"
