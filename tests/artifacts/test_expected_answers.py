"""Columns of a notebook's export, read as what golden rows expect."""

import math
from typing import Any

import numpy as np
import pytest

from gateway.artifacts import golden_file, golden_rows
from gateway.artifacts.expected_answers import expected_of
from gateway.errors import GatewayError
from gateway.schema import Batch, Field, Output, OutputPart, Predictions, Signature

CLASSES = Output(kind="classification", labels=("no", "yes"), probabilities=True)
NUMBERS = Output(kind="classification", labels=(0, 1), probabilities=True)
THREE = Output(kind="classification", labels=("a", "b", "c"), probabilities=True)
VALUE = Output(kind="regression")
SEVERAL = Output(kind="multi_output", names=("price", "rent"))


@pytest.mark.parametrize(
    ("output", "columns", "kind", "first"),
    [
        (CLASSES, {"y": ["no", " yes"]}, "'y' holds labels (no and yes)", {"label": "no"}),
        (NUMBERS, {"y": ["1", "0.0"]}, "'y' holds labels (0 and 1)", {"label": 1}),
        (NUMBERS, {"y": [1.0, 0]}, "'y' holds labels (0 and 1)", {"label": 1}),
        (
            Output(kind="classification", labels=(False, True)),
            {"y": ["True", "false"]},
            "'y' holds labels (False and True)",
            {"label": True},
        ),
        (CLASSES, {"p": ["0.25", "0.5"]}, "'p' holds probabilities of yes", {"probabilities": {"yes": 0.25}}),
        (NUMBERS, {"proba_0": [0.25, 0.5]}, "'proba_0' holds probabilities of 0", {"probabilities": {"0": 0.25}}),
        (
            THREE,
            {"p a": [0.25], "prob.b": [0.5], "c": [0.25]},
            "'p a' holds probabilities of a; 'prob.b' holds probabilities of b; 'c' holds probabilities of c",
            {"probabilities": {"a": 0.25, "b": 0.5, "c": 0.25}},
        ),
        (VALUE, {"v": ["1e3"]}, "'v' holds values", {"value": 1000.0}),
        (
            SEVERAL,
            {"prediction.rent": ["2"], "price": [1]},
            "'prediction.rent' holds values of rent; 'price' holds values of price",
            {"value": {"rent": 2.0, "price": 1.0}},
        ),
    ],
)
def test_a_column_is_told_by_what_it_holds(
    output: Output, columns: dict[str, list[Any]], kind: str, first: dict[str, Any]
) -> None:
    """Labels, probabilities of a label or values: the words say which, the rows are those of golden.json."""
    found = expected_of(columns, output, output)
    assert found.kind == kind
    assert found.predictions[0] == first
    assert [type(value) for value in found.predictions[0].values()] == [type(value) for value in first.values()]


def test_labels_of_the_route_are_labels() -> None:
    """A registry that renames labels may be what a notebook exported: golden rows keep the artifact's own."""
    route = Output(kind="classification", labels=("Healthy", "Diabetic"), probabilities=True, positive="Healthy")
    found = expected_of({"y": ["Diabetic"]}, NUMBERS, route)
    assert (found.told, found.predictions) == ([{"label": "Diabetic"}], [{"label": 1}])
    assert expected_of({"p": [0.3]}, NUMBERS, route).predictions == [{"probabilities": {"0": 0.3}}]


@pytest.mark.parametrize(
    ("output", "columns", "said"),
    [
        (CLASSES, {"y": ["no", ""]}, "column 'y' is empty in row 1"),
        (CLASSES, {"y": ["no", "maybe"]}, "holds 'no' in row 0: no label (no or yes) and no probability"),
        (CLASSES, {"y": [0.2, 1.2]}, "holds 1.2 in row 1: no label"),
        (THREE, {"y": [0.2]}, "its name does not say which label its probabilities are of"),
        (Output(kind="classification", labels=("a", "b")), {"p": [0.2]}, "the model answers labels only"),
        (VALUE, {"v": ["1,5"]}, "holds '1,5' in row 0, which is no number"),
        (VALUE, {"v": ["1"], "w": ["1"]}, "column 'w' is a second one"),
        (SEVERAL, {"y": ["1"]}, "is named after none of the outputs (price or rent)"),
        (Output(kind="json"), {"y": ["1"]}, "the model answers JSON values"),
    ],
)
def test_a_column_that_holds_no_answers_is_refused(output: Output, columns: dict[str, list[Any]], said: str) -> None:
    """Never guessed: the fault names the column, the row and what the model answers."""
    with pytest.raises(GatewayError, match=r"^column") as caught:
        expected_of(columns, output, output)
    assert said in caught.value.message
    assert caught.value.code == "expected-column"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (CLASSES, Predictions(np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))),
        (VALUE, Predictions(np.array([1.5, -2.0]))),
        (SEVERAL, Predictions(np.array([[1.0, 2.0], [3.0, 4.0]]))),
        (
            Output(kind="multi_label", names=("red", "big"), probabilities=True),
            Predictions(np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.1], [0.2, 0.8]])),
        ),
        (
            Output(
                kind="multi_output",
                names=("colour", "size"),
                parts=(
                    OutputPart(type="string", labels=("blue", "red"), probabilities=True),
                    OutputPart(type="string", labels=("L", "S")),
                ),
            ),
            Predictions([["red", "L"], ["blue", "S"]], each=(np.array([[0.1, 0.9], [0.6, 0.4]]), None)),
        ),
        (Output(kind="json"), Predictions([{"a": [1, 2.5]}, None])),
    ],
    ids=["classes", "value", "several", "several labels", "parts", "json"],
)
def test_a_models_own_answers_agree_with_it(tmp_path: Any, output: Output, found: Predictions) -> None:
    """What is written of a model, read again as golden rows, is what it answers: every kind of output."""
    inputs = (Field(name="x"), Field(name="n", type="integer"), Field(name="t", type="string"))
    signature = Signature(inputs=inputs, output=output)
    batch = Batch([np.array([1.5, math.nan]), np.array([1, 2]), np.array(["a", math.nan], dtype=object)], 2)
    path = tmp_path / "golden.json"
    assert golden_file.write(
        path, golden_file.encoded(batch, signature, golden_file.answers_of(found, output, 2)), replace=False
    )
    again = golden_rows.read(path, signature)
    assert [str(column.tolist()) for column in again.columns] == [str(column.tolist()) for column in batch.columns]
    for row, one in enumerate(golden_rows.document(path)["predictions"]):
        compared = list(golden_rows.compare(one, found, row, output))
        assert compared
        assert all(value.is_equal for value in compared)


def test_an_answer_that_is_not_finite_is_no_golden_row() -> None:
    """NaN has no form in JSON: the row is named."""
    with pytest.raises(GatewayError, match="answers row 1 with a number that is not finite"):
        golden_file.answers_of(Predictions(np.array([1.0, math.nan])), VALUE, 2)
