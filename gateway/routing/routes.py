"""
A route: a public path and the contract behind it.

Binds spec, model, validator, answer and limits together. Knows no HTTP and no wire format.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from gateway.artifacts.manifest import Manifest
from gateway.errors import GatewayError, NotExplainable, NotReadyError, OverloadError, Problem
from gateway.executors.remote_predictions import RemotePredictions
from gateway.explanation import Explanation
from gateway.metrics import RouteMetrics
from gateway.registry.contract import Contract, make_contract, unexplained
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RouteSpec
from gateway.routing.bulkhead import Admission, Bulkhead
from gateway.routing.model import Model
from gateway.schema import Batch, Column, Predictions, Signature
from gateway.scoreboard import Slot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LastError:
    """Name the last failure of a predict: when (Unix time) and what, without values of inputs."""

    at: float
    text: str


class RouteCounters:
    """
    Hold what outlives generations, keyed by route name: limits and counters.

    `slot` is this worker's page of the scoreboard, `index` the route's line on it.
    """

    __slots__ = ("_make_metrics", "_metrics", "bulkhead", "index", "last_error", "slot")

    def __init__(self, bulkhead: Bulkhead, slot: Slot, index: int) -> None:
        self.bulkhead = bulkhead
        self.slot = slot
        self.index = index
        self.last_error: LastError | None = None

    def count_with(self, make_metrics: Callable[[], RouteMetrics], *, now: bool) -> None:
        """Count with what `make_metrics` returns; its 35 series are made at the first count unless `now`."""
        self._make_metrics = make_metrics
        self._metrics = make_metrics() if now else None

    @property
    def metrics(self) -> RouteMetrics:
        """Return the counters."""
        if self._metrics is None:
            self._metrics = self._make_metrics()
        return self._metrics


class Route:
    """
    Answer batches for one entry of the registry.

    `signature` is there exactly when the entry could be prepared; else `problem` is. A lazy route makes its contract
    when it is first asked: most of what an idle route would take is that, and its counters.
    """

    def __init__(
        self, spec: RouteSpec, server: ServerSpec, manifest: Manifest, model: Model, counters: RouteCounters
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.manifest = manifest
        self.model = model
        self.counters = counters
        self._ask_model = model.predict if manifest.remote is None else self._ask_server
        self.signature: Signature | None = manifest.signature
        self._labels: tuple[str, ...] = ()
        self.problem: Problem | None = manifest.problem
        self.quarantine = ""
        self.limits = spec.limits.limits()
        self.version = spec.version or (manifest.artifact.sha256[:12] if manifest.artifact else "")
        self._server = server
        self._contract: Contract | None = None
        if spec.load == "eager":
            self._make_contract()

    def _make_contract(self) -> None:
        if self.signature is None or self.problem is not None:
            return
        try:
            contract = make_contract(self.signature, self.spec, self._server)
        except GatewayError as error:
            self.problem = error.as_problem()
        else:
            self.problem = unexplained(contract, self.manifest)
            self._contract = contract
            if self.signature.output.kind == "classification":
                self._labels = tuple(str(label) for label in self.signature.output.labels)

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the path, its aliases and its pages: all of them predict."""
        return (self.spec.path, *self.spec.aliases, *self.spec.pages)

    @property
    def state(self) -> str:
        """Return IDLE, LOADING, READY or FAILED."""
        return "FAILED" if self.problem is not None or self.quarantine else self.model.state

    @property
    def reason(self) -> Problem | None:
        """Return why the route does not serve, or None."""
        if self.quarantine:
            return Problem("quarantined", self.quarantine, "repair or replace the artifact, or: gateway reload --force")
        return self.problem or self.model.problem

    def must_serve(self) -> Contract:
        """Return the contract; raises NotReadyError with reason and fix where the route cannot serve."""
        if self._contract is None:
            self._make_contract()
        reason, contract = self.reason, self._contract
        if reason is not None and self.spec.load == "lazy":
            self.model.retry()
            reason = self.reason
        if reason is not None or contract is None:
            problem = reason or Problem("not-ready", "the model is not ready")
            raise NotReadyError(
                f"route {self.spec.path} cannot serve: {problem.message}", code=problem.code, hint=problem.hint
            )
        return contract

    def admit(self, deadline: float, *, resume: bool = False) -> Admission:
        """
        Wait for a slot of this route; hold it in a `with` block.

        `resume` is for a batch that has begun to answer and comes back for its next chunk: it waits its turn, but is
        not refused because the queue is full.
        """
        counters = self.counters
        try:
            return counters.bulkhead.slot(deadline, resume=resume)
        except OverloadError:
            counters.slot.shed(counters.index)
            counters.metrics.shed("queue-full")
            raise

    def predict(self, batch: Batch, deadline: float) -> Predictions:
        """
        Predict a batch, or a chunk of one, for a caller that holds a slot.

        `deadline` is a time.monotonic() value. Raises NotReadyError, DeadlineError, PredictError.
        """
        counters = self.counters
        started = time.perf_counter()
        predictions = self._asked(self._ask_model, batch.columns, deadline)
        seconds = time.perf_counter() - started
        if batch.size == 1:
            counters.metrics.predict(seconds, 1, self._label_of(predictions) if self._labels else None)
            return predictions
        counters.metrics.predict(seconds, batch.size)
        if not batch.columns:
            predictions = _repeated(predictions, batch.size)
        if self._labels:
            self._count_labels(predictions)
        return predictions

    def _ask_server(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Ask a model that runs elsewhere, and count how long its server was asked, also where that was in vain."""
        started = time.perf_counter()
        try:
            predictions = self.model.predict(columns, deadline)
        except GatewayError:
            if self.model.state == "READY":  # else it waited for its model here
                self.counters.metrics.ask_server(time.perf_counter() - started)
            raise
        if isinstance(predictions, RemotePredictions):
            self.counters.metrics.ask_server(predictions.remote_s)
        return predictions

    def explain(self, batch: Batch, deadline: float) -> Explanation:
        """
        Explain the answers to a batch, or a chunk of one, for a caller that holds a slot.

        Raises NotExplainable, NotReadyError, DeadlineError, PredictError.
        """
        started = time.perf_counter()
        explanation = self._asked(self.model.explain, batch.columns, deadline)
        self.counters.metrics.explain(time.perf_counter() - started, batch.size)
        return explanation

    def wait_for_explainer(self, deadline: float) -> None:
        """Load what explains the answers, for a caller that holds no slot; raises NotReadyError, PredictError."""
        self._asked(self.model.wait_for_explainer, deadline)

    def _asked(self, ask: Callable[..., T], *question: Any) -> T:
        """Ask the model; the scoreboard shows that this route is at work, its last error what the model raised."""
        counters = self.counters
        entry = counters.slot.begin(counters.index)
        try:
            return ask(*question)
        except NotExplainable:
            raise
        except GatewayError as error:
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            counters.last_error = LastError(time.time(), f"{error.message}{cause}")
            raise
        finally:
            counters.slot.finish(counters.index, entry)

    def _label_of(self, predictions: Predictions) -> str:
        return self._labels[int(predictions.values[0])]

    def _count_labels(self, predictions: Predictions) -> None:
        found, counts = np.unique(np.asarray(predictions.values), return_counts=True)
        for value, count in zip(found.tolist(), counts.tolist(), strict=True):
            self.counters.metrics.label(self._labels[int(value)], count)


def _repeated(predictions: Predictions, size: int) -> Predictions:
    """Repeat the one answer of a model without inputs: no column could tell it how many were asked for."""
    values, probabilities = predictions.values, predictions.probabilities
    many = list(values) * size if isinstance(values, list) else np.repeat(values, size, axis=0)
    each = [None if table is None else np.repeat(table, size, axis=0) for table in predictions.each]
    return Predictions(many, None if probabilities is None else np.repeat(probabilities, size, axis=0), each)
