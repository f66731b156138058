"""What a protocol is to a call: it turns a request into rows, and predictions into a response."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.registry.contract import Contract
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.negotiate import Preferences
from gateway.rest.predict.sources import BatchSource
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions

#: Turns predictions into one JSON value per row.
Answering: TypeAlias = Callable[[Batch, Predictions, AnswerContext], list[Any]]


@dataclass(frozen=True, slots=True)
class Chunks:
    """
    Hold a batch that is still to be read, chunk by chunk.

    Its writer is chosen by `preferences`, so a dialect that returns chunks is not asked to write them.
    """

    source: BatchSource
    preferences: Preferences
    answering: Answering


class Dialect(Protocol):
    """
    Speak one protocol; made for each call, so `read` may keep what `write` needs.

    Knows no limit, no deadline and no counter: those are steps of the call. `explains` says, once `read` has returned,
    whether the predictions are wanted with their explanation.
    """

    @property
    def explains(self) -> bool:
        """Return whether the request asks for an explanation."""
        ...

    def read(self, request: Intake, contract: Contract) -> Batch | Chunks:
        """Return the valid rows of a request, or where to read them; raises InputError, RequestError."""
        ...

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Return the response to a batch; may run in a native thread, where Flask knows no request."""
        ...
