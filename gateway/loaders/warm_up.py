"""Calls that a fresh predictor is given before its first request is timed or answered."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.schema import Column, Predictor

#: Calls until the JVM has compiled its scoring classes: the first takes milliseconds, the 300th 10 to 35 us.
CALLS: Final[Mapping[str, int]] = {"h2o_mojo": 300}


def warm_up(loader: str, predictor: Predictor, row: Sequence[Column]) -> None:
    """Let a JVM compile the scoring code; does nothing for other loaders, or if the model refuses the row."""
    with contextlib.suppress(Exception):
        for _ in range(CALLS.get(loader, 0)):
            predictor.predict(row)
