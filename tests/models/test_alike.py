"""One row and a batch of rows are two ways through a compiled model with one answer, for all five models."""

from pathlib import Path

import numpy as np
import pytest

import extras
from gateway.artifacts.manifest import Manifest
from gateway.compilers.proof.rows import generated
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.runtimes import load_compiled

pytestmark = extras.needs("sklearn", "xgboost", "jpype", "onnx")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def manifests(cache: Path) -> dict[str, Manifest]:
    """Prepare the registry of this repository, or find it prepared."""
    return prepare_registry(load_registry(ROOT / "registry.yaml"), cache, PrepareLimits())


@pytest.mark.parametrize("name", ["sentiment", "diabetes", "loan", "earnings", "insurance"])
def test_one_row_is_answered_as_in_a_batch(manifests: dict[str, Manifest], name: str) -> None:
    """Over random rows of the whole signature: a neighbour never changes an answer (the sum over the terms of a text: a bit)."""
    found = manifests[name]
    assert found.compiled is not None, found.compile_declined
    assert found.signature is not None
    compiled = load_compiled(Path(found.compiled.path), found.compiled.sha256)
    columns = [column[:400] for column in next(iter(generated(compiled.signature, found.signature)))]
    many = compiled.predict(columns)
    for row in range(len(columns[0])):
        one = compiled.predict([column[row : row + 1] for column in columns])
        assert np.asarray(one.values).tolist() == np.asarray(many.values[row : row + 1]).tolist()
        if many.probabilities is not None:
            assert one.probabilities is not None
            difference = np.abs(one.probabilities - many.probabilities[row : row + 1]).max()
            assert difference <= (4e-16 if name == "sentiment" else 0.0)
