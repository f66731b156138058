"""The page that asks for a key: the same for each page and empty of data; its script fetches the page itself."""

from functools import lru_cache

from gateway.console.environment import render
from gateway.console.site import Site


@lru_cache(maxsize=16)
def locked_page(site: Site) -> bytes:
    """Return the page."""
    return render("locked.html", {"page": "locked", "site": site})
