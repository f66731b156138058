"""
Clients of this measurement that wrk cannot play: slow senders, patient callers, and one that counts every failure.

Knows HTTP/1.1 on loopback; refuses to know what it measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

from artifacts import ROW

OK = 200
BODY = json.dumps(ROW).encode()


def head(path: str, length: int = len(BODY)) -> bytes:
    """Return a keep-alive request head."""
    fields = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {length}"
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one complete answer; return its status and whether the connection stays open."""
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in lines[1:] if b": " in line)
    await reader.readexactly(int(fields[b"content-length"]))
    return int(lines[0].split()[1]), fields.get(b"connection") != b"close"


async def trickle(port: int, seconds: float) -> None:
    """Send a body at one byte a second and never finish it."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("/onnx", 600))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(1.0)
        writer.close()


async def call_again(port: int, path: str, seconds: float) -> None:
    """Call a route until the time is over; after a 503 or an error wait 1 s, as Retry-After says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stays = True
            while stays and time.monotonic() < end:
                writer.write(head(path) + BODY)
                status, stays = await asyncio.wait_for(read_answer(reader), 60)
                if status != OK:
                    await asyncio.sleep(1.0)
            writer.close()


async def crowd(kind: str, count: int, port: int, seconds: float) -> None:
    """Run `count` clients of a kind ("trickle" or a path) side by side."""
    jobs = [trickle(port, seconds) if kind == "trickle" else call_again(port, kind, seconds) for _ in range(count)]
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), seconds + 2)


class Tally:
    """Count answers and every request that got no complete 200."""

    def __init__(self) -> None:
        self.good = 0
        self.failed: dict[str, int] = {}
        self.longest_s = 0.0

    def fail(self, what: str) -> None:
        self.failed[what] = self.failed.get(what, 0) + 1


async def count_failures(port: int, stop: asyncio.Event, tally: Tally, *, keep: bool, think_s: float = 0.005) -> None:
    """Send /onnx until `stop`; a connection that the server closed between two requests is reopened, not a failure."""
    while not stop.is_set():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            tally.fail(type(error).__name__)
            await asyncio.sleep(0.01)
            continue
        with contextlib.closing(writer):
            while not stop.is_set() and not reader.at_eof():
                began = time.monotonic()
                try:
                    writer.write(head("/onnx") + BODY)
                    status, stays = await read_answer(reader)
                except (OSError, asyncio.IncompleteReadError) as error:
                    tally.fail(type(error).__name__)
                    break
                tally.longest_s = max(tally.longest_s, time.monotonic() - began)
                tally.good += status == OK
                if status != OK:
                    tally.fail(str(status))
                await asyncio.sleep(think_s)
                if not (keep and stays):
                    break
