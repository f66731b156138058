"""Two inputs that a model takes for each other are found by its answers."""

from collections.abc import Sequence

import numpy as np

from gateway.prepare.exchanged_inputs import find_exchange
from gateway.schema import Column, Field

DRAW = np.random.default_rng(3)
FIELDS = tuple(Field(name=name) for name in "abcd")
ROWS = [DRAW.normal(size=300) for _ in FIELDS]


def right(columns: Sequence[Column]) -> np.ndarray:
    """Answer as the served model does."""
    a, b, c, d = columns
    return np.asarray(np.tanh(2 * a - b + 0.3 * c + 0.01 * d))


def test_the_exchanged_pair_is_named() -> None:
    """The pair whose exchange brings the answers back, with both distances."""
    found = find_exchange(
        lambda columns: right([columns[2], *columns[1:2], columns[0], columns[3]]), FIELDS, ROWS, right(ROWS)
    )
    assert found is not None
    assert (found.first, found.second, round(found.after, 9)) == ("a", "c", 0.0)
    assert found.before > 0.3


def test_a_model_that_only_differs_is_no_such_model() -> None:
    """Other weights are no exchange, equal answers neither; a model that refuses rows is left alone."""
    assert find_exchange(lambda columns: right(columns) + 0.5 * columns[3], FIELDS, ROWS, right(ROWS)) is None
    assert find_exchange(right, FIELDS, ROWS, right(ROWS)) is None

    def refusing(columns: Sequence[Column]) -> np.ndarray:
        raise ValueError("no")

    assert find_exchange(refusing, FIELDS, ROWS, right(ROWS)) is None
