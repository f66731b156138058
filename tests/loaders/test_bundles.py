"""A model in several files, or in one as a dict or tuple of steps, answers as its parts do by hand; or is refused."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import LabelEncoder, MultiLabelBinarizer, StandardScaler

from gateway.errors import LoadError
from gateway.loaders import siblings

from . import bundled

CASES = bundled.cases()
DATA = bundled.Data()
BODY = DATA.body.to_numpy()
MODEL = LogisticRegression().fit(BODY, DATA.heavy)
WORDS = CountVectorizer().fit(["a few words", "more words"])


@pytest.mark.parametrize("name", CASES)
def test_steps_become_one_model(name: str, tmp_path: Path) -> None:
    """All steps are applied, in the order that fits, under the names that the parts know."""
    case = CASES[name]
    found = bundled.load(bundled.write(tmp_path, case.files), case.steps)
    # The order in which a product of matrices is summed depends on their layout.
    np.testing.assert_allclose(bundled.ask(found, case.rows), case.right, rtol=1e-12)
    if case.labels:
        assert found.signature.output.labels == case.labels


def test_sparse_features_reach_xgboost_as_they_did_in_training(tmp_path: Path) -> None:
    """XGBoost takes a cell that a sparse table does not hold for missing, and not for a zero."""
    xgboost = pytest.importorskip("xgboost", reason="the extra xgboost is not installed")
    texts = ["win a prize now", "free prize", "see you for lunch", "lunch at noon"]
    words = TfidfVectorizer().fit(texts)
    model = xgboost.XGBClassifier(n_estimators=8, max_depth=2, min_child_weight=0, n_jobs=1)
    model.fit(words.transform(texts), [1, 1, 0, 0])
    files = {
        "vectorizer.pkl": words,
        "model.ubj": model.save_model,
        "label_encoder.pkl": LabelEncoder().fit(["no", "yes"]),
    }
    found = bundled.load(bundled.write(tmp_path, files))
    asked = ["free lunch", "noon now"]
    assert np.array_equal(bundled.ask(found, asked), model.predict_proba(words.transform(asked)))
    assert found.signature.output.labels == ("no", "yes")


def test_what_is_of_no_effect_is_named_and_a_threshold_is_honoured(tmp_path: Path) -> None:
    """Metrics and dates never change an answer; the threshold of a bundle does, and nothing is dropped in silence."""
    held = {"model": MODEL, "accuracy": 0.9, "history": [1, 2], "threshold": 0.3}
    found: Any = bundled.load(bundled.write(tmp_path, {"b.pkl": held}))
    assert found.signature.output.threshold == held["threshold"]
    assert found.warnings == ("of the bundle, without effect: 'accuracy' and 'history'",)


def test_steps_tell_the_order_and_the_model(tmp_path: Path) -> None:
    """What is refused because it is not clear is served by the line that the refusal says."""
    scaler = StandardScaler().fit(BODY)
    files = bundled.write(tmp_path, {"b.pkl": {"s": scaler, "i": SimpleImputer().fit(BODY), "model": MODEL}})
    with pytest.raises(LoadError) as caught:
        bundled.load(files)
    assert caught.value.code == "ambiguous-steps"
    assert "`steps: [s, i, model]`" in str(caught.value.hint)
    assert np.array_equal(
        bundled.ask(bundled.load(files, ("s", "i", "model")), [{"x0": 1.0, "x1": 2.0, "x2": 3.0}]),
        MODEL.predict_proba(scaler.transform([[1.0, 2.0, 3.0]])),
    )


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "other width": (
        {"scaler.pkl": StandardScaler().fit(BODY[:, :2]), "model.pkl": MODEL},
        "steps-do-not-fit",
        "scaler.pkl (StandardScaler) gives 2 columns, model.pkl (LogisticRegression) takes 3",
    ),
    "wrong order": (
        {
            "tfidf.pkl": TfidfTransformer().fit(WORDS.transform(["a few words"])),
            "words.pkl": WORDS,
            "model.pkl": LogisticRegression().fit(WORDS.transform(["few", "more"]), [0, 1]),
        },
        "steps-do-not-fit",
        "they fit in the order [words.pkl, tfidf.pkl, model.pkl]",
    ),
    "model first": (
        {"model.pkl": MODEL, "scaler.pkl": StandardScaler().fit(BODY)},
        "steps-do-not-fit",
        "name the model last: [scaler.pkl, model.pkl]",
    ),
    "other columns": (
        {
            "scaler.pkl": StandardScaler().fit(DATA.body.add_suffix("_cm")),
            "model.pkl": LogisticRegression().fit(DATA.body, DATA.heavy),
        },
        "steps-do-not-fit",
        "was fitted on height_cm, weight_cm or age_cm",
    ),
    "two models": (
        {"b.pkl": {"a": MODEL, "b": MODEL.__class__().fit(BODY, DATA.heavy)}},
        "several-models",
        "'a' (LogisticRegression)",
    ),
    "too many names": (
        {"model.pkl": MODEL, "columns.pkl": list("abcd")},
        "steps-do-not-fit",
        "columns.pkl lists 4 columns",
    ),
    "encoder of another target": (
        {"model.pkl": MODEL, "label_encoder.pkl": LabelEncoder().fit(["a", "b", "c"])},
        "steps-do-not-fit",
        "label_encoder.pkl names a, b or c, and the model answers 2 classes (0 or 1)",
    ),
    "encoder of nobody knows what": (
        {"sex_encoder.pkl": LabelEncoder().fit(["f", "m"]), "model.pkl": MODEL},
        "ambiguous-steps",
        "of a column or of the target",
    ),
    "encoders without columns": (
        {"encoders.pkl": {"sex": LabelEncoder().fit(["f", "m"])}, "model.pkl": MODEL},
        "steps-do-not-fit",
        "nothing tells the columns of the model",
    ),
    "scaler of the answer": (
        {"b.pkl": {"model": MODEL, "scaler_y": StandardScaler().fit(BODY[:, :1])}},
        "unknown-member",
        "'scaler_y' (StandardScaler) scales what the model answers",
    ),
    "no model": ({"b.pkl": {"scaler": StandardScaler().fit(BODY)}}, "not-a-predictor", "without a model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """Nothing is guessed: widths, names, orders and parts that contradict each other are all named."""
    files, code, text = REFUSED[name]
    with pytest.raises(LoadError) as caught:
        bundled.load(bundled.write(tmp_path, files))
    assert caught.value.code == code
    assert text in f"{caught.value.message} {caught.value.hint}"


def test_a_lone_step_names_the_model_beside_it(tmp_path: Path) -> None:
    """Whoever names a scaler as artifact reads the command that serves it with its model."""
    scaler = bundled.write(tmp_path, {"scaler.pkl": StandardScaler().fit(BODY), "model.pkl": MODEL})[0]
    with pytest.raises(LoadError) as caught:
        bundled.load([scaler])
    assert "a step that transforms for a model" in caught.value.message
    assert f"gateway add {scaler} {tmp_path / 'model.pkl'} --route" in str(caught.value.hint)
    assert str(caught.value.hint).endswith("--allow-pickle")


def test_unrelated_pairs_of_a_folder_stay_apart(tmp_path: Path) -> None:
    """Of fifty pairs each model is served alone, and only the step of its own name is mentioned."""
    write: Callable[[str, Any], Any] = lambda name, held: joblib.dump(held, tmp_path / name)  # noqa: E731
    for i in range(50):
        write(f"pair{i}_scaler.pkl", StandardScaler())
        write(f"pair{i}_model.pkl", MODEL)
    for i in (0, 7, 49):
        path = tmp_path / f"pair{i}_model.pkl"
        assert [step.name for step in siblings.steps_beside(path)] == [f"pair{i}_scaler.pkl"]
        row = [{"x0": 1.0, "x1": 2.0, "x2": 3.0}]
        assert np.array_equal(bundled.ask(bundled.load([path]), row), MODEL.predict_proba([[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize(
    "names",
    [
        pd.Index(["height", "weight", "age"], dtype=object),
        pd.Index(["height", "weight", "age"]),
        pd.Index(pd.array(["height", "weight", "age"], dtype=pd.StringDtype("python"))),
        np.array(["height", "weight", "age"]),
        ("height", "weight", "age"),
        pd.Index(["id", "height", "weight", "age"])[1:],
    ],
    ids=["objects", "texts", "texts without pyarrow", "array", "tuple", "slice"],
)
def test_names_of_columns_may_be_kept_in_any_way(names: Any, tmp_path: Path) -> None:
    """A pandas Index is read as its texts, whatever pandas keeps them in."""
    found = bundled.load(bundled.write(tmp_path, {"b.pkl": {"model": MODEL, "columns": names}}))
    assert found.signature.names == ("height", "weight", "age")


def test_moments_beside_a_model_are_read(tmp_path: Path) -> None:
    """When a model was trained is often saved with it: a datetime is plain data, and has no effect."""
    held = {"model": MODEL, "trained": datetime.datetime(2024, 5, 1, 12, 30), "day": datetime.date(2024, 5, 1)}
    found: Any = bundled.load(bundled.write(tmp_path, {"b.pkl": held}))
    assert found.warnings == ("of the bundle, without effect: 'trained' and 'day'",)


@pytest.mark.parametrize("threshold", [2, 0.5])
def test_a_threshold_that_is_of_no_probability_is_told(threshold: float, tmp_path: Path) -> None:
    """It cannot be applied to these answers, and is not dropped in silence."""
    model = MODEL if threshold > 1 else LogisticRegression().fit(BODY, np.arange(len(BODY)) % 3)
    found: Any = bundled.load(bundled.write(tmp_path, {"b.pkl": {"model": model, "threshold": threshold}}))
    assert found.signature.output.threshold is None
    assert found.warnings == (f"of the bundle, 'threshold' ({threshold}) is not applied: it is none of a probability",)


@pytest.mark.parametrize("library", ["lightgbm", "catboost"])
def test_a_model_of_any_loader_stands_behind_steps(library: str, tmp_path: Path) -> None:
    """Sparse and dense features reach it as they did in training, whatever its format is."""
    module = pytest.importorskip(library, reason=f"the extra {library} is not installed")
    texts = ["win a prize now", "free prize", "see you for lunch", "lunch at noon"] * 8
    words = TfidfVectorizer().fit(texts)
    if library == "lightgbm":
        model = module.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1, n_jobs=1)
        model.fit(words.transform(texts), [1, 1, 0, 0] * 8)
        files = {"vectorizer.pkl": words, "model.txt": model.booster_.save_model}
    else:
        model = module.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, thread_count=1)
        model.fit(words.transform(texts), [1, 1, 0, 0] * 8)
        files = {"vectorizer.pkl": words, "model.cbm": lambda path: model.save_model(str(path))}
    asked = ["a free lunch prize", "see you now"]
    found = bundled.load(bundled.write(tmp_path, files))
    np.testing.assert_allclose(bundled.ask(found, asked), model.predict_proba(words.transform(asked)), rtol=1e-12)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_a_pickled_model_of_another_library_is_a_member(library: str, tmp_path: Path) -> None:
    """Boosters and CatBoost's classes are no scikit-learn estimators; in a dict or list they are models none the less."""
    module = pytest.importorskip(library, reason=f"the extra {library} is not installed")
    names = list(DATA.body.columns)
    scaler = StandardScaler().fit(DATA.body)
    table = scaler.transform(DATA.body)
    asked = scaler.transform(DATA.body.head(3))
    if library == "xgboost":
        model = module.train(
            {"objective": "binary:logistic"}, module.DMatrix(table, DATA.heavy, feature_names=names), 3
        )
        right = model.predict(module.DMatrix(asked, feature_names=names))
    elif library == "lightgbm":
        options = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2, "num_threads": 1}
        model = module.train(options, module.Dataset(table, DATA.heavy, feature_name=names), 3)
        right = model.predict(asked)
    else:
        model = module.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, thread_count=1)
        model.fit(table, DATA.heavy)
        right = model.predict_proba(asked)[:, 1]
    rows = DATA.body.head(3).to_dict("records")
    for files in ({"m.pkl": {"model": model, "scaler": scaler}}, {"scaler.pkl": scaler, "model.pkl": model}):
        found = bundled.load(bundled.write(tmp_path / str(len(files)), files))
        np.testing.assert_allclose(bundled.ask(found, rows)[:, 1], right, rtol=1e-6)


def test_a_label_encoder_that_may_be_of_a_column_is_told(tmp_path: Path) -> None:
    """`label_encoder.pkl` names the classes of a model of columns, and a warning says so; that of texts has no other."""
    encoder = LabelEncoder().fit(["female", "male"])
    found: Any = bundled.load(bundled.write(tmp_path, {"model.pkl": MODEL, "label_encoder.pkl": encoder}))
    assert found.signature.output.labels == ("female", "male")
    assert "label_encoder.pkl is taken for the encoder of the target" in found.warnings[-1]
    judge = LogisticRegression().fit(WORDS.transform(["a few words", "more words"]), [0, 1])
    files = {"vectorizer.pkl": WORDS, "model.pkl": judge, "label_encoder.pkl": encoder}
    of_texts: Any = bundled.load(bundled.write(tmp_path / "texts", files))
    assert of_texts.warnings == ()


@pytest.mark.parametrize("kind", [RandomForestClassifier, OneVsRestClassifier])
def test_labels_of_which_a_row_has_several_have_their_names(kind: Any, tmp_path: Path) -> None:
    """A MultiLabelBinarizer beside a model names its answers, in the order of its classes."""
    binarizer = MultiLabelBinarizer().fit([["sport", "art"], ["war"]])
    tags = np.column_stack([DATA.heavy, 1 - DATA.heavy, np.arange(len(BODY)) % 2])
    model = (kind(LogisticRegression()) if kind is OneVsRestClassifier else kind(3, random_state=0)).fit(BODY, tags)
    found = bundled.load(bundled.write(tmp_path, {"m.pkl": {"model": model, "mlb": binarizer}}))
    assert found.signature.output.names == ("art", "sport", "war")
    answers = found.predict([np.array([one]) for one in BODY[0]]).values
    assert np.asarray(answers).tolist() == model.predict(BODY[:1]).tolist()


def test_a_step_that_was_fitted_on_the_columns_in_another_order_finds_them(tmp_path: Path) -> None:
    """`X[numeric] = scaler.transform(X[numeric])` keeps the order of X, whatever that of the list is."""
    numeric = ["age", "height", "weight"]
    scaler = StandardScaler().fit(DATA.body[numeric])
    table = DATA.body.copy()
    table[numeric] = scaler.transform(DATA.body[numeric])
    model = LogisticRegression().fit(table, DATA.heavy)
    found = bundled.load(bundled.write(tmp_path, {"scaler.pkl": scaler, "model.pkl": model}))
    rows = DATA.body.head(4).to_dict("records")
    np.testing.assert_allclose(bundled.ask(found, rows), model.predict_proba(table.head(4)), rtol=1e-12)
