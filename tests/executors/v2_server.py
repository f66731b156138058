"""
A small server of the Open Inference Protocol on bare sockets, which can do everything wrong that a server can.

Its model `m` answers the sum of the columns of a row. A test sets `answers` to what each next request gets; where that
is empty the server is good.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gateway.codecs import v2

METADATA: dict[str, Any] = {
    "name": "m",
    "versions": ["1"],
    "platform": "test",
    "inputs": [{"name": "a", "datatype": "FP64", "shape": [-1]}],
    "outputs": [{"name": "prediction", "datatype": "FP64", "shape": [-1]}],
}


@dataclass(frozen=True)
class Request:
    """Hold one request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_infer(self) -> bool:
        """Say whether it asks for a prediction."""
        return self.path.endswith("/infer")


#: Bytes to send; None closes the connection without a word.
Reply = bytes | None
Behaviour = Callable[[Request, "socket.socket"], Reply]


@dataclass
class V2Server:
    """Listen on a path (a Unix socket) or a port; `answers` are the behaviours of the next inference requests."""

    place: str | int
    metadata: dict[str, Any] = field(default_factory=lambda: dict(METADATA))
    extensions: tuple[str, ...] = ("binary_tensor_data",)
    is_ready: bool = True
    answers: deque[Behaviour] = field(default_factory=deque)
    always: Behaviour | None = None
    seen: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._open: set[socket.socket] = set()
        self.listen()

    @property
    def address(self) -> str:
        """Return where it listens, as a client names it."""
        return self.place if isinstance(self.place, str) else f"http://127.0.0.1:{self.place}"

    @property
    def predicts(self) -> int:
        """Return how many inference requests arrived."""
        return sum(request.is_infer for request in self.seen)

    def listen(self) -> None:
        """Listen, again where it was closed."""
        if isinstance(self.place, str):
            Path(self.place).unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self.place)
        else:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", self.place))
        self._socket.listen(64)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def close(self) -> None:
        """Be dead at once, as after a kill -9."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close every kept connection from this side."""
        for connection in list(self._open):
            connection.close() if connection.fileno() < 0 else connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with connection, connection.makefile("rb") as file:
                while (request := _read(file)) is not None:
                    self.seen.append(request)
                    reply = self._reply(request, connection)
                    if reply is None:
                        return
                    connection.sendall(reply)
        except OSError:
            pass
        finally:
            self._open.discard(connection)

    def _reply(self, request: Request, connection: socket.socket) -> Reply:
        if request.path == "/v2":
            return answer(200, {"name": "test", "version": "1", "extensions": list(self.extensions)})
        if request.path == "/v2/models/m":
            return answer(200, self.metadata)
        if request.path == "/v2/models/m/ready":
            return answer(200 if self.is_ready else 503, {})
        if not request.is_infer:
            return answer(404, {"error": "no such thing"})
        behaviour = self.answers.popleft() if self.answers else self.always
        return sums(request) if behaviour is None else behaviour(request, connection)


def _read(file: Any) -> Request | None:
    line = file.readline().decode().split()
    if not line:
        return None
    headers = {}
    while (text := file.readline().decode().strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line[0], line[1], headers, file.read(int(headers.get("content-length", 0))))


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None, raw: bytes = b"") -> bytes:
    """Return the bytes of an answer in JSON, and of raw tensors behind it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Length": str(len(content) + len(raw)), "Content-Type": "application/json"} | dict(headers or {})
    if raw:
        given["Inference-Header-Content-Length"] = str(len(content))
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + content + raw


def decoded(request: Request) -> v2.InferRequest:
    """Return the tensors of an inference request."""
    length = request.headers.get("inference-header-content-length")
    return v2.decode(request.body, None if length is None else int(length))


def sums(request: Request) -> bytes:
    """Answer the sum of all number columns, in the form that was asked for."""
    found = decoded(request)
    rows = found.inputs[0].shape[0]
    total = np.zeros(rows)
    for tensor in found.inputs:
        total += np.asarray(tensor.values, dtype=np.float64).reshape(rows, -1).sum(axis=1)
    wanted = found.outputs or ()
    binary = bool(wanted) and wanted[0].binary
    return predicted(total.tolist(), binary=binary)


def predicted(values: list[float], *, binary: bool = False, name: str = "prediction") -> bytes:
    """Answer these values."""
    shown: dict[str, Any] = {"name": name, "datatype": "FP64", "shape": [len(values)]}
    raw = struct.pack(f"<{len(values)}d", *values) if binary else b""
    shown |= {"parameters": {"binary_data_size": len(raw)}} if binary else {"data": values}
    return answer(200, {"model_name": "m", "outputs": [shown]}, raw=raw)


def after(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """Wait, then answer."""

    def behave(request: Request, connection: socket.socket) -> Reply:
        time.sleep(seconds)
        return sums(request) if then is None else then(request, connection)

    return behave


def saying(reply: Reply) -> Behaviour:
    """Answer these bytes, whatever was asked."""
    return lambda request, connection: reply


def drop(request: Request, connection: socket.socket) -> Reply:
    """Close the connection after the request was read."""
    return None


def dripping(seconds: float) -> Behaviour:
    """Send a byte of an endless header from time to time."""

    def behave(request: Request, connection: socket.socket) -> Reply:
        ends = time.monotonic() + seconds
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while time.monotonic() < ends:
            connection.sendall(b"x")
            time.sleep(0.02)
        return None

    return behave


def flooding(request: Request, connection: socket.socket) -> Reply:
    """Send chunks without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"100000\r\n" + bytes(0x100000) + b"\r\n")
