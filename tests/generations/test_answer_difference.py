"""What two models answer to the same rows, in figures."""

import math
from typing import Any

import numpy as np
import pytest

from gateway.generations.answer_difference import Side, compare_answers
from gateway.generations.right_answers import scores
from gateway.schema import Batch, Field, Output, Predictions, Signature


def side(output: Output, values: Any, probabilities: Any = None) -> Side:
    """Return what a model of one input answered."""
    size = len(values)
    signature = Signature(inputs=(Field(name="x"),), output=output)
    values = np.asarray(values) if output.kind != "json" else values
    table = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    return Side(signature, Batch([np.arange(float(size))], size), Predictions(values, table))


def binary(chances: list[float], **keys: Any) -> Side:
    """Return what a classifier answered, by the probability of "yes"."""
    output = Output(kind="classification", labels=("no", "yes"), probabilities=True, **keys)
    return side(output, [int(one > 0.5) for one in chances], [[1 - one, one] for one in chances])


def test_labels_and_their_probability() -> None:
    """Changed labels are counted as pairs, and the change in the probability row by row."""
    found = compare_answers(binary([0.1, 0.4, 0.6, 0.9]), binary([0.2, 0.7, 0.55, 0.9]))
    assert (found.what, found.changed, found.rows, found.share) == ("labels", 1, 4, 0.25)
    assert found.confusion == {("no", "no"): 1, ("no", "yes"): 1, ("yes", "yes"): 2}
    assert found.measure == "probability of yes"
    assert found.changes is not None
    assert found.changes.tolist() == pytest.approx([0.1, 0.3, -0.05, 0.0])
    assert found.quantiles == pytest.approx((0.05, 0.3, 0.3, 0.3))
    assert found.largest == (1, 0, 2)


def test_the_threshold_of_the_route_decides() -> None:
    """Labels are those that the route answers: the same probabilities may change them, and others may not."""
    old, new = binary([0.25]), binary([0.35])
    assert compare_answers(old, new).changed == 0
    old, new = (binary([chance], threshold=0.3, positive="yes") for chance in (0.25, 0.35))
    assert compare_answers(old, new).changed == 1


def test_labels_in_another_order_are_the_same() -> None:
    """Classes are compared by name, not by place."""
    output = Output(kind="classification", labels=("yes", "no"), probabilities=True)
    found = compare_answers(binary([0.2, 0.8]), side(output, [1, 0], [[0.2, 0.8], [0.8, 0.2]]))
    assert found.changed == 0
    assert found.quantiles[-1] == pytest.approx(0.0)


def test_of_several_labels_the_served_one_is_told() -> None:
    """Without a positive label it is the probability of what was served."""
    output = Output(kind="classification", labels=("a", "b", "c"), probabilities=True)
    old = side(output, [0, 2], [[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    new = side(output, [1, 2], [[0.4, 0.5, 0.1], [0.0, 0.2, 0.8]])
    found = compare_answers(old, new)
    assert found.measure == "probability of the label that is served"
    assert found.changes is not None
    assert found.changes.tolist() == pytest.approx([-0.2, 0.1])
    assert found.largest == (0, 1)


def test_values_count_from_a_twentieth_on() -> None:
    """A retrained regression differs everywhere: what counts is more than 5 % of the served value; NaN counts."""
    output = Output(kind="regression")
    found = compare_answers(
        side(output, [100.0, 100.0, 0.0, 1.0, math.nan]), side(output, [104.0, 106.0, 0.0, math.nan, math.nan])
    )
    assert (found.what, found.changed) == ("values", 2)
    assert found.largest == (3, 1, 0)


def test_other_answers_are_compared_as_they_are() -> None:
    """JSON and several outputs: any difference beyond rounding counts."""
    output = Output(kind="json")
    found = compare_answers(side(output, [{"a": [1, "x"]}, 2, None]), side(output, [{"a": [1.5, "x"]}, "2", None]))
    assert (found.what, found.changed, found.largest) == ("answers", 2, (0, 1))
    several = Output(kind="multi_output", names=("p", "q"))
    found = compare_answers(side(several, [[1.0, 2.0]]), side(several, [[1.0, 2.0 + 1e-9]]))
    assert found.changed == 0


def test_right_answers_tell_which_is_better() -> None:
    """A column of right labels gives the share that is right and the log loss, one of values the errors."""
    old, new = binary([0.9, 0.6, 0.2]), binary([0.9, 0.1, 0.8])
    found = {one.name: one for one in scores({"y": ["yes", "no", "no"]}, old.signature.output, old, new)}
    assert (found["right labels"].served, found["right labels"].candidate) == pytest.approx((2 / 3, 2 / 3))
    assert found["log loss"].served == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.8])))
    output = Output(kind="regression")
    one, other = side(output, [1.0, 3.0]), side(output, [1.0, 2.0])
    found = {score.name: score for score in scores({"y": [1, 2]}, output, one, other)}
    assert (found["mean |error|"].served, found["mean |error|"].candidate) == (0.5, 0.0)
