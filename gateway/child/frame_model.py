"""
Serves an object with `predict` that takes a data frame or a matrix, and is of no framework: a class of the user's own.

Its inputs are those that the registry declares, or the names and the width that it tells as scikit-learn's do.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

from .answer_kinds import output_of, predictions_of
from .faults import LoadError
from .frames import frame_of
from .schema import Columns, Field, Model, Predictions, Signature, sample_columns
from .sklearn_versions import names_in, width_of
from .spec import Spec


class FrameModel(Model):
    """Call `ask` with a data frame, or with a matrix: where no column has a name, or where it `takes_matrix`."""

    def __init__(
        self,
        ask: Callable[[Any], Any],
        inputs: Sequence[Field],
        *,
        names_known: bool = True,
        takes_matrix: bool = False,
    ) -> None:
        self._ask = ask
        self._names = [field.name for field in inputs] if names_known and not takes_matrix else []
        output = output_of(self._ask(self._rows(sample_columns(inputs))))
        self.signature = Signature(inputs=tuple(inputs), output=output, names_known=names_known)

    def predict(self, columns: Columns) -> Predictions:
        """Predict all rows at once."""
        return predictions_of(self._ask(self._rows(columns)), self.signature.output, len(columns[0]))

    def _rows(self, columns: Columns) -> Any:
        return frame_of(self._names, columns) if self._names else np.column_stack(list(columns))


def model_of(found: Any, spec: Spec) -> Model:
    """Return the model of an object; raises LoadError where nobody tells its inputs."""
    inputs, names_known = _inputs(found, spec)
    return FrameModel(found.predict, inputs, names_known=names_known)


def _inputs(found: Any, spec: Spec) -> tuple[list[Field], bool]:
    if spec.inputs:
        return list(spec.inputs), True
    names = names_in(found)
    if names:
        return [Field(name=name) for name in names], True
    width = width_of(found)
    if width:
        return [Field(name=f"x{i}") for i in range(width)], False
    raise LoadError(
        "child-signature",
        f"a {type(found).__name__} does not tell its inputs",
        "declare all of them at the route, in the order of training: `inputs: {age: {type: number}}`",
    )
