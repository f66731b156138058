"""
Parse ordinary HTTP request heads with httptools; decline every other head, which gunicorn's parser then reads.

gunicorn's parser is written in Python and takes ten times as long. It stays the authority: it accepts every head that
this one accepts, with the same environ (tests/process/test_fast_parser.py compares the two). This parser declines heads
that gunicorn refuses, and heads with transfer codings, expectations, repeated fields or encoded paths.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gunicorn.http.body import Body, LengthReader
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.process.http.strict_parser import DRAIN_BYTES, HttpParser, create_environ, wants_close

#: No line of a shorter head exceeds gunicorn's limits of the request line and of a field, 8190 bytes each.
MAX_BYTES: Final = 8190
#: As many fields as gunicorn's `limit_request_fields` allows.
MAX_FIELDS: Final = 100
#: Method, target in origin form and printable ASCII, version. `//`, `%` in the path and `#` are left to gunicorn.
_LINE: Final = re.compile(rb"([A-Z-]{3,20}) (/(?!/)[!\"$&->@-~]*)(?:\?([!\"$-~]*))? HTTP/(1\.[01])")
#: Fields that decide how a body is framed or whether it is sent at all.
_DECLINED: Final = frozenset(("TRANSFER-ENCODING", "EXPECT"))
_SAMPLE: Final = b"GET / HTTP/1.1\r\n\r\n"


class FastRequest:
    """Hold the parts of a parsed request that connection and reply use; replaces gunicorn's Request."""

    __slots__ = ("_closes", "body", "length", "method", "version")

    def __init__(self, method: str, version: tuple[int, int], length: int, closes: bool) -> None:
        self.method = method
        self.version = version
        self.length = length
        self._closes = closes
        #: Set where the body did not arrive completely with the head.
        self.body: Body | None = None

    def read_from(self, unreader: Any) -> Body:
        """Return a reader of the body; `unreader` holds the bytes that have arrived."""
        self.body = Body(LengthReader(unreader, self.length))
        return self.body

    def should_close(self) -> bool:
        """Say whether the client wants the connection closed after the answer."""
        return self._closes

    def leaves_body(self) -> bool:
        """Say whether too much of the body is unread to keep the connection for another request."""
        body = self.body
        return body is not None and (body.failed or body.reader.length > DRAIN_BYTES)

    def has_unread_body(self) -> bool:
        """Say whether bytes of the body are outstanding: closing now would reset the connection."""
        return self.body is not None and bool(self.body.reader.length)


class FastParser:
    """Parse the request heads of one listener; every environ holds its `marks`, whichever parser reads the head."""

    def __init__(self, cfg: Any, server: Any, marks: Mapping[str, Any] = MappingProxyType({})) -> None:
        request = next(HttpParser(cfg, iter([_SAMPLE]), ""))
        # The keys that gunicorn puts into every environ; a request overwrites the values of the sample.
        self._environ = create_environ(request, None, "", server, cfg)[1] | dict(marks)
        self.marks = marks
        # A Unix socket has no host and port; like gunicorn, take them from the Host field.
        self._is_named_by_host = isinstance(server, str) and ":" not in server

    def environ_of(self, client: Any, addr: Any) -> dict[str, Any]:
        """Return the part of the environ that all requests of one connection share."""
        environ = self._environ | {"gunicorn.socket": client}
        if isinstance(addr, tuple):
            return environ | {"REMOTE_ADDR": addr[0], "REMOTE_PORT": str(addr[1])}
        return environ | {"REMOTE_ADDR": addr.decode() if isinstance(addr, bytes) else addr}

    def parse(self, head: bytes, common: dict[str, Any]) -> tuple[FastRequest, dict[str, Any]] | None:
        """Return a request and its environ without `wsgi.input`; None for a head that is left to gunicorn."""
        first, *fields = head.split(b"\r\n")[:-2]
        line = _request_line(first)
        if line is None or len(head) > MAX_BYTES or len(fields) > MAX_FIELDS:
            return None
        try:
            HttpRequestParser(None).feed_data(head)
        except (HttpParserError, HttpParserUpgrade):
            return None
        environ: dict[Any, Any] = common | line.environ
        others = len(environ)
        environ.update(map(_field, fields))
        # Fewer keys than fields: a name is repeated.
        if len(environ) != others + len(fields) or None in environ:
            return None
        length = environ.get("CONTENT_LENGTH", "0")
        if not (length.isascii() and length.isdigit()):
            return None
        if self._is_named_by_host and environ.get("HTTP_HOST"):
            environ["SERVER_NAME"], *port = environ["HTTP_HOST"].split(":")
            environ["SERVER_PORT"] = port[0] if port else "80"
        closes = wants_close(line.version, environ.get("HTTP_CONNECTION", ""))
        return FastRequest(line.method, line.version, int(length), closes), environ


class _RequestLine(NamedTuple):
    method: str
    version: tuple[int, int]
    environ: dict[str, str]


@lru_cache(maxsize=128)  # keys are chosen by clients: 4 MB at most
def _request_line(line: bytes) -> _RequestLine | None:
    """Parse a request line; None for one that is left to gunicorn."""
    found = _LINE.fullmatch(line)
    if found is None or found[1] == b"CONNECT":
        return None
    method, path, query, version = (part.decode() for part in found.groups(b""))
    environ = {
        "REQUEST_METHOD": method,
        "RAW_URI": line.split(b" ")[1].decode(),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/" + version,
    }
    return _RequestLine(method, (1, int(version[-1])), environ)


@lru_cache(maxsize=256)  # keys are chosen by clients: 6 MB at most
def _field(line: bytes) -> tuple[str | None, str]:
    """Return the environ key and the value of a field; no key for a field that is left to gunicorn."""
    name, colon, value = line.decode("latin-1").partition(":")
    upper = name.upper()
    if not colon or "_" in upper or upper in _DECLINED or line[0] in b" \t":
        return None, ""
    key = upper.replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + key, value.strip(" \t")
