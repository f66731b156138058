"""What every page says of the gateway around it: its generation, and where its URLs begin."""

from dataclasses import dataclass

from gateway.console.assets import assets


@dataclass(frozen=True, slots=True)
class Site:
    """
    Hold where the URLs of a browser begin, and what the gateway serves.

    `origin` is scheme and host, `prefix` the path below which a proxy shows the gateway.
    """

    origin: str
    prefix: str
    generation: str
    has_docs: bool

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
