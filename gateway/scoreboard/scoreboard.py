"""The scoreboard: create or open the shared memory, claim slots, name routes, read all workers."""

import os
from collections.abc import Iterable
from pathlib import Path
from time import time_ns
from typing import Self

import gateway.scoreboard.layout as lay
from gateway.errors import GatewayError
from gateway.scoreboard.latency import BUCKETS, WINDOW_NS, WINDOW_S
from gateway.scoreboard.layout import Geometry
from gateway.scoreboard.memory import Memory
from gateway.scoreboard.slot import Slot
from gateway.scoreboard.views import InFlight, RouteView, WorkerView
from gateway.system import processes


class Scoreboard:
    """
    Read all workers, and hand each one its slot.

    Reading takes no lock and tolerates writers; only claiming a slot and naming routes take the lock of the file.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._geometry = memory.geometry
        self._names: tuple[int, dict[int, str]] = (-1, {})

    @classmethod
    def create(cls, path: Path, *, slots: int, routes: int) -> Self:
        """
        Make an empty scoreboard; processes that still map the old file of that path keep the old one.

        `slots` bounds the workers alive at a time (a roll doubles them), `routes` the names ever bound at a time.
        """
        return cls(Memory(path, create=Geometry(slots, routes)))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map an existing scoreboard; raises GatewayError if the file is none."""
        return cls(Memory(path))

    def close(self) -> None:
        """Unmap; slots of this scoreboard must not be used any more."""
        self._memory.close()

    # ---- slots

    def claim(self) -> Slot:
        """
        Take a slot for the calling process and clear it.

        Prefers an unused or released slot, so that the arbiter can still read the slot of a dead worker.
        """
        with self._memory.exclusive():
            number = self._vacant()
            head = self._geometry.slot(number)
            words = self._memory.words
            words[head + lay.S_PID] = 0
            words[head : head + lay.SLOT_WORDS] = memoryview(bytes(lay.SLOT_WORDS * lay.WORD)).cast("Q")
            for route in range(self._geometry.routes):  # rows are cleared by `bind`: unused ones stay holes
                if words[self._geometry.row(number, route) + lay.R_BOUND]:
                    words[self._geometry.row(number, route) + lay.R_BOUND] = 0
            words[head + lay.S_STARTED] = words[head + lay.S_HEARTBEAT] = time_ns()
            words[head + lay.S_TICKS] = processes.own_start()
            words[head + lay.S_PID] = os.getpid()
        return Slot(self._memory, number)

    def _vacant(self) -> int:
        slots = range(self._geometry.slots)
        free = [slot for slot in slots if not self._pid(slot)]
        if free:
            return free[0]
        dead = [slot for slot in slots if not self._alive(slot)]
        if dead:
            return min(dead, key=lambda slot: self._memory.words[self._geometry.slot(slot) + lay.S_HEARTBEAT])
        raise GatewayError(
            f"all {self._geometry.slots} slots of the scoreboard belong to living workers",
            code="board",
            hint="restart the gateway with fewer workers, or create the scoreboard with more slots",
        )

    def reclaim(self, pid: int) -> None:
        """Free the slot of a dead worker once `dead` was read; the worker need not have existed."""
        for slot in self._of(pid):
            if not self._alive(slot):
                self._memory.words[self._geometry.slot(slot) + lay.S_PID] = 0

    def _of(self, pid: int) -> list[int]:
        return [slot for slot in range(self._geometry.slots) if pid and self._pid(slot) == pid]

    def _pid(self, slot: int) -> int:
        return self._memory.words[self._geometry.slot(slot) + lay.S_PID]

    def _alive(self, slot: int) -> bool:
        return processes.is_alive(self._pid(slot), self._memory.words[self._geometry.slot(slot) + lay.S_TICKS])

    # ---- names

    def bind(self, slot: Slot, names: Iterable[str]) -> dict[str, int]:
        """Return the index of each name, new ones included, and mark them as served by this slot."""
        wanted = list(names)
        with self._memory.exclusive():
            known = {name: index for index, name in self.names().items()}
            missing = [name for name in wanted if name not in known]
            if missing:
                with self._memory.writing(lay.H_NAMES_VERSION):
                    known.update(zip(missing, self._write_names(missing, known), strict=True))
            slot.hold(known[name] for name in wanted)
        return {name: known[name] for name in wanted}

    def _write_names(self, missing: list[str], known: dict[str, int]) -> list[int]:
        indices = self._free_names(len(missing), set(known.values()))
        for name, index in zip(missing, indices, strict=True):
            if len(name.encode()) > lay.NAME_BYTES:
                raise GatewayError(
                    f"the route name {name[:40]!r}... is longer than {lay.NAME_BYTES} bytes", code="board"
                )
            at = self._geometry.name(index)
            self._memory.words[at + lay.N_USED] = 0
            self._memory.write_text(at + lay.N_LENGTH, at + lay.N_TEXT, lay.NAME_BYTES, name)
            self._memory.words[at + lay.N_USED] = 1
        return indices

    def _free_names(self, count: int, taken: set[int]) -> list[int]:
        """Return indices never used, then those that no slot serves any more."""
        indices = [index for index in range(self._geometry.routes) if index not in taken][:count]
        if len(indices) < count:
            slots = [slot for slot in range(self._geometry.slots) if self._pid(slot)]
            bound = self._memory.words
            idle = (i for i in sorted(taken) if not any(bound[self._geometry.row(s, i) + lay.R_BOUND] for s in slots))
            indices += [index for index, _ in zip(idle, range(count - len(indices)), strict=False)]
        if len(indices) < count:
            raise GatewayError(
                f"the scoreboard has room for {self._geometry.routes} routes and all of them are served",
                code="board",
                hint="restart the gateway: it makes a scoreboard that fits the registry",
            )
        return indices

    def names(self) -> dict[int, str]:
        """Return index -> name of every route ever bound and not recycled."""
        if self._names[0] == self._memory.words[lay.H_NAMES_VERSION]:
            return self._names[1]
        found: dict[int, str] = {}
        for version in self._memory.settled(lay.H_NAMES_VERSION):
            found = dict(self._read_names())
            self._names = (version if version % 2 == 0 else -1, found)
        return found

    def _read_names(self) -> Iterable[tuple[int, str]]:
        for index in range(self._geometry.routes):
            at = self._geometry.name(index)
            if self._memory.words[at + lay.N_USED]:
                yield index, self._memory.read_text(at + lay.N_LENGTH, at + lay.N_TEXT, lay.NAME_BYTES)

    # ---- reading

    def workers(self) -> list[WorkerView]:
        """Return every slot that a worker has claimed and not released, dead ones included."""
        return [self._worker(slot) for slot in range(self._geometry.slots) if self._pid(slot)]

    def fewest_connections(self, besides: Slot) -> int | None:
        """Return the smallest number of connections of another worker that serves; None without one. Takes 3 us."""
        words, slots = self._memory.words, range(self._geometry.slots)
        heads = [self._geometry.slot(slot) for slot in slots if slot != besides.number]
        serving = lay.PHASES.index("serving")
        counts = [words[at + lay.S_CONNECTIONS] for at in heads if words[at] and words[at + lay.S_PHASE] == serving]
        return min(counts, default=None)

    def dead(self, pid: int) -> tuple[InFlight, ...]:
        """Return the predicts in flight when a worker died (or now, if it lives), the oldest first."""
        return tuple(entry for slot in self._of(pid) for entry in self._in_flight(slot))

    def _in_flight(self, slot: int) -> list[InFlight]:
        names, words = self.names(), self._memory.words
        first = self._geometry.slot(slot) + lay.S_IN_FLIGHT
        found = []
        for at in range(first, first + lay.IN_FLIGHT_ENTRIES * lay.IN_FLIGHT_WORDS, lay.IN_FLIGHT_WORDS):
            route, started = words[at], words[at + 1]
            if route and route - 1 in names:
                found.append(InFlight(names[route - 1], started / 1e9))
        return sorted(found, key=lambda entry: entry.started_at)

    def _worker(self, slot: int) -> WorkerView:
        memory, head = self._memory, self._geometry.slot(slot)
        words = memory.words[head : head + lay.S_IN_FLIGHT].tolist()
        generation = ""
        for _ in memory.settled(head + lay.S_TEXT_VERSION):
            generation = memory.read_text(head + lay.S_GENERATION_LENGTH, head + lay.S_GENERATION, lay.GENERATION_BYTES)
        return WorkerView(
            pid=words[lay.S_PID],
            alive=self._alive(slot),
            started_at=words[lay.S_STARTED] / 1e9,
            heartbeat_at=words[lay.S_HEARTBEAT] / 1e9,
            phase=lay.PHASES[words[lay.S_PHASE]],
            generation=generation,
            pss_bytes=words[lay.S_PSS],
            stuck_threads=words[lay.S_STUCK],
            connections=words[lay.S_CONNECTIONS],
            in_flight=tuple(self._in_flight(slot)),
        )

    def routes(self) -> dict[str, RouteView]:
        """Return the sums over live workers of every route that at least one of them serves."""
        now = time_ns()
        views: dict[str, RouteView] = {}
        names = self.names()
        for slot in range(self._geometry.slots):
            if self._alive(slot):
                for index, name in names.items():
                    at = self._geometry.row(slot, index)
                    if self._memory.words[at + lay.R_BOUND]:
                        view = views.setdefault(name, RouteView(name=name))
                        _add(view, self._memory.words[at : at + lay.ROUTE_WORDS], now)
        return views


def _add(view: RouteView, row: memoryview, now_ns: int) -> None:
    """Add the row of one worker to the sums of a route."""
    head = row[: lay.R_WINDOW].tolist()
    view.requests += head[lay.R_REQUESTS]
    view.errors += head[lay.R_ERRORS]
    view.shed += head[lay.R_SHED]
    view.in_flight += head[lay.R_IN_FLIGHT]
    view.queue_depth += head[lay.R_QUEUE]
    state = lay.STATES[head[lay.R_STATE] - 1]  # 0 (never set) is the last: unknown
    view.states = {**view.states, state: view.states.get(state, 0) + 1}
    if head[lay.R_BREAKER]:
        breaker = lay.BREAKERS[head[lay.R_BREAKER] - 1]
        view.breakers = {**view.breakers, breaker: view.breakers.get(breaker, 0) + 1}
        view.servers_away = max(view.servers_away, head[lay.R_AWAY])
    epoch = now_ns // WINDOW_NS
    view.recent_s = WINDOW_S + (now_ns % WINDOW_NS) / 1e9
    for side in (0, 1):
        if epoch - 1 <= head[lay.R_EPOCH + side] <= epoch:
            at = lay.R_WINDOW + side * BUCKETS
            view.recent = [a + b for a, b in zip(view.recent, row[at : at + BUCKETS].tolist(), strict=True)]
