"""Golden rows as a page shows them: published and found values in the same words, differences never folded away."""

from typing import Any

import numpy as np
import pytest

from gateway.artifacts.golden_rows import compare
from gateway.console.golden_table import GoldenRow, GoldenTable, _folded, _stated, compared_table
from gateway.schema import Output, OutputPart, Predictions

CASES: dict[str, tuple[Output, dict[str, Any], Predictions]] = {
    "labels": (
        Output(kind="classification", labels=("a", "b's"), probabilities=True),
        {"label": "b's", "probabilities": {"a": 0.25, "b's": 0.75}},
        Predictions(np.array([1]), np.array([[0.25, 0.75]])),
    ),
    "number": (Output(), {"value": 24300.82343413005}, Predictions(np.array([24300.82343413005]))),
    "several": (
        Output(kind="multi_output", names=("x", "y")),
        {"value": {"x": 1.5, "y": 2}},
        Predictions(np.array([[1.5, 2.0]])),
    ),
    "list": (Output(kind="multi_output", names=("x", "y")), {"value": [1.5, 2]}, Predictions(np.array([[1.5, 2.0]]))),
    "several with labels": (
        Output(
            kind="multi_output",
            names=("x",),
            parts=(OutputPart(type="string", labels=("p", "q"), probabilities=True),),
        ),
        {"value": {"x": "p"}, "probabilities": {"x": {"p": 0.5, "q": 0.5}}},
        Predictions(np.array([["p"]], dtype=object), None, [np.array([[0.5, 0.5]])]),
    ),
}


def table_of(output: Output, expected: dict[str, Any], found: Predictions) -> GoldenRow:
    """Return the one row of a table that was asked again."""
    shown = GoldenTable([GoldenRow({"n": 1.0}, _folded(list(_stated(expected))))], 1)
    (row,) = compared_table(shown, [list(compare(expected, found, 0, output))]).rows
    return row


@pytest.mark.parametrize("name", CASES)
def test_equal_values_read_the_same(name: str) -> None:
    """What is published before anybody asks has the words of what is found."""
    row = table_of(*CASES[name])
    assert row.is_equal
    assert row.now == row.expected


def test_a_difference_is_marked_and_shown_among_hundreds() -> None:
    """The only value that differs is not among those that are folded."""
    labels = tuple(f"label {at}" for at in range(200))
    shares = np.full((1, 200), 0.005)
    expected = {"label": "label 0", "probabilities": dict.fromkeys(labels, 0.005) | {"label 150": 0.006}}
    row = table_of(
        Output(kind="classification", labels=labels, probabilities=True), expected, Predictions(np.array([0]), shares)
    )
    assert row.is_equal is False
    assert row.now is not None
    assert "label 150: 0.005 (differs)" in row.now
    assert len(row.now) < 20
    assert row.now[-1].startswith("and ")


def test_the_summary_counts_rows_that_differ() -> None:
    """And the largest difference where none does."""
    rows = [GoldenRow({}, ["1"], ["1"], True), GoldenRow({}, ["1"], ["2 (differs)"], False)]
    assert GoldenTable(rows, 2).summary == "1 of 2 rows answer otherwise than published."
    assert GoldenTable(rows[:1], 1, 1e-8).summary == "The row answers as published. The largest difference is 1E-8."
    assert GoldenTable(rows, 2).as_json()["equal"] is False


def test_missing_inputs_and_long_texts_have_their_words() -> None:
    """A null of a golden row is missing; a text of a book is one line."""
    row = GoldenRow({"age": None, "text": "word " * 100, "flag": True, "n": 12342.0}, [])
    assert row.values[0] == ("age", "missing")
    assert [text for _, text in row.values[2:]] == ["true", "12,342"]
    assert len(row.summary) == 60
