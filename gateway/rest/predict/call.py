"""
One call of a model, whatever the protocol: the only way from HTTP to a prediction.

What is to hold for every call is a step here, and never a hook of Flask: those are skipped on fixed paths.
"""

import time
from collections.abc import Callable
from typing import Any

from flask import Response, request

from gateway.codecs.chunks import CHUNK_ROWS
from gateway.errors import InputError
from gateway.rest.access import Access
from gateway.rest.errors import RequestError
from gateway.rest.offload import Offload
from gateway.rest.predict.batch import BatchRun
from gateway.rest.predict.deadline import client_timeout_s
from gateway.rest.predict.dialect import Chunks, Dialect
from gateway.rest.predict.explaining import rows_at_once
from gateway.rest.predict.steps.account import account_faults
from gateway.rest.predict.steps.admit import admit
from gateway.rest.predict.steps.authorise import authorise
from gateway.rest.predict.steps.choose_variant import PRIMARY, choose_variant
from gateway.rest.predict.steps.limit import charge_request, charge_rows
from gateway.rest.predict.steps.predict import joined, predict, wait_for_explainer
from gateway.rest.predict.steps.read import read
from gateway.rest.predict.steps.resolve import resolve
from gateway.rest.predict.steps.write import write
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.security.principal import ANONYMOUS, Principal


class Call:
    """
    Walk the steps of one request: resolve, authorise, limit, read, choose, admit, predict, write, account.

    Made in the greenlet of the request, whose generation and id it keeps. Once its caller may use its route, telemetry
    finds it in the environ and accounts for it when status and time are known.
    """

    __slots__ = (
        "_began", "dialect", "environ", "find", "generation", "offload", "predict_s", "principal", "request_id",
        "route", "rows", "size", "variant",
    )  # fmt: skip

    route: Route
    principal: Principal
    #: Bytes of the body; rows as sent, once they are valid; seconds inside the model, once it has predicted.
    size: int
    rows: int
    predict_s: float | None
    _began: float | None

    def __init__(self, dialect: Dialect, find: Callable[[Generation], Route], offload: Offload) -> None:
        self.environ: dict[str, Any] = request._get_current_object().environ  # type: ignore[attr-defined]  # 0.3 us less
        self.generation: Generation = self.environ["gateway.generation"]
        self.request_id: str = self.environ["gateway.request_id"]
        self.dialect, self.find, self.offload = dialect, find, offload
        self.principal, self.variant = ANONYMOUS, PRIMARY
        self.size = self.rows = 0
        self.predict_s = self._began = None

    def answer(self) -> Response:
        """Return the response; whatever refuses or fails the call is raised."""
        try:
            route = resolve(self)
        except RequestError:
            charge_request(authorise(self.environ, None, Access.NOTHING), None)
            raise
        self.principal = authorise(self.environ, route, Access.PREDICT)
        # Only now: the page of a refused caller is not that of the route, and its figures do not count the refusal.
        self.route = route
        self.environ["gateway.call"] = self
        charge_request(self.principal, route)
        try:
            batch = read(self)
            if isinstance(batch, Chunks):
                return BatchRun(self, batch).respond()
        except InputError as error:
            account_faults(self, error)
            raise
        self.rows = batch.size
        charge_rows(self.principal, route, batch.size)
        choose_variant(self)
        most = CHUNK_ROWS
        if self.dialect.explains:
            wait_for_explainer(self, self.deadline)
            most = rows_at_once(route)
        if batch.size > most:
            return write(self, batch, self._predict_long(batch, most))
        deadline = self.deadline
        with admit(self, deadline):
            predictions = predict(self, batch, deadline)
        return write(self, batch, predictions)

    @property
    def deadline(self) -> float:
        """Return when the first predict must have ended, as time.monotonic(); raises OptionError."""
        timeout_s = self.route.spec.timeout_s
        if "HTTP_X_REQUEST_TIMEOUT_MS" in self.environ:
            timeout_s = min(timeout_s, client_timeout_s(self.environ))
        return self._start() + timeout_s

    @property
    def client_deadline(self) -> float:
        """Return when the client gives up, as time.monotonic(); infinity where it does not say."""
        return self._start() + client_timeout_s(self.environ)

    def next_deadline(self) -> float:
        """Return the deadline of a further chunk: it has the whole timeout of the route, as far as the client waits."""
        return min(self.client_deadline, time.monotonic() + self.route.spec.timeout_s)

    def _start(self) -> float:
        """Return when the head had been read, or the body of a slow sender."""
        if self._began is None:
            began: float = self.environ.get("gateway.arrived") or time.monotonic()
            self._began = began
        return self._began

    def _predict_long(self, batch: Batch, rows: int) -> Predictions:
        """Predict a batch in chunks of so many rows; each has a slot and a timeout of its own."""
        parts: list[Predictions] = []
        deadline = self.deadline
        for chunk in batch.chunks(rows):
            with admit(self, deadline, resume=bool(parts)):
                parts.append(predict(self, chunk, deadline))
            deadline = self.next_deadline()
        return joined(parts)
