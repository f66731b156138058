"""The routes of one generation, by name and by path."""

from collections.abc import Iterable, Mapping

from gateway.routing.routes import Route


class RouteTable:
    """Hold the routes of one generation; immutable once made."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.by_name: Mapping[str, Route] = {route.name: route for route in routes}
        self.by_path: Mapping[str, Route] = {path: route for route in self.by_name.values() for path in route.paths}
        #: Those whose models do not run in the workers.
        self.remote = tuple(route for route in self.by_name.values() if route.manifest.remote is not None)

    def queue_of(self, path: str) -> str:
        """Return the admission queue of a request to `path`: that of its route, of checks, or of all other paths."""
        route = self.by_path.get(path) or self.by_path.get(path.removesuffix("/invocations"))
        if route is None and path.startswith(("/v2/models/", "/console/")):
            route = self.by_name.get(path.split("/")[3 if path.startswith("/v2") else 2])
        if route is not None:
            return str(route.spec.path)
        return "checks" if path.startswith(("/health", "/metrics", "/v2/health")) else "others"

    def is_settled(self) -> bool:
        """Say whether no eager route is still to be loaded."""
        return not any(
            route.state in ("LOADING", "IDLE") for route in self.by_name.values() if route.spec.load == "eager"
        )

    def is_ready(self) -> bool:
        """Say whether every critical route serves and no eager one is loading (IDLE lazy routes count as ready)."""
        return self.is_settled() and not any(
            route.state == "FAILED" for route in self.by_name.values() if route.spec.critical
        )

    def degraded(self) -> tuple[Route, ...]:
        """Return the routes that do not serve."""
        return tuple(route for route in self.by_name.values() if route.state == "FAILED")
