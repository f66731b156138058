"""Step 8 of a call: its dialect turns predictions into a response, with what every protocol's answer carries."""

from functools import partial
from typing import TYPE_CHECKING

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.rest.offload import is_little
from gateway.rest.predict.explaining import weight
from gateway.rest.responses import mark
from gateway.schema import Batch, Predictions

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call


def write(call: "Call", batch: Batch, predictions: Predictions) -> Response:
    """Return the response; what is long, or came as a long body that it may repeat, is written in a native thread."""
    route = call.route
    context = AnswerContext(route.name, route.version, call.request_id)
    if is_little(call.size, batch.size if predictions.explanation is None else weight(predictions.explanation)):
        response = call.dialect.write(route, batch, predictions, context)
    else:
        writing = partial(call.dialect.write, route, batch, predictions, context)
        response = call.offload.in_thread(writing, call.deadline + route.spec.timeout_s)
    mark(response, route.version, batch.ignored, batch.invalid)
    return response
