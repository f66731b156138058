"""Calls that a fresh predictor is given before its first request is timed or answered."""

import contextlib
from collections.abc import Sequence

from gateway.loaders.table import row_of
from gateway.schema import Column, Predictor


def warm_up(loader: str, predictor: Predictor, row: Sequence[Column]) -> None:
    """Make the calls that the loader's row asks for; stops where the model refuses the row."""
    with contextlib.suppress(Exception):
        for _ in range(row_of(loader).warm_up_calls):
            predictor.predict(row)
