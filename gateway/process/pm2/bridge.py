"""
Talk to PM2 over the IPC channel it opens: ready, metrics for `pm2 monit`, actions of `pm2 trigger`.

The channel is Node's: a Unix socket in NODE_CHANNEL_FD, one JSON value a line. Without PM2 every call is a no-op, and
when the PM2 daemon dies the gateway goes on serving.
"""

import contextlib
import json
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

log = logging.getLogger("gateway.pm2")

#: Bytes that are kept for a daemon that does not read; older messages are dropped first.
MAX_OUT_BYTES = 256 * 1024
#: `pm2 monit` redraws about this often.
SAMPLE_INTERVAL_S = 1.0

Action = Callable[[str | None], Any]


class _Link:
    """Send queued bytes and receive lines over the channel; either direction may stop within a message."""

    def __init__(self, channel: socket.socket, wake: int) -> None:
        self.is_open = True
        self._channel = channel
        self._wake = wake
        self._outgoing = b""
        self._incoming = b""

    def exchange(self, messages: deque[bytes]) -> list[bytes]:
        """Send `messages` and return the lines that came; waits up to 0.5 s for either. Raises OSError, ValueError."""
        while messages and len(self._outgoing) < MAX_OUT_BYTES:
            self._outgoing += messages.popleft()
        watched: list[Any] = [self._channel, self._wake]
        readable, writable, _ = select.select(watched, [self._channel] if self._outgoing else [], [], 0.5)
        with contextlib.suppress(BlockingIOError):
            if self._wake in readable:
                os.read(self._wake, 4096)
            if self._channel in writable:
                self._outgoing = self._outgoing[self._channel.send(self._outgoing, socket.MSG_NOSIGNAL) :]
            if self._channel in readable:
                return self._receive()
        return []

    def _receive(self) -> list[bytes]:
        data = self._channel.recv(65536)
        self.is_open = bool(data)
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        return lines


def _encoded(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class PM2Bridge:
    """
    Own the channel with one thread.

    Lives in the arbiter only: workers must call `after_fork`. `sampler` returns the metrics.
    """

    def __init__(self) -> None:
        self.sampler: Callable[[], dict[str, Any]] | None = None
        self._actions: dict[str, Action] = {}
        self._socket: socket.socket | None = None
        self._wake: tuple[int, int] | None = None
        self._out: deque[bytes] = deque(maxlen=1000)

    def attach(self, environ: MutableMapping[str, str]) -> bool:
        """Take over the channel named in `environ` (the names are removed: children must not inherit them)."""
        number = environ.pop("NODE_CHANNEL_FD", "")
        mode = environ.pop("NODE_CHANNEL_SERIALIZATION_MODE", "json")
        # GUNICORN_PID marks a re-executed arbiter, in which the descriptor is some other file.
        if not number.isdigit() or mode != "json" or "GUNICORN_PID" in environ:
            return False
        try:
            channel = socket.socket(fileno=int(number))
        except OSError:
            return False
        if channel.family != socket.AF_UNIX or channel.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            channel.detach()
            return False
        channel.set_inheritable(False)
        channel.setblocking(False)
        self._socket, self._wake = channel, os.pipe()
        for end in self._wake:
            os.set_blocking(end, False)
        threading.Thread(target=self._run, args=(channel, self._wake[0]), name="pm2-bridge", daemon=True).start()
        return True

    def ready(self) -> None:
        """Send PM2 the ready message (`wait_ready`)."""
        self._send("ready")

    def action(self, name: str, act: Action) -> None:
        """Offer `pm2 trigger <app> <name>`; `act` must return at once, because PM2 waits for the reply for ever."""
        self._actions[name] = act
        self._send({"type": "axm:action", "data": {"action_name": name, "action_type": "custom", "arity": 1}})

    def after_fork(self) -> None:
        """Close the inherited channel: PM2 would otherwise never see the end of the arbiter."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: Any) -> None:
        if self._socket is None or self._wake is None:
            return
        self._out.append(_encoded(message))
        try:
            os.write(self._wake[1], b"x")
        except OSError:
            return

    def _run(self, channel: socket.socket, wake: int) -> None:
        """Exchange messages until the daemon closes the channel."""
        link = _Link(channel, wake)
        due = time.monotonic()
        with contextlib.suppress(OSError, ValueError):
            while link.is_open:
                due = self._sample(due)
                for line in link.exchange(self._out):
                    self._handle(line)
        self._socket = None
        channel.close()

    def _sample(self, due: float) -> float:
        if self.sampler is None or time.monotonic() < due:
            return due
        try:
            self._out.append(_encoded({"type": "axm:monitor", "data": self.sampler()}))
        except Exception:
            log.exception("sampling for pm2 monit failed")
        return time.monotonic() + SAMPLE_INTERVAL_S

    def _handle(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return
        name, options = message, None
        if isinstance(message, dict):
            name, options = message.get("msg"), message.get("opts")
        act = self._actions.get(name) if isinstance(name, str) else None
        if act is None:
            return
        try:
            answer = act(options if isinstance(options, str) else None)
        except Exception as error:
            log.exception("action failed", extra={"action": name})
            answer = {"ok": False, "error": str(error)}
        reply = {"at": int(time.time() * 1000), "action_name": name, "return": answer}
        self._send({"type": "axm:reply", "data": reply})
