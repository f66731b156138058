"""
Try a loaded model on made-up and golden rows, and check that its probabilities are probabilities.

They are finite, within [0, 1], and those of exclusive classes add up to 1: an artifact whose meaning changed between
library versions loads, answers, and breaks this. No setting overrides the check.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.compilers.proof.rows import Values, columns_of, fields_of
from gateway.errors import LoadError
from gateway.schema import Column, Output, Predictions, Predictor, Signature

#: Rounding error of a probability outside [0, 1], and of the sum of a row (in float32: tenfold).
OUTSIDE: Final = 1e-6
SUM: Final = 1e-5
SUM_FLOAT32: Final = 1e-4

#: Tables of probabilities: one, or one per output that has some.
_Tables: TypeAlias = list[npt.NDArray[np.float64]]

_SEED = 9
#: Rows of one batch, and widths of random numbers without limits: an artifact does not tell the range of its data.
_ROWS = 48
_SCALES: Final = (1.0, 10.0, 100.0, 1_000.0)
#: Seconds after which no further batch is tried; the first is always tried.
_BUDGET_S = 3.0
#: Share of rows with a missing value, if the model accepts them.
_HOLES = 0.1


def check_trial(predictor: Predictor, merged: Signature, golden: Sequence[Column] = ()) -> tuple[str, ...]:
    """
    Raise LoadError `not-probabilities` if an answer breaks the rules; return warnings.

    Rows that the model refuses prove nothing. A made-up row far from all data may have no finite probability, so that
    is a fault only of golden rows, or if no row has one.
    """
    native = predictor.signature
    if not native.output.has_probabilities:
        return ()
    answered = 0
    finite = 0
    if golden:
        for table in _answer(predictor, golden) or ():
            answered += len(table)
            finite += _check(table, native.output, "golden row", demand_finite=True)
    deadline = time.monotonic() + _BUDGET_S
    for batch in trial_rows(native, merged, golden):
        for table in itertools.chain.from_iterable(_answers(predictor, batch)):
            answered += len(table)
            finite += _check(table, native.output, "made-up row", demand_finite=False)
        if time.monotonic() > deadline:
            break
    if not answered:
        return ("the model refused every made-up row, so that its probabilities are unchecked: golden rows check them",)
    if not finite:
        raise _fault("no row that was tried has finite probabilities")
    return ()


def trial_rows(native: Signature, merged: Signature, golden: Sequence[Column] = ()) -> Iterator[list[Column]]:
    """Yield batches of different widths within the limits of the route; the golden rows show where data lies."""
    draw = np.random.default_rng(_SEED)
    fields = fields_of(native, merged, golden)
    yield columns_of(merged, [field.drawn(draw, _ROWS) for field in fields])
    for scale in _SCALES:
        for is_positive in (False, True):
            columns = [_drawn(field, draw, scale, is_positive=is_positive) for field in fields]
            yield columns_of(merged, columns)


def _drawn(field: Values, draw: "np.random.Generator", scale: float, *, is_positive: bool) -> list[Any]:
    if field.field.type not in {"number", "integer"} or field.levels is not None:
        return field.drawn(draw, _ROWS)
    numbers = draw.normal(0.0, scale, size=_ROWS)
    numbers = np.abs(numbers) + 1e-3 if is_positive else numbers
    holes = draw.random(_ROWS) < (_HOLES if field.takes_missing else 0.0)
    return [float("nan") if hole else field.fitting(number) for hole, number in zip(holes, numbers, strict=True)]


def _answers(predictor: Predictor, batch: Sequence[Column]) -> Iterator[_Tables]:
    """Yield the probabilities of a batch, or of those of its rows that the model accepts alone."""
    whole = _answer(predictor, batch)
    if whole is not None:
        yield whole
        return
    for row in range(min(_ROWS, len(batch[0]) if batch else 0)):
        alone = _answer(predictor, [column[row : row + 1] for column in batch])
        if alone is not None:
            yield alone


def _answer(predictor: Predictor, columns: Sequence[Column]) -> _Tables | None:
    try:
        with np.errstate(all="ignore"):
            found: Predictions = predictor.predict(columns)
    except Exception:  # the model decides what it raises for a row that it refuses
        return None
    tables = [found.probabilities, *found.each]
    return [np.asarray(table, dtype=np.float64) for table in tables if table is not None] or None


def _check(table: npt.NDArray[np.float64], output: Output, what: str, *, demand_finite: bool) -> int:
    """Raise LoadError if a row breaks the rules; return the number of finite rows."""
    is_finite = np.isfinite(table).all(axis=1)
    if demand_finite and not is_finite.all():
        raise _fault(f"{what} {int(np.argmin(is_finite))} has {_shown(table[np.argmin(is_finite)])}")
    rows = table[is_finite]
    wrong = ((rows < -OUTSIDE) | (rows > 1 + OUTSIDE)).any(axis=1)
    if wrong.any():
        raise _fault(f"a {what} has {_shown(rows[np.argmax(wrong)])}, outside [0, 1]")
    if output.kind != "multi_label" and len(rows):
        sums = rows.sum(axis=1)
        wrong = np.abs(sums - 1) > (SUM_FLOAT32 if _is_float32(rows) else SUM)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise _fault(f"a {what} has {_shown(rows[at])}, which add up to {sums[at]:.6g} and not to 1")
    return int(is_finite.sum())


def _is_float32(rows: npt.NDArray[np.float64]) -> bool:
    """Return whether all values were computed in float32: predictors return float64 in any case."""
    return bool(np.array_equal(rows, rows.astype(np.float32).astype(np.float64)))


def _shown(row: npt.NDArray[np.float64]) -> str:
    return f"the probabilities {', '.join(f'{value:.6g}' for value in row[:5])}{', …' if len(row) > 5 else ''}"  # noqa: PLR2004


def _fault(what: str) -> LoadError:
    return LoadError(
        f"what the model answers as probabilities are none: {what}",
        code="not-probabilities",
        hint="train it again with the versions installed here (gateway describe shows them) and save it anew; "
        "for a graph of decision values, export it with probabilities. No key and no golden row overrides this",
    )
