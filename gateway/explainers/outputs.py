"""Decides which output of a model an explanation is of: the value, one of two labels, or the predicted label."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gateway.errors import NotExplainable
from gateway.explanation import Explanation, ExplanationScale
from gateway.schema import Output

Numbers = npt.NDArray[np.float64]

#: A model that tells two labels apart by one margin.
_TWO = 2


class OutputExplainer(Protocol):
    """
    Explain one output of a model, in the columns that reach it.

    `outputs` is 1 for a value, and for two labels with the margin of the second; else the number of labels.
    """

    scale: ExplanationScale
    outputs: int

    def margins(self, x: Any) -> Numbers:
        """Return what the model itself answers on the scale, (n, outputs)."""
        ...

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the contributions (n, columns) to one output, and their base values (n,)."""
        ...


def explain_outputs(explainer: OutputExplainer, x: Any, output: Output) -> Explanation:
    """Return the explanation of the rows of `x`, with a contribution for each of its columns."""
    margins = explainer.margins(x)
    labels = len(output.labels) if output.kind == "classification" else 0
    if not labels and explainer.outputs == 1:
        found, base = explainer.contributions(x, 0)
        return Explanation(base, found, margins[:, 0], explainer.scale)
    if labels == _TWO:
        return _of_positive(explainer, x, margins, positive_of(output))
    if labels != explainer.outputs:
        raise NotExplainable(f"the model has {explainer.outputs} margins for {labels} labels")
    return _of_predicted(explainer, x, margins)


def positive_of(output: Output) -> int:
    """Return the place of the label that is explained where there are two."""
    return output.labels.index(output.positive) if output.positive in output.labels else 1


def _of_positive(explainer: OutputExplainer, x: Any, margins: Numbers, place: int) -> Explanation:
    labels = np.full(len(margins), place, dtype=np.int64)
    if explainer.outputs > 1:
        found, base = explainer.contributions(x, place)
        return Explanation(base, found, margins[:, place], explainer.scale, labels)
    found, base = explainer.contributions(x, 0)
    if place == 1:
        return Explanation(base, found, margins[:, 0], explainer.scale, labels)
    if explainer.scale == "probability":
        return Explanation(1.0 - base, -found, 1.0 - margins[:, 0], explainer.scale, labels)
    return Explanation(-base, -found, -margins[:, 0], explainer.scale, labels)


def _of_predicted(explainer: OutputExplainer, x: Any, margins: Numbers) -> Explanation:
    labels = np.argmax(margins, axis=1).astype(np.int64)
    base = np.zeros(len(margins))
    found: Numbers | None = None
    for place in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == place)
        part, base[rows] = explainer.contributions(_rows_of(x, rows), place)
        found = np.zeros((len(margins), part.shape[1])) if found is None else found
        found[rows] = part
    found = np.zeros((0, 0)) if found is None else found
    return Explanation(base, found, margins[np.arange(len(margins)), labels], explainer.scale, labels)


def _rows_of(x: Any, rows: npt.NDArray[np.intp]) -> Any:
    return x.iloc[rows] if hasattr(x, "iloc") else x[rows]
