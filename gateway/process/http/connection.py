"""
Serve one keep-alive connection: wait for a request, parse it, call the WSGI application, repeat.

An ordinary request makes no timer, watcher or thread, and httptools parses its head (fast_parser.py); gunicorn's
parser reads every other head. This module decides how long each wait may last; client.py ends the wait.
"""

import errno
import io
import socket
import time
from collections.abc import Iterable
from typing import Any, Final

from gunicorn.http import errors
from gunicorn.util import close

from gateway.process.http.client_socket import Client, CutError, Stage
from gateway.process.http.fast_parser import FastParser
from gateway.process.http.lingering_close import linger
from gateway.process.http.reply import Reply
from gateway.process.http.strict_parser import DRAIN_BYTES, HttpParser, create_environ

_READ_BYTES: Final = 8192
_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF))


class Connection:
    """Serve one connection in its greenlet."""

    __slots__ = ("_addr", "_before", "_client", "_environ", "_fast", "_parser", "_server", "_worker")

    def __init__(self, worker: Any, server: Any, fast: FastParser, client: Client, addr: Any) -> None:
        self._worker = worker
        self._fast = fast
        self._environ = fast.environ_of(client, addr)
        self._client = client
        self._addr = addr
        self._server = server
        self._parser = HttpParser(worker.cfg, client, addr)
        self._before = b""

    def serve(self) -> None:
        """Answer requests until one side closes the connection; raises nothing but GreenletExit."""
        request: Any = None
        try:
            while True:
                request = None
                request, environ, reply = self._next()
                # The deadline of the request counts from here and includes the wait for admission.
                environ["gateway.arrived"] = time.monotonic()
                self._worker.wsgi.locate(environ)
                self._worker.admit(environ["PATH_INFO"])
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
        """Wait for the next request; return it, its environ and its reply."""
        data = self._arrived()
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:  # noqa: PLR2004 - find() said -1
            self._expect(self._worker.head_timeout_s)
            return self._parsed(data)
        parsed = self._fast.parse(data[:end], self._environ)
        if parsed is None:
            return self._parsed(data)
        request, environ = parsed
        after = end + request.length
        if after <= len(data):
            environ["wsgi.input"] = io.BytesIO(data[end:after])
            self._before = data[after:]
        else:
            self._parser.unreader.unread(data[end:])
            self._parser.mesg = request
            environ["wsgi.input"] = request.read_from(self._parser.unreader)
            self._client.begin(Stage.BODY, self._worker.pace)
        return request, environ, Reply(request, self._client, self._worker.cfg)

    def _parsed(self, data: bytes) -> tuple[Any, dict[str, Any], Reply]:
        """Parse a request that begins with `data` with gunicorn's parser."""
        self._parser.unreader.unread(data)
        request = next(self._parser)
        reply, environ = create_environ(request, self._client, self._addr, self._server, self._worker.cfg)
        environ.update(self._fast.marks)
        self._client.begin(Stage.BODY, self._worker.pace)
        return request, environ, reply

    def _arrived(self) -> bytes:
        """Wait for the first bytes of the next request; raises StopIteration at the end of the stream."""
        parser = self._parser
        if parser.mesg is not None:
            if not parser.finish_body(max_bytes=DRAIN_BYTES):
                raise StopIteration
            parser.mesg = None
            self._before = parser.unreader.take_buffered()
        if self._before:
            # Otherwise a client that pipelines requests would monopolize the loop.
            self._client.wait_for_admission(self._worker.admission)
            data, self._before = self._before, b""
            self._expect(self._worker.idle_timeout_s)
            return data
        self._expect(self._worker.idle_timeout_s)
        received = self._client.recv(_READ_BYTES)
        if not received:
            raise StopIteration
        return received

    def _expect(self, within_s: float) -> None:
        now = time.monotonic()
        self._client.begin(Stage.HEAD, None, now, now + within_s)

    def _answer(self, environ: dict[str, Any], reply: Reply) -> bool:
        """Call the WSGI application and send its answer; return whether the connection stays open."""
        try:
            chunks: Iterable[bytes] = self._worker.wsgi(environ, reply.start_response)
            self._client.begin(Stage.ANSWER, self._worker.pace)
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
            # Part of an answer was sent: the client would take an error answer for the rest of it.
            self._worker.log.exception("Error handling request")
            self._client.shutdown(socket.SHUT_RDWR)
            return False
        if not reply.should_close():
            return True
        self._let_finish()
        return False

    def _let_finish(self) -> None:
        """Linger where the client is still sending the body of its last request, so that it can read the answer."""
        request = self._parser.mesg
        # A shed client was not sending, and its connection slot is needed.
        if request is not None and request.has_unread_body() and not self._client.was_shed:
            linger(self._client)
