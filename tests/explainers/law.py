"""What every explanation keeps, whatever made it: its parts add up to what the predictor answers on that scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.explainers import explainer_for
from gateway.explanation import EXPLANATION_ERROR, Explanation
from gateway.schema import Column, Output


def explained(loader: str, predictor: Any, columns: Sequence[Column], output: Output | None = None) -> Explanation:
    """Return the explanation of rows; asserts the law, and that the margin belongs to the answer."""
    output = output or predictor.signature.output
    found = explainer_for(loader, predictor, output).explain(columns)
    rows = len(columns[0])
    assert found.contributions.shape == (rows, len(predictor.signature.inputs))
    assert found.base.shape == found.margin.shape == (rows,)
    assert all(part.dtype == np.float64 for part in (found.base, found.contributions, found.margin))
    assert np.isfinite(found.contributions).all()
    assert float(found.errors.max(initial=0.0)) <= EXPLANATION_ERROR
    answer = predictor.predict(columns)
    assert (found.labels is None) == (output.kind != "classification")
    if found.labels is None and found.scale != "margin":
        assert _close(_value(found), answer.values)
    elif found.labels is None:
        assert np.diff(answer.values[np.argsort(found.margin)]).min() >= -1e-9
    elif len(output.labels) > 2:
        assert found.labels.tolist() == answer.values.tolist()
    elif answer.probabilities is None and found.scale != "path-length":
        place = int(found.labels[0])
        assert np.array_equal(answer.values == place, found.margin > 0)
    elif found.scale == "log-odds":
        place = output.labels.index(output.positive) if output.positive in output.labels else 1
        assert set(found.labels.tolist()) == {place}
        assert _close(_sigmoid(found.margin), answer.probabilities[:, place])
    return found


def _value(found: Explanation) -> Any:
    if found.scale == "log":
        return np.exp(found.margin)
    return _sigmoid(found.margin) if found.scale == "log-odds" else found.margin


def _sigmoid(margin: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-margin))


def _close(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, np.asarray(expected, dtype=np.float64), rtol=1e-5, atol=1e-6))
