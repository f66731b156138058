"""
An offered load: so many requests a second whatever comes back, or so many clients that never pause.

`torture.load` asks whether every request is answered; this asks how many, how fast, and how the rest is refused.
A latency counts from the moment at which the request was due, so a slow server cannot slow the count down.
"""

import asyncio
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from torture.load import Request

#: More connections than this at a time are a fault of the load, not of the server: they are counted as not sent.
MAX_CONNECTIONS = 800
#: How long answers are awaited after the last request was sent.
PATIENCE_S = 15.0


@dataclass(slots=True)
class Outcome:
    """Hold what a load came to; latencies are in seconds, by kind of answer."""

    seconds: float = 0.0
    sent: int = 0
    unsent: int = 0
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    hints: int = 0
    late: list[float] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)
    broken: int = 0

    @property
    def goodput(self) -> float:
        """Return the answers with a prediction per second."""
        return len(self.accepted) / self.seconds

    def note(self, code: int, took_s: float, *, hint: bool) -> None:
        """Count one answer; `hint` says whether it came with Retry-After."""
        self.codes[code] = self.codes.get(code, 0) + 1
        if code == 200:
            self.accepted.append(took_s)
        elif code == 503:
            self.refused.append(took_s)
            self.hints += hint
        else:
            self.late.append(took_s)


def quantile_ms(latencies: list[float], share: float) -> float:
    """Return a quantile in milliseconds; 0 for no latencies."""
    taken = sorted(latencies)
    return 1e3 * taken[min(int(share * len(taken)), len(taken) - 1)] if taken else 0.0


def median(values: list[float]) -> float:
    """Return the median of the rounds."""
    return statistics.median(values)


class _Wire(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, load: "Offered") -> None:
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self.due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waits for this connection."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        if self.due is not None:
            transport.write(self._load.request)

    def send(self, due: float) -> None:
        """Send the next request, or keep it until the connection is there."""
        self.due = due
        if self._transport is not None:
            self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        """Collect one answer and hand it on."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._buffer = b""
        assert self.due is not None
        due, self.due = self.due, None
        keep = b"connection: close" not in lower
        if not keep:
            self.close()
        self._load.answered(self, int(head[9:12]), time.monotonic() - due, lower, keep=keep)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that will get no answer."""
        self._transport = None
        self._load.lost(self)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class Offered:
    """
    Offer one request to a gateway, from an event loop in a thread of its own.

    With `rate`: that many a second, evenly. With `clients`: each sends its next request as soon as it has an answer,
    after a refusal not before Retry-After where `polite`.
    """

    def __init__(
        self,
        port: int,
        request: Request,
        *,
        seconds: float,
        rate: float = 0.0,
        clients: int = 0,
        pause_s: float = 0.0,
        polite: bool = True,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.port, self.seconds = port, seconds
        self.outcome = Outcome()
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode()
        self.request = request.head(keep=True).replace(b"\r\n", b"\r\n" + head, 1)
        self._rate, self._clients, self._pause_s, self._polite = rate, clients, pause_s, polite
        self._idle: deque[_Wire] = deque()
        self._wires: set[_Wire] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def run(self) -> Outcome:
        """Offer it and return what came of it."""
        self._thread.start()
        self._thread.join()
        return self.outcome

    def __enter__(self) -> "Offered":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def answered(self, wire: _Wire, code: int, took_s: float, head: bytes, *, keep: bool) -> None:
        """Note an answer; a client that never pauses sends its next request."""
        hint = head.partition(b"retry-after: ")[2].partition(b"\r\n")[0]
        self.outcome.note(code, took_s, hint=bool(hint))
        if not self._clients:
            if keep:
                self._idle.append(wire)
            return
        pause_s = float(hint) if code == 503 and hint and self._polite else self._pause_s
        self._loop.call_later(pause_s, self._again, wire)

    def lost(self, wire: _Wire) -> None:
        """Note a closed connection."""
        self._wires.discard(wire)
        if wire.due is not None:
            self.outcome.broken += 1
            wire.due = None

    def _again(self, wire: _Wire) -> None:
        if self._over():
            wire.close()
        elif wire in self._wires:
            self.outcome.sent += 1
            wire.send(time.monotonic())
        else:
            self._open(time.monotonic())

    def _over(self) -> bool:
        return self._stopping.is_set() or time.monotonic() >= self._until

    def _open(self, due: float) -> None:
        if len(self._wires) >= MAX_CONNECTIONS:
            self.outcome.unsent += 1
            return
        self.outcome.sent += 1
        wire = _Wire(self)
        wire.due = due
        self._wires.add(wire)
        task = self._loop.create_task(self._connect(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, wire: _Wire) -> None:
        try:
            await self._loop.create_connection(lambda: wire, "127.0.0.1", self.port)
        except OSError:
            self.lost(wire)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        self._until = began + self.seconds
        for _ in range(self._clients):
            self._open(time.monotonic())
        while not self._over():
            self._send_due(began)
            await asyncio.sleep(0.001)
        self.outcome.seconds = time.monotonic() - began
        patience = time.monotonic() + PATIENCE_S
        while any(wire.due is not None for wire in self._wires) and time.monotonic() < patience:
            await asyncio.sleep(0.01)
        for wire in list(self._wires):
            wire.close()
        await asyncio.sleep(0)

    def _send_due(self, began: float) -> None:
        """Send what is due by now, each as of its own moment."""
        now = time.monotonic()
        made = self.outcome.sent + self.outcome.unsent
        for number in range(made, int(self._rate * (now - began)) if self._rate else made):
            due = began + number / self._rate
            wire = self._idle.popleft() if self._idle else None
            if wire is not None and wire in self._wires:
                self.outcome.sent += 1
                wire.send(due)
            else:
                self._open(due)
