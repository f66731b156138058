"""
Every counter and histogram on one screen, and the cells of one route.

The gauges are in current_state.py: what is true at a scrape is not kept. Label values come from the registry only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from gateway.metrics.cells import Cell, Tally, add, cell, count_in

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """Describe one family of numbers: a counter, or a histogram where it has buckets."""

    name: str
    documentation: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Literal["counter", "histogram"]:
        """Return its type, as Prometheus calls it."""
        return "histogram" if self.buckets else "counter"

    def cell(self, *values: str) -> Cell:
        """Return the number of a counter for these values of its labels."""
        return cell(self.name, f"{self.name}_total", dict(zip(self.labels, values, strict=True)))

    def tally(self, *values: str) -> Tally:
        """Return the numbers of a histogram for these values of its labels."""
        return Tally(self.name, dict(zip(self.labels, values, strict=True)), self.buckets)


REQUESTS = Instrument("gateway_requests", "Answered requests", ("route", "method", "code"))
REQUEST_SECONDS = Instrument("gateway_request_seconds", "Time to an answer", ("route",), BUCKETS)
PREDICT_SECONDS = Instrument("gateway_predict_seconds", "Time inside the model", ("route", "variant"), BUCKETS)
INSTANCES = Instrument("gateway_instances", "Predicted instances", ("route",))
PREDICTIONS = Instrument("gateway_predictions", "Predicted labels", ("route", "label"))
VALIDATION_ERRORS = Instrument("gateway_validation_errors", "Faulty values", ("route", "field"))
CHECKS = Instrument("gateway_checks", "Bodies checked without a prediction", ("route", "result"))
SHED = Instrument("gateway_shed", "Refused requests", ("route", "reason"))
LIMITED = Instrument("gateway_limited", "Requests refused for a limit of their caller", ("route", "limit"))
REFUSED = Instrument("gateway_refused", "Requests refused for who asked (401, 403)", ("route", "code"))
EXPLAIN_SECONDS = Instrument("gateway_explain_seconds", "Time to explain answers", ("route",), BUCKETS)
EXPLANATIONS = Instrument("gateway_explanations", "Explained instances", ("route",))
SERVER_SECONDS = Instrument(
    "gateway_executor_seconds", "Time in which the server of the model was asked", ("route",), BUCKETS
)
INSTRUMENTS = (
    REQUESTS,
    REQUEST_SECONDS,
    PREDICT_SECONDS,
    INSTANCES,
    PREDICTIONS,
    VALIDATION_ERRORS,
    CHECKS,
    SHED,
    LIMITED,
    REFUSED,
    EXPLAIN_SECONDS,
    EXPLANATIONS,
    SERVER_SECONDS,
)

#: A route has at most this many series for labels of its model, and as many for its fields.
MAX_LABELS = 100
#: The label value of everything beyond, and of values that no registry declares.
OTHER = "(other)"
#: The label value of what is about no route.
NO_ROUTE = ""
METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"))


def configure(directory: Path) -> None:
    """Keep the values of this process and its later forks in files of `directory`; without it they stay in memory."""
    directory.mkdir(parents=True, exist_ok=True)
    count_in(directory)


def limited(route: str, limit: str) -> None:
    """Count a request refused for a limit of its caller; `route` may be NO_ROUTE."""
    add(((LIMITED.cell(route, limit), 1),))


def refused(route: str, code: int) -> None:
    """Count a request refused for who asked; `route` may be NO_ROUTE."""
    add(((_refused(route, code), 1),))


@cache  # by routes of the registry and two statuses
def _refused(route: str, code: int) -> Cell:
    return REFUSED.cell(route, str(code))


class RouteMetrics:
    """
    Count the events of one route, through children that are looked up once.

    Creates the series for code 200, the histograms and the first 100 declared labels; with `is_remote` also those of
    the time in which a server is asked. A second object for a route continues the same numbers. Thread-safe; after a
    fork the child process counts from zero in its own files.
    """

    def __init__(
        self,
        route: str,
        *,
        labels: Iterable[object] = (),
        fields: Iterable[str] = (),
        variants: Iterable[str] = ("primary",),
        methods: Iterable[str] = ("GET", "POST"),
        is_remote: bool = False,
    ) -> None:
        self.route = route
        self._fields = frozenset(list(fields)[:MAX_LABELS])
        self._seconds = REQUEST_SECONDS.tally(route)
        self._instances = INSTANCES.cell(route)
        self._requests = {(method, 200): REQUESTS.cell(route, method, "200") for method in methods}
        self._predicts = {variant: PREDICT_SECONDS.tally(route, variant) for variant in variants}
        declared = [str(label) for label in labels][:MAX_LABELS]
        self._labels = {label: PREDICTIONS.cell(route, label) for label in declared}
        self._faults: dict[str, Cell] = {}
        self._explanations: tuple[Cell, Tally] | None = None
        self._server_seconds = SERVER_SECONDS.tally(route) if is_remote else None
        self._shed = {"queue-full": SHED.cell(route, "queue-full")}

    def request(self, method: str, code: int, seconds: float) -> None:
        """Count one answer."""
        cell = self._requests.get((method, code))
        if cell is None:
            known = method if method in METHODS else OTHER
            cell = self._requests[known, code] = REQUESTS.cell(self.route, known, str(code))
        add(((cell, 1), *self._seconds.cells(seconds)))

    def predict(self, seconds: float, instances: int, label: str | None = None, variant: str = "primary") -> None:
        """Count one call of a model that worked on `instances` rows; `label` is the answer to a single one."""
        changes = ((self._instances, instances), *self._predicts[variant].cells(seconds))
        add(changes if label is None else (*changes, (self._label(label), 1)))

    def ask_server(self, seconds: float) -> None:
        """Count one call of a model that runs elsewhere: how long its server was asked."""
        if self._server_seconds is not None:
            add(self._server_seconds.cells(seconds))

    def explain(self, seconds: float, instances: int) -> None:
        """Count one call that explained the answers to `instances` rows; its series are made by the first one."""
        if self._explanations is None:
            self._explanations = EXPLANATIONS.cell(self.route), EXPLAIN_SECONDS.tally(self.route)
        explained, tally = self._explanations
        add(((explained, instances), *tally.cells(seconds)))

    def label(self, label: str, count: int = 1) -> None:
        """Count predictions of a label; an undeclared label counts as OTHER."""
        add(((self._label(label), count),))

    def fault(self, field: str | None, count: int = 1) -> None:
        """Count faulty values of a field; an undeclared field counts as OTHER."""
        known = field if field is not None and field in self._fields else OTHER
        cell = self._faults.get(known)
        if cell is None:
            cell = self._faults[known] = VALIDATION_ERRORS.cell(self.route, known)
        add(((cell, count),))

    def shed(self, reason: str) -> None:
        """Count a refused request; `reason` is one of our words, never of a client."""
        cell = self._shed.get(reason)
        if cell is None:
            cell = self._shed[reason] = SHED.cell(self.route, reason)
        add(((cell, 1),))

    def limited(self, limit: str) -> None:
        """Count a request refused for a limit of its caller; `limit` is a key of `limits`."""
        limited(self.route, limit)

    def check(self, result: Literal["ok", "faults", "refused"]) -> None:
        """Count a body that was checked."""
        add(((CHECKS.cell(self.route, result), 1),))

    def _label(self, label: str) -> Cell:
        cell = self._labels.get(label)
        if cell is None:
            cell = self._labels.get(OTHER) or self._labels.setdefault(OTHER, PREDICTIONS.cell(self.route, OTHER))
        return cell
