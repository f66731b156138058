"""
Follow the committed generation in a worker: load it at boot, swap to later ones, send heartbeats.

`Gateway` is the WSGI callable. It holds one reference to a generation, which a swap replaces; a request in flight
finishes in the generation in which it began.
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
from gateway.process.route_reports import RouteReports
from gateway.rest.app import Holder, create_door
from gateway.rest.middleware.forwarded import Forwarded
from gateway.rest.middleware.telemetry import StartResponse, Telemetry
from gateway.routing.live_generation import Generation, GenerationBuilder
from gateway.routing.routes import Route
from gateway.scoreboard import Scoreboard, status
from gateway.security import audit
from gateway.security.authentication import Authenticator
from gateway.security.keyring import Keyring
from gateway.security.token_verifier import TokenVerifier
from gateway.settings.settings import Settings
from gateway.system import garbage_collection
from gateway.system.file_change import FileChange
from gateway.system.memory import proportional_bytes

log = logging.getLogger("gateway.serving")
Face = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

#: Models and counters of the previous generation are dropped this long after a swap: its calls have ended by then.
FORGET_AFTER_S = 30.0
USUAL_SWITCH_S, ADOPTING_SWITCH_S = sys.getswitchinterval(), 0.0005


class Gateway:
    """
    Serve the committed generation in one worker.

    Created after the fork. `start` begins to load, `is_settled` says when every eager model is READY or FAILED; the
    worker accepts connections from then on, or after the boot deadline. The worker's loop calls `tick`.
    `keyring` is that of the arbiter, as it was at the fork.
    """

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._settings = settings
        self._keyring = keyring
        tokens = TokenVerifier(keyring, settings.state_dir, settings.run_dir)
        self._authenticator = (
            None if settings.auth == "none" else Authenticator(keyring, tokens, always=settings.auth == "keys")
        )
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
        self._reports = RouteReports(self._slot)
        self._reader = CommittedReader(settings.state_dir)
        self._forwarded = Forwarded.of(settings)
        with garbage_collection.paused():
            self._holder = Holder(self._builder.make(self._read()))
            self._app = self._face(self._holder)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request in the current generation."""
        return self._app(environ, start_response)

    @property
    def generation(self) -> Generation:
        """Return the generation that new requests see."""
        return self._holder.generation

    def start(self) -> None:
        """Start loading the eager models in native threads."""
        self._apply_quarantine(self.generation)
        for route in self.generation.table.by_name.values():
            self._reports.report(route)
        self._builder.load(self.generation, self._reports.report)

    def is_settled(self) -> bool:
        """Say whether connections may be accepted."""
        overdue = time.monotonic() - self._started > self._settings.boot_deadline_s
        return overdue or self.generation.table.is_settled()

    def serving(self) -> None:
        """Record on the scoreboard that this worker accepts connections."""
        garbage_collection.overlook_what_is_there()
        self._slot.generation(self.generation.id)
        self._slot.phase("serving")
        boot_ms = round(1e3 * (time.monotonic() - self._started))
        log.info("worker serves", extra={"generation": self.generation.id, "duration_ms": boot_ms})

    def tick(self, *, measure: bool) -> None:
        """Send a heartbeat, look for new keys and a new generation, tell refusals; if asked, measure memory."""
        self._slot.beat(stuck_threads=self._builder.pool.stuck)
        self._reports.tick(self.generation.table)
        if measure:
            self._builder.background.spawn(self._measure)
        self._keyring.look_beside(self._builder.background.spawn)
        audit.tell_sums()
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
        """Publish the number of connections of this worker to its siblings."""
        self._slot.connections(connections)

    def has_idler_sibling(self, connections: int) -> bool:
        """Say whether another serving worker has fewer than `connections` connections."""
        fewest = self._scoreboard.fewest_connections(self._slot)
        return fewest is not None and fewest < connections

    def is_predicting(self) -> bool:
        """Say whether a native thread is predicting: its request needs the next turn of the loop."""
        return self._builder.pool.is_busy

    def locate(self, environ: dict[str, Any]) -> None:
        """Undo in the environ of a request what proxies did to it; called before anything looks at it."""
        if self._forwarded is not None:
            self._forwarded.rewrite(environ, self.generation.table.by_path)

    def queue_of(self, path: str) -> str:
        """Return the admission queue of a request to `path`."""
        return self.generation.table.queue_of(path)

    def drain(self) -> None:
        """Record on the scoreboard that this worker accepts no more connections."""
        self._slot.phase("draining")

    def close(self) -> None:
        """Tell what is not told yet, and release the slot on the scoreboard."""
        audit.tell_sums(at_once=True)
        self._slot.release()

    def _build(self) -> None:
        """Build the committed generation beside the serving one; runs in a pool thread and changes no shared state."""
        try:
            wanted, before = self._read(), self.generation
            if wanted.id == before.id:
                return
            started = time.perf_counter()
            # Building 1,000 routes is a second of pure Python: the loop must get the GIL back sooner than
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
        """Make a built generation the current one; runs in the loop, between requests."""
        made, before = successor.generation, self.generation
        # Quarantines may have changed during the build, and routes are shared with it: only this thread applies them.
        self._apply_quarantine(made)
        for route in _new_routes(made, before):
            self._reports.report(route)
        successor.holder.generation = made
        self._holder, self._app = successor.holder, successor.app
        self._slot.generation(made.id)
        self._forget_at = time.monotonic() + FORGET_AFTER_S
        self._successor, self._is_adopting = None, False
        took_ms = round(1e3 * (time.perf_counter() - successor.started))
        log.info("generation adopted", extra={"generation": made.id, "duration_ms": took_ms})

    def _face(self, holder: Holder) -> Face:
        app = create_door(holder, self._scoreboard, self._settings, self._builder.pool)
        return Telemetry(app, holder.current, self._authenticator)

    def _apply_quarantine(self, generation: Generation) -> None:
        """Close routes whose predicts killed workers; an entry names one manifest key, so a new model is open."""
        quarantined = status.read(self._settings.status_path).quarantined
        for name, route in generation.table.by_name.items():
            key, reason = quarantined.get(name, ("", ""))
            was = route.quarantine
            route.quarantine = reason if key == route.manifest.key else ""
            if route.quarantine != was:
                self._reports.report(route)

    def _measure(self) -> None:
        self._slot.beat(pss_bytes=proportional_bytes())
        self._reports.report_changed(self.generation.table)


@dataclass(frozen=True, slots=True)
class _Successor:
    """Hold a built generation and the app for its paths until the loop adopts them."""

    generation: Generation
    holder: Holder
    app: Face
    started: float


def _new_routes(made: Generation, before: Generation) -> Iterator[Route]:
    """Yield the routes that were not taken over unchanged from the previous generation."""
    return (one for one in made.table.by_name.values() if before.table.by_name.get(one.name) is not one)
