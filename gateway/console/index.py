"""The index page: every route of the gateway."""

from gateway.console.environment import render
from gateway.console.site import Site
from gateway.routing.live_generation import Generation


def index_page(generation: Generation, site: Site) -> bytes:
    """Return the page."""
    return render("index.html", {"page": "index", "site": site, "routes": list(generation.table.by_name.values())})
