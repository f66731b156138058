"""
Every counter and histogram on one screen, and the cached children of one route.

The gauges are in exposition.py: in multiprocess files they could not be removed. Label values come from the registry
only.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, values

from gateway.metrics.cells import Cell, Tally, add, cell_of

REGISTRY = CollectorRegistry()
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("gateway_requests", "Answered requests", ["route", "method", "code"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "gateway_request_seconds", "Time to an answer", ["route"], buckets=BUCKETS, registry=REGISTRY
)
PREDICT_SECONDS = Histogram(
    "gateway_predict_seconds", "Time inside the model", ["route", "variant"], buckets=BUCKETS, registry=REGISTRY
)
INSTANCES = Counter("gateway_instances", "Predicted instances", ["route"], registry=REGISTRY)
PREDICTIONS = Counter("gateway_predictions", "Predicted labels", ["route", "label"], registry=REGISTRY)
VALIDATION_ERRORS = Counter("gateway_validation_errors", "Faulty values", ["route", "field"], registry=REGISTRY)
SHED = Counter("gateway_shed", "Refused requests", ["route", "reason"], registry=REGISTRY)
INSTRUMENTS = (REQUESTS, REQUEST_SECONDS, PREDICT_SECONDS, INSTANCES, PREDICTIONS, VALIDATION_ERRORS, SHED)

#: A route has at most this many series for labels of its model, and as many for its fields.
MAX_LABELS = 100
#: The label value of everything beyond, and of what no registry declares.
OTHER = "(other)"
METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"))


def configure(directory: Path) -> None:
    """
    Keep the values of this process and its later forks in files of `directory`.

    Call it before the first RouteMetrics. The library decides at import by PROMETHEUS_MULTIPROC_DIR whether values
    are shared; this repeats the decision, so that an earlier import of the library does no harm.
    """
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    if not getattr(values.ValueClass, "_multiprocess", False):
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


class RouteMetrics:
    """
    Count what happens on one route, through children that are looked up once.

    Its series exist from now on: code 200, the histograms, the first 100 declared labels. Making it twice for a route
    goes on with the same numbers. Safe for threads; after a fork a child process counts for itself from zero.
    """

    def __init__(
        self,
        route: str,
        *,
        labels: Iterable[object] = (),
        fields: Iterable[str] = (),
        variants: Iterable[str] = ("primary",),
        methods: Iterable[str] = ("GET", "POST"),
    ) -> None:
        self.route = route
        self._fields = frozenset(list(fields)[:MAX_LABELS])
        self._seconds = Tally(REQUEST_SECONDS.labels(route))
        self._instances = cell_of(INSTANCES.labels(route))
        self._requests = {(method, 200): cell_of(REQUESTS.labels(route, method, "200")) for method in methods}
        self._predicts = {variant: Tally(PREDICT_SECONDS.labels(route, variant)) for variant in variants}
        declared = [str(label) for label in labels][:MAX_LABELS]
        self._labels = {label: cell_of(PREDICTIONS.labels(route, label)) for label in declared}
        self._faults: dict[str, Cell] = {}
        self._shed = {"queue-full": cell_of(SHED.labels(route, "queue-full"))}

    def request(self, method: str, code: int, seconds: float) -> None:
        """Count one answer."""
        cell = self._requests.get((method, code))
        if cell is None:
            known = method if method in METHODS else OTHER
            cell = self._requests[known, code] = cell_of(REQUESTS.labels(self.route, known, str(code)))
        add(((cell, 1), *self._seconds.cells(seconds)))

    def predict(self, seconds: float, instances: int, label: str | None = None, variant: str = "primary") -> None:
        """Count one call of a model that worked on `instances` rows; `label` is the answer to a single one."""
        changes = ((self._instances, instances), *self._predicts[variant].cells(seconds))
        add(changes if label is None else (*changes, (self._label(label), 1)))

    def label(self, label: str, count: int = 1) -> None:
        """Count predictions of a label; one that was not declared counts as OTHER."""
        add(((self._label(label), count),))

    def fault(self, field: str | None, count: int = 1) -> None:
        """Count faulty values of a field; what is no declared field counts as OTHER."""
        known = field if field is not None and field in self._fields else OTHER
        cell = self._faults.get(known)
        if cell is None:
            cell = self._faults[known] = cell_of(VALIDATION_ERRORS.labels(self.route, known))
        add(((cell, count),))

    def shed(self, reason: str) -> None:
        """Count a refused request; `reason` is a word of our own, never of a client."""
        cell = self._shed.get(reason)
        if cell is None:
            cell = self._shed[reason] = cell_of(SHED.labels(self.route, reason))
        add(((cell, 1),))

    def _label(self, label: str) -> Cell:
        cell = self._labels.get(label)
        if cell is None:
            cell = self._labels.get(OTHER) or self._labels.setdefault(
                OTHER, cell_of(PREDICTIONS.labels(self.route, OTHER))
            )
        return cell
