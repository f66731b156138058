"""
One client's connection: wait for a request, read it, let the callable answer it, again.

What a plain request does not need is left out: no timer, watcher or thread is made for it, and gunicorn parses each
head once (heads.py). Everything else goes through gunicorn's parser, with its checks and its limits.
"""

import errno
import io
import socket
import time
from collections.abc import Iterable
from typing import Any, Final

import gevent
from gevent.hub import Waiter
from greenlet import getcurrent
from gunicorn.http import errors, wsgi
from gunicorn.http.parser import RequestParser
from gunicorn.util import close

from gateway.process.heads import Heads
from gateway.process.parting import linger
from gateway.process.reply import Reply

_READ_BYTES: Final = 8192
_READABLE: Final = 1
_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF))


class _Cut(BaseException):
    """End a wait for a request."""


class Connection:
    """Serve one connection in its greenlet; `until` is when its wait for a request is over."""

    __slots__ = (
        "_addr", "_before", "_client", "_heads", "_host", "_hub", "_parser", "_port", "_reader", "_server", "_waiter",
        "_worker", "greenlet", "until",
    )  # fmt: skip

    def __init__(self, worker: Any, listener: Any, heads: Heads, client: Any, addr: Any) -> None:
        self._worker = worker
        self._heads = heads
        self._client = client
        self._addr = addr
        self._host: str = addr[0] if isinstance(addr, tuple) else ""
        self._port: str | None = str(addr[1]) if isinstance(addr, tuple) else None
        self._server = listener.getsockname()
        self._hub = gevent.get_hub()
        # Kept for the life of the connection: making and starting one for every wait would cost a system call each.
        self._reader = self._hub.loop.io(client.fileno(), _READABLE)
        self._waiter: Any = None
        self._parser = RequestParser(worker.cfg, client, addr)
        self._before = b""
        self.greenlet = getcurrent()
        self.until = 0.0

    def serve(self) -> None:
        """Answer requests until one side has had enough; never raises but to be killed."""
        request: Any = None
        try:
            while True:
                request = None
                self.until = time.monotonic() + self._worker.patience_s
                self._worker.waits.add(self)
                try:
                    request, environ, reply = self._next()
                finally:
                    self._worker.waits.discard(self)
                # The client waits from here on, so its deadline counts from here (rest/reading.py), turnstile included.
                environ["gateway.arrived"] = time.monotonic()
                self._worker.take_turn()
                if not self._worker.keeps_connections:
                    reply.force_close()
                if not self._answer(environ, reply):
                    return
        except (_Cut, StopIteration, errors.NoMoreData):
            return
        except OSError as error:
            if error.errno not in _GONE:
                self._worker.log.exception("Socket error processing request.")
        except Exception as error:
            self._worker.handle_error(request, self._client, self._addr, error)
        finally:
            self._reader.close()
            close(self._client)

    def cut(self) -> None:
        """End the wait for a request as if its time were over."""
        # Through the hub: a throw from the main greenlet would switch away from it for good.
        self._hub.loop.run_callback(self._cut)

    def _cut(self) -> None:
        if self in self._worker.waits:
            self.greenlet.throw(_Cut)

    def _next(self) -> tuple[Any, dict[str, Any], Reply]:
        """Wait for the next request; return it, its environ and what will answer it."""
        data = self._arrived()
        end = data.find(b"\r\n\r\n") + 4
        head = data[:end] if end > 3 else b""  # noqa: PLR2004 - find() said -1
        known = self._heads.find(self._host, head) if head else None
        if known is None or len(data) - end < known.length:
            return self._parsed(data, head)
        after = end + known.length
        self._before = data[after:]
        environ = known.environ.copy()
        environ["wsgi.input"] = io.BytesIO(data[end:after])
        environ["gunicorn.socket"] = self._client
        if self._port is not None:
            environ["REMOTE_PORT"] = self._port
        return known, environ, Reply(known, self._client, self._worker.cfg)

    def _parsed(self, data: bytes, head: bytes) -> tuple[Any, dict[str, Any], Reply]:
        """Let gunicorn parse what begins with `data`, and remember a head that came whole."""
        self._parser.unreader.unread(data)
        request = next(self._parser)
        reply, environ = wsgi.create(
            request, self._client, self._addr, self._server, self._worker.cfg, response_class=Reply
        )
        environ["wsgi.multithread"] = True
        if head:
            self._heads.learn(self._host, head, request, environ)
        return request, environ, reply

    def _arrived(self) -> bytes:
        """Return what the client has sent since the last request, waiting for it; raises StopIteration at its end."""
        parser = self._parser
        if parser.mesg is not None:
            if parser.mesg.should_close() or not parser.finish_body():
                raise StopIteration
            parser.mesg = None
            self._before = parser.unreader.take_buffered()
        if self._before:
            self._worker.turnstile.pass_through()  # who sends before the answer came would keep the loop otherwise
            data, self._before = self._before, b""
            return data
        self._wait()
        received: bytes = self._client.recv(_READ_BYTES)
        if not received:
            raise StopIteration
        return received

    def _wait(self) -> None:
        """Sleep until there is something to read. Every wait is a turn of the loop: no client can keep it."""
        self._waiter = Waiter(self._hub)
        if not self._reader.active:
            self._reader.start(self._readable)
        try:
            self._waiter.get()
        finally:
            self._waiter = None

    def _readable(self) -> None:
        waiter = self._waiter
        if waiter is None:  # sent while the last request is still being answered: looked at when its turn comes
            self._reader.stop()
        else:
            waiter.switch(None)

    def _answer(self, environ: dict[str, Any], reply: Reply) -> bool:
        """Let the callable answer; return whether the connection may be used again."""
        try:
            chunks: Iterable[bytes] = self._worker.wsgi(environ, reply.start_response)
            try:
                for chunk in chunks:
                    reply.write(chunk)
                reply.close()
            finally:
                end = getattr(chunks, "close", None)
                if end is not None:
                    end()
        except OSError:
            raise
        except Exception:
            if not reply.headers_sent:
                raise
            # Half an answer is on its way: another one behind it would be taken for the rest of this one.
            self._worker.log.exception("Error handling request")
            self._client.shutdown(socket.SHUT_RDWR)
            return False
        if not reply.should_close():
            return True
        self._let_finish()
        return False

    def _let_finish(self) -> None:
        """Let a client that is still sending the body of its last request see the answer."""
        request = self._parser.mesg
        if request is not None:
            reader = request.body.reader
            if getattr(reader, "length", 0) or getattr(reader, "parser", None):  # of a known length, or of chunks
                linger(self._client)
