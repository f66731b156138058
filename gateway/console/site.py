"""What every page says of the gateway around it: its generation, and where its URLs begin."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from gateway.console.assets import assets, modules_of

#: One route that leads to two models; as data, because a file of its own would be one more request of every page.
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#1a5fb4"/>'
    '<path d="M3.5 8h4M7.5 8l4-3.5M7.5 8l4 3.5" stroke="#fff" stroke-width="1.6" fill="none" stroke-linecap="round"/>'
    '<circle cx="12" cy="4.4" r="1.5" fill="#fff"/><circle cx="12" cy="11.6" r="1.5" fill="#fff"/></svg>'
)
#: Page -> the module that it begins with.
_ENTRIES: Final = {
    "try": "try.js",
    "index": "index_page.js",
    "batch": "batch_page.js",
    "model": "model_page.js",
    "locked": "locked.js",
}


@dataclass(frozen=True, slots=True)
class Site:
    """
    Hold where the URLs of a browser begin, and what the gateway serves.

    `origin` is scheme and host, `prefix` the path below which a proxy shows the gateway. `has_keys` says that callers
    need one: what a link alone cannot reach is then not linked.
    """

    origin: str
    prefix: str
    generation: str
    has_docs: bool
    #: Whether /metrics, /health, /routes, /openapi.json and /docs are on the listener of this page.
    has_operations: bool = True
    has_keys: bool = False

    @property
    def icon(self) -> str:
        """Return the URL of the icon."""
        return f"data:image/svg+xml,{quote(_ICON)}"

    def modules(self, page: str) -> list[str]:
        """Return the URLs of the modules that a page needs at once: it would find them one after the other."""
        return [self.asset(name) for name in modules_of(_ENTRIES[page])] if page in _ENTRIES else []

    def url(self, path: str) -> str:
        """Return the URL of a path of this gateway."""
        return self.prefix + path

    def page(self, name: str, page: str = "") -> str:
        """Return the URL of the try page of a route, or of a page below it."""
        return f"{self.prefix}/console/{name}{page and '/'}{page}"

    def asset(self, name: str) -> str:
        """Return the URL of a static file."""
        return self.prefix + assets().path_of(name)

    def has_asset(self, name: str) -> bool:
        """Say whether a static file is there: Plotly need not be."""
        return name in assets().files
