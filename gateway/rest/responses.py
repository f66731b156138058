"""
Responses of this gateway, and the headers that the answer to every call carries.

JsonResponse costs a quarter of Werkzeug's own: nothing about it is left to find out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from flask import Response
from werkzeug.datastructures import Headers

from gateway.codecs.json import encode

IGNORED: Final = "X-Columns-Ignored"
INVALID: Final = "X-Values-Invalid"
PARAMS_IGNORED: Final = "X-Params-Ignored"
NO_STORE: Final = ("Cache-Control", "no-store")
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))
#: Names that such a header lists, characters of one, and bytes of the whole: clients bound what a header may be.
_MAX_NAMES, _MAX_NAME, _MAX_BYTES = 20, 80, 2_000


def columns_ignored(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the header that counts names which belong to no field, and tells the first ones percent-encoded."""
    return names_ignored(IGNORED, names)


def names_ignored(header: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return a header that counts names, and tells the first ones percent-encoded; none for no names."""
    if not names:
        return []
    shown = [str(len(names))]
    size = 0
    for name in names[:_MAX_NAMES]:
        told = quote(name[:_MAX_NAME] or "(unnamed)", safe="()", errors="replace")
        size += len(told)
        if size > _MAX_BYTES:
            break
        shown.append(told)
    return [(header, ", ".join(shown))]


def values_invalid(counts: Mapping[str, int]) -> tuple[str, str]:
    """Return the header that counts values which could not be read and became missing ones, in all and by field."""
    shown = [f"{quote(name[:_MAX_NAME], safe='()', errors='replace')}={count}" for name, count in counts.items()]
    return INVALID, ", ".join([str(sum(counts.values())), *shown[:_MAX_NAMES]])


def mark(response: Response, version: str, ignored: Sequence[str], invalid: Mapping[str, int] | None = None) -> None:
    """
    Add what the answer to every call carries.

    The version of the model, names that belong to no field, values set to missing; and that no cache keeps it, as it
    holds what somebody asked.
    """
    if not (version.isascii() and version.isprintable()):
        version = quote(version, safe=_PRINTABLE)  # what people call a version may be any text, a header may not
    if type(response) is JsonResponse:
        # Werkzeug's add looks for line breaks in values.
        response.headers._list += (("X-Model-Version", version), NO_STORE)
    else:
        response.headers["X-Model-Version"] = version
        response.headers["Cache-Control"] = NO_STORE[1]
    if ignored:
        response.headers.extend(columns_ignored(ignored))
    if invalid:
        response.headers.extend([values_invalid(invalid)])


def json_response(value: Any, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(encode(value), status, mimetype="application/json")


class JsonResponse(Response):
    """
    Answer 200 with bytes that are JSON.

    A full Response for whoever changes it afterwards (compression, CORS); only making and sending it take a short way.
    """

    _status = "200 OK"
    _status_code = 200
    direct_passthrough = False

    def __init__(self, body: bytes) -> None:
        # Werkzeug's own constructor is not called: it parses what is known here (12 us of 16).
        self.headers = Headers()
        self.headers._list = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self.response = [body]
        self._on_close = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Send it; HEAD gets the headers only."""
        if self.status_code != 200 or not isinstance(self.response, list):  # noqa: PLR2004 - somebody changed it
            return super().__call__(environ, start_response)
        start_response(self._status, list(self.headers._list))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response
