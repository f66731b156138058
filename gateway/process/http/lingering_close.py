"""Close a connection whose request was not read completely, so that the client can still read the answer."""

import contextlib
import logging
import socket
from typing import Any, Final

from gateway.codecs.json import encode
from gateway.errors import GatewayError
from gateway.process.http.client_socket import Client, CutError, Pace, Stage
from gateway.rest.errors import body_of, status_of
from gateway.rest.malformed_requests import refusal
from gateway.rest.middleware.telemetry import new_id

log = logging.getLogger("gateway.worker")

#: How long a refused client may go on sending: a close with unread bytes resets the connection and discards the
#: answer. The limit is two seconds, and one more for each 64 KiB that arrive.
LINGER: Final = Pace(stall_s=2.0, total_s=2.0, bytes_per_s=64 * 1024)
#: Twice the default of `max_body_size`.
LINGER_BYTES: Final = 64 * 1024 * 1024
_BLOCK: Final = 64 * 1024


def refuse(client: Client, error: BaseException, address: Any) -> None:
    """Answer a request that cannot be parsed, or that failed outside the application; then linger."""
    known = refusal(error)
    answer: GatewayError = known or GatewayError("internal error", code="internal")
    status, request_id = status_of(answer), new_id()
    extra = {"request_id": request_id, "code": answer.code, "status": status, "client": _host(address)}
    if known is None:
        log.error("request failed", exc_info=error, extra=extra)
    else:
        log.warning("request refused", extra=extra)
    body = body_of(answer, status, request_id)
    content = encode(body)
    head = (
        f"HTTP/1.1 {status} {body['title']}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nX-Request-ID: {request_id}\r\n\r\n"
    )
    client.begin(Stage.LINGER, LINGER)
    with contextlib.suppress(OSError):
        client.sendall(head.encode() + content)
    linger(client)


def linger(client: Client) -> None:
    """Shut down the sending side and discard what the client still sends, within LINGER and LINGER_BYTES."""
    client.begin(Stage.LINGER, LINGER)
    received = 0
    with contextlib.suppress(OSError, CutError):
        client.shutdown(socket.SHUT_WR)
        while received < LINGER_BYTES and (block := client.recv(_BLOCK)):
            received += len(block)


def _host(address: Any) -> str:
    """Return the address of a client; empty for a Unix socket."""
    return str(address[0]) if isinstance(address, tuple) and address else ""
