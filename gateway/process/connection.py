"""
One client's connection: wait for a request, read it, let the callable answer it, again.

What a plain request does not need is left out: no timer, watcher or thread is made for it, and gunicorn parses each
head once (heads.py). Everything else goes through gunicorn's parser, with its checks and its limits. How long each
wait may last is said here, and kept by client.py.
"""

import errno
import io
import socket
import time
from collections.abc import Iterable
from typing import Any, Final

from gunicorn.http import errors, wsgi
from gunicorn.util import close

from gateway.process.client import Client, CutError, Stage
from gateway.process.heads import Heads
from gateway.process.lingering_close import linger
from gateway.process.reply import Reply
from gateway.process.request import DRAIN_BYTES, HttpParser

_READ_BYTES: Final = 8192
_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF))


class Connection:
    """Serve one connection in its greenlet."""

    __slots__ = ("_addr", "_before", "_client", "_heads", "_host", "_parser", "_port", "_server", "_worker")

    def __init__(self, worker: Any, listener: Any, heads: Heads, client: Client, addr: Any) -> None:
        self._worker = worker
        self._heads = heads
        self._client = client
        self._addr = addr
        self._host: str = addr[0] if isinstance(addr, tuple) else ""
        self._port: str | None = str(addr[1]) if isinstance(addr, tuple) else None
        self._server = listener.getsockname()
        self._parser = HttpParser(worker.cfg, client, addr)
        self._before = b""

    def serve(self) -> None:
        """Answer requests until one side has had enough; never raises but to be killed."""
        request: Any = None
        try:
            while True:
                request = None
                request, environ, reply = self._next()
                # The client waits from here on, so its deadline counts from here (rest/reading.py), turnstile included.
                environ["gateway.arrived"] = time.monotonic()
                self._client.begin(Stage.BODY, pace=self._worker.pace)
                self._worker.take_turn(environ["PATH_INFO"])
                if not self._worker.keeps_connections:
                    reply.force_close()
                try:
                    if not self._answer(environ, reply):
                        return
                finally:
                    share = environ.get("gateway.share")
                    if share is not None:
                        share.release()
        except (CutError, StopIteration, errors.NoMoreData):
            return
        except TimeoutError:
            self._worker.log.info("connection ended: the client does not read its answer")
        except OSError as error:
            if error.errno not in _GONE:
                self._worker.log.exception("Socket error processing request.")
        except Exception as error:
            self._worker.handle_error(request, self._client, self._addr, error)
        finally:
            close(self._client)

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
            if not parser.finish_body(max_bytes=DRAIN_BYTES):
                raise StopIteration
            parser.mesg = None
            self._before = parser.unreader.take_buffered()
        if self._before:
            self._client.stand_in_line(self._worker.turnstile)  # or who sends ahead would keep the loop
            data, self._before = self._before, b""
            self._expect_head()
            return data
        self._expect_head()
        received = self._client.recv(_READ_BYTES)
        if not received:
            raise StopIteration
        return received

    def _expect_head(self) -> None:
        now = time.monotonic()
        self._client.begin(Stage.HEAD, since=now, until=now + self._worker.patience_s)

    def _answer(self, environ: dict[str, Any], reply: Reply) -> bool:
        """Let the callable answer; return whether the connection may be used again."""
        try:
            chunks: Iterable[bytes] = self._worker.wsgi(environ, reply.start_response)
            self._client.begin(Stage.ANSWER, pace=self._worker.pace)
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
        # One that was shed sends nothing now, and its place is what it was shed for.
        if request is not None and request.has_unread_body() and not self._client.was_shed:
            linger(self._client)
