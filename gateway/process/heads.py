"""
Heads of requests that this worker has read before, byte for byte, and what gunicorn made of them.

A client that asks one route again and again sends the same head again and again. What gunicorn's parser finds in it
depends on nothing but its bytes, the peer and the configuration, so it is parsed and judged once. A head that differs
in one byte, is long, or has anything to do with how a body is framed, is gunicorn's alone.
"""

from typing import Any, Final

#: Longer heads are not kept.
MAX_BYTES: Final = 2048
#: So many are kept; a full table begins anew. 512 take 2 MB at most.
MAX_HEADS: Final = 512
#: So many heads are remembered as seen once, by their hash: a head with an id of its own must cost no memory.
MAX_SEEN: Final = 4096
#: Requests with one of these are gunicorn's: they are about the body's framing, or about the connection.
_NOT_KEPT: Final = frozenset(("TRANSFER-ENCODING", "EXPECT", "UPGRADE", "HTTP2-SETTINGS"))
#: What gunicorn puts into an environ that belongs to one request or connection and not to the head.
_OF_ONE_REQUEST: Final = ("wsgi.input", "wsgi.early_hints", "gunicorn.socket", "REMOTE_PORT")


class Head:
    """Hold one parsed head; stands in for gunicorn's Request where an answer is written. Never changes."""

    __slots__ = ("_closes", "environ", "length", "method", "version")

    def __init__(self, request: Any, environ: dict[str, Any]) -> None:
        self.method: str = request.method
        self.version: tuple[int, int] = request.version
        self._closes: bool = request.should_close()
        self.length = int(environ.get("CONTENT_LENGTH") or 0)
        self.environ = {name: value for name, value in environ.items() if name not in _OF_ONE_REQUEST}

    def should_close(self) -> bool:
        """Say whether the client wants the connection closed after the answer."""
        return self._closes

    def leaves_body(self) -> bool:
        """Say that nothing of the body is unread: it came with the head."""
        return False


class Heads:
    """Remember heads of one listener. Belongs to the loop of its worker."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], Head] = {}
        self._seen: set[int] = set()

    def find(self, host: str, head: bytes) -> Head | None:
        """Return what is known of a head that `host` sent, up to and with its empty line."""
        return self._kept.get((host, head))

    def learn(self, host: str, head: bytes, request: Any, environ: dict[str, Any]) -> None:
        """Take note of a head that gunicorn has parsed and accepted; it is kept when it comes for the second time."""
        if len(head) > MAX_BYTES or request.proxy_protocol_info or not _NOT_KEPT.isdisjoint(dict(request.headers)):
            return
        key = (host, head)
        mark = hash(key)
        if mark not in self._seen:
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            self._seen.add(mark)
            return
        if len(self._kept) >= MAX_HEADS:
            self._kept.clear()
        self._kept[key] = Head(request, environ)
