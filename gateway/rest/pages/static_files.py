"""GET /static/<digest>/<file>: static files of the console, compressed once and kept by browsers for good."""

from typing import Final

from flask import Response, request

from gateway.console.assets import assets
from gateway.console.policy import headers_of
from gateway.rest.api import Endpoint
from gateway.rest.errors import RequestError
from gateway.rest.offload import Offload
from gateway.rest.pages.page import must_show_console

#: The URL changes whenever the file does, so no browser needs to ask again.
FOREVER: Final = "public, max-age=31536000, immutable"


class StaticFiles(Endpoint):
    """Answer the files of this installation."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def get(self, digest: str, file: str) -> Response:
        """
        Return a file.

        While workers are replaced, a page of another version may ask for it: it gets the file of this version, and
        keeps it for this time only.
        """
        must_show_console()
        known = assets()
        asset = known.find(file)
        if asset is None:
            raise RequestError(
                "there is no such file", code="unknown-file", hint="reload the page: another version may be served"
            )
        is_small = bool(request.accept_encodings["gzip"])
        body = self._offload.in_thread(lambda: asset.compressed if is_small else asset.content)
        response = Response(body, content_type=asset.media_type)
        response.set_etag(asset.digest, weak=True)
        response.headers["Cache-Control"] = FOREVER if known.is_present(digest, asset) else "no-cache"
        response.headers.extend(headers_of())  # an image or a script that is opened by itself is bound as a page is
        response.vary.add("Accept-Encoding")
        if is_small:
            response.headers["Content-Encoding"] = "gzip"
        return response.make_conditional(request)  # type: ignore[return-value]  # Werkzeug's own type of it
