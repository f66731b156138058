"""
A model: a manifest and an executor, with a state. IDLE -> LOADING -> READY | FAILED(reason).

Knows no route and no HTTP; made from a manifest alone, so models with one manifest key are one model.
"""

import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from gateway.artifacts.manifest import Manifest
from gateway.errors import GatewayError, NotReadyError, PredictError, Problem
from gateway.executors import make_executor
from gateway.executors.base import Executor, ServerHealth
from gateway.executors.thread_event import CrossThreadEvent
from gateway.executors.thread_pool import NativePool
from gateway.explanation import Explanation
from gateway.loaders.base import LoadOptions
from gateway.routing.memory_budget import Held, MemoryBudget
from gateway.schema import Column, Predictions

#: What a model takes at least: the growth that preparing measures is in pages, and none for the smallest.
LEAST_BYTES = 64 * 1024

T = TypeVar("T")
State: TypeAlias = Literal["IDLE", "LOADING", "READY", "FAILED"]

log = logging.getLogger("gateway.model")

#: A lazy model whose loading failed is tried again this long afterwards: disks fill and empty, files come back.
RETRY_S = 5.0


class _Waiter:
    """Hold one call that waits for a model to be loaded; whoever loads it hands the executor over."""

    __slots__ = ("event", "executor")

    def __init__(self) -> None:
        self.event = CrossThreadEvent()
        self.executor: Executor | None = None


class Model:
    """
    Own one executor and its state.

    Thread-safe; make it after the fork. `since` is the time.time() of the last change of state. A model with a
    `budget` is lazy: it takes its room there before it loads, and may be unloaded again at any time.
    """

    def __init__(self, manifest: Manifest, options: LoadOptions, pool: NativePool) -> None:
        self.manifest = manifest
        self.state: State = "IDLE"
        self.problem: Problem | None = None
        #: Why the original serves although a compiled model was proven; "" where it does not.
        self.compiled_lost = ""
        self.since = time.time()
        self.load_s = 0.0
        self.loads = 0
        self.last_used = 0.0
        self.budget: MemoryBudget | None = None
        self._make_executor = partial(make_executor, manifest, options, pool)
        #: The most predicts that one route may run at the same time; an executor that is not started costs nothing.
        self.capacity = self._make_executor().capacity
        self._pool = pool
        self._executor: Executor | None = None
        self._lock = threading.Lock()
        self._waiting: list[_Waiter] = []
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
        budget = self.budget
        if budget is not None:
            budget.take(self)
        started = time.perf_counter()
        executor, problem = self._tried()
        if executor is not None:
            self.load_s = time.perf_counter() - started
            self.loads += 1
            self.last_used = time.monotonic()
        with self._lock:
            self._executor = executor
            if executor is not None and executor.explainer is not None:
                executor.explainer.room = lambda: self.budget
            self._change("READY" if executor is not None else "FAILED", problem)
            waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.executor = executor
            waiter.event.pass_on()
        if budget is not None:
            budget.settled(self, is_loaded=executor is not None)

    def retry(self) -> None:
        """Let a model whose loading failed be tried again by the next request, if that was RETRY_S ago."""
        with self._lock:
            is_due = time.time() - self.since > RETRY_S
            if self.state == "FAILED" and self.manifest.problem is None and is_due:
                self._change("IDLE")

    def _tried(self) -> tuple[Executor | None, Problem | None]:
        executor = self._make_executor()
        try:
            executor.start()
        except GatewayError as error:
            return None, error.as_problem()
        except Exception as error:
            log.exception("loading failed", extra={"loader": self.manifest.loader})
            return None, Problem("load", f"loading raised {type(error).__name__}: {error}")
        else:
            return executor, None
        finally:
            self.compiled_lost = executor.degraded

    @property
    def compiler(self) -> str | None:
        """Return the compiler of the compiled model that serves, or would serve; None where it is the original."""
        compiled = self.manifest.compiled
        return None if compiled is None or self.compiled_lost else compiled.compiler

    @property
    def resident_bytes(self) -> int:
        """Estimate what this model holds in memory: as measured while preparing, or three times the compiled file."""
        compiled = self.manifest.compiled
        if compiled is None:
            return max(self.manifest.memory_bytes, LEAST_BYTES)
        try:
            return max(3 * Path(compiled.path).stat().st_size, LEAST_BYTES)
        except OSError:
            return LEAST_BYTES

    @property
    def held(self) -> Sequence[Held]:
        """Return what of this model takes memory: the model, and what explains it if that is loaded."""
        explainer = None if self._executor is None else self._executor.explainer
        return (self,) if explainer is None or not explainer.is_loaded else (self, explainer)

    @property
    def server_health(self) -> ServerHealth | None:
        """Return how its servers are, as this worker finds them; None where none was asked yet, or none is."""
        executor = self._executor
        return None if executor is None else executor.server_health()

    def unload(self) -> bool:
        """Drop the executor and become IDLE; calls that run keep their own reference. False if none was loaded."""
        with self._lock:
            executor = self._executor
            if self.state != "READY" or executor is None:
                return False
            self._executor = None
            self._change("IDLE")
        if executor.explainer is not None:
            executor.explainer.close()
            if self.budget is not None:
                self.budget.release(executor.explainer)
        return True

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """
        Predict one batch before `deadline` (time.monotonic()).

        Raises NotReadyError, DeadlineError, or PredictError when the model itself raised.
        """
        executor = self._awake(deadline)
        try:
            return executor.predict(columns, deadline)
        except GatewayError:
            raise
        except Exception as error:
            raise PredictError("the model raised an exception while predicting") from error

    def explain(self, columns: Sequence[Column], deadline: float) -> Explanation:
        """
        Explain the answers to one batch before `deadline` (time.monotonic()).

        Raises NotExplainable, NotReadyError, DeadlineError, or PredictError when the model itself raised.
        """
        executor = self._awake(deadline)
        try:
            return executor.explain(columns, deadline)
        except GatewayError:
            raise
        except Exception as error:
            raise PredictError("the model raised an exception while its answer was explained") from error
        finally:
            self.last_used = time.monotonic()  # later than what explains it, which makes room first

    def wait_for_explainer(self, deadline: float) -> None:
        """
        Load what explains the answers, if it is not there, and wait for it until `deadline` (time.monotonic()).

        Raises NotExplainable, NotReadyError, or PredictError when loading raised.
        """
        executor = self._awake(deadline)
        try:
            if executor.explainer is not None:
                executor.explainer.get(deadline)
        except GatewayError:
            raise
        except Exception as error:
            raise PredictError("loading what explains the answers of the model raised an exception") from error
        finally:
            self.last_used = time.monotonic()

    def _awake(self, deadline: float) -> Executor:
        """Return the executor, loaded if it was not."""
        executor = self._executor
        if executor is None:
            executor = self._wake(deadline)
        self.last_used = time.monotonic()
        return executor

    def _wake(self, deadline: float) -> Executor:
        """Load a lazy model for its first request; whoever comes meanwhile waits with it."""
        waiter = _Waiter()
        with self._lock:
            executor, state = self._executor, self.state
            if executor is None and state != "FAILED":
                self._waiting.append(waiter)
        if executor is None and state == "IDLE":
            # Not a call with a deadline: one that overruns it would count as a stuck predict and cost the worker.
            self._pool.spawn(self.load)
        if executor is None and state != "FAILED":
            waiter.event.wait(max(deadline - time.monotonic(), 0.0))
            executor = waiter.executor
        if executor is not None:
            return executor
        problem = self.problem or Problem("loading", "the model is still being loaded", "retry in a few seconds")
        raise NotReadyError(problem.message, code=problem.code, hint=problem.hint)

    def _change(self, state: State, problem: Problem | None = None) -> None:
        self.state, self.problem, self.since = state, problem, time.time()
