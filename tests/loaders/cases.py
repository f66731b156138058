"""Small real models, one or more per loader, each with rows and the answers of its own library."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gateway.loaders.base import LoadOptions
from gateway.schema import Column, make_column

ROWS = 80
MOJOS = Path(__file__).resolve().parents[1] / "mojos"


@dataclass
class Case:
    """Hold an artifact, rows in predictor order, and what its own library answers to them."""

    loader: str
    path: Path
    columns: list[Column]
    answers: list[Any]
    probabilities: Any = None
    options: LoadOptions = field(default_factory=LoadOptions)
    tolerance: float = 0.0


def people() -> tuple[pd.DataFrame, Any, Any]:
    """Return rows with numbers, levels, holes and text, a class and a value."""
    draw = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "age": draw.integers(18, 90, ROWS).astype(float),
            "income": draw.normal(30_000, 9_000, ROWS),
            "region": pd.Series(draw.choice(["east", "north", "west"], ROWS), dtype=object),
            "degree": pd.Series(draw.choice(["none", "master"], ROWS), dtype=object),
            "rooms": draw.integers(1, 4, ROWS),
            "note": pd.Series(draw.choice(["a good film", "a bad film", "so so"], ROWS), dtype=object),
        }
    )
    frame.loc[::7, "income"] = np.nan
    frame.loc[::9, "degree"] = np.nan
    return frame, np.where(frame.age > 50, "old", "young"), frame.age * 100 + frame.rooms


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Return the columns as a Batch holds them."""
    kinds = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}
    return [make_column(kinds.get(frame[name].dtype.kind, "string"), frame[name].tolist()) for name in frame]


def mixed_pipeline() -> Any:
    """Return an unfitted pipeline with numbers, imputation, levels and a text column."""
    steps = make_column_transformer(
        (StandardScaler(), ["age"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region", "degree", "rooms"]),
        (TfidfVectorizer(), "note"),
    )
    return make_pipeline(steps, LogisticRegression())


def _sklearn_frame(folder: Path) -> Case:
    frame, classes, _ = people()
    model = mixed_pipeline().fit(frame, classes)
    skops.io.dump(model, folder / "mixed.skops")
    answers = model.predict(frame).tolist()
    return Case("sklearn", folder / "mixed.skops", columns_of(frame), answers, model.predict_proba(frame))


def _sklearn_text(folder: Path) -> Case:
    frame, _, _ = people()
    truth = frame.note.str.contains("good")
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame.note, truth)
    joblib.dump(model, folder / "text.joblib")
    answers, options = model.predict(frame.note).tolist(), LoadOptions(allow_pickle=True)
    return Case(
        "sklearn", folder / "text.joblib", [columns_of(frame)[5]], answers, model.predict_proba(frame.note), options
    )


def _sklearn_matrix(folder: Path) -> Case:
    frame, classes, _ = people()
    rows = frame[["age", "rooms"]].to_numpy(np.float64)
    model = RandomForestClassifier(7, n_jobs=-1, random_state=1).fit(rows, classes)
    joblib.dump(model, folder / "forest.pkl", compress=3)
    options = LoadOptions(allow_pickle=True)
    columns = columns_of(frame[["age", "rooms"]].astype(float))
    model.n_jobs = 1
    return Case(
        "sklearn", folder / "forest.pkl", columns, model.predict(rows).tolist(), model.predict_proba(rows), options
    )


def _sklearn_boosting(folder: Path) -> Case:
    frame, classes, _ = people()
    rows = frame[["age", "income"]]
    model = HistGradientBoostingClassifier(max_iter=5).fit(rows, classes)
    skops.io.dump(model, folder / "boosting.skops", compression=8)
    answers = model.predict(rows).tolist()
    return Case("sklearn", folder / "boosting.skops", columns_of(rows), answers, model.predict_proba(rows))


def _sklearn_value(folder: Path) -> Case:
    frame, _, values = people()
    rows = frame[["age", "rooms"]].astype(float)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows, values)
    skops.io.dump(model, folder / "value.skops")
    return Case("sklearn", folder / "value.skops", columns_of(rows), model.predict(rows).tolist())


def _xgboost_stopped(folder: Path) -> Case:
    draw = np.random.default_rng(3)
    rows = pd.DataFrame(draw.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    classes = (rows.a + draw.normal(size=ROWS) > 0).astype(int)
    model = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=5, learning_rate=0.4)
    model.fit(rows[:50], classes[:50], eval_set=[(rows[50:], classes[50:])], verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    model.save_model(folder / "stopped.ubj")
    rows.iloc[::5, 1] = np.nan
    answers = model.predict(rows).tolist()
    return Case("xgboost", folder / "stopped.ubj", columns_of(rows), answers, model.predict_proba(rows))


def _xgboost_levels(folder: Path) -> Case:
    frame, _, _ = people()
    rows = frame[["age", "region", "rooms"]].assign(region=frame.region.astype("category"))
    model = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(rows, frame.rooms - 1)
    model.save_model(folder / "levels.json")
    columns = columns_of(rows)
    return Case("xgboost", folder / "levels.json", columns, model.predict(rows).tolist(), model.predict_proba(rows))


def _xgboost_value(folder: Path) -> Case:
    frame, _, values = people()
    rows = frame[["age", "income"]].to_numpy()
    model = xgboost.XGBRegressor(n_estimators=5).fit(rows, values)
    model.save_model(folder / "value.ubj")
    answers = [float(value) for value in model.predict(rows)]
    return Case("xgboost", folder / "value.ubj", columns_of(frame[["age", "income"]]), answers)


def _catboost_mixed(folder: Path) -> Case:
    catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")
    frame, classes, _ = people()
    rows = frame[["age", "income", "region", "rooms"]].rename(columns={"region": "région"})
    named = ["région", "rooms"]
    model = catboost.CatBoostClassifier(5, depth=3, cat_features=named, verbose=0, allow_writing_files=False)
    model.fit(rows, classes)
    model.save_model(folder / "mixed.cbm")
    columns = [*columns_of(rows)[:3], make_column("string", [str(value) for value in rows["rooms"]])]
    return Case("catboost", folder / "mixed.cbm", columns, model.predict(rows).tolist(), model.predict_proba(rows))


def _catboost_value(folder: Path) -> Case:
    catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")
    frame, _, values = people()
    rows = frame[["age", "income"]].to_numpy()
    model = catboost.CatBoostRegressor(5, depth=3, verbose=0, allow_writing_files=False).fit(rows, values)
    model.save_model(folder / "value-catboost.json", format="json")
    answers = model.predict(rows).tolist()
    # Its JSON keeps leaves in 16 digits, one less than a double needs.
    columns = columns_of(frame[["age", "income"]])
    return Case("catboost", folder / "value-catboost.json", columns, answers, tolerance=1e-12)


def _lightgbm_levels(folder: Path) -> Case:
    frame, _, _ = people()
    rows = frame[["age", "income", "region", "degree", "rooms"]].rename(columns={"age": "Alter in Jahren"})
    levels = {"region": {"east": "Köln", "north": "東京", "west": "Zürich"}, "degree": {}}
    for name, renamed in levels.items():
        rows[name] = rows[name].replace(renamed).astype("category")
    rows["rooms"] = rows.rooms.astype("category")
    options = {"objective": "binary", "min_data_in_leaf": 2, "min_data_per_group": 1, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, rows.rooms == 1), 9)
    booster.save_model(folder / "levels.txt")
    rare = rows.assign(region=rows.region.cat.add_categories(["nowhere"]))
    rare.loc[::11, "region"] = "nowhere"  # a level that training did not see is a missing value
    columns = columns_of(rare.astype({"rooms": "int64"}))
    chance = np.asarray(booster.predict(rare))
    answers = (chance > 0.5).astype(int).tolist()
    return Case("lightgbm", folder / "levels.txt", columns, answers, np.column_stack([1 - chance, chance]))


def _lightgbm_classes(folder: Path) -> Case:
    frame, _, _ = people()
    rows = frame[["age", "income"]].to_numpy()
    options = {"objective": "multiclass", "num_class": 3, "min_data_in_leaf": 2, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, frame.rooms - 1), 5)
    booster.save_model(folder / "classes.lgb")
    chances = np.asarray(booster.predict(rows))
    columns = columns_of(frame[["age", "income"]])
    return Case("lightgbm", folder / "classes.lgb", columns, chances.argmax(axis=1).tolist(), chances)


def _lightgbm_value(folder: Path) -> Case:
    frame, _, values = people()
    rows = frame[["age", "income"]]
    options = {"linear_tree": True, "min_data_in_leaf": 2, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, values), 5)
    (folder / "value.model").write_bytes(booster.model_to_string().replace("\n", "\r\n").encode())
    return Case("lightgbm", folder / "value.model", columns_of(rows), np.asarray(booster.predict(rows)).tolist())


def mojo_case(name: str, cache_dir: Path) -> Case:
    """Return a trained MOJO with its golden rows, which are H2O's own answers, repeated past the batch threshold."""
    folder = MOJOS / name
    golden = json.loads((folder / "golden.json").read_text())
    times = ROWS // len(golden["instances"]) + 1
    instances, predictions = golden["instances"] * times, golden["predictions"] * times
    description = json.loads(json.dumps(instances))
    from_h2o = [[row["probabilities"][label] for label in predictions[0]["probabilities"]] for row in predictions]
    case = Case(
        "h2o_mojo",
        folder / "model.zip",
        [],
        [str(row["label"]) for row in predictions],
        np.array(from_h2o),
        LoadOptions(cache_dir=cache_dir),
    )
    case.columns = description
    return case


def _onnx_columns(folder: Path) -> Case:
    frame, _, values = people()
    rows = frame[["region", "age"]]
    steps = make_column_transformer((OneHotEncoder(), ["region"]), (StandardScaler(), ["age"]))
    model = make_pipeline(steps, LinearRegression()).fit(rows, values)
    types = [("region", StringTensorType([None, 1])), ("age", FloatTensorType([None, 1]))]
    (folder / "columns.onnx").write_bytes(to_onnx(model, initial_types=types).SerializeToString())
    answers = model.predict(rows).tolist()
    return Case("onnx", folder / "columns.onnx", columns_of(rows), answers, tolerance=1e-5)


def _onnx_matrix(folder: Path) -> Case:
    frame, classes, _ = people()
    rows = frame[["age", "rooms"]].to_numpy(np.float32)
    model = LogisticRegression().fit(rows, classes)
    (folder / "matrix.onnx").write_bytes(to_onnx(model, rows[:1]).SerializeToString())
    columns = columns_of(frame[["age", "rooms"]].astype(float))
    return Case(
        "onnx",
        folder / "matrix.onnx",
        columns,
        model.predict(rows).tolist(),
        model.predict_proba(rows),
        tolerance=1e-5,
    )


def _python(folder: Path) -> Case:
    body = '    """Join.\n\n    a: the number\n    """\n    return {"joined": f"{a}{b}"}\n'
    source = f'def predict(a: float, b: str = "x"):\n{body}'
    (folder / "join.py").write_text(source)
    numbers = make_column("number", [float(i) for i in range(ROWS)])
    words = make_column("string", [f"w{i}" for i in range(ROWS)])
    return Case("python", folder / "join.py", [numbers, words], [{"joined": f"{float(i)}w{i}"} for i in range(ROWS)])


def _stub(folder: Path) -> Case:
    (folder / "sum.stub").write_text('{"inputs": ["a", "b"], "output": {"kind": "regression"}}')
    numbers = make_column("number", [float(i) for i in range(ROWS)])
    return Case("stub", folder / "sum.stub", [numbers, numbers], [2.0 * i for i in range(ROWS)])


BUILDERS: dict[str, Callable[[Path], Case]] = {
    "sklearn-frame": _sklearn_frame,
    "sklearn-text": _sklearn_text,
    "sklearn-matrix": _sklearn_matrix,
    "sklearn-boosting": _sklearn_boosting,
    "sklearn-value": _sklearn_value,
    "xgboost-stopped": _xgboost_stopped,
    "xgboost-levels": _xgboost_levels,
    "xgboost-value": _xgboost_value,
    "catboost-mixed": _catboost_mixed,
    "catboost-value": _catboost_value,
    "lightgbm-levels": _lightgbm_levels,
    "lightgbm-classes": _lightgbm_classes,
    "lightgbm-value": _lightgbm_value,
    "h2o-loan": lambda folder: mojo_case("loan", folder),
    "h2o-insurance": lambda folder: mojo_case("insurance", folder),
    "onnx-columns": _onnx_columns,
    "onnx-matrix": _onnx_matrix,
    "python": _python,
    "stub": _stub,
}
