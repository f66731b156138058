"""The laws that every loader keeps, whatever its framework."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import EXTRA_OF, TABLE, loader_names, pip_line
from gateway.schema import Predictions

from .cases import Case


def as_answers(predictor: Any, found: Predictions) -> list[Any]:
    """Return labels or values as plain Python."""
    output = predictor.signature.output
    if output.kind == "classification":
        return [output.labels[i] for i in found.values]
    return list(found.values.tolist() if isinstance(found.values, np.ndarray) else found.values)


def same(left: Predictions, right: Predictions) -> bool:
    """Say whether two answers are equal to the last bit."""
    if left.probabilities is None or right.probabilities is None:
        if left.probabilities is not right.probabilities:
            return False
    elif not np.array_equal(left.probabilities, right.probabilities):
        return False
    if isinstance(left.values, np.ndarray):
        return bool(np.array_equal(left.values, right.values))
    return bool(left.values == right.values)


def test_answers_equal_the_library_itself(case: Case, predictor: Any) -> None:
    """Labels, values and probabilities are those of the framework that made the model."""
    found = predictor.predict(case.columns)
    answers = as_answers(predictor, found)
    if case.tolerance and isinstance(case.answers[0], float):
        assert np.allclose(answers, case.answers, rtol=case.tolerance)
    else:
        assert answers == case.answers
    if case.probabilities is None:
        assert found.probabilities is None
    else:
        assert found.probabilities.dtype == np.float64
        assert np.abs(found.probabilities - np.asarray(case.probabilities, dtype=np.float64)).max() <= case.tolerance


def test_a_batch_is_its_singles(case: Case, predictor: Any) -> None:
    """A batch of n answers n rows, each as it is answered alone."""
    found = predictor.predict(case.columns)
    size = len(case.columns[0])
    assert len(found.values) == size
    for i in range(0, size, 7):
        alone = predictor.predict([column[i : i + 1] for column in case.columns])
        assert len(alone.values) == 1
        if case.loader in {"sklearn", "onnx"}:
            # BLAS and ONNX Runtime sum one row in another order than many
            assert np.allclose(alone.values[0], found.values[i], rtol=1e-6)
            if found.probabilities is not None:
                assert np.allclose(alone.probabilities[0], found.probabilities[i], rtol=1e-6, atol=1e-9)
        else:
            assert alone.values[0] == found.values[i]
            if found.probabilities is not None:
                assert alone.probabilities[0].tolist() == found.probabilities[i].tolist()


def test_inputs_are_left_alone(case: Case, predictor: Any) -> None:
    """Predicting changes none of the arrays it was given."""
    before = [column.copy() for column in case.columns]
    predictor.predict(case.columns)
    for old, new in zip(before, case.columns, strict=True):
        assert old.dtype == new.dtype
        assert [str(value) for value in old.tolist()] == [str(value) for value in new.tolist()]


def test_threads_do_not_mix(case: Case, predictor: Any) -> None:
    """Two threads that predict different rows at once each get their own answers."""
    halves = [[column[:40] for column in case.columns], [column[40:80] for column in case.columns]]
    expected = [predictor.predict(half) for half in halves]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(predictor.predict, halves * 10))
    assert all(same(answer, expected[i % 2]) for i, answer in enumerate(found))


def test_description_equals_the_loaded_signature(case: Case, predictor: Any) -> None:
    """`describe` says what `load` says."""
    assert get_loader(case.loader).describe(case.path, case.options) == predictor.signature
    assert len(predictor.signature.inputs) == len(case.columns)


def test_sniffing_finds_the_loader(case: Case) -> None:
    """Every artifact is recognised without naming its loader."""
    assert sniff(case.path, str(case.path)) == (case.loader,)


@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage"])
def test_broken_bytes_name_the_file(case: Case, damage: str, tmp_path: Path) -> None:
    """Empty, truncated and random bytes end in an error of ours that names the file and a fix."""
    data = case.path.read_bytes()
    broken = {"empty": b"", "truncated": data[: len(data) // 3], "garbage": bytes(range(7, 250)) * 9}[damage]
    path = tmp_path / case.path.name
    path.write_bytes(broken)
    with pytest.raises((ArtifactError, LoadError)) as error:
        get_loader(case.loader).load(path, case.options)
    assert path.name in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("bundle", "xgboost") else pytest.mark.slow)  # a process for each
        for name in sorted(TABLE)
        if TABLE[name].extra
    ],
)
def test_a_missing_package_is_named_with_its_pip_line(name: str) -> None:
    """Without its framework a loader says which package is missing and how to install it."""
    package = TABLE[name].modules[0]
    script = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from gateway.loaders import get_loader\nfrom gateway.errors import LoadError\n"
        f"try: get_loader({name!r})\nexcept LoadError as e: print(e.code, '|', e.message, '|', e.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    code, message, hint = done.stdout.strip().split(" | ")
    assert code == "missing-extra"
    assert package in message
    assert hint == pip_line(name) == f"pip install 'multi-model-gateway[{TABLE[name].extra}]'"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_table_names_the_file_and_the_class_names_itself(name: str) -> None:
    """A loader is called alike in the table, in its file and in its class."""
    assert TABLE[name].target.partition(":")[0] == f"gateway.loaders.{name}"
    assert get_loader(name).name == name
    assert name in loader_names()


def test_an_unknown_loader_lists_the_known_ones() -> None:
    """A misspelt name is answered with all names."""
    with pytest.raises(LoadError) as error:
        get_loader("sklearm")
    assert error.value.code == "unknown-loader"
    assert "sklearn" in (error.value.hint or "")


def test_importing_the_table_imports_no_framework() -> None:
    """Guessing a loader costs no framework."""
    script = (
        "import sys, pathlib, gateway.loaders.sniffing as s; s.sniff(pathlib.Path('a.zip'), 'a.zip')\n"
        f"print([m for m in {sorted(EXTRA_OF)!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
