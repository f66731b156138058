"""Parse requests with gunicorn's parser in Python, more strictly where gunicorn accepts what HTTP forbids."""

import re
from typing import Any, Final

from gunicorn.http import wsgi
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidRequestLine, UnsupportedTransferCoding
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from gateway.process.http.chunked_body import BatchedChunks
from gateway.process.http.reply import Reply

#: Bytes of a whole head, as many as the load balancers of the large clouds pass on. 100 fields of 8 KiB would let a
#: client fill memory before its request is looked at.
HEAD_BYTES: Final = 64 * 1024
#: Bytes of an unread body that are read and discarded to keep the connection; with more, the connection closes.
DRAIN_BYTES: Final = 1024 * 1024
#: Targets that name one path for every reader. gunicorn takes `a:/loan?://` and CONNECT's `a:/loan` for /loan as well.
_TARGET: Final = re.compile(r"/.*|\*|(?i:https?)://[^/?#].*")


class HttpRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """Read one request from a connection."""

    max_buffer_headers: int
    path: str
    uri: str

    def __init__(self, cfg: Any, unreader: Any, peer_addr: Any, req_number: int = 1) -> None:
        self._closes: bool | None = None
        super().__init__(cfg, unreader, peer_addr, req_number)

    def parse(self, unreader: Any) -> Any:
        """Read the head, up to HEAD_BYTES."""
        self.max_buffer_headers = min(self.max_buffer_headers, HEAD_BYTES)
        return super().parse(unreader)

    def parse_request_line(self, line_bytes: bytes) -> None:
        """Read the request line; an encoded slash stays encoded, as in proxies in front."""
        super().parse_request_line(line_bytes)
        if not _TARGET.fullmatch(self.uri):
            raise InvalidRequestLine(line_bytes.decode("latin-1"))
        if "%2" in self.path:
            # wsgi.create decodes once: "%252f" becomes "%2f" in PATH_INFO, which is no path separator.
            self.path = self.path.replace("%2f", "%252f").replace("%2F", "%252F")

    def set_body_reader(self) -> None:
        """Choose the reader of the body: by length, or chunked; refuse other transfer codings."""
        for name, value in self.headers:
            if name == "TRANSFER-ENCODING":
                for coding in value.split(","):
                    if coding.strip(" \t").lower() != "chunked":
                        raise UnsupportedTransferCoding(coding.strip(" \t"))
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body.reader = BatchedChunks(self, self.unreader)

    def should_close(self) -> bool:
        """Say whether the client asks to close the connection, or cannot use it again."""
        if self._closes is None:
            connection = ",".join(value for name, value in self.headers if name == "CONNECTION")
            self._closes = self.method == "CONNECT" or wants_close(self.version, connection)
        return self.must_close or self._closes

    def leaves_body(self) -> bool:
        """Say whether too much of the body is unread to keep the connection for another request."""
        reader = self.body.reader
        if isinstance(reader, BatchedChunks):
            return not reader.is_at_end and not reader.has_come(self.unreader.buf.getvalue())
        return self.body.failed or (isinstance(reader, LengthReader) and reader.length > DRAIN_BYTES)

    def has_unread_body(self) -> bool:
        """Say whether bytes of the body are outstanding: closing now would reset the connection."""
        reader = self.body.reader
        return not reader.is_at_end if isinstance(reader, BatchedChunks) else bool(reader.length)


class HttpParser(RequestParser):  # type: ignore[misc]  # gunicorn has no types
    """Read the requests of one connection."""

    mesg_class = HttpRequest


def wants_close(version: tuple[int, int], connection: str) -> bool:
    """Say whether a client closes the connection, from its HTTP version and Connection field."""
    tokens = {token.strip(" \t").lower() for token in connection.split(",")} if connection else ()
    return "close" in tokens or (version <= (1, 0) and "keep-alive" not in tokens)


def create_environ(request: Any, client: Any, addr: Any, server: Any, cfg: Any) -> tuple[Reply, dict[str, Any]]:
    """Return the reply to a request and its environ; sends `100 Continue` to a client that waits for it."""
    reply, environ = wsgi.create(request, client, addr, server, cfg, response_class=Reply)
    environ["wsgi.multithread"] = True
    del environ["wsgi.early_hints"]  # unused, and it would make a reference cycle of environ and reply
    return reply, environ
