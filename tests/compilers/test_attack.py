"""Random pipelines, each asked odd rows that the proof did not see: whatever was proven answers as its original."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.compilers.base import Declined
from gateway.compilers.proof.proof import FLOOR, prove
from gateway.compilers.proof.rows import generated
from gateway.compilers.proof.search import Job, find_compiled
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sklearn import _predictor as load_sklearn
from gateway.schema import Column, Predictor, Signature
from gateway.validation.sample import sample_row

from .pipelines import Grown, grow, odd_rows

#: Reasons that are limits of the compilers; a reason that quotes answers would be a compiled model that failed its
#: proof.
LIMITS = ("text in front of", "is not known to the compiler", "not known", "no faster")


def loaded(grown: Grown, folder: Path) -> Predictor:
    """Return the original, through its loader."""
    if grown.loader == "sklearn":
        return load_sklearn(folder / "m.skops", grown.model)
    path = folder / "m.ubj"
    grown.model.save_model(path)
    return get_loader(grown.loader).load(path, LoadOptions())


def whole_numbers(signature: Signature) -> Iterator[list[Column]]:
    """Yield rows whose numbers arrive as int64, as from a route that declares them integers."""
    fields = [replace(field, type="integer" if field.type == "number" else field.type) for field in signature.inputs]
    for batch in generated(signature, replace(signature, inputs=tuple(fields))):
        yield [column[:200] for column in batch]


def attack(seed: int, folder: Path, rows: int) -> int:
    """Return how many rows the compiled model of one random pipeline answered as its original does; 0 where there is no compiled model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            grown = grow(seed)
        except ValueError:
            return 0  # drawn options that do not fit each other or the data
        original = loaded(grown, folder)
        signature = original.signature
        row = sample_row(signature)
        job = Job(loader=grown.loader, original=original, merged=signature, path=folder / "m.compiled", row=row)
        try:
            found = find_compiled(job)
        except Declined as reason:
            assert any(limit in str(reason) for limit in LIMITS), f"{grown.name}: {reason}"
            return 0
        assert len(found.proof.answered) == FLOOR or found.proof.exhaustive
        try:
            prove(original, found.predictor, whole_numbers(signature))
            return prove(original, found.predictor, odd_rows(grown, signature, rows, seed)).rows
        except Declined as difference:
            raise AssertionError(f"{grown.name}: {difference}") from None


@pytest.mark.parametrize("seed", range(1, 9))
def test_compiled_models_of_random_pipelines(seed: int, tmp_path: Path) -> None:
    """Scalers, imputers, encoders, texts and models in any order, with values and levels at every edge."""
    rows = attack(seed, tmp_path, 800)
    assert rows == 0 or rows > 200


@pytest.mark.slow
def test_compiled_models_of_two_hundred_random_pipelines(tmp_path: Path) -> None:
    """The same at length; at least half of the pipelines have a compiled model, so that this says something."""
    answered = [attack(seed, tmp_path, 11_000) for seed in range(1, 201)]
    assert sum(rows > 0 for rows in answered) > 100
    assert sum(answered) > 1_000_000
