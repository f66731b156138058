"""
One instance of a model server: a process at one path, started anew when it ends, replaced when it grows.

A process starts at a path of its own and takes the public one when it is ready, so the public one leads to a server
that answers or to nothing, and a replacement is one rename. Where a start takes longer than calls wait, a spare process
is kept ready at its own path.
"""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from gateway.process.model_servers.failures import Failures
from gateway.process.model_servers.server_process import ServerProcess

log = logging.getLogger("gateway.model_server")

State: TypeAlias = Literal["starting", "ready", "waiting", "closed", "ending"]
#: A server that answers no question for so long hangs.
HUNG_S: Final = 30.0
#: Interval of measuring memory: a process with many threads costs a millisecond.
MEASURE_S: Final = 2.0
#: A server that was replaced accepts the connections that were made before, for so long.
ACCEPT_S: Final = 1.0
#: A start that takes a longer part of the deadline of calls than this is covered by a spare process: calls pile up
#: meanwhile, and a busy machine takes several times as long.
SLOW_START: Final = 0.1
#: Beyond so many times its limit a server is ended before its successor is ready.
FAR_ABOVE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limit one process: seconds to become ready, to end when asked, and to answer nothing."""

    start_s: float
    end_s: float
    hung_s: float


class Instance:
    """Keep one process of a server running; used by the supervising thread alone, except for what views read."""

    def __init__(
        self,
        server: str,
        number: int,
        launch: Callable[[int], ServerProcess],
        limits: Limits,
        routes: Callable[[], str],
    ) -> None:
        self.server = server
        self.number = number
        self.memory_limit = 0
        #: What calls have; 0 where no spare process is to be kept.
        self.deadline_s = 0.0
        self.memory_bytes = 0
        self.failures = Failures()
        self.reason = ""
        self.is_wanted = True
        self._launch = launch
        self._limits = limits
        self._routes = routes
        self._numbers = itertools.count()
        self._serving: ServerProcess | None = None
        self._coming: ServerProcess | None = None
        self._told_spare: ServerProcess | None = None
        #: Processes that are to end, and when they are told.
        self._leaving: list[tuple[ServerProcess, float]] = []
        self._is_too_large = False
        self._first_bytes = 0
        self._started_in_s = 0.0
        self._start_at = 0.0
        self._measured_at = 0.0

    @property
    def state(self) -> State:
        """Return what the instance does now."""
        if not self.is_wanted:
            return "ending"
        if self._serving is not None:
            return "ready"
        if self.failures.is_hopeless:
            return "closed"
        return "starting" if self._coming is not None else "waiting"

    @property
    def pid(self) -> int:
        """Return the process that serves, or else the one that starts or ends; 0 without any."""
        return next((process.pid for process in self.processes), 0)

    @property
    def processes(self) -> list[ServerProcess]:
        """Return all processes of this instance, also those that are about to end."""
        found = [one for one in (self._serving, self._coming) if one is not None]
        return found + [process for process, _ in self._leaving]

    def look(self, now: float) -> None:
        """Do what is due; `now` is a time.monotonic() value."""
        self._bury(now)
        self._promote(now)
        self._judge(now)
        self._start(now)
        for process, due in self._leaving:
            if now > due + self._limits.end_s:
                process.kill()
            elif now >= due and not process.is_leaving:
                process.terminate()

    def end(self, now: float) -> None:
        """Let the processes finish their calls and end; none is started any more."""
        self.is_wanted = False
        for process in (self._serving, self._coming):
            if process is not None:
                process.terminate()
                self._leaving.append((process, now))
        self._serving = self._coming = None

    def forgive(self) -> None:
        """Start again although it failed too often."""
        self.failures.forget()
        self._start_at = 0.0

    def _bury(self, now: float) -> None:
        """Take note of what has ended."""
        for process in [one for one in self.processes if one.reap()]:
            process.clear()
            if process in (self._serving, self._coming):
                self._failed(process, now)
            self._serving = None if process is self._serving else self._serving
            self._coming = None if process is self._coming else self._coming
            self._leaving = [pair for pair in self._leaving if pair[0] is not process]

    def _failed(self, process: ServerProcess, now: float) -> None:
        self.failures.add(now, now - process.began)
        words = process.output.last_words
        self.reason = (process.killed_for or process.end) + (f": {words}" if words and not process.killed_for else "")
        self._start_at = now + self.failures.delay_s
        self._is_too_large = self._is_too_large and process is not self._serving
        log.error(
            "model server ended",
            extra={**self._about(process), "reason": self.reason, "restarts": self.failures.total},
        )

    def _promote(self, now: float) -> None:
        """Let a process that has become ready take the place of the one before it."""
        coming, before = self._coming, self._serving
        if coming is None or not coming.is_ready:
            return
        if before is not None and self._keeps_spare:
            if coming is not self._told_spare:
                self._told_spare = coming
                log.info("spare process ready", extra=self._about(coming))
            return
        coming.socket.publish()
        self._serving, self._coming = coming, None
        self._is_too_large = False
        self.memory_bytes = self._first_bytes = coming.memory_bytes
        self._started_in_s = coming.started_in_s
        if self.memory_limit and self._first_bytes > self.memory_limit:
            told = {"used_mb": self._first_bytes // 2**20, "limit_mb": self.memory_limit // 2**20}
            log.error("the memory limit is below what the model needs", extra=told)
        took_ms = round(1e3 * coming.started_in_s)
        log.info("model server ready", extra={**self._about(coming), "duration_ms": took_ms})
        if before is not None:
            before.socket.give_up()
            # Connections that it has not accepted yet would be reset.
            self._leaving.append((before, now + ACCEPT_S))

    def _judge(self, now: float) -> None:
        """End what hangs, does not become ready or takes far too much; mark what takes too much."""
        coming, serving = self._coming, self._serving
        if coming is not None:
            if coming.refusal:
                coming.kill(coming.refusal)
            elif not coming.is_ready and now - coming.began > self._limits.start_s:
                coming.kill(f"it was not ready after {self._limits.start_s:g} s")
            elif coming.is_ready and coming.silent_s > self._limits.hung_s:
                coming.kill(f"it answered nothing for {self._limits.hung_s:g} s")
        if serving is None:
            return
        if serving.silent_s > self._limits.hung_s:
            serving.kill(f"it answered nothing for {self._limits.hung_s:g} s")
        if now - self._measured_at < MEASURE_S:
            return
        self._measured_at = now
        used_bytes = serving.memory_bytes
        self.memory_bytes = used_bytes + (coming.memory_bytes if coming is not None else 0)
        # The successor of one that started above the limit would start above it too, without end.
        limit = self.memory_limit if self._first_bytes <= self.memory_limit else FAR_ABOVE * self._first_bytes
        if not self.memory_limit or used_bytes <= limit:
            return
        used, allowed = used_bytes // 2**20, limit // 2**20
        if used_bytes > FAR_ABOVE * limit:
            serving.kill(f"it used {used} MB, allowed are {allowed} MB")
        elif not self._is_too_large:
            self._is_too_large = True
            told = {"used_mb": used, "limit_mb": allowed}
            log.warning("replacing model server", extra={**self._about(serving), **told})

    def _start(self, now: float) -> None:
        is_due = self._serving is None or self._is_too_large or self._keeps_spare
        if not self.is_wanted or not is_due or self._coming is not None or self.failures.is_hopeless:
            return
        if now < self._start_at:
            return
        try:
            self._coming = self._launch(next(self._numbers))
        except OSError as error:
            self.failures.add(now, 0.0)
            self._start_at = now + self.failures.delay_s
            self.reason = f"it cannot be started: {error}"
            log.error("model server cannot be started", extra={"route": self._routes(), "reason": str(error)})

    @property
    def _keeps_spare(self) -> bool:
        """Say whether a second process waits until the first one ends: another start would take too long for calls."""
        return not self._is_too_large and self._started_in_s > SLOW_START * self.deadline_s > 0

    def _about(self, process: ServerProcess) -> dict[str, object]:
        return {"route": self._routes(), "server": self.server, "number": self.number, "server_pid": process.pid}
