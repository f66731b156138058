"""
More rows that the original answers, where it refused nearly all that were drawn: steps away from those it took.

A function such as log1p refuses a row for one negative number: drawn at once, ten columns are never all positive.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gateway.compilers.proof.proof import Proof
from gateway.compilers.proof.rows import Values, columns_of, fields_of
from gateway.schema import Column, Signature
from gateway.validation.sample import plausible

_SEED = 23
#: Rounds of so many rows; each starts from all that the rounds before have found.
_ROUNDS, _ROWS = 8, 150
#: Where numbers are looked for as long as no row was answered at all.
_SPANS = ((0.0, 1.0), (1.0, 10.0), (0.0, 1_000.0), (-1.0, 0.0))


def nearby(native: Signature, merged: Signature, proof: Proof, seen: Sequence[Column] = ()) -> Iterator[list[Column]]:
    """Yield batches until enough rows were answered; `proof` is filled in by who draws them."""
    draw = np.random.default_rng(_SEED)
    fields = fields_of(native, merged, seen)
    for number in range(_ROUNDS):
        if proof.is_enough or not fields:
            return
        known = list(proof.answered.values())
        span = _SPANS[number % len(_SPANS)]
        rows = [
            _moved(known[draw.integers(len(known))], fields, draw) if known else _within(span, fields, draw)
            for _ in range(_ROWS)
        ]
        yield columns_of(merged, list(zip(*rows, strict=True)))


def _moved(row: Sequence[Any], fields: Sequence[Values], draw: "np.random.Generator") -> list[Any]:
    """Return a row with another value in one or two columns: a drawn one, or the own one moved a little."""
    found = list(row)
    for at in draw.integers(len(fields), size=int(draw.integers(1, 3))):
        value, field = found[at], fields[at]
        is_number = field.field.type in {"number", "integer"} and field.levels is None and not math.isnan(value)
        if is_number and draw.random() < 0.5:  # noqa: PLR2004 - half of the steps are small
            found[at] = field.fitting(value + draw.normal() * max(abs(value), 1.0) / 4)
        else:
            found[at] = field.drawn(draw, 1)[0]
    return found


def _within(span: tuple[float, float], fields: Sequence[Values], draw: "np.random.Generator") -> list[Any]:
    return [
        field.fitting(draw.uniform(*span))
        if field.field.type in {"number", "integer"} and field.levels is None
        else plausible(field.field)
        for field in fields
    ]
