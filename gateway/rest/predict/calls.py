"""
What every protocol does with a call: find the route, read off the loop, predict in chunks, count faults.

Knows no wire format.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from flask import Response, request

from gateway.answers.answer import AnswerContext
from gateway.codecs.chunks import ReadLimits
from gateway.codecs.json import encode
from gateway.errors import InputError
from gateway.executors.pool import NativePool
from gateway.routing.generation import Generation
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions

T = TypeVar("T")

#: Bodies up to this size are read in the event loop: 8 KB of JSON take about 0.1 ms to decode and check.
INLINE_BYTES: Final = 8 * 1024
#: Answers of up to so many rows are written in the event loop.
INLINE_ROWS: Final = 200
#: Rows of one predict of a long batch; the route's timeout_s holds for each.
CHUNK_ROWS: Final = 10_000


#: Reports over this many routes are written in the event loop: 50 take about 1 ms.
INLINE_ROUTES: Final = 50


@dataclass(frozen=True, slots=True)
class Offload:
    """Lend native threads to whatever would hold the event loop for long."""

    pool: NativePool

    def do(self, call: Callable[[], T], size: int, limit: int, deadline: float | None) -> T:
        """Run `call` here when `size` is within `limit`, else in a native thread while other requests go on."""
        return call() if size <= limit else self.pool.call(call, deadline, ends=True)


def generation_of_request() -> Generation:
    """Return the generation in which the current request began."""
    generation: Generation = request.environ["gateway.generation"]
    return generation


def serve_as(route: Route) -> None:
    """Note the route, so that metrics, scoreboard and log know whose request this is."""
    request.environ["gateway.route"] = route


@contextmanager
def counted_faults(route: Route) -> Iterator[None]:
    """Count the faults of the input that the block finds."""
    try:
        yield
    except InputError as error:
        for fault in error.faults:
            route.counters.metrics.fault(fault.field)
        request.environ["gateway.faults"] = error.total
        raise


def check_rows(route: Route, rows: int) -> None:
    """Refuse a batch above the route's limit."""
    ReadLimits(max_rows=route.spec.max_rows).check(rows)


def work_of(batch: Batch, body: bytes) -> int:
    """Return how much writing an answer is, in rows: what came as a long body may be repeated in it."""
    return batch.size if len(body) <= INLINE_BYTES else max(batch.size, INLINE_ROWS + 1)


def predict(route: Route, batch: Batch, deadline: float) -> Predictions:
    """Predict a batch of any size; every chunk after the first has the route's whole timeout again."""
    environ = request.environ
    environ["gateway.rows"] = batch.size
    started = time.perf_counter()
    if batch.size <= CHUNK_ROWS:
        predictions = route.predict(batch, deadline)
    else:
        parts: list[Predictions] = []
        for chunk in batch.chunks(CHUNK_ROWS):
            with route.admit(deadline, resume=bool(parts)):
                parts.append(route.predict_admitted(chunk, deadline))
            deadline = time.monotonic() + route.spec.timeout_s
        predictions = _joined(parts)
    environ["gateway.predict_s"] = time.perf_counter() - started
    return predictions


def _joined(parts: list[Predictions]) -> Predictions:
    values: Any
    if isinstance(parts[0].values, list):
        values = [value for part in parts for value in part.values]
    else:
        values = np.concatenate([part.values for part in parts])
    known = [part.probabilities for part in parts if part.probabilities is not None]
    return Predictions(values, np.concatenate(known) if len(known) == len(parts) else None)


def json_response(value: Any, status: int = 200, *, version: str = "") -> Response:
    """Return a JSON answer; `version` is that of the model which made it."""
    response = Response(encode(value), status, mimetype="application/json")
    if version:
        response.headers["X-Model-Version"] = version
    return response


def charset_is_utf8() -> bool:
    """Say whether the body claims to be UTF-8, or claims nothing."""
    charset = request.mimetype_params.get("charset", "utf-8")
    return charset.strip("'\"").lower() in ("utf-8", "utf8", "us-ascii")


def context_of(route: Route, environ: Mapping[str, Any]) -> AnswerContext:
    """Return what templates may name of the current request."""
    return AnswerContext(route.name, route.version, environ["gateway.request_id"])
