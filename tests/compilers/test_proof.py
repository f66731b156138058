"""The proof must find a wrong compiled model: planted faults of every kind are caught, harmless changes are not."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from compilers.running import make_compiled
from gateway.compilers import compilers_for
from gateway.compilers.base import Declined
from gateway.compilers.forest import Tree, to_onnx
from gateway.compilers.proof.proof import prove
from gateway.compilers.proof.rows import generated
from gateway.compilers.xgboost_trees import read_booster
from gateway.runtimes.additive import AdditiveProgram, LevelPart, NumberPart, TextPart
from gateway.runtimes.base import Draft
from gateway.schema import Column, Predictions

from .conftest import Loaded, load


def drafted(name: str, folder: Path) -> tuple[Loaded, Draft]:
    """Return a loaded case and its draft."""
    loaded = load(name, folder)
    return loaded, compilers_for(loaded.loader)[0].lower(loaded.predictor)


def is_caught(loaded: Loaded, draft: Draft, rows: list[list[Column]] | None = None) -> bool:
    """Prove the draft as prepare does; `rows` are the probes of the sound draft."""
    signature = loaded.predictor.signature
    batches = [*(draft.rows if rows is None else rows), *generated(signature, signature)]
    try:
        prove(loaded.predictor, make_compiled(draft), batches)
    except Declined:
        return True
    return False


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Draft]:
    """Return a booster with gaps in its data, and its draft."""
    return drafted("xgboost/pair", tmp_path_factory.mktemp("boosted"))


def with_tree(draft: Draft, loaded: Loaded, number: int, change: Callable[[Tree], Tree]) -> Draft:
    """Return the draft with one tree of its forest changed."""
    booster = read_booster(loaded.predictor._booster)
    booster.forest.trees[number] = change(booster.forest.trees[number])
    program: Any = copy.deepcopy(draft.program)
    program.head.of.model = to_onnx(booster.forest)
    return replace(draft, program=program)


def _inner(tree: Tree) -> list[int]:
    return [int(node) for node in np.flatnonzero(tree.left >= 0)]


def test_an_unchanged_draft_passes(boosted: tuple[Loaded, Draft]) -> None:
    """The sound compiled model is proven: what follows fails because of the planted fault alone."""
    loaded, draft = boosted
    assert not is_caught(loaded, draft)
    assert not is_caught(loaded, with_tree(draft, loaded, 0, lambda tree: tree))


@pytest.mark.parametrize("step", [-np.inf, np.inf])
def test_a_threshold_off_by_one_float32_step_is_caught(boosted: tuple[Loaded, Draft], step: float) -> None:
    """Each node of the first trees in turn is moved by the smallest amount there is."""
    loaded, draft = boosted
    trees = read_booster(loaded.predictor._booster).forest.trees[:2]
    for number, tree in enumerate(trees):
        for node in _inner(tree):

            def moved(tree: Tree, node: int = node) -> Tree:
                threshold = tree.threshold.copy()
                threshold[node] = np.nextafter(threshold[node], np.float32(step))
                return replace(tree, threshold=threshold)

            assert is_caught(loaded, with_tree(draft, loaded, number, moved), draft.rows), (number, node)


def test_a_wrong_default_direction_is_caught(boosted: tuple[Loaded, Draft]) -> None:
    """Each node in turn sends NaN to the other side; only where NaN cannot arrive does it not matter."""
    loaded, draft = boosted
    trees = read_booster(loaded.predictor._booster).forest.trees[:2]
    for number, tree in enumerate(trees):
        for node in _inner(tree):
            if not _reachable_by_nan(tree, node):
                continue

            def turned(tree: Tree, node: int = node) -> Tree:
                nan_left = tree.nan_left.copy()
                nan_left[node] = not nan_left[node]
                return replace(tree, nan_left=nan_left)

            assert is_caught(loaded, with_tree(draft, loaded, number, turned), draft.rows), (number, node)


def _reachable_by_nan(tree: Tree, node: int) -> bool:
    """Say whether NaN in the feature of a node can come down to it: on the way it goes where each node sends NaN."""
    feature, child = tree.feature[node], node
    while child:
        parent = int(np.flatnonzero((tree.left == child) | (tree.right == child))[0])
        if tree.feature[parent] == feature and bool(tree.nan_left[parent]) != bool(tree.left[parent] == child):
            return False
        child = parent
    return True


def test_another_comparison_is_caught(boosted: tuple[Loaded, Draft]) -> None:
    """X <= t instead of x < t differs only on the thresholds themselves."""
    loaded, draft = boosted
    booster = read_booster(loaded.predictor._booster)
    booster.forest.test = "<="
    program: Any = copy.deepcopy(draft.program)
    program.head.of.model = to_onnx(booster.forest)
    assert is_caught(loaded, replace(draft, program=program))


def test_ignoring_early_stopping_is_caught(tmp_path: Path) -> None:
    """A compiled model that uses the trees after the best iteration too is not equal."""
    loaded, draft = drafted("xgboost/stopped", tmp_path)
    booster = loaded.predictor._booster
    best = booster.attr("best_iteration")
    booster.set_attr(best_iteration=None)
    wrong = compilers_for("xgboost")[0].lower(loaded.predictor)
    booster.set_attr(best_iteration=best)
    assert not is_caught(loaded, draft)
    assert is_caught(loaded, wrong)


def _parts(draft: Draft, kind: type) -> list[Any]:
    return [part for part in cast(AdditiveProgram, draft.program).parts if isinstance(part, kind)]


def _part(draft: Draft, kind: type) -> Any:
    return _parts(draft, kind)[0]


def _scaled_level(draft: Draft) -> None:
    _part(draft, LevelPart).values[0] *= 1.001


def _unknown_as_first(draft: Draft) -> None:
    values = _part(draft, LevelPart).values
    values[-2] = values[0]


def _threshold_included(draft: Draft) -> None:
    # Of the marks, the one that counts: a number that is always known has none.
    part = max(_parts(draft, NumberPart), key=lambda part: float(np.abs(part.heights).max(initial=0.0)))
    part.at = np.nextafter(part.at, -np.inf)


def _no_fill(draft: Draft) -> None:
    _part(draft, NumberPart).missing = _part(draft, NumberPart).missing + 1.0


def _vectorizer(**changes: Any) -> Callable[[Draft], None]:
    def plant(draft: Draft) -> None:
        part = _part(draft, TextPart)
        part.vectorizer = msgspec.structs.replace(part.vectorizer, **changes)

    return plant


def _no_intercept(draft: Draft) -> None:
    program = cast(AdditiveProgram, draft.program)
    program.intercept = program.intercept * 0


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("sklearn/ridge-filled", _scaled_level),
        ("sklearn/ridge-filled", _unknown_as_first),
        ("sklearn/ridge-filled", _threshold_included),
        ("sklearn/ridge-filled", _no_fill),
        ("sklearn/ridge-filled", _no_intercept),
        ("sklearn/tfidf-logistic", _vectorizer(lowercase=False)),
        ("sklearn/tfidf-logistic", _vectorizer(sublinear=False)),
        ("sklearn/tfidf-logistic", _vectorizer(stop_words=["film"])),
        ("sklearn/tfidf-logistic", _vectorizer(norm="l2")),
        ("sklearn/tfidf-logistic", _vectorizer(idf=None)),
        ("sklearn/counts-bayes", _vectorizer(binary=True)),
        ("sklearn/counts-bayes", _vectorizer(pattern=r"\w+")),
        ("sklearn/counts-bayes", _vectorizer(ngrams=[1, 2])),
        ("sklearn/bernoulli", _vectorizer(accents=None)),
        ("sklearn/bernoulli", _vectorizer(accents="unicode")),
    ],
)
def test_a_wrong_program_is_caught(name: str, plant: Callable[[Draft], None], tmp_path: Path) -> None:
    """A weight, a missing value, a threshold or an option of the vectoriser that is not the original's is found."""
    loaded, draft = drafted(name, tmp_path)
    assert not is_caught(loaded, draft)
    draft.program = copy.deepcopy(draft.program)
    plant(draft)
    assert is_caught(loaded, draft)


@pytest.mark.parametrize("name", ["sklearn/forest", "sklearn/boosting", "sklearn/histogram", "sklearn/tree"])
def test_a_forest_shifted_by_one_step_is_caught(name: str, tmp_path: Path) -> None:
    """Values nudged by one float32 step before the trees see them fall on the other side of some threshold."""
    loaded, draft = drafted(name, tmp_path)
    compiled = make_compiled(draft)

    class Nudged:
        signature = compiled.signature

        def predict(self, columns: Sequence[Column]) -> Predictions:
            nudged = [np.nextafter(c.astype(np.float32), np.float32(np.inf)).astype(np.float64) for c in columns]
            return compiled.predict(nudged)

    signature = loaded.predictor.signature
    with pytest.raises(Declined, match="expected"):
        prove(loaded.predictor, Nudged(), [*draft.rows, *generated(signature, signature)])


def test_a_compiled_model_that_answers_what_the_original_refuses_is_caught(boosted: tuple[Loaded, Draft]) -> None:
    """An error of the original is an answer too."""
    loaded, draft = boosted
    compiled = make_compiled(draft)

    class Refusing:
        signature = compiled.signature

        def predict(self, columns: Sequence[Column]) -> Predictions:
            if (columns[0] > 50).any():
                raise ValueError("too large")
            return compiled.predict(columns)

    signature = loaded.predictor.signature
    rows = list(generated(signature, signature))
    with pytest.raises(Declined, match="the original refuses"):
        prove(Refusing(), compiled, rows)
    with pytest.raises(Declined, match="the compiled model refuses"):
        prove(compiled, Refusing(), rows)
    assert prove(Refusing(), Refusing(), rows).refused > 0


def test_a_tie_is_recorded_and_a_clear_label_is_not_a_tie(boosted: tuple[Loaded, Draft]) -> None:
    """Another label passes only where the original's own probabilities are equal within the tolerance."""
    compiled = make_compiled(boosted[1])

    class Fixed:
        signature = compiled.signature

        def __init__(self, label: int, probability: float) -> None:
            self.answer = Predictions(np.array([label]), np.array([[1 - probability, probability]]))

        def predict(self, columns: Sequence[Column]) -> Predictions:
            return self.answer

    row = [np.zeros(1)] * 3
    assert prove(Fixed(0, 0.5), Fixed(1, 0.5 + 4e-7), [row]).ties == 1
    with pytest.raises(Declined, match="label"):
        prove(Fixed(0, 0.4), Fixed(1, 0.4), [row])


def test_the_tolerance_of_the_route_counts(boosted: tuple[Loaded, Draft]) -> None:
    """A difference of 0.001 is too much by default and fine where the registry says so."""
    loaded, draft = boosted
    compiled = make_compiled(draft)

    class Blurred:
        signature = compiled.signature

        def predict(self, columns: Sequence[Column]) -> Predictions:
            found = compiled.predict(columns)
            assert found.probabilities is not None
            return Predictions(found.values, found.probabilities + 0.001)

    signature = loaded.predictor.signature
    with pytest.raises(Declined, match="expected"):
        prove(loaded.predictor, Blurred(), generated(signature, signature))
    assert prove(loaded.predictor, Blurred(), generated(signature, signature), tolerance=0.01).rows > 0


def test_time_that_runs_out_is_said(boosted: tuple[Loaded, Draft]) -> None:
    """The first batch is always compared; after the deadline no further one is, and the proof says so."""
    loaded, draft = boosted
    signature = loaded.predictor.signature
    proof = prove(loaded.predictor, make_compiled(draft), [*draft.rows, *generated(signature, signature)], deadline=0.0)
    assert not proof.complete
    assert proof.rows == len(draft.rows[0][0])
