"""CatBoost's files answer as the models that were trained: kinds of answers, categories, missing values, formats."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.errors import ArtifactError, InputError, LoadError, RegistryError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sniffing import sniff
from gateway.registry.merge import merge_signature
from gateway.registry.spec import RouteSpec
from gateway.rest.describe.request_schema import value_schema
from gateway.schema import Field, Signature, make_column
from gateway.validation.validator import Validator
from zoo.catboosts import _model
from zoo.data import matrix, people
from zoo.grow import known

catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")

SPECIES = [one for one in known().values() if one.name.startswith("catboost-")]
SERVED = [one for one in SPECIES if one.name != "catboost-embedding"]


def load(path: Path) -> Any:
    """Load a file as a worker does."""
    (name,) = sniff(path, path.name)
    return get_loader(name).load(path, LoadOptions(allow_pickle=True))


def columns_of(signature: Signature, rows: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield the columns of JSON rows as validation hands them on."""
    for field in signature.inputs:
        values = [float("nan") if row[field.name] is None else row[field.name] for row in rows]
        yield make_column(field.type, [str(one) if field.type == "string" else one for one in values])


@pytest.mark.parametrize("name", [one.name for one in SERVED])
def test_answers_equal_those_of_the_trained_model(name: str, tmp_path: Path) -> None:
    """A file answers what the classifier, regressor or ranker answered that wrote it, whatever its loss function."""
    grown = known()[name].grow(tmp_path)
    path = tmp_path / grown.artifact
    predictor = load(path)
    output = predictor.signature.output
    found = predictor.predict(list(columns_of(predictor.signature, grown.rows)))
    for i, expected in enumerate(grown.answers):
        wanted = expected["prediction"]
        if output.kind == "classification":
            label = output.labels[found.values[i]]
            assert (label, type(label)) == (wanted, type(wanted))
        else:
            assert found.values[i].tolist() == pytest.approx(
                list(wanted.values()) if isinstance(wanted, dict) else wanted, rel=1e-12
            )
            assert not isinstance(wanted, dict) or output.names == tuple(wanted)
        assert (found.probabilities is None) == ("probabilities" not in expected)
        if found.probabilities is not None:
            assert found.probabilities[i].tolist() == pytest.approx(list(expected["probabilities"].values()), rel=1e-12)


def test_an_embedding_has_two_ways_in(tmp_path: Path) -> None:
    """A list of numbers per instance is refused by the name of its field; one column for each of them is served."""
    path = tmp_path / known()["catboost-embedding"].grow(tmp_path).artifact
    with pytest.raises(LoadError) as error:
        load(path)
    assert error.value.code == "unsupported-model"
    assert "'vector'" in error.value.message
    numbers = matrix(3)
    _model("CatBoostClassifier").fit(numbers, numbers[:, 0] > 0).save_model(str(tmp_path / "columns.cbm"))
    assert len(load(tmp_path / "columns.cbm").signature.inputs) == 3


@pytest.fixture
def rooms(tmp_path: Path) -> Signature:
    """Return the signature of a model whose one category was trained as whole numbers."""
    frame = people("age", "rooms")
    model = _model("CatBoostClassifier", cat_features=["rooms"]).fit(frame, frame.rooms > 2)
    model.save_model(str(tmp_path / "rooms.cbm"))
    found: Signature = load(tmp_path / "rooms.cbm").signature
    return found


def spec_with(**inputs: Any) -> RouteSpec:
    """Return the entry of a route with these inputs."""
    return RouteSpec(path="/rooms", name="rooms", artifact="rooms.cbm", loader="catboost", inputs=inputs)


@pytest.mark.parametrize(("sent", "read"), [(3, "3"), ("3", "3"), (3.0, "3"), (-1, "-1"), ("drei", "drei")])
def test_a_category_may_be_a_text_or_a_whole_number(rooms: Signature, sent: Any, read: str) -> None:
    """CatBoost takes a whole number for its digits; the file does not say which of both training saw."""
    batch = Validator(rooms, strict=True).rows([{"age": 40, "rooms": sent}], text=False)
    assert batch.columns[1].tolist() == [read]
    assert value_schema(rooms.inputs[1])["type"] == ["string", "integer"]


@pytest.mark.parametrize("sent", [1.5, True, None, [1]])
def test_other_values_of_a_category_are_refused(rooms: Signature, sent: Any) -> None:
    """CatBoost itself refuses fractions and missing values of a category."""
    with pytest.raises(InputError):
        Validator(rooms, strict=True).rows([{"age": 40, "rooms": sent}], text=False)


def test_the_registry_may_declare_the_levels(rooms: Signature) -> None:
    """Whole numbers as levels, or the type alone, or texts; a fraction or true contradicts the artifact."""
    field: Field = merge_signature(rooms, spec_with(rooms={"enum": [1, 2]})).inputs[1]
    assert (field.type, field.enum) == ("string", ("1", "2"))
    assert merge_signature(rooms, spec_with(rooms={"type": "integer", "minimum": 0})).inputs[1].type == "integer"
    assert merge_signature(rooms, spec_with(rooms={"enum": ["1", "x"]})).inputs[1].enum == ("1", "x")
    for wrong in ({"type": "number"}, {"type": "boolean"}):
        with pytest.raises(RegistryError):
            merge_signature(rooms, spec_with(rooms=wrong))


def test_declared_integers_are_answered_alike(rooms: Signature, tmp_path: Path) -> None:
    """A column of whole numbers is the category of their digits."""
    predictor = load(tmp_path / "rooms.cbm")
    ages = np.array([30.0, 70.0])
    as_text = predictor.predict([ages, make_column("string", ["1", "4"])])
    as_number = predictor.predict([ages, np.array([1, 4])])
    assert as_text.probabilities.tolist() == as_number.probabilities.tolist()


def test_a_long_table_of_categories_comes_first(tmp_path: Path) -> None:
    """CatBoost's JSON is recognised although its first keys are those of categories."""
    grown = known()["catboost-mixed-json"].grow(tmp_path)
    text = (tmp_path / grown.artifact).read_text()
    assert next(iter(json.loads(text))) == "ctr_data"
    (tmp_path / "long.json").write_text(text.replace('"features_info"', '"' + " " * 70_000 + '"', 1))
    assert sniff(tmp_path / "long.json", "long.json") == ("catboost",)


@pytest.mark.parametrize(
    "content",
    [
        b"CBM1",
        b"CBM1" + b"\xff" * 200,
        b'{"features_info": {}, "model_info": {}, "trees": 3}',
        b'{"features_info": ',
        b"\x80\x05.",
        b"text",
    ],
)
def test_foreign_content_is_named(tmp_path: Path, content: bytes) -> None:
    """What is no model of CatBoost is refused with the name of the file and a fix."""
    (tmp_path / "model.cbm").write_bytes(content)
    with pytest.raises(ArtifactError) as error:
        load(tmp_path / "model.cbm")
    assert "model.cbm" in error.value.message
    assert error.value.hint


class Acting:
    """Run a command where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch acted",)


@pytest.mark.parametrize("kind", ["untrained", "acting", "cut", "objective"])
def test_a_pickle_that_is_no_model_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CatBoost object without its model, with another one's code or cut short is refused by name."""
    monkeypatch.chdir(tmp_path)
    numbers = matrix(2)
    options = {"loss_function": Acting(), "eval_metric": "RMSE"} if kind == "objective" else {}
    model = catboost.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False, **options)
    if kind in {"acting", "cut"}:
        model.fit(numbers, numbers[:, 0])
    if kind == "acting":
        model._init_params["train_dir"] = Acting()
    content = pickle.dumps(model)
    (tmp_path / "model.pkl").write_bytes(content[: len(content) // 2] if kind == "cut" else content)
    with pytest.raises((ArtifactError, LoadError)) as error:
        load(tmp_path / "model.pkl")
    assert "model.pkl" in error.value.message
    assert not (tmp_path / "acted").exists()


@pytest.mark.parametrize("suffix", ["cbm", "json"])
def test_a_weighted_sum_of_models_is_served(suffix: str, tmp_path: Path) -> None:
    """`sum_models` leaves the options of the training without text, and names the loss function beside them."""
    rows = matrix(seed=5)
    parts = [_model("CatBoostClassifier", l2_leaf_reg=one).fit(rows, rows[:, 0] > 0) for one in (1, 9)]
    model = catboost.sum_models(parts, weights=[0.25, 0.75])
    model.save_model(str(tmp_path / f"model.{suffix}"), format=suffix)
    predictor = load(tmp_path / f"model.{suffix}")
    found = predictor.predict([make_column("number", column.tolist()) for column in rows.T])
    assert predictor.signature.output.labels == (False, True)
    assert found.probabilities == pytest.approx(model.predict(rows, prediction_type="Probability"), abs=1e-12)
