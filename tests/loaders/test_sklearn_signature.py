"""What the scikit-learn loader reads out of fitted estimators, and how it feeds them."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

from .cases import columns_of, mixed_pipeline, people

DRAW = np.random.default_rng(5)
ROWS = DRAW.normal(size=(60, 3))


def load(model: Any, folder: Path) -> Any:
    """Save as skops and load."""
    skops.io.dump(model, folder / "model.skops")
    return get_loader("sklearn").load(folder / "model.skops", LoadOptions())


def test_a_mixed_pipeline_says_types_levels_and_missing(tmp_path: Path) -> None:
    """Every column gets its type; levels come from encoders; NaN is allowed exactly where it is handled."""
    frame, classes, _ = people()
    fields = load(mixed_pipeline().fit(frame, classes), tmp_path).signature.inputs
    assert [(f.name, f.type, f.enum, f.nullable) for f in fields] == [
        ("age", "number", None, False),
        ("income", "number", None, True),
        ("region", "string", ("east", "north", "west"), False),
        ("degree", "string", ("master", "none"), True),
        ("rooms", "integer", (1, 2, 3), False),
        ("note", "string", None, False),
    ]


def test_a_constant_fill_keeps_the_type(tmp_path: Path) -> None:
    """Imputing a constant tells numbers from text by the constant, not by the array it is kept in."""
    frame, _, _ = people()
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="constant", fill_value=0.0), StandardScaler()), ["income"]),
        (make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder()), ["degree"]),
    )
    fields = load(make_pipeline(steps, Ridge()).fit(frame, frame.age), tmp_path).signature.inputs
    assert [(f.name, f.type, f.enum, f.nullable) for f in fields] == [
        ("income", "number", None, True),
        ("degree", "string", ("master", "none"), True),
    ]


def test_unused_columns_are_not_asked_for(tmp_path: Path) -> None:
    """A column that the pipeline drops is no input."""
    frame, classes, _ = people()
    found = load(mixed_pipeline().fit(frame.assign(unused=1), classes), tmp_path)
    assert "unused" not in found.signature.names
    assert len(found.predict(columns_of(frame)).values) == len(frame)


@pytest.mark.parametrize("wrap", ["search", "vote", "calibration"])
def test_wrapped_pipelines_keep_levels_and_missing(tmp_path: Path, wrap: str) -> None:
    """Search, voting and calibration say the same inputs as the pipeline inside."""
    frame, classes, _ = people()
    model = {
        "search": GridSearchCV(mixed_pipeline(), {"logisticregression__C": [1, 2]}, cv=2),
        "vote": VotingClassifier([("a", mixed_pipeline()), ("b", mixed_pipeline())], voting="soft"),
        "calibration": CalibratedClassifierCV(mixed_pipeline(), cv=2),
    }[wrap].fit(frame, classes)
    found = load(model, tmp_path)
    by_name = {field.name: field for field in found.signature.inputs}
    assert by_name["region"].enum == ("east", "north", "west")
    assert by_name["income"].nullable
    assert not by_name["age"].nullable
    assert np.array_equal(found.predict(columns_of(frame)).probabilities, model.predict_proba(frame))


def test_labels_keep_their_json_types(tmp_path: Path) -> None:
    """Integers stay integers, booleans booleans, text text."""
    for classes in ([0, 1], [True, False], ["no", "yes"], [-1.0, 1.0]):
        truth = np.array(classes)[(ROWS[:, 0] > 0).astype(int)]
        labels = load(LogisticRegression().fit(ROWS, truth), tmp_path).signature.output.labels
        assert sorted(map(repr, labels)) == sorted(map(repr, classes))


def test_an_encoder_can_hand_missing_on_to_a_tree(tmp_path: Path) -> None:
    """NaN is followed through an ordinal encoder to an estimator that takes it, and to one that does not."""
    frame, classes, _ = people()
    tree = make_pipeline(OrdinalEncoder(), RandomForestClassifier(3)).fit(frame[["degree"]], classes)
    assert load(tree, tmp_path).signature.inputs[0].nullable
    scaled = make_pipeline(StandardScaler(), Ridge()).fit(frame[["age"]], frame.age)
    assert not load(scaled, tmp_path).signature.inputs[0].nullable


def test_a_classifier_without_probabilities(tmp_path: Path) -> None:
    """Decision values are not sold as probabilities."""
    found = load(LinearSVC().fit(ROWS, ROWS[:, 0] > 0), tmp_path)
    assert not found.signature.output.probabilities
    assert found.predict(list(ROWS.T)).probabilities is None
    assert found.signature.names == ("x0", "x1", "x2")
    assert not found.signature.names_known


def test_several_outputs(tmp_path: Path) -> None:
    """Several targets are multi_output, several 0/1 targets are multi_label with the probability of 1."""
    values = load(MultiOutputRegressor(Ridge()).fit(ROWS, ROWS), tmp_path)
    assert values.signature.output.kind == "multi_output"
    assert values.predict(list(ROWS.T)).values.shape == ROWS.shape
    for kind in (MultiOutputClassifier(LogisticRegression()), RandomForestClassifier(4, random_state=0)):
        model = kind.fit(ROWS, (ROWS > 0).astype(int))
        found = load(model, tmp_path)
        assert found.signature.output.kind == "multi_label"
        answer = found.predict(list(ROWS.T))
        assert np.array_equal(answer.values, model.predict(ROWS))
        assert np.array_equal(answer.probabilities[:, 1], model.predict_proba(ROWS)[1][:, 1])


def test_outliers_and_clusters_are_labels(tmp_path: Path) -> None:
    """An outlier detector answers -1 or 1, a clusterer the number of the cluster."""
    outliers = IsolationForest(n_estimators=5, random_state=0).fit(ROWS)
    found = load(outliers, tmp_path)
    assert found.signature.output.labels == (-1, 1)
    labels = [found.signature.output.labels[i] for i in found.predict(list(ROWS.T)).values]
    assert labels == outliers.predict(ROWS).tolist()
    clusters = KMeans(3, n_init=1, random_state=0).fit(ROWS)
    found = load(clusters, tmp_path)
    assert found.signature.output.labels == (0, 1, 2)
    assert found.predict(list(ROWS.T)).values.tolist() == clusters.predict(ROWS).tolist()


@pytest.mark.parametrize("model", [StandardScaler().fit(ROWS), DBSCAN().fit(ROWS), {"a": 1}])
def test_what_cannot_predict_is_refused(tmp_path: Path, model: Any) -> None:
    """A transformer, a clusterer without predict and a dict are named for what they are."""
    with pytest.raises(LoadError) as error:
        load(model, tmp_path)
    assert error.value.code == "not-a-predictor"
    assert type(model).__name__ in error.value.message


def test_every_part_of_a_model_gets_one_thread(tmp_path: Path) -> None:
    """n_jobs is one everywhere inside, however deep."""
    inner = make_pipeline(StandardScaler(), RandomForestClassifier(3, n_jobs=-1))
    found = load(VotingClassifier([("a", inner)], n_jobs=2).fit(ROWS, ROWS[:, 0] > 0), tmp_path)
    assert found.estimator.n_jobs == 1
    assert found.estimator.estimators_[0].steps[-1][1].n_jobs == 1


def test_another_version_is_told_while_it_works(tmp_path: Path) -> None:
    """An artifact of another scikit-learn loads, and says by which version it was written: whoever prepares it decides."""
    data = pickle.dumps(LinearRegression().fit(ROWS, ROWS[:, 0]), protocol=0)
    path = tmp_path / "old.pkl"
    version = __import__("sklearn").__version__
    path.write_bytes(data.replace(f"V{version}\n".encode(), b"V1.0.2\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found: Any = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    assert "1.0.2" in found.skew.written[0]


def test_another_version_that_cannot_predict_is_an_error(tmp_path: Path) -> None:
    """An old artifact that loads but lacks what today's predict needs says which version to install."""
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    del model.coef_
    version = __import__("sklearn").__version__
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(model, protocol=0).replace(f"V{version}\n".encode(), b"V0.19.2\n"))
    with pytest.raises(LoadError) as error:
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    assert error.value.code == "wrong-version"
    assert "0.19.2" in str(error.value)
    assert "scikit-learn==0.19.*" in (error.value.hint or "")
