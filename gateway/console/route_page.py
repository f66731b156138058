"""Pages of a route that show what is known of it: batch and model."""

from typing import Any

from gateway.console.environment import render
from gateway.console.page_data import island
from gateway.console.site import Site
from gateway.routing.routes import Route


def route_page(page: str, route: Route, site: Site, *, max_body_size: int, **values: Any) -> bytes:
    """Return the page called `page`, made from the template of that name and `values`."""
    data = island(route, site, max_body_size=max_body_size)
    return render(f"{page}.html", {"page": page, "site": site, "route": route, "island": data, **values})
