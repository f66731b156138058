"""Rows as H2O reads them, answers as it writes them."""

import math

import numpy as np
import pytest

from gateway.child.faults import ChildError
from gateway.child.schema import make_column
from gateway.h2o_server.tables import csv_of, predictions_of

KINDS = ("Numeric", "Enum")


def test_rows_are_written_with_all_digits_and_what_is_missing_empty() -> None:
    """A row in which everything is missing still is a line: the number of the row stands in it."""
    numbers = make_column("number", [0.1 + 0.2, 1e-300, math.nan])
    texts = make_column("string", ['q"uote, comma', " é", math.nan])
    assert csv_of([numbers, texts], KINDS).decode() == ('0,0.30000000000000004,"q""uote, comma"\n1,1e-300," é"\n2,,\n')


def test_infinite_numbers_are_refused() -> None:
    """H2O would read them as missing."""
    with pytest.raises(ChildError, match="no infinite number"):
        csv_of([make_column("number", [math.inf])], KINDS[:1])


def test_classes_and_probabilities_are_read() -> None:
    """The label is answered as its place; columns beyond the classes, of a calibrated model, are left."""
    found = predictions_of(b'"predict","no","yes","cal"\n"yes",0.25,0.75,0.5\n"no",1.0,0.0,0.5\n', ("no", "yes"), 2)
    assert found.values.tolist() == [1, 0]
    np.testing.assert_array_equal(found.probabilities, [[0.25, 0.75], [1.0, 0.0]])


def test_values_are_read() -> None:
    """A regression answers one number a row."""
    assert predictions_of(b'"predict"\n1.5\n-2.0E-7\n', (), 2).values.tolist() == [1.5, -2e-7]


def test_no_answer_is_a_missing_value_and_no_label_an_error() -> None:
    """H2O writes nothing where a model has no answer."""
    np.testing.assert_array_equal(predictions_of(b'"predict"\n\n1.5\n', (), 2).values, [math.nan, 1.5])
    with pytest.raises(ChildError, match="not all of them"):
        predictions_of(b'"predict","no","yes"\n,,\n', ("no", "yes"), 1)


def test_another_number_of_rows_is_an_error() -> None:
    """An answer that does not fit is never taken."""
    with pytest.raises(ChildError, match="answered 1 rows to 2"):
        predictions_of(b'"predict"\n1.5\n', (), 2)
