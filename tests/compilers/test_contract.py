"""Every compiler, over every case: a compiled model that answers equally, or none and the reason why."""

import re
from typing import Any

import numpy as np
import pytest

from gateway.compilers.base import Declined
from gateway.compilers.proof.rows import generated
from gateway.compilers.proof.search import Found, Job, find_compiled
from gateway.schema import ABSOLUTE, RELATIVE, Predictions
from gateway.validation.sample import sample_row

from .cases import SKLEARN, XGBOOST
from .conftest import Loaded

COMPILED = [
    f"{loader}/{name}"
    for loader, cases in (("sklearn", SKLEARN), ("xgboost", XGBOOST))
    for name, case in cases.items()
    if not case.declined
]


@pytest.fixture(scope="session")
def found(loaded: Loaded) -> Found | str:
    """Return the compiled model of a case, or why there is none."""
    signature = loaded.predictor.signature
    job = Job(
        loader=loaded.loader,
        original=loaded.predictor,
        merged=signature,
        path=loaded.path.with_suffix(".compiled"),
        row=sample_row(signature),
    )
    try:
        return find_compiled(job)
    except Declined as reason:
        return str(reason)


def test_it_is_compiled_or_declined_as_expected(loaded: Loaded, found: Found | str) -> None:
    """What the compilers know has a proven compiled model of the expected kind; what they do not is declined with the reason."""
    if loaded.case.declined:
        assert isinstance(found, str)
        assert re.search(loaded.case.declined, found)
    else:
        assert isinstance(found, Found), found
        assert found.runtime == loaded.case.runtime
        assert found.proof.complete
        assert found.proof.rows >= 1_000
        assert found.gain > 1


def same(expected: Any, got: Any) -> bool:
    """Say whether numbers agree within the tolerance of the proof."""
    wanted, had = np.asarray(expected, float), np.asarray(got, float)
    return bool(np.all(np.abs(wanted - had) <= ABSOLUTE + RELATIVE * np.abs(wanted)))


def assert_equal(expected: Predictions, got: Predictions, is_class: bool) -> None:
    """Fail unless two answers agree; a label may differ only where the original finds both equally likely."""
    assert np.shape(expected.values) == np.shape(got.values)
    assert (expected.probabilities is None) == (got.probabilities is None)
    if expected.probabilities is not None:
        assert same(expected.probabilities, got.probabilities)
    if not is_class:
        assert same(expected.values, got.values)
    else:
        for row in np.flatnonzero(np.asarray(expected.values) != np.asarray(got.values)):
            assert expected.probabilities is not None
            probabilities = sorted(expected.probabilities[row])
            assert probabilities[-1] - probabilities[-2] <= 2 * ABSOLUTE


@pytest.mark.parametrize("loaded", COMPILED, indirect=True)
def test_one_row_and_a_batch_answer_alike(loaded: Loaded, found: Found | str) -> None:
    """The short way for one row and the long one for many agree with the original, row by row."""
    assert isinstance(found, Found)
    signature = loaded.predictor.signature
    is_class = signature.output.kind == "classification"
    batch = [column[:40] for column in next(iter(generated(signature, signature)))]
    many = found.predictor.predict(batch)
    assert_equal(loaded.predictor.predict(batch), many, is_class)
    for row in range(0, 40, 4):
        alone = found.predictor.predict([column[row : row + 1] for column in batch])
        assert len(alone.values) == 1
        part = Predictions(
            np.asarray(many.values)[row : row + 1],
            None if many.probabilities is None else many.probabilities[row : row + 1],
        )
        assert_equal(part, alone, is_class)
        if alone.probabilities is not None:
            assert alone.probabilities.dtype == np.float64


@pytest.mark.parametrize("loaded", COMPILED, indirect=True)
def test_inputs_are_left_alone(loaded: Loaded, found: Found | str) -> None:
    """A compiled model changes none of the arrays it is given."""
    assert isinstance(found, Found)
    signature = loaded.predictor.signature
    for batch in generated(signature, signature):
        before = [column.copy() for column in batch]
        found.predictor.predict([column[:1] for column in batch])
        found.predictor.predict([column[:50] for column in batch])
        for old, new in zip(before, batch, strict=True):
            assert [repr(value) for value in old.tolist()] == [repr(value) for value in new.tolist()]
        break


@pytest.mark.parametrize("loaded", COMPILED, indirect=True)
def test_the_signature_is_the_originals(loaded: Loaded, found: Found | str) -> None:
    """A compiled model that was read back from its file names the same inputs and outputs."""
    assert isinstance(found, Found)
    assert found.predictor.signature == loaded.predictor.signature
