"""What only LightGBM's text models have to keep: hostile and damaged files, levels, and what their answers mean."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sniffing import sniff

DRAW = np.random.default_rng(12)
ROWS = 120
OPTIONS = {"min_data_in_leaf": 2, "min_data_per_group": 1, "num_threads": 1, "verbose": -1, "num_leaves": 6}


def trained(frame: Any, target: Any, rounds: int = 4, **options: Any) -> lightgbm.Booster:
    """Train a booster in a moment."""
    return lightgbm.train({**OPTIONS, **options}, lightgbm.Dataset(frame, target), rounds)


def saved(booster: lightgbm.Booster, folder: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """Write a model as LightGBM does, changed as a test wants it."""
    path = folder / "model.txt"
    booster.save_model(path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def numbers() -> Any:
    """Return rows of three columns with holes."""
    rows = DRAW.normal(size=(ROWS, 3))
    rows[::5, 1] = np.nan
    return rows


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return a frame with an ordered and an unordered column of categories."""
    sizes = pd.Categorical(DRAW.choice(["S", "M", "L"], ROWS), categories=["S", "M", "L"], ordered=True)
    cities = pd.Categorical(DRAW.choice(["Köln", "Berlin", "Ürümqi", "東京"], ROWS))
    return pd.DataFrame({"price": DRAW.normal(size=ROWS), "city": cities, "size": sizes})


HOSTILE: dict[str, Callable[[str], str]] = {
    "a child outside": lambda t: t.replace("left_child=1", "left_child=7000"),
    "a child that leads back": lambda t: t.replace("left_child=1", "left_child=0"),
    "a column outside": lambda t: t.replace("split_feature=0", "split_feature=9"),
    "a column below zero": lambda t: t.replace("split_feature=0", "split_feature=-9"),
    "a short table": lambda t: t.replace("threshold=", "threshold=0.5\nold="),
    "more leaves than values": lambda t: t.replace("num_leaves=6", "num_leaves=600"),
    "no leaves": lambda t: t.replace("num_leaves=6", "num_leaves=0"),
    "sets without words": lambda t: t.replace("num_cat=0", "num_cat=1"),
    "a set that is not there": lambda t: t.replace("decision_type=", "decision_type=1 2 2 2 2\nx="),
    "no trees in a round": lambda t: t.replace("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
    "more outputs than trees": lambda t: t.replace("num_class=1", "num_class=99"),
    "a wide objective": lambda t: t.replace("objective=regression", "objective=multiclass num_class:4000"),
    "columns without names": lambda t: t.replace("max_feature_idx=2", "max_feature_idx=90000"),
    "a line that is none": lambda t: t.replace("num_cat=0", "num_cat=0\nnonsense"),
    "text for a number": lambda t: t.replace("leaf_value=", "leaf_value=system "),
    "a tree too few": lambda t: t.replace("Tree=1\n", "Tree=7\n"),
    "another format": lambda t: t.replace("version=v4", "version=v9"),
    "no format": lambda t: t.replace("version=v4\n", ""),
    "an end too early": lambda t: t[: t.index("end of trees")],
    "another reader's name": lambda t: t.replace("objective=", "=num_class=50\nobjective="),
    "another reader's value": lambda t: t.replace("objective=", "objective=="),
    "another reader's objective": lambda t: t.replace("objective=", "objective= "),
    "another reader's line": lambda t: t.replace("objective=", "kept=1\robjective=binary sigmoid:1\nobjective="),
    "another reader's end": lambda t: t.replace("objective=", "kept=\0\nobjective="),
    "a parameter without a value": lambda t: t.replace("[boosting: gbdt]", "[boosting"),
    "parameters without an end": lambda t: t.replace("end of parameters", ""),
    "a level beyond all numbers": lambda t: t.replace("pandas_categorical:null", "pandas_categorical:[[1e999]]"),
    "levels that are none": lambda t: t.replace("pandas_categorical:null", 'pandas_categorical:[{"a": 1}]'),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_points_outside_is_refused_by_name(kind: str, numbers: Any, tmp_path: Path) -> None:
    """LightGBM follows all of these unchecked, or answers something; here each is an error with the file's name."""
    path = saved(trained(numbers, numbers[:, 0]), tmp_path)
    text = path.read_text()
    assert HOSTILE[kind](text) != text
    path.write_text(HOSTILE[kind](text))
    with pytest.raises(ArtifactError) as error:
        get_loader("lightgbm").load(path, LoadOptions())
    assert error.value.code in {"broken-artifact", "missing-parts"}
    assert path.name in error.value.message


def test_sizes_of_trees_are_not_followed(numbers: Any, tmp_path: Path) -> None:
    """Line ends of Windows and wrong sizes move where LightGBM looks for trees, which ends the process; answers stay."""
    booster = trained(numbers, numbers[:, 0])
    for change in (lambda t: t.replace("\n", "\r\n"), lambda t: t.replace("tree_sizes=", "tree_sizes=9")):
        path = saved(booster, tmp_path, change)
        found = get_loader("lightgbm").load(path, LoadOptions()).predict(list(numbers.T))
        assert np.array_equal(found.values, booster.predict(numbers))


def test_a_dump_is_told_from_a_model(numbers: Any, tmp_path: Path) -> None:
    """A dump as JSON is recognised, and the error says what to write instead."""
    path = tmp_path / "model.json"
    path.write_text(pd.Series(trained(numbers, numbers[:, 0]).dump_model()).to_json())
    assert sniff(path, path.name) == ("lightgbm",)
    with pytest.raises(LoadError, match="cannot load") as error:
        get_loader("lightgbm").load(path, LoadOptions())
    assert "save_model('model.txt')" in str(error.value.hint)


def squared_error(scores: Any, data: Any) -> tuple[Any, Any]:
    """Be an objective of one's own: gradients and second derivatives."""
    return scores - data.get_label(), np.ones(len(scores))


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "binary"},
        {"objective": "multiclassova", "num_class": 3},
        {"objective": "poisson"},
        {"objective": "quantile", "alpha": 0.8},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "cross_entropy"},
        {"objective": "lambdarank"},
        {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "regression", "zero_as_missing": True},
        {"objective": "regression", "use_missing": False},
        {"objective": "regression", "monotone_constraints": [1, -1, 0]},
        {"objective": squared_error},
    ],
    ids=lambda options: " ".join(f"{name}={getattr(value, '__name__', value)}" for name, value in options.items()),
)
def test_answers_are_those_of_the_booster(options: dict[str, Any], numbers: Any, tmp_path: Path) -> None:
    """Whatever the objective means, the route's own answer is what Booster.predict returns."""
    labels = (np.nan_to_num(numbers).sum(axis=1) > 0).astype(int) + (numbers[:, 0] > 1) * (
        options.get("num_class", 0) > 2
    )
    data = lightgbm.Dataset(numbers, labels, group=[ROWS] if options["objective"] == "lambdarank" else None)
    booster = lightgbm.train({**OPTIONS, **options}, data, 4)
    predictor = get_loader("lightgbm").load(saved(booster, tmp_path), LoadOptions())
    found, expected = predictor.predict(list(numbers.T)), booster.predict(numbers)
    answers: Any = found.values
    if predictor.signature.output.own != "value":
        assert found.probabilities is not None
        is_pair = predictor.signature.output.own == "probability"
        answers = found.probabilities[:, 1] if is_pair else found.probabilities
    assert np.array_equal(answers, np.asarray(expected))


def test_levels_of_ordered_columns_are_told_by_the_registry(frame: pd.DataFrame, tmp_path: Path) -> None:
    """An ordered category is split as a number: where two columns could be meant, the registry says which."""
    rows = frame.assign(rank=DRAW.integers(0, 3, ROWS))
    booster = trained(rows, frame.price + (frame.city == "Köln") + rows["rank"])
    path = saved(booster, tmp_path)
    with pytest.raises(LoadError, match="does not tell which columns") as error:
        get_loader("lightgbm").load(path, LoadOptions())
    assert "['S', 'M', 'L']" in str(error.value.hint)
    levels = {"city": tuple(frame.city.cat.categories), "size": ("S", "M", "L")}
    predictor = get_loader("lightgbm").load(path, LoadOptions(levels=levels))
    columns = [rows[name].to_numpy(object if name in levels else None) for name in rows]
    assert np.array_equal(predictor.predict(columns).values, booster.predict(rows))


def test_levels_of_one_possible_column_need_no_word(frame: pd.DataFrame, tmp_path: Path) -> None:
    """An ordered category beside columns that cannot be one is found without the registry."""
    booster = trained(frame, frame.price + (frame.city == "Köln"))
    predictor = get_loader("lightgbm").load(saved(booster, tmp_path), LoadOptions())
    assert [field.enum for field in predictor.signature.inputs] == [
        None,
        ("Berlin", "Köln", "Ürümqi", "東京"),
        ("S", "M", "L"),
    ]
    columns = [frame[name].to_numpy(object if name != "price" else None) for name in frame]
    assert np.array_equal(predictor.predict(columns).values, booster.predict(frame))


def test_true_and_false_are_one_and_zero_where_training_had_only_these(tmp_path: Path) -> None:
    """A column of booleans takes true and false; a column of numbers does not."""
    rows = pd.DataFrame({"ready": DRAW.random(ROWS) > 0.5, "dose": DRAW.normal(size=ROWS)})
    path = saved(trained(rows, rows.ready + rows.dose), tmp_path)
    fields = get_loader("lightgbm").load(path, LoadOptions()).signature.inputs
    assert [field.booleans_as_numbers for field in fields] == [True, False]


def test_a_missing_system_library_is_named_with_its_package(tmp_path: Path) -> None:
    """Slim images have no libgomp: the error says how to install it on the usual systems."""
    (tmp_path / "lightgbm.py").write_text(
        "raise OSError('libgomp.so.1: cannot open shared object file: No such file or directory')"
    )
    script = (
        "from gateway.errors import LoadError; from gateway.loaders import get_loader\n"
        "try: get_loader('lightgbm')\nexcept LoadError as e: print(e.code, e.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.stdout.startswith("broken-package") and "apt-get install libgomp1" in done.stdout


def test_levels_that_are_numbers_are_given_to_no_column_that_may_not_have_them(tmp_path: Path) -> None:
    """Training that named other categories than pandas' own leaves levels of numbers open; the registry says whose."""
    code, year = DRAW.integers(1, 3, ROWS), DRAW.choice([1, 2, 3], ROWS)
    rows = pd.DataFrame({"code": code, "year": pd.Categorical(year), "dose": DRAW.normal(size=ROWS)})
    data = lightgbm.Dataset(rows, rows.dose + (code == 1) + 2 * year, categorical_feature=["code"])
    booster = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data_per_group": 3, "cat_smooth": 1}, data, 5)
    path = saved(booster, tmp_path)
    with pytest.raises(LoadError, match="does not tell which columns"):
        get_loader("lightgbm").load(path, LoadOptions())
    predictor = get_loader("lightgbm").load(path, LoadOptions(levels={"year": (1, 2, 3)}))
    found = predictor.predict([rows[name].to_numpy() for name in rows])
    assert np.array_equal(found.values, booster.predict(rows))
