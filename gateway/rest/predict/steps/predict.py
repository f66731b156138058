"""Step 7 of a call: its model predicts. The only place of rest/ that asks a route for predictions."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gateway.explanation import Explanation
from gateway.schema import Batch, Predictions

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call


def predict(call: "Call", batch: Batch, deadline: float) -> Predictions:
    """
    Predict the rows of a call that holds a slot, explain them where it asks for that, and add the time that takes.

    Raises DeadlineError, PredictError, NotExplainable.
    """
    started = time.perf_counter()
    predictions = call.route.predict(batch, deadline)
    if call.dialect.explains:
        predictions.explanation = call.route.explain(batch, deadline)
    call.predict_s = (call.predict_s or 0.0) + time.perf_counter() - started
    return predictions


def wait_for_explainer(call: "Call", deadline: float) -> None:
    """
    Wait, before a slot is taken, until what explains is loaded, where the call asks for explanations.

    Raises NotReadyError, NotExplainable, PredictError.
    """
    if call.dialect.explains:
        call.route.wait_for_explainer(deadline)


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several chunks as those of one batch."""
    values: Any
    if isinstance(parts[0].values, list):
        values = [value for part in parts for value in part.values]
    else:
        values = np.concatenate([part.values for part in parts])
    known = [part.probabilities for part in parts if part.probabilities is not None]
    each = [None if one[0] is None else np.concatenate(one) for one in zip(*(part.each for part in parts), strict=True)]
    explained = [part.explanation for part in parts if part.explanation is not None]
    return Predictions(
        values,
        np.concatenate(known) if len(known) == len(parts) else None,
        each,
        Explanation.joined(explained) if len(explained) == len(parts) else None,
    )
