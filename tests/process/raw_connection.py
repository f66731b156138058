"""Send requests byte by byte over a connection, and read the answers one by one."""

import json
import socket


class Raw:
    """Hold one connection on which a test sends every byte itself."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Read one answer; raises EOFError where the server has closed."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers.get("content-length", 0)) if has_body else 0
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(lines[0].split()[1]), headers, body

    def is_closed(self) -> bool:
        """Say whether the server closes without another byte."""
        return not self._rest and self._socket.recv(1) == b""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _more(self) -> None:
        received = self._socket.recv(65536)
        if not received:
            raise EOFError
        self._rest += received


def head(body: bytes, *more: str, method: str = "POST", path: str = "/sentiment") -> bytes:
    """Return the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def review(text: str) -> bytes:
    """Return a body for /sentiment."""
    return json.dumps({"query": text}).encode()


#: Two reviews of one length and unlike answers, so that one head fits both.
GOOD, BAD = review("a wonderful superb film"), review("a terrible boring flick")
