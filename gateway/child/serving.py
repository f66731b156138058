"""
Accepts connections on a Unix socket and answers each in a thread of its own.

A thread for each connection, because a predict blocks it anyway; how many there are is bounded. Ends without losing a
call: what has arrived is answered, and what has not arrived cannot be sent any more.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from typing import Callable

from .faults import ChildError
from .http_messages import Connection, Request, refusal

#: sockaddr_un has room for 108 bytes, the last of them zero.
MOST_PATH_BYTES = 107
_BACKLOG = 512
#: Of connections, whatever the number of calls at once: every worker keeps some that are idle.
_LEAST_CONNECTIONS = 256
_OVERLOADED = ChildError(503, "overloaded", "too many connections", retry_after_s=1)

log = logging.getLogger("gateway.child")


class Server:
    """Serve `answer`, which turns a request into the bytes of its answer, on the socket at `path`."""

    def __init__(
        self, path: str, answer: Callable[[Request], bytes], *, max_concurrency: int, max_body_bytes: int
    ) -> None:
        self._answer = answer
        self._max_body_bytes = max_body_bytes
        self._most = max(_LEAST_CONNECTIONS, 4 * max_concurrency)
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._is_stopping = False
        self._listener = _listen(path)

    def start(self) -> None:
        """Accept connections from now on."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> None:
        """Take no new connection and no new request, and wait for the answers to those that have arrived."""
        with self._lock:
            self._is_stopping = True
            clients = list(self._clients)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        # From here on a client cannot send (EPIPE: it knows that nothing was asked); what it has sent is read first.
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)
        while self._clients:
            time.sleep(0.01)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                if self._is_stopping:
                    return
                log.error("no connection can be accepted: %s", error)
                time.sleep(0.1)
                continue
            if not self._admit(client):
                continue
            try:
                threading.Thread(target=self._serve, args=(client,), name="connection", daemon=True).start()
            except RuntimeError as error:  # no thread is left
                log.error("no thread for a connection: %s", error)
                self._leave(client)

    def _admit(self, client: socket.socket) -> bool:
        with self._lock:
            if not self._is_stopping and len(self._clients) < self._most:
                self._clients.add(client)
                return True
        with contextlib.suppress(OSError):
            client.send(refusal(_OVERLOADED, keeps_alive=False), socket.MSG_DONTWAIT)
        client.close()
        return False

    def _serve(self, client: socket.socket) -> None:
        try:
            self._exchange(client, Connection(client, self._max_body_bytes))
        except OSError:
            pass  # the client is gone, or too slow
        except Exception:
            log.exception("a connection ended")
        finally:
            self._leave(client)

    def _exchange(self, client: socket.socket, connection: Connection) -> None:
        while True:
            try:
                request = connection.read()
            except ChildError as error:
                connection.write(refusal(error, keeps_alive=False))
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
                return
            if request is None:
                return
            if self._is_stopping:
                request.keeps_alive = False
            answer = self._answer(request)
            connection.write(answer)
            if not request.keeps_alive and not self._is_stopping:
                return

    def _leave(self, client: socket.socket) -> None:
        with self._lock:
            self._clients.discard(client)
        with contextlib.suppress(OSError):
            client.close()


def _listen(path: str) -> socket.socket:
    """Return a socket at a path that only this user reaches; raises OSError or ValueError."""
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise ValueError(f"the path of the socket has more than {MOST_PATH_BYTES} bytes: {path}")
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of a process that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener
