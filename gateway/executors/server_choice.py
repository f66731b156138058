"""
Which of several servers with one model gets the next request: the least busy one of those that answer.

A server that failed is left out for a second, then tried by one caller at a time with a short question; each try that
fails doubles the pause. Where all failed, all are asked as before.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from gateway.executors.http_connection import Connection
from gateway.system.server_address import Address

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 30.0
#: An idle connection that is older may have been forgotten by a firewall, which tells nobody.
_OLDEST_IDLE_S: Final = 30.0

log = logging.getLogger("gateway.executor")


class Server:
    """Hold one address, its idle connections, and why it is left out: `reason`, "" while it answers."""

    __slots__ = ("_failed_s", "_idle", "_lock", "_retry_at", "_trial", "address", "in_flight", "is_checked", "reason")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.in_flight = 0
        self.reason = ""
        #: Whether its metadata was compared with the manifest since it last failed.
        self.is_checked = False
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._failed_s = 0.0
        self._retry_at = 0.0
        self._trial = threading.Lock()

    @property
    def process(self) -> tuple[int, int] | None:
        """Return what tells the process at a Unix socket from the next one; None where there is none."""
        try:
            found = Path(self.address.unix).stat()
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def begin(self) -> Connection | None:
        """Count a request, and take an idle connection that is still good, the latest first; None where none is."""
        with self._lock:
            self.in_flight += 1
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return None
            if time.monotonic() - connection.idle_since < _OLDEST_IDLE_S and not connection.is_stale:
                return connection
            connection.close()

    def end(self, connection: Connection | None) -> None:
        """End a request, and keep its connection for the next one; None where that is of no more use."""
        with self._lock:
            self.in_flight -= 1
            if connection is not None:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)

    def failed(self, reason: str) -> None:
        """Leave it out for a while, and drop its connections."""
        with self._lock:
            was_up, self.reason, self.is_checked = not self.reason, reason, False
            self._failed_s = min(self._failed_s * 2, _LONGEST_S) if self._failed_s else _FIRST_S
            self._retry_at = time.monotonic() + self._failed_s
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if was_up:
            log.warning("a model server fails", extra={"address": self.address.text, "reason": reason})

    def answered(self) -> None:
        """Take it in again."""
        if not self.reason:
            return
        with self._lock:
            self.reason, self._failed_s = "", 0.0
        log.info("a model server answers again", extra={"address": self.address.text})

    def close(self) -> None:
        """Close its idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def try_again(self, is_ready: Callable[["Server"], bool]) -> None:
        """Ask a failed server whose pause is over, unless another caller does."""
        if time.monotonic() < self._retry_at or not self._trial.acquire(blocking=False):
            return
        try:
            if is_ready(self):
                self.answered()
        finally:
            self._trial.release()


class Servers:
    """Choose among servers; `is_ready` asks one shortly, and calls `failed` where it is not."""

    def __init__(self, addresses: Sequence[Address], is_ready: Callable[[Server], bool]) -> None:
        self.all = tuple(Server(address) for address in addresses)
        self._is_ready = is_ready
        self._turn = itertools.count()

    def choose(self, tried: Collection[Server]) -> Server | None:
        """Return the next server beside those that were tried for this request; None where there is none."""
        if len(self.all) == 1:
            return None if tried else self.all[0]
        for server in self.all:
            if server.reason:
                server.try_again(self._is_ready)
        left = [server for server in self.all if server not in tried]
        good = [server for server in left if not server.reason] or left
        turn = next(self._turn)
        places = [good[(turn + step) % len(good)] for step in range(len(good))]
        return min(places, key=lambda server: server.in_flight, default=None)
