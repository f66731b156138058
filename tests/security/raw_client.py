"""Send probes as bytes over TCP or a Unix socket, and take apart all that comes back until the connection ends."""

import contextlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_INTERIM = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold one answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """Return the id of the request that this answers."""
        return self.headers.get("x-request-id", "")


def connect(address: int | Path) -> socket.socket:
    """Connect to a port of this machine or to a Unix socket."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout=30)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(str(address))
    return client


def exchange(address: int | Path, data: bytes, *, waits: bool = False) -> bytes:
    """Send bytes on a connection of their own; return what is answered until the other side ends it."""
    with connect(address) as client:
        found = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
            if waits:
                client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while block := client.recv(65536):
                found += block
        return found


def replies(data: bytes) -> tuple[list[Reply], bytes]:
    """Return the final answers in what one connection received, and the bytes that are no answer."""
    found = []
    while begin := re.match(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n", data):
        head, gap, rest = data[begin.end() - 2 :].partition(b"\r\n\r\n")
        if not gap:
            break
        headers = dict(re.findall(r"\r\n([^:\r\n]+): *([^\r\n]*)", head.decode("latin-1")))
        headers = {name.lower(): value for name, value in headers.items()}
        if headers.get("transfer-encoding", "") == "chunked":
            body, rest = _joined(rest)
        else:
            size = int(headers.get("content-length", 0))
            body, rest = rest[:size], rest[size:]
        if int(begin[1]) >= _INTERIM:
            found.append(Reply(int(begin[1]), headers, body))
        data = rest
    return found, data


def _joined(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while size := int((line := data.partition(b"\r\n"))[0], 16):
        body, data = body + line[2][:size], line[2][size + 2 :]
    return body, data.partition(b"\r\n\r\n")[2]
