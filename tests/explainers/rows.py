"""Random rows for a signature: numbers, levels, texts, and gaps where a field may be missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.schema import Column, Field, Signature, make_column

_WORDS = ("good", "bad", "film", "a", "not", "the", "plot", "École", "映画", "unheard")


def random_rows(signature: Signature, rows: int = 1_000, seed: int = 1) -> list[Column]:
    """Return columns of rows that a model of the signature takes."""
    rng = np.random.default_rng(seed)
    return [make_column(field.column_type, _cells(field, rows, rng)) for field in signature.inputs]


def _cells(field: Field, rows: int, rng: np.random.Generator) -> Sequence[Any]:
    cells: list[Any]
    if field.enum:
        cells = [field.enum[place] for place in rng.integers(0, len(field.enum), rows)]
    elif field.type == "string":
        cells = [" ".join(rng.choice(_WORDS, 6)) for _ in range(rows)]
    else:
        cells = np.abs(rng.normal(0, 50, rows)).round(2).tolist()
    if field.nullable:
        for place in np.flatnonzero(rng.random(rows) < 0.1):
            cells[place] = float("nan")
    return cells
