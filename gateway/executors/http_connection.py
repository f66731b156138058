"""
One kept-alive HTTP/1.1 connection to a model server, with an absolute deadline for each exchange.

http.client has a timeout for each read, so that a server which sends a byte a second holds its caller for ever, and
costs 150 us an exchange. Blocking: it is used in native threads. Redirects are answers like any other.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final

from gateway.executors.http_answer import Answer, AnswerReader, LateError, LostError, NotSentError
from gateway.system.egress import Egress
from gateway.system.judged_connection import connect, connected
from gateway.system.server_address import Address

_READ: Final = 256 * 1024
#: A handshake that takes longer is a host that does not answer.
_HANDSHAKE_S: Final = 3.0
#: Bodies below this are sent together with the head, in one packet where they fit.
_JOINED: Final = 64 * 1024


class Connection:
    """Hold one connection; used by one thread at a time, and never again after an ExchangeError."""

    __slots__ = ("_deadline", "_socket", "idle_since", "is_reusable")

    def __init__(self, address: Address, deadline: float, connect_s: float, tls: ssl.SSLContext | None) -> None:
        """Connect; raises NotSentError."""
        self._deadline = deadline
        self.is_reusable = True
        self.idle_since = 0.0
        limit = min(deadline, time.monotonic() + connect_s)
        try:
            self._socket = _plain(address, limit)
            if address.tls:
                limit_s = min(deadline - time.monotonic(), _HANDSHAKE_S)
                self._socket = _secured(self._socket, tls or ssl.create_default_context(), address.host, limit_s)
        except BlockingIOError as error:
            # A Unix socket whose queue is full refuses at once, where TCP waits.
            raise NotSentError("its queue of connections is full", is_busy=True) from error
        except TimeoutError as error:
            raise NotSentError("it does not answer") from error
        except ssl.SSLCertVerificationError as error:
            raise NotSentError(f"its certificate is not trusted: {error.verify_message}") from error
        except OSError as error:
            is_absent = isinstance(error, FileNotFoundError | ConnectionRefusedError)
            raise NotSentError(_reason(error), is_absent=is_absent) from error

    @property
    def is_stale(self) -> bool:
        """Say whether the server has closed this idle connection, or said something that nobody asked for."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(1) if isinstance(self._socket, ssl.SSLSocket) else self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close; idempotent."""
        self._socket.close()

    def exchange(self, head: bytes, body: Sequence[bytes], deadline: float, most_bytes: int) -> Answer:
        """
        Send a request and return its answer, of which the body has at most `most_bytes`.

        Raises LostError, LateError or BrokenError.
        """
        self._deadline = deadline
        try:
            is_sent = self._send(head, body)
            answer = AnswerReader(self._receive, most_bytes).read()
        except TimeoutError as error:
            raise LateError("the deadline passed") from error
        except OSError as error:
            raise LostError(_reason(error)) from error
        self.is_reusable = is_sent and not answer.is_last
        return answer

    def _send(self, head: bytes, body: Sequence[bytes]) -> bool:
        """Return whether all was taken: a large body may be refused before it was read, with an answer to be read."""
        joined = b"".join(body)
        try:
            for part in (head + joined,) if len(joined) < _JOINED else (head, joined):
                self._socket.settimeout(self._remaining_s())
                self._socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _receive(self) -> bytes:
        self._socket.settimeout(self._remaining_s())
        return self._socket.recv(_READ)

    def _remaining_s(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining


def _plain(address: Address, limit: float) -> socket.socket:
    egress = Egress(address.allowed)
    if not address.unix:
        return connect(address.host, address.port, egress, limit)
    if (refusal := egress.refusal_of_socket(address.unix)) is not None:
        raise OSError(refusal)
    return connected(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), address.unix, limit)


def _secured(made: socket.socket, tls: ssl.SSLContext, host: str, limit_s: float) -> socket.socket:
    try:
        made.settimeout(max(limit_s, 0.001))
        return tls.wrap_socket(made, server_hostname=host)
    except OSError:
        made.close()
        raise


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return error.strerror or str(error) or type(error).__name__
