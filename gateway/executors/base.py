"""
The shape of this folder: an Executor answers the predicts of one model, wherever these run.

No queue of its own: the bulkhead sits above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.artifacts.manifest import Manifest
from gateway.executors.breaker import State
from gateway.executors.lazy_explainer import LazyExplainer
from gateway.executors.thread_pool import NativePool
from gateway.explanation import Explanation
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """Tell how this worker finds the servers of a model: its breaker, and those left out by address, with reasons."""

    breaker: State
    away: Mapping[str, str] = field(default_factory=dict)


class Executor(Protocol):
    """
    Run the predicts of one model.

    Made after the fork, of a manifest, the options of its loader and the worker's native threads. `capacity` is known
    from then on: the most predicts that one route may run at the same time. `degraded` says why predicts are slower
    than was prepared, "" where they are not. `explainer` is what explains, made at the first question; None where this
    kind of executor never explains.

    Thread-safe once started. Given up by dropping the last reference: calls that run keep theirs. Deadlines are
    `time.monotonic()` values.
    """

    capacity: int
    degraded: str
    explainer: LazyExplainer | None

    def __init__(self, manifest: Manifest, options: LoadOptions, pool: NativePool) -> None: ...

    def start(self) -> None:
        """
        Make ready to predict, in the current thread; called once, before the first predict.

        Raises GatewayError, or what a framework raises.
        """
        ...

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """
        Predict one batch and wait for it without stopping other requests of this worker.

        Raises what the model raises, and DeadlineError when the deadline passes first; the work may then still be
        running and counts as stuck until it returns.
        """
        ...

    def server_health(self) -> ServerHealth | None:
        """Return how the servers of the model are, as seen from here; None where no server is asked."""
        ...

    def explain(self, columns: Sequence[Column], deadline: float) -> Explanation:
        """
        Explain the answers to one batch; what that needs is loaded at the first question.

        Raises NotExplainable, what the model raises, and DeadlineError.
        """
        ...
