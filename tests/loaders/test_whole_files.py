"""A damaged file is refused by name, or answers exactly as the whole one; no process ends and no answer is a constant."""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from skl2onnx import to_onnx
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import damage
from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader, ubjson
from gateway.loaders.base import LoadOptions
from gateway.loaders.xgboost_contents import check_contents
from gateway.prepare.answer_shape import check_shape

MOJOS = Path(__file__).resolve().parents[1] / "mojos"
ALLOWING = LoadOptions(allow_pickle=True)
DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(200, 4)).round(2)
TOTAL = ROWS.sum(axis=1)


def boosters() -> Iterator[tuple[str, xgboost.Booster]]:
    """Yield one small booster for each way in which trees and outputs are stored."""
    two, three = (TOTAL > 0).astype(int), np.digitize(TOTAL, [-1, 1])
    names = list("abcd")
    yield (
        "binary",
        xgboost.train(
            {"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(ROWS, two, feature_names=names), 3
        ),
    )
    yield (
        "three",
        xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 2}, xgboost.DMatrix(ROWS, three), 2),
    )
    yield "dart", xgboost.train({"booster": "dart", "max_depth": 2}, xgboost.DMatrix(ROWS, TOTAL), 3)
    yield "linear", xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(ROWS, TOTAL), 3)
    yield (
        "vectors",
        xgboost.train(
            {"multi_strategy": "multi_output_tree", "max_depth": 2}, xgboost.DMatrix(ROWS, ROWS[:, :2] * 3), 2
        ),
    )
    frame = pd.DataFrame({"c": pd.Categorical(DRAW.choice(list("xyz"), 200)), "n": ROWS[:, 0]})
    data = xgboost.DMatrix(frame, two, enable_categorical=True)
    yield "levels", xgboost.train({"objective": "binary:logistic", "max_depth": 3}, data, 2)


BOOSTERS = dict(boosters())
#: Members that XGBoost writes for people and for training, or that a file may leave out: what they say is not predicted
#: with. Names and types of columns are part of the signature, which says so.
FREE = {"feature_names", "feature_types", "attributes", "version", "boost_from_average", "boosted_rounds"}
#: Numbers of which no other part of the file knows anything.
UNKNOWABLE = {
    "base_score",
    "split_conditions",
    "default_left",
    "base_weights",
    "leaf_weights",
    "weights",
    "weight_drop",
}

#: Numbers that point at something, and may point at something else that is there.
NUMBERS = {"values", "categories", "split_indices"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every member of a document; of lists of objects the first and the last."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield (*path, name), one
            yield from places(one, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for i in {0, len(value) - 1}:
            yield (*path, i), value[i]
            yield from places(value[i], (*path, i))


def edits(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a member might be instead; a text for what was done."""
    yield "gone", None
    if isinstance(value, list):
        yield "one shorter", value[:-1]
        yield "one longer", [*value, *value[-1:]]
        if value and type(value[0]) is int:
            for number in (-7, 0, 1_000_000):
                yield f"first {number}", [number, *value[1:]]
                yield f"last {number}", [*value[:-1], number]
    elif type(value) is int or (isinstance(value, str) and value.lstrip("-").isdigit()):
        for number in (-1, 0, 1, 2, 7, 1_000_000):
            yield f"{number}", type(value)(number)


def edited(document: Any) -> Iterator[tuple[str, str, bytes]]:
    """Yield a text for what was changed, the member, and the file."""
    for path, value in places(document):
        for what, new in edits(value):
            changed = copy.deepcopy(document)
            owner = changed
            for step in path[:-1]:
                owner = owner[step]
            if what == "gone":
                del owner[path[-1]]
            elif new == value:
                continue
            else:
                owner[path[-1]] = new
            member = next((one for one in reversed(path) if isinstance(one, str)), "")
            yield f"{'/'.join(map(str, path))}: {what}", member, json.dumps(changed).encode()


def assert_named_or_equal(loader: str, whole: Path, damaged: list[tuple[str, bytes]], changed: set[str]) -> None:
    """Ask for all of them; `changed` are those that may answer otherwise, because nothing in the file tells."""
    wrong = []
    for how, found, right in damage.outcomes(loader, whole, damaged):
        if found.kind == "broke" or (found.kind == "served" and found != right and how not in changed):
            wrong.append((how, found.kind, found.told[:300]))
        if found.kind == "refused" and not found.told.partition(": ")[2]:
            wrong.append((how, "says nothing", found.told))
    assert wrong == []


def is_changed(how: str, member: str) -> bool:
    """Say whether a number became another one that could stand there as well, or a part that may be absent is."""
    return member in FREE | UNKNOWABLE or (member in NUMBERS and how.endswith((" 0", " 1000000")))


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 30])
@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one == "levels" else pytest.mark.slow) for one in BOOSTERS]
)
def test_every_member_of_a_booster_is_there_and_fits(tmp_path: Path, name: str, every: int) -> None:
    """Take each member out, shorten it, point it elsewhere: refused, or not predicted with; XGBoost itself would crash."""
    whole = tmp_path / f"{name}.json"
    BOOSTERS[name].save_model(whole)
    variants = list(edited(json.loads(whole.read_text(encoding="utf-8"))))
    free = {how for how, member, _ in variants if is_changed(how, member)}
    assert_named_or_equal("xgboost", whole, [(how, data) for how, _, data in variants[::every]], free)


@pytest.mark.parametrize("name", BOOSTERS)
def test_ubjson_is_read_as_xgboost_writes_it(tmp_path: Path, name: str) -> None:
    """Both formats of one booster hold the same members, and a whole booster has no fault."""
    for suffix in (".json", ".ubj"):
        BOOSTERS[name].save_model(tmp_path / f"m{suffix}")
        check_contents(tmp_path / f"m{suffix}")
    assert _outline(ubjson.decode((tmp_path / "m.ubj").read_bytes())) == _outline(
        json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    )


def _outline(value: Any) -> Any:
    """Return members and lengths, whole numbers and texts; JSON writes other digits of the others, and true for 1."""
    if isinstance(value, dict):
        return {key: _outline(one) for key, one in value.items()}
    if isinstance(value, list | np.ndarray):
        return [_outline(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
    return "number" if isinstance(value, float | bool) or value in {0, 1} else value


SMALL: dict[str, Any] = {
    "forest": RandomForestClassifier(4, max_depth=3, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=3, max_depth=2, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=3),
    "logistic": LogisticRegression(),
    "vectors": SVC(),
    "ada": AdaBoostClassifier(n_estimators=3, random_state=0),
    "bags": BaggingRegressor(n_estimators=3, random_state=0),
    "voting": VotingRegressor([("a", Ridge()), ("b", LinearRegression())]),
    "neighbours": KNeighborsClassifier(),
    "network": MLPClassifier((4,), max_iter=2_000, tol=1e-2, random_state=0),
    "rest": OneVsRestClassifier(LogisticRegression()),
    "scores": IsolationForest(n_estimators=4, random_state=0),
}
#: Attributes whose number stands twice in the file, so that a shorter one is a missing part.
PARTS = {
    "forest": ["classes_", "estimators_"],
    "boosting": ["estimators_"],
    "histograms": ["classes_", "_predictors"],
    "logistic": ["classes_", "coef_", "intercept_"],
    "vectors": ["classes_", "support_", "support_vectors_", "_dual_coef_", "_intercept_", "_n_support"],
    "ada": ["classes_", "estimators_"],
    "bags": ["estimators_", "estimators_features_"],
    "voting": ["estimators_"],
    "neighbours": ["classes_", "_y"],
    "network": ["classes_", "coefs_", "intercepts_"],
    "rest": ["estimators_"],
    "scores": ["estimators_"],
}


@pytest.mark.parametrize("name", SMALL)
def test_every_part_of_an_estimator_is_there(tmp_path: Path, name: str) -> None:
    """One tree, class, coefficient or vector less, or one twice: refused, and the whole model is served."""
    target = TOTAL if name in {"boosting", "bags", "voting"} else np.digitize(TOTAL, [-1, 1])
    model = clone(SMALL[name]).fit(ROWS, target)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    right = get_loader("sklearn").load(path, ALLOWING)
    check_shape(right, right.signature)
    for part in PARTS[name]:
        held = getattr(model, part)
        for other in (held[:-1], held[:0], [*held, *held[-1:]] if isinstance(held, list) else np.r_[held, held[-1:]]):
            model.__dict__[part] = other
            joblib.dump(model, path)
            with pytest.raises((ArtifactError, LoadError)) as error:
                get_loader("sklearn").load(path, ALLOWING)
            assert "model.joblib" in error.value.message, (part, len(other))
        model.__dict__[part] = held


#: Formats without a checksum: a changed number is a number. All that can be asked of them is that nothing breaks.
WITHOUT_CHECKSUM = {".joblib", ".ubj", ".json", ".onnx"}


def one_of_each(folder: Path) -> dict[str, Path]:
    """Write a small model in each format."""
    model = RandomForestClassifier(3, max_depth=3, random_state=0).fit(ROWS, TOTAL > 0)
    joblib.dump(model, folder / "forest.joblib")
    skops.io.dump(model, folder / "forest.skops")
    for suffix in ("ubj", "json"):
        BOOSTERS["levels"].save_model(folder / f"booster.{suffix}")
    graph = to_onnx(LogisticRegression().fit(ROWS, TOTAL > 0), ROWS[:1].astype(np.float32))
    (folder / "graph.onnx").write_bytes(graph.SerializeToString())
    shutil.copy(MOJOS / "loan" / "model.zip", folder / "mojo.zip")
    return {path.suffix: path for path in sorted(folder.iterdir())}


FORMATS = {".joblib": "sklearn", ".skops": "sklearn", ".ubj": "xgboost", ".json": "xgboost", ".onnx": "onnx"}


@pytest.mark.parametrize("count", [pytest.param(150, marks=pytest.mark.slow), 8])
@pytest.mark.parametrize(
    "suffix",
    [".skops", ".onnx", *(pytest.param(one, marks=pytest.mark.slow) for one in (".joblib", ".ubj", ".json", ".zip"))],
)
def test_damaged_files_are_refused_or_answer_alike(tmp_path: Path, suffix: str, count: int) -> None:
    """Cut anywhere: refused, or equal. A bit turned or bytes zeroed: the same, or a number of a format without checksum."""
    whole = one_of_each(tmp_path)[suffix]
    data = whole.read_bytes()
    loader = FORMATS.get(suffix, "h2o_mojo")
    assert_named_or_equal(loader, whole, list(damage.cut(data, count, seed=1)), set())
    flipped = list(damage.flip(data, count, seed=2))
    changed = {how for how, _ in flipped} if suffix in WITHOUT_CHECKSUM else set()
    assert_named_or_equal(loader, whole, flipped, changed)
