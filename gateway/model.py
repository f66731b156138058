"""
A model: artifact, predictor and signature, with a state. IDLE -> LOADING -> READY | FAILED(reason).

Knows no route and no HTTP; made from a manifest alone, so models with one manifest key are one model.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from gateway.compilers import load_twin
from gateway.compilers.rows import one_row
from gateway.errors import GatewayError, LoadError, NotReadyError, PredictError, Problem
from gateway.executors.base import Executor
from gateway.executors.local import INLINE_TEXT_LENGTH_COMPILED, LocalExecutor
from gateway.executors.pool import NativePool
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions, Predictor
from gateway.manifest import Manifest
from gateway.prepare_entry import INLINE_LIMIT_S, warm_up
from gateway.schema import Column, Predictions

T = TypeVar("T")
State: TypeAlias = Literal["IDLE", "LOADING", "READY", "FAILED"]

log = logging.getLogger("gateway.model")


class Model:
    """
    Own one predictor and its state.

    Thread-safe; make it after the fork. `since` is the time.time() of the last change of state.
    """

    def __init__(self, manifest: Manifest, options: LoadOptions, pool: NativePool) -> None:
        self.manifest = manifest
        self.state: State = "IDLE"
        self.problem: Problem | None = None
        self.since = time.time()
        self.load_s = 0.0
        self.loads = 0
        self.last_used = 0.0
        self._options = options
        self._pool = pool
        self._executor: Executor | None = None
        self._lock = threading.Lock()
        if manifest.problem is not None:
            self._change("FAILED", manifest.problem)

    def load(self) -> None:
        """
        Load now, in the current thread; afterwards the state is READY or FAILED.

        Idempotent: a model that is READY, FAILED or being loaded by another thread is left alone.
        """
        with self._lock:
            if self.state != "IDLE":
                return
            self._change("LOADING")
        started = time.perf_counter()
        try:
            executor = self._make_executor()
        except GatewayError as error:
            self._change("FAILED", error.as_problem())
        except Exception as error:
            log.exception("loading failed", extra={"loader": self.manifest.loader})
            self._change("FAILED", Problem("load", f"loading raised {type(error).__name__}: {error}"))
        else:
            self.load_s = time.perf_counter() - started
            self.loads += 1
            self._executor = executor
            self._change("READY")

    @property
    def resident_bytes(self) -> int:
        """Estimate what this model holds in memory: as measured while preparing, or three times its twin's file."""
        twin = self.manifest.twin
        if twin is None:
            return self.manifest.memory_bytes
        try:
            return 3 * Path(twin.path).stat().st_size
        except OSError:
            return 0

    def unload(self) -> None:
        """Drop the predictor and become IDLE; calls that run keep their own reference."""
        with self._lock:
            if self.state == "READY":
                self._executor = None
                self._change("IDLE")

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """
        Predict one batch before `deadline` (time.monotonic()).

        Raises NotReadyError, DeadlineError, or PredictError when the model itself raised.
        """
        executor = self._executor
        if executor is None:
            executor = self._wake(deadline)
        self.last_used = time.monotonic()
        try:
            return executor.predict(columns, deadline)
        except GatewayError:
            raise
        except Exception as error:
            raise PredictError("the model raised an exception while predicting") from error

    def run(self, call: Callable[[], T], deadline: float | None = None) -> T:
        """Run work that is not the model's own (parsing, encoding) in a native thread; other requests go on."""
        return self._pool.call(call, deadline)

    def _wake(self, deadline: float) -> Executor:
        """Load a lazy model for its first request."""
        if self.state == "IDLE":
            self._pool.call(self.load, deadline)
        while self.state == "LOADING" and time.monotonic() < deadline:
            self._pool.call(lambda: time.sleep(0.01), deadline)
        if self._executor is not None:
            return self._executor
        problem = self.problem or Problem("loading", "the model is still being loaded", "retry in a few seconds")
        raise NotReadyError(problem.message, code=problem.code, hint=problem.hint)

    def _make_executor(self) -> Executor:
        manifest = self.manifest
        twin = self._load_twin()
        if twin is not None and manifest.twin is not None:
            predict_s = manifest.twin.predict_s
            return LocalExecutor(
                twin,
                self._pool,
                predict_s=predict_s,
                inline=predict_s < INLINE_LIMIT_S,
                inline_text=INLINE_TEXT_LENGTH_COMPILED,
            )
        return LocalExecutor(self._load_original(), self._pool, predict_s=manifest.predict_s, inline=manifest.inline)

    def _load_twin(self) -> Predictor | None:
        """Return the proven twin; where its file is gone or altered the original serves, only slower."""
        twin = self.manifest.twin
        if twin is None:
            return None
        try:
            return load_twin(Path(twin.path), twin.sha256)
        except Exception as error:
            log.warning(
                "the compiled twin cannot be loaded; the original serves",
                extra={"path": twin.path, "reason": f"{type(error).__name__}: {error}", "fix": "gateway prepare"},
            )
            return None

    def _load_original(self) -> Predictor:
        artifact, signature = self.manifest.artifact, self.manifest.signature
        if artifact is None or signature is None:
            raise LoadError("the manifest names no artifact", code="load", hint="run: gateway prepare")
        # get_loader imports the framework: never on the way to a twin.
        predictor = get_loader(self.manifest.loader).load(Path(artifact.path), self._options)
        warm_up(self.manifest.loader, predictor, one_row(predictor.signature, signature))
        return predictor

    def _change(self, state: State, problem: Problem | None = None) -> None:
        self.state, self.problem, self.since = state, problem, time.time()
