"""One worker's slot of the scoreboard and its only writer; knows no other worker."""

from _thread import RLock
from collections.abc import Iterable
from time import time_ns

import gateway.scoreboard.layout as lay
from gateway.scoreboard.latency import BUCKETS, WINDOW_NS, bucket_of
from gateway.scoreboard.memory import Memory

_ZEROS = memoryview(bytes(lay.ROUTE_WORDS * 8)).cast("Q")
_NO_ENTRY = -1


class Slot:
    """
    Write the numbers of this worker; made by `Scoreboard.claim`, thread-safe, invalid after a fork.

    Routes are named by the index that `Scoreboard.bind` returned.
    """

    def __init__(self, memory: Memory, number: int) -> None:
        self.number = number
        self._memory = memory
        self._words = memory.words
        self._head = memory.geometry.slot(number)
        self._rows = self._head + lay.SLOT_WORDS
        first = self._head + lay.S_IN_FLIGHT
        self._free = [first + i * lay.IN_FLIGHT_WORDS for i in reversed(range(lay.IN_FLIGHT_ENTRIES))]
        # A native lock also under gevent, whose lock takes 0.29 us instead of 0.17: no holder yields.
        self._lock = RLock()

    def begin(self, route: int) -> int:
        """Note that a predict of a route starts; return the entry that `finish` clears."""
        words = self._words
        with self._lock:
            words[self._rows + route * lay.ROUTE_WORDS + lay.R_IN_FLIGHT] += 1
            if not self._free:  # the 65th at once is counted but not named
                return _NO_ENTRY
            entry = self._free.pop()
            words[entry + 1] = time_ns()
            words[entry] = route + 1
        return entry

    def finish(self, route: int, entry: int) -> None:
        """Note the end of the predict of `begin`, successful or not."""
        words = self._words
        at = self._rows + route * lay.ROUTE_WORDS + lay.R_IN_FLIGHT
        with self._lock:
            if words[at]:  # 0 after the row was cleared by a new binding
                words[at] -= 1
            if entry != _NO_ENTRY:
                words[entry] = 0
                self._free.append(entry)

    def record(self, route: int, duration_ns: int, *, error: bool = False) -> None:
        """Count a request that was answered and how long it took; `error` means a fault of ours (5xx)."""
        words = self._words
        row = self._rows + route * lay.ROUTE_WORDS
        bucket = bucket_of(duration_ns)
        epoch = time_ns() // WINDOW_NS
        side = epoch & 1
        window = row + lay.R_WINDOW + side * BUCKETS
        with self._lock:
            if words[row + lay.R_EPOCH + side] != epoch:
                words[row + lay.R_EPOCH + side] = 0
                words[window : window + BUCKETS] = _ZEROS[:BUCKETS]
                words[row + lay.R_EPOCH + side] = epoch
            words[window + bucket] += 1
            words[row + lay.R_REQUESTS] += 1
            if error:
                words[row + lay.R_ERRORS] += 1

    def shed(self, route: int) -> None:
        """Count a request that was refused to protect the others."""
        with self._lock:
            self._words[self._rows + route * lay.ROUTE_WORDS + lay.R_SHED] += 1

    def queue_depth(self, route: int, depth: int) -> None:
        """Set the number of requests of a route that wait in this worker."""
        self._words[self._rows + route * lay.ROUTE_WORDS + lay.R_QUEUE] = depth

    def model(self, route: int, state: str) -> None:
        """Set the state (one of `lay.STATES`) of the model of a route in this worker."""
        self._words[self._rows + route * lay.ROUTE_WORDS + lay.R_STATE] = lay.STATES.index(state) + 1

    def servers(self, route: int, breaker: str, away: int) -> None:
        """Set the state of the breaker of a route (one of `lay.BREAKERS`, "" for none), and the servers left out."""
        row = self._rows + route * lay.ROUTE_WORDS
        self._words[row + lay.R_BREAKER] = lay.BREAKERS.index(breaker) + 1 if breaker else 0
        self._words[row + lay.R_AWAY] = away

    def beat(self, *, pss_bytes: int | None = None, stuck_threads: int | None = None) -> None:
        """Write a heartbeat, and the memory and stuck threads if they were measured."""
        words, head = self._words, self._head
        if pss_bytes is not None:
            words[head + lay.S_PSS] = pss_bytes
        if stuck_threads is not None:
            words[head + lay.S_STUCK] = stuck_threads
        words[head + lay.S_HEARTBEAT] = time_ns()

    def connections(self, count: int) -> None:
        """Set the number of connections of this worker."""
        self._words[self._head + lay.S_CONNECTIONS] = count

    def phase(self, phase: str) -> None:
        """Set the phase (one of `lay.PHASES`) of this worker."""
        self._words[self._head + lay.S_PHASE] = lay.PHASES.index(phase)

    def generation(self, generation: str) -> None:
        """Set the generation that this worker serves; cut to 32 bytes."""
        with self._lock, self._memory.writing(self._head + lay.S_TEXT_VERSION):
            self._memory.write_text(
                self._head + lay.S_GENERATION_LENGTH, self._head + lay.S_GENERATION, lay.GENERATION_BYTES, generation
            )

    def hold(self, routes: Iterable[int]) -> None:
        """Clear and take the rows of routes that this worker begins to serve; called by `Scoreboard.bind`."""
        for route in routes:
            row = self._rows + route * lay.ROUTE_WORDS
            if not self._words[row + lay.R_BOUND]:
                self._words[row : row + lay.ROUTE_WORDS] = _ZEROS
                self._words[row + lay.R_BOUND] = 1

    def drop(self, routes: Iterable[int]) -> None:
        """Give rows back once no request of these routes runs here any more."""
        for route in routes:
            self._words[self._rows + route * lay.ROUTE_WORDS + lay.R_BOUND] = 0

    def release(self) -> None:
        """Give the slot back at an orderly end."""
        self._words[self._head + lay.S_PID] = 0
