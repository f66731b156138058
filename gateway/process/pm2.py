"""
Speak to PM2 over the IPC channel it opens: ready, metrics for `pm2 monit`, actions of `pm2 trigger`.

The channel is Node's: a Unix socket in NODE_CHANNEL_FD, one JSON value a line. Without PM2 every call is a no-op, and
when the PM2 daemon dies the gateway goes on serving.
"""

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

#: Bytes that may wait for a daemon that does not read; older messages go first.
MAX_OUT_BYTES = 256 * 1024
#: `pm2 monit` redraws about this often.
SAMPLE_INTERVAL_S = 1.0

Action = Callable[[str | None], Any]


class PM2Bridge:
    """
    Own the channel with one thread.

    Lives in the arbiter only: workers must call `after_fork`. `sampler` returns the metrics, `on_disconnect` is told
    when the daemon is gone.
    """

    def __init__(self) -> None:
        self.sampler: Callable[[], dict[str, Any]] | None = None
        self.on_disconnect: Callable[[], None] | None = None
        self._actions: dict[str, Action] = {}
        self._socket: socket.socket | None = None
        self._wake: tuple[int, int] | None = None
        self._out: deque[bytes] = deque(maxlen=1000)

    @property
    def is_attached(self) -> bool:
        """Say whether PM2 listens."""
        return self._socket is not None

    def attach(self, environ: MutableMapping[str, str]) -> bool:
        """Take over the channel named in `environ` (the names are removed: children must not inherit them)."""
        number = environ.pop("NODE_CHANNEL_FD", "")
        mode = environ.pop("NODE_CHANNEL_SERIALIZATION_MODE", "json")
        # GUNICORN_PID marks an arbiter that re-executed itself: the number is then some other file.
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
        """Tell PM2 that the app serves (`wait_ready`)."""
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
        self._out.append(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        try:
            os.write(self._wake[1], b"x")
        except OSError:
            return

    def _run(self, channel: socket.socket, wake: int) -> None:
        incoming = outgoing = b""
        due = time.monotonic()
        while True:
            due = self._sample(due)
            while self._out and len(outgoing) < MAX_OUT_BYTES:
                outgoing += self._out.popleft()
            try:
                watched: list[Any] = [channel, wake]
                readable, writable, _ = select.select(watched, [channel] if outgoing else [], [], 0.5)
                if wake in readable:
                    os.read(wake, 4096)
                if channel in writable:
                    outgoing = outgoing[channel.send(outgoing, socket.MSG_NOSIGNAL) :]
                if channel in readable:
                    data = channel.recv(65536)
                    if not data:
                        break
                    *lines, incoming = (incoming + data).split(b"\n")
                    for line in lines:
                        self._handle(line)
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                break
        self._socket = None
        channel.close()
        if self.on_disconnect is not None:
            self.on_disconnect()

    def _sample(self, due: float) -> float:
        if self.sampler is None or time.monotonic() < due:
            return due
        try:
            self._out.append(
                json.dumps({"type": "axm:monitor", "data": self.sampler()}, separators=(",", ":")).encode() + b"\n"
            )
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
