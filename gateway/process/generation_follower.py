"""
One worker's life: boot on the committed generation, adopt later ones, beat.

`Gateway` is the WSGI callable. It holds one reference, which a swap replaces: requests in flight end where they began.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway import metrics
from gateway.artifacts.state_files import COMMITTED
from gateway.errors import GatewayError
from gateway.generations.snapshot import CommittedReader, Snapshot
from gateway.rest.app import Holder, create_app
from gateway.rest.middleware.telemetry import StartResponse, Telemetry
from gateway.routing.generation import Generation, GenerationBuilder
from gateway.routing.routes import Route
from gateway.scoreboard import Scoreboard, status
from gateway.settings.settings import Settings
from gateway.system import garbage
from gateway.system.file_change import FileChange
from gateway.system.memory import proportional_bytes

log = logging.getLogger("gateway.serving")
Face = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

#: Models and counters of an earlier generation are dropped this long after a swap: its last calls have ended by then.
FORGET_AFTER_S = 30.0
USUAL_SWITCH_S, ADOPTING_SWITCH_S = sys.getswitchinterval(), 0.0005


class Gateway:
    """
    Serve the committed generation in one worker.

    Made after the fork. `start` begins to load, `is_settled` says when every eager model is READY or FAILED; the
    worker accepts connections from then on, or after the boot deadline. `tick` is called by the worker's loop.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if not metrics.has_room(settings.run_dir):
            hint = "free some space, or move GATEWAY_HOME"
            raise GatewayError(f"the disk of {settings.run_dir} is full", code="disk-full", hint=hint)
        metrics.configure(settings.metrics_dir)
        self._scoreboard = Scoreboard.open(settings.scoreboard_path)
        self._slot = self._scoreboard.claim()
        self._slot.phase("booting")
        self._builder = GenerationBuilder(self._scoreboard, self._slot, settings.cache_dir, settings.predict_threads)
        self._started = time.monotonic()
        self._committed = FileChange(settings.state_dir / COMMITTED)
        self._told = FileChange(settings.status_path)
        self._forget_at = 0.0
        self._is_adopting = False
        self._successor: _Successor | None = None
        self._reported: dict[str, tuple[int, str]] = {}
        self._reader = CommittedReader(settings.state_dir)
        with garbage.paused():
            self._holder = Holder(self._builder.make(self._read()))
            self._app = self._face(self._holder)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request in the generation of this moment."""
        return self._app(environ, start_response)

    @property
    def generation(self) -> Generation:
        """Return the generation that new requests see."""
        return self._holder.generation

    def start(self) -> None:
        """Begin to load the eager models in native threads."""
        self._apply_quarantine(self.generation)
        for route in self.generation.table.by_name.values():
            self._report(route)
        self._builder.load(self.generation, self._report)

    def is_settled(self) -> bool:
        """Say whether connections may be accepted."""
        overdue = time.monotonic() - self._started > self._settings.boot_deadline_s
        return overdue or self.generation.table.is_settled()

    def serving(self) -> None:
        """Note that this worker accepts connections."""
        garbage.overlook_what_is_there()
        self._slot.generation(self.generation.id)
        self._slot.phase("serving")
        boot_ms = round(1e3 * (time.monotonic() - self._started))
        log.info("worker serves", extra={"generation": self.generation.id, "duration_ms": boot_ms})

    def tick(self, *, measure: bool) -> None:
        """Beat, and look for a newly committed generation; measure memory in a thread now and then."""
        self._slot.beat(stuck_threads=self._builder.pool.stuck)
        for route in self.generation.table.by_name.values():
            self._slot.queue_depth(route.counters.index, route.counters.bulkhead.queue_depth)
        if measure:
            self._builder.background.spawn(self._measure)
        if self._told.has_changed():
            self._apply_quarantine(self.generation)
        if self._successor is not None:
            self._adopt(self._successor)
        if not self._is_adopting and self._committed.has_changed():
            self._is_adopting = True
            self._builder.background.spawn(self._build)
        if self._forget_at and time.monotonic() > self._forget_at and not self._is_adopting:
            self._forget_at = 0.0
            self._builder.forget_except(self.generation)

    def holds(self, connections: int) -> None:
        """Tell the siblings how many connections this worker has."""
        self._slot.connections(connections)

    def has_idler_sibling(self, connections: int) -> bool:
        """Say whether another worker that serves has fewer connections than this one, which has so many."""
        fewest = self._scoreboard.fewest_connections(self._slot)
        return fewest is not None and fewest < connections

    def is_predicting(self) -> bool:
        """Say whether a native thread predicts for a request, which will want the loop's next turn."""
        return self._builder.pool.is_busy

    def line_of(self, path: str) -> str:
        """Return the line in which a request to `path` waits for its turn."""
        return self.generation.table.line_of(path)

    def drain(self) -> None:
        """Note that this worker accepts no more."""
        self._slot.phase("draining")

    def close(self) -> None:
        """Give the slot back."""
        self._slot.release()

    def _build(self) -> None:
        """Load the committed generation beside the one that serves; runs in a pool thread, and changes nothing seen."""
        try:
            wanted, before = self._read(), self.generation
            if wanted.id == before.id:
                return
            started = time.perf_counter()
            # Building 1,000 routes is a second of pure Python: the loop must get the interpreter back sooner than
            # after the usual 5 ms.
            sys.setswitchinterval(ADOPTING_SWITCH_S)
            made = self._builder.make(wanted, before)
            for route in _new_routes(made, before):
                if route.spec.load == "eager" and route.problem is None:
                    route.model.load()
            self._successor = self._succeed(made, started)
        except Exception:
            log.exception("a committed generation could not be adopted; the one before goes on serving")
        finally:
            sys.setswitchinterval(USUAL_SWITCH_S)
            self._is_adopting = self._successor is not None

    def _read(self) -> Snapshot:
        found = self._reader.read()
        if found is None:
            raise GatewayError(
                f"no committed generation in {self._settings.state_dir}",
                code="no-generation",
                hint="run: gateway prepare --commit",
            )
        return found

    def _succeed(self, made: Generation, started: float) -> "_Successor":
        """Pair a generation with its app; a new Flask app is built only when paths or server keys changed."""
        before = self.generation
        if made.paths == before.paths and made.snapshot.registry.server == before.snapshot.registry.server:
            return _Successor(made, self._holder, self._app, started)
        holder = Holder(made)
        return _Successor(made, holder, self._face(holder), started)

    def _adopt(self, successor: "_Successor") -> None:
        """Let new requests see a generation that was built; runs in the loop, between two turns of requests."""
        made, before = successor.generation, self.generation
        # Told while it was built, or of a route that both generations share: only this thread may judge that.
        self._apply_quarantine(made)
        for route in _new_routes(made, before):
            self._report(route)
        successor.holder.generation = made
        self._holder, self._app = successor.holder, successor.app
        self._slot.generation(made.id)
        self._forget_at = time.monotonic() + FORGET_AFTER_S
        self._successor, self._is_adopting = None, False
        took_ms = round(1e3 * (time.perf_counter() - successor.started))
        log.info("generation adopted", extra={"generation": made.id, "duration_ms": took_ms})

    def _face(self, holder: Holder) -> Face:
        return Telemetry(create_app(holder, self._scoreboard, self._settings, self._builder.pool), holder.current)

    def _apply_quarantine(self, generation: Generation) -> None:
        """Close the routes whose predicts killed workers; the entry is about one manifest key, so a new model opens."""
        quarantined = status.read(self._settings.status_path).quarantined
        for name, route in generation.table.by_name.items():
            key, reason = quarantined.get(name, ("", ""))
            was = route.quarantine
            route.quarantine = reason if key == route.manifest.key else ""
            if route.quarantine != was:
                self._report(route)

    def _measure(self) -> None:
        self._slot.beat(pss_bytes=proportional_bytes())
        # Nobody else tells of a lazy model that was asked, nor of one that was being loaded for another route.
        for route in self.generation.table.by_name.values():
            told = self._reported.get(route.name, (0, ""))
            if told != (route.counters.index, route.state) and (route.spec.load == "lazy" or told[1] == "LOADING"):
                self._report(route)

    def _report(self, route: Route) -> None:
        """Put the state of a route on the scoreboard; a failure also into the log, with reason and fix."""
        self._reported[route.name] = route.counters.index, route.state
        self._slot.model(route.counters.index, route.state.lower())
        problem = route.reason
        if route.state == "FAILED" and problem is not None:
            log.error(
                "route failed",
                extra={"route": route.spec.path, "code": problem.code, "reason": problem.message, "fix": problem.hint},
            )


@dataclass(frozen=True, slots=True)
class _Successor:
    """Hold a generation that is loaded, with the app for its paths, until the loop adopts it."""

    generation: Generation
    holder: Holder
    app: Face
    started: float


def _new_routes(made: Generation, before: Generation) -> Iterator[Route]:
    """Yield the routes that were not taken over as they are."""
    return (one for one in made.table.by_name.values() if before.table.by_name.get(one.name) is not one)
