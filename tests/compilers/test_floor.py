"""A compiled model is believed after enough different rows, or all there are; rows are looked for before it is declined."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from gateway.compilers.base import Declined
from gateway.compilers.proof.nearby import nearby
from gateway.compilers.proof.proof import FLOOR, Proof, prove
from gateway.compilers.proof.rows import everything, generated
from gateway.compilers.proof.search import Found, Job, find_compiled
from gateway.loaders.sklearn import _predictor as load_sklearn
from gateway.schema import Column, Field, Output, Predictions, Signature
from gateway.validation.sample import sample_row

DRAW = np.random.default_rng(3)


def found_of(model: Any, folder: Path, golden: Sequence[Column] = ()) -> Found:
    """Return the compiled model of an estimator, as prepare looks for it."""
    original = load_sklearn(folder / "m.skops", model)
    signature = original.signature
    row = [column[:1] for column in golden] or sample_row(signature)
    job = Job(loader="sklearn", original=original, merged=signature, path=folder / "m.compiled", row=row, golden=golden)
    return find_compiled(job)


@pytest.mark.parametrize(
    ("function", "low", "columns"),
    [(np.log, 0.1, 12), (np.sqrt, 0.0, 20), (np.log1p, -0.9, 9)],
    ids=["log", "sqrt", "log1p"],
)
def test_rows_are_found_where_most_are_refused(
    function: Callable[..., Any], low: float, columns: int, tmp_path: Path
) -> None:
    """Of rows drawn at once not one in a thousand is in the domain of the function; steps from good rows are."""
    rows = DRAW.uniform(low, 5, (200, columns))
    model = make_pipeline(FunctionTransformer(function), StandardScaler(), Ridge()).fit(rows, rows.sum(axis=1))
    found = found_of(model, tmp_path)
    assert len(found.proof.answered) == FLOOR
    assert found.proof.refused > FLOOR
    assert found.proof.complete


class Picky:
    """Answer only rows that a rule allows, with the sum of their values."""

    def __init__(self, allows: Callable[[float], bool], fields: Sequence[Field]) -> None:
        self.allows = allows
        self.signature = Signature(inputs=tuple(fields), output=Output())

    def predict(self, columns: Sequence[Column]) -> Predictions:
        total = np.sum([column.astype(float) for column in columns], axis=0)
        if not all(map(self.allows, total.tolist())):
            raise ValueError("not this one")
        return Predictions(total)


def batches(signature: Signature, proof: Proof) -> Any:
    """Yield what the search would."""
    yield from generated(signature, signature)
    yield from nearby(signature, signature, proof)


def test_too_few_rows_are_too_few(tmp_path: Path) -> None:
    """A model that answers ten rows and refuses all others is declined with both numbers."""
    picky = Picky(lambda total: total in {0.0, 0.5, 1.0, -1.0, 255.0, 1e12}, [Field(name="a")])
    proof = Proof()
    prove(picky, picky, batches(picky.signature, proof), proof=proof)
    assert 3 <= len(proof.answered) < 10
    with pytest.raises(Declined, match=rf"only {len(proof.answered)} different rows .* a proof needs {FLOOR}"):
        proof.require_enough()


def test_the_same_row_counts_once() -> None:
    """A thousand times one row is one row."""
    picky = Picky(lambda total: True, [Field(name="a")])
    proof = prove(picky, picky, [[np.ones(1_000)], [np.zeros(1)]])
    assert proof.rows == 1_001
    assert len(proof.answered) == 2
    with pytest.raises(Declined, match="only 2 different rows"):
        proof.require_enough()


def test_a_small_space_is_tried_whole(tmp_path: Path) -> None:
    """Two columns of three and two levels are six rows: all of them are a proof."""
    frame = pd.DataFrame({"a": list("xyzxyz") * 10, "b": list("uvuuvv") * 10}, dtype=object)
    encode = make_column_transformer((OneHotEncoder(), ["a", "b"]))
    found = found_of(make_pipeline(encode, LogisticRegression()).fit(frame, frame.a == "x"), tmp_path)
    assert found.proof.exhaustive
    assert set(found.proof.answered) == {(repr(a), repr(b)) for a in "xyz" for b in "uv"}


def test_what_a_whole_space_is() -> None:
    """Levels, booleans, short ranges of integers and what may be missing are finite; numbers and texts are not."""
    level, flag = Field(name="a", type="string", enum=("x", "y")), Field(name="b", type="boolean")
    whole = Field(name="c", type="integer", minimum=1, exclusive_maximum=4)

    def size(*fields: Field) -> int | None:
        signature = Signature(inputs=fields, output=Output())
        found = everything(signature, signature)
        return None if found is None else len({tuple(map(repr, row)) for row in zip(*found, strict=True)})

    assert size(level, flag, whole) == 2 * 2 * 3
    assert size(replace(level, nullable=True), flag, replace(whole, missing=(9,))) == 3 * 2 * 4
    assert size(level, Field(name="d")) is None
    assert size(level, Field(name="d", type="string")) is None
    assert size(replace(whole, exclusive_maximum=None)) is None
    assert size(replace(whole, exclusive_maximum=5_000)) is None


class Odd(Picky):
    """Answer wrongly, or refuse, a row that comes alone: the mistake that batches do not show."""

    def __init__(self, wrong: str) -> None:
        super().__init__(lambda total: True, [Field(name="a")])
        self.wrong = wrong

    def predict(self, columns: Sequence[Column]) -> Predictions:
        found = super().predict(columns)
        if len(columns[0]) > 1:
            return found
        if self.wrong == "refuses":
            raise ValueError("alone")
        return Predictions(found.values + 1.0)


@pytest.mark.parametrize(("wrong", "reason"), [("refuses", "refuses alone"), ("differs", "expected")])
def test_rows_alone_are_proven_too(wrong: str, reason: str) -> None:
    """Most requests hold one row, and compiled models have a shorter way for it: it is compared as well."""
    sound = Picky(lambda total: True, [Field(name="a")])
    with pytest.raises(Declined, match=reason):
        prove(sound, Odd(wrong), [[np.arange(600.0)]])


def test_a_finite_answer_is_not_infinity() -> None:
    """Where the original answers infinity, no tolerance covers a number."""

    class Endless(Picky):
        def predict(self, columns: Sequence[Column]) -> Predictions:
            return Predictions(np.full(len(columns[0]), np.inf))

    fields = [Field(name="a")]
    sound = Picky(lambda total: True, fields)
    endless = Endless(lambda total: True, fields)
    with pytest.raises(Declined, match="expected inf"):
        prove(endless, sound, [[np.ones(2)]])
    assert prove(endless, endless, [[np.ones(2)]]).rows == 2


def test_rows_have_the_types_of_the_route() -> None:
    """A number that the registry declares an integer arrives as int64, so the proof sends int64."""
    native = Signature(inputs=(Field(name="a"), Field(name="b", nullable=True, required=False)), output=Output())
    merged = replace(native, inputs=tuple(replace(field, type="integer") for field in native.inputs))
    drawn, swept = generated(native, merged)
    assert drawn[0].dtype == swept[0].dtype == np.int64
    assert swept[1].dtype == np.float64  # with missing values among them


def test_missing_values_that_the_model_does_not_take_are_tried() -> None:
    """The registry may let a field be missing although the model refuses that: the compiled model must refuse it too."""
    native = Signature(inputs=(Field(name="a"),), output=Output())
    merged = replace(native, inputs=(replace(native.inputs[0], nullable=True),))
    strict = Picky(lambda total: total == total, native.inputs)
    loose = Picky(lambda total: True, native.inputs)
    assert prove(strict, strict, generated(native, merged)).refused == 1
    with pytest.raises(Declined, match="the original refuses"):
        prove(strict, loose, generated(native, merged))


def test_a_number_that_arrives_as_int64_is_a_number(tmp_path: Path) -> None:
    """An imputer fitted on floats refuses int64: the loader hands on what it was fitted on, so original and compiled model agree."""
    frame = pd.DataFrame({"a": [1.5, np.nan, 3.0, 4.0], "b": [0.5, 1.0, np.nan, 2.0]})
    original = load_sklearn(tmp_path / "m.skops", make_pipeline(SimpleImputer(), Ridge()).fit(frame, range(4)))
    native = original.signature
    merged = replace(native, inputs=tuple(replace(field, type="integer") for field in native.inputs))
    row = sample_row(merged)
    assert row[0].dtype == np.int64
    job = Job(loader="sklearn", original=original, merged=merged, path=tmp_path / "m.compiled", row=row)
    found = find_compiled(job)
    assert found.proof.refused == 0
    assert found.predictor.predict(row).values == pytest.approx(original.predict(row).values)
