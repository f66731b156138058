"""
Check the shape of a loaded model's answers against its signature: one answer per instance, all declared columns.

Loaders convert answers; this check catches what a loader did not foresee.
"""

from collections.abc import Sequence

import numpy as np

from gateway.errors import LoadError
from gateway.schema import Column, Output, Predictions, Predictor, Signature
from gateway.validation.sample import sample_row

#: Rows of the trial: unlike the usual widths of an answer, so that a transposed answer is detected.
_ROWS = 7


def check_shape(predictor: Predictor, merged: Signature, golden: Sequence[Column] = ()) -> None:
    """Raise LoadError `partial-answer` if the answers to one row or to several do not match the signature."""
    native = predictor.signature
    row = [column[:1] for column in golden] or sample_row(merged)
    if not row:  # a function without inputs answers one instance
        return
    for size in (1, _ROWS):
        try:
            with np.errstate(all="ignore"):
                found = predictor.predict([np.repeat(column, size) for column in row])
        except Exception as exc:
            if size == 1:  # the model may refuse a made-up row
                return
            raise LoadError(
                f"the model answers one instance, but not {size} alike: {type(exc).__name__}: {exc}",
                code="cannot-predict",
                hint="try its predict with several rows where it was trained; was the file damaged on its way?",
            ) from exc
        fault = _fault(found, native.output, size)
        if fault:
            raise LoadError(
                f"the model answers {size} {'instance' if size == 1 else 'instances'} with {fault}",
                code="partial-answer",
                hint="save the model so that its predict returns one value, or one row of values, per instance",
            )


def _fault(found: Predictions, output: Output, size: int) -> str:
    """Return what does not match, '' for nothing."""
    if output.kind == "json":
        return "" if len(found.values) == size else f"{len(found.values)} values"
    values = np.asarray(found.values)
    wanted = (size,) if output.kind in {"classification", "regression"} else (size, len(output.names))
    if values.shape != wanted:
        return f"values of shape {values.shape} where {wanted} is declared"
    if output.kind == "classification" and not bool(np.all((values >= 0) & (values < len(output.labels)))):
        return f"a label that is none of its {len(output.labels)}"
    if output.parts:
        return _parts_fault(found, output, size)
    columns = len(output.names) if output.kind == "multi_label" else len(output.labels)
    has_probabilities = found.probabilities is not None
    if has_probabilities != output.probabilities:
        return (
            "probabilities that are not declared" if has_probabilities else "no probabilities where some are declared"
        )
    if found.probabilities is not None and found.probabilities.shape != (size, columns):
        return f"probabilities of shape {found.probabilities.shape} where {(size, columns)} is declared"
    return ""


def _parts_fault(found: Predictions, output: Output, size: int) -> str:
    """Return what does not match of the probabilities of several outputs, and of lists of numbers."""
    each = found.each or (None,) * len(output.parts)
    for name, part, table, cells in zip(output.names, output.parts, each, np.asarray(found.values).T, strict=True):
        wanted = (size, len(part.labels)) if part.probabilities else None
        if (None if table is None else table.shape) != wanted:
            return f"probabilities of {name} of shape {getattr(table, 'shape', None)} where {wanted} is declared"
        if part.width and any(len(cell) != part.width for cell in cells):
            return f"lists of other lengths than {part.width} as {name}"
    return ""
