"""
The shape of this folder: an Executor answers the predicts of one model, wherever these run.

No queue of its own: the bulkhead sits above.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.artifacts.manifest import Manifest
from gateway.executors.lazy_explainer import LazyExplainer
from gateway.executors.thread_pool import NativePool
from gateway.explanation import Explanation
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Predictions


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

    def explain(self, columns: Sequence[Column], deadline: float) -> Explanation:
        """
        Explain the answers to one batch; what that needs is loaded at the first question.

        Raises NotExplainable, what the model raises, and DeadlineError.
        """
        ...
