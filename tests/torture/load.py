"""
A load of keep-alive and one-shot clients that counts every request without a complete answer.

Raw asyncio sockets, because HTTP libraries retry: a refused, reset or cut connection must show.
"""

import asyncio
import json
import os
import threading
import time
from dataclasses import dataclass, field

#: What a client waits between two requests: beside other tests, eight that wait less take a core for themselves.
PAUSE_S = 0.01 if "TORTURE_ROUNDS" in os.environ else 0.03


@dataclass(slots=True)
class Request:
    """Hold one request as bytes, and how its answer is recognised."""

    path: str
    body: bytes = b""
    expect: bytes = b""

    def head(self, *, keep: bool) -> bytes:
        """Return the bytes to send."""
        method = b"POST" if self.body else b"GET"
        lines = [
            method + b" " + self.path.encode() + b" HTTP/1.1",
            b"Host: localhost",
            b"Connection: " + (b"keep-alive" if keep else b"close"),
        ]
        if self.body:
            lines += [b"Content-Type: application/json", b"Content-Length: " + str(len(self.body)).encode()]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


@dataclass(slots=True)
class Seen:
    """Collect what the clients saw; `failures` says what went wrong and when."""

    answers: int = 0
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    generations: dict[str, int] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)

    def worst_ms(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Return the longest answer that began within a span of time."""
        return 1e3 * max((took for at, took in self.latencies if since <= at < until), default=0.0)

    def quantile_ms(self, share: float, since: float = 0.0, until: float = float("inf")) -> float:
        """Return a quantile of the answers that began within a span of time."""
        taken = sorted(took for at, took in self.latencies if since <= at < until)
        return 1e3 * taken[min(int(share * len(taken)), len(taken) - 1)] if taken else 0.0


class Load:
    """Run clients in a thread of their own between `start` and `stop`."""

    def __init__(self, port: int, requests: list[Request], *, keep: int = 4, once: int = 4, pause_s: float = PAUSE_S):
        self.port = port
        self.seen = Seen()
        self._requests = requests
        self._keep, self._once, self._pause_s = keep, once, pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(60)

    async def _main(self) -> None:
        clients = [self._client(number, keep=number < self._keep) for number in range(self._keep + self._once)]
        await asyncio.gather(*clients)

    async def _client(self, number: int, *, keep: bool) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        turn = number
        while not self._stopping.is_set():
            turn += 1
            request = self._requests[turn % len(self._requests)]
            at = time.monotonic()
            try:
                fresh = connection is None
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                closes = await asyncio.wait_for(self._exchange(*connection, request, keep=keep, at=at), 60)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                if isinstance(error, EOFError) and not fresh and isinstance(error, _ClosedIdle):
                    # The server closed an idle connection before we wrote: every client opens a new one.
                    connection = None
                    continue
                self.seen.failures.append((at, request.path, f"{type(error).__name__}: {error}"))
                closes = True
            if closes and connection is not None:
                connection[1].close()
                connection = None
            await asyncio.sleep(self._pause_s)

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: Request,
        *,
        keep: bool,
        at: float,
    ) -> bool:
        if reader.at_eof():
            raise _ClosedIdle
        writer.write(request.head(keep=keep))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        code = int(head[0].split()[1])
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self._note(request, code, headers, body, at)
        return not keep or headers.get("connection") == "close"

    def _note(self, request: Request, code: int, headers: dict[str, str], body: bytes, at: float) -> None:
        seen = self.seen
        seen.answers += 1
        seen.latencies.append((at, time.monotonic() - at))
        seen.codes[code] = seen.codes.get(code, 0) + 1
        generation = headers.get("x-gateway-generation", "")
        seen.generations[generation] = seen.generations.get(generation, 0) + 1
        if code != 200 or (request.expect and request.expect not in body):
            seen.failures.append((at, request.path, f"{code} {body[:200]!r}"))


class _ClosedIdle(EOFError):
    """The server closed a keep-alive connection while it was idle."""


def as_json(values: object) -> bytes:
    """Return a JSON body."""
    return json.dumps(values).encode()
