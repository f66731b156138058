"""Rows that stand on the thresholds of a sum over columns, and one step beside them. Runs while preparing."""

import math
from typing import Any

import numpy as np

from gateway.runtimes.additive import AdditiveProgram, NumberPart
from gateway.schema import Column, Signature, make_column
from gateway.validation.sample import sample_row


def step_rows(program: AdditiveProgram, signature: Signature) -> list[Column]:
    """Return rows at every threshold of a number, and one step to either side in double and in single precision."""
    base = [column.tolist() for column in sample_row(signature)]
    values: list[list[Any]] = [list(column) for column in base]
    for part in program.parts:
        if isinstance(part, NumberPart):
            edges = [edge for at in part.at.tolist() for edge in _around(at)]
            for i, column in enumerate(values):
                column.extend(edges if i == part.column else base[i] * len(edges))
    fields = zip(signature.inputs, values, strict=True)
    return [make_column(one.column_type, [_fitting(one.type, value) for value in column]) for one, column in fields]


def _around(at: float) -> list[float]:
    single = np.float32(at)
    steps = [np.nextafter(at, -np.inf), np.nextafter(at, np.inf)]
    steps += [np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf))]
    return [at, *map(float, steps)]


def _fitting(kind: str, value: Any) -> Any:
    return round(value) if kind == "integer" and isinstance(value, float) and math.isfinite(value) else value
