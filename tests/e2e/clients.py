"""Many clients at once, cheap enough that two cores can also run the server: raw HTTP/1.1 over sockets and threads."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Wire:
    """One keep-alive connection that costs about 50 us a request."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; return status and body of its answer."""
        self._socket.sendall(request)
        while (end := self._rest.find(b"\r\n\r\n")) < 0:
            self._more()
        head, body = self._rest[:end], self._rest[end + 4 :]
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        while len(body) < length:
            self._more()
            body = self._rest[end + 4 :]
        self._rest = body[length:]
        return int(head[9:12]), body[:length]

    def send(self, part: bytes) -> None:
        """Send bytes and wait for nothing."""
        self._socket.sendall(part)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _more(self) -> None:
        got = self._socket.recv(65536)
        if not got:
            raise ConnectionError("the server closed the connection")
        self._rest += got


def get(path: str, *headers: str) -> bytes:
    """Return the bytes of a GET."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def post(path: str, body: bytes, kind: str, *headers: str) -> bytes:
    """Return the bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def post_json(path: str, value: Any, *headers: str) -> bytes:
    """Return the bytes of a POST of JSON."""
    return post(path, json.dumps(value).encode(), "application/json", *headers)


@dataclass
class Crowd:
    """Run one function in many threads until told to stop; failures of any surface in `leave`."""

    work: Callable[[int, threading.Event], None]
    size: int
    failures: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Crowd":
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.size)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def join(self) -> None:
        """Wait until every thread has returned; raise the first failure."""
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, number: int) -> None:
        try:
            self.work(number, self._over)
        except BaseException as error:
            self.failures.append(error)


def latencies(port: int, request: bytes, seconds: float, clients: int = 4) -> list[float]:
    """Send a request over and over from some clients; return the seconds of each, new connections now and then."""
    samples: list[float] = []

    def ask(number: int, over: threading.Event) -> None:
        wire, count = Wire(port), 0
        while not over.is_set():
            count += 1
            started = time.perf_counter()
            if count % 20 == 0:
                wire.close()
                wire = Wire(port)
            status, _ = wire.exchange(request)
            samples.append(time.perf_counter() - started)
            assert status == 200, status
            # Clients of a service think now and then; without it four clients alone would saturate two cores.
            time.sleep(0.002)
        wire.close()

    with Crowd(ask, clients):
        time.sleep(seconds)
    return samples


def p99(samples: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(samples)[int(len(samples) * 0.99)]
