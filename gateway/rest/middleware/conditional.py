"""Answer conditional requests: documents with an ETag, and 304 for a client that has the current version."""

from hashlib import blake2b

from flask import Response, request


def document(body: bytes, mimetype: str = "application/json") -> Response:
    """
    Return a document with its ETag, or 304 when the client named it.

    The tag is weak, because the bytes on the wire may be compressed; `no-cache` means: ask again, keep the copy.
    """
    response = Response(body, 200, mimetype=mimetype)
    response.set_etag(blake2b(body, digest_size=12).hexdigest(), weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response
