"""The page of a request that has no other one: an unknown route, a refusal."""

from gateway.console.environment import render
from gateway.console.site import Site
from gateway.console.states import State


def error_page(title: str, state: State, site: Site) -> bytes:
    """Return the page."""
    return render("error.html", {"page": "error", "title": title, "state": state, "site": site})
