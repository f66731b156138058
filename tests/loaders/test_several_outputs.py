"""Models with several outputs are answered whole and by name: labels, numbers and probabilities of each."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, RegressorChain
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from gateway.answers.answer import Answer, AnswerContext
from gateway.answers.json_schema import answer_schema
from gateway.answers.leaves import leaf_columns, leaves_of
from gateway.codecs import v2_specs
from gateway.errors import LoadError, RegistryError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.prepare import golden
from gateway.prepare.answer_shape import check_shape
from gateway.prepare.trial_predict import check_trial
from gateway.registry.merge import merge_signature
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.rest.predict.steps.predict import joined
from gateway.schema import Batch, Predictor

DRAW = np.random.default_rng(3)
FRAME = pd.DataFrame(DRAW.normal(size=(60, 3)), columns=["a", "b c", "größe"])
COLOURS = np.where(FRAME["a"] > 0, "rot", np.where(FRAME["a"] < -0.7, "blau", "grün"))
SIZES = np.where(FRAME["b c"] > 0, "L", "S")
WORDS = np.column_stack([COLOURS, SIZES])
CODES = np.column_stack([(FRAME["a"] > 0).astype(int) + (FRAME["a"] > 1), (FRAME["b c"] > 0).astype(int)])
NUMBERS = np.column_stack([FRAME["a"] * 2, FRAME["b c"] - 1, FRAME["größe"]])
COLUMNS = [FRAME[name].to_numpy() for name in FRAME]


def loaded(model: Any, folder: Path) -> Predictor:
    """Save as skops and load."""
    skops.io.dump(model, folder / "m.skops")
    return get_loader("sklearn").load(folder / "m.skops", LoadOptions())


def answers(predictor: Predictor, template: Any = None, **outputs: Any) -> list[Any]:
    """Answer all rows by the template of a route."""
    spec = RouteSpec(path="/x", name="x", artifact="m", loader="sklearn", outputs=OutputKeys(**outputs))
    answer = Answer(merge_signature(predictor.signature, spec), template)
    return answer(Batch(COLUMNS, len(FRAME)), predictor.predict(COLUMNS), AnswerContext())


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputClassifier(LogisticRegression()).fit(FRAME, WORDS),
        DecisionTreeClassifier(max_depth=2).fit(FRAME, WORDS),
        KNeighborsClassifier().fit(FRAME, CODES),
        MultiOutputClassifier(RidgeClassifier()).fit(FRAME, WORDS),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classes_of_several_outputs_come_with_their_probabilities(tmp_path: Path, model: Any) -> None:
    """Each output has its own labels, of its own type and number."""
    predictor = loaded(model, tmp_path)
    check_shape(predictor, predictor.signature)
    assert check_trial(predictor, predictor.signature) == ()
    found = answers(predictor)
    assert [list(row["prediction"].values()) for row in found] == model.predict(FRAME).tolist()
    if not hasattr(model, "predict_proba"):
        assert set(found[0]) == {"prediction"}
        return
    for place, table in enumerate(model.predict_proba(FRAME)):
        name = f"y{place}"
        assert [list(row["probabilities"][name]) for row in found[:1]] == [[str(one) for one in model.classes_[place]]]
        assert [list(row["probabilities"][name].values()) for row in found] == table.tolist()
    leaves = leaves_of(predictor.signature)
    assert [leaf.name for leaf in leaves][:2] == ["prediction.y0", "prediction.y1"]
    assert all(None not in column for column in leaf_columns(leaves, found))
    schema = answer_schema(predictor.signature, None)["properties"]
    assert schema["prediction"]["properties"]["y1"] == {"enum": model.classes_[1].tolist()}
    assert set(schema["probabilities"]["properties"]["y0"]["properties"]) == {str(one) for one in model.classes_[0]}


@pytest.mark.parametrize("model", [LinearRegression(), RegressorChain(LinearRegression())])
def test_a_registry_names_chooses_and_orders_outputs(tmp_path: Path, model: Any) -> None:
    """The answer, its columns and its tensors hold what `use` names, in that order; decimals hold for all."""
    predictor = loaded(model.fit(FRAME, NUMBERS), tmp_path)
    found = answers(predictor, names=("u", "v", "w"), use=("w", "u"), decimals=2)
    want = np.round(model.predict(FRAME), 2)
    assert [row["prediction"] for row in found] == [{"w": row[2], "u": row[0]} for row in want.tolist()]
    spec = RouteSpec(path="/x", name="x", artifact="m", loader="sklearn", outputs=OutputKeys(use=("y2", "y0")))
    merged = merge_signature(predictor.signature, spec)
    assert [one.name for one in v2_specs.output_specs(merged)] == ["y2", "y0"]
    assert [leaf.name for leaf in leaves_of(merged)] == ["prediction.y2", "prediction.y0"]


def test_labels_that_may_all_hold_are_chosen_with_their_probabilities(tmp_path: Path) -> None:
    """What is left out of a multi-label model is left out of its probabilities as well."""
    model = ClassifierChain(LogisticRegression()).fit(FRAME, CODES > 0)
    found = answers(loaded(model, tmp_path), names=("spam", "ham"), use=("ham",))
    assert [row["prediction"]["ham"] for row in found] == model.predict(FRAME)[:, 1].astype(int).tolist()
    assert [row["probabilities"]["ham"] for row in found] == model.predict_proba(FRAME)[:, 1].tolist()
    assert set(found[0]["probabilities"]) == {"ham"}


def test_templates_reach_one_output_and_one_probability(tmp_path: Path) -> None:
    """`$value.<output>`, `$probability.<output>` and `$probability.<output>.<label>`; anything else is a fault."""
    model = MultiOutputClassifier(LogisticRegression()).fit(FRAME, WORDS)
    predictor = loaded(model, tmp_path)
    template = {"f": "$value.farbe", "p": "$probability.size.L", "all": "$probability.farbe"}
    row = answers(predictor, template, names=("farbe", "size"))[0]
    first, second = model.predict_proba(FRAME[:1])
    assert row == {
        "f": model.predict(FRAME[:1])[0, 0],
        "p": second[0, 0],
        "all": dict(zip(["blau", "grün", "rot"], first[0], strict=True)),
    }
    for wrong in ("$value.y7", "$probability.y0.L", "$probability.L", "$label"):
        with pytest.raises(RegistryError):
            answers(predictor, {"x": wrong})


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ({"use": ("y9",)}, "there is no output 'y9' (y0, y1 or y2)"),
        ({"names": ("u", "v")}, "2 names for 3 outputs of the artifact"),
    ],
)
def test_outputs_that_the_artifact_has_not_are_refused(tmp_path: Path, outputs: Any, told: str) -> None:
    """A name that does not exist, and a wrong number of names, are faults of the registry."""
    predictor = loaded(LinearRegression().fit(FRAME, NUMBERS), tmp_path)
    with pytest.raises(RegistryError) as caught:
        answers(predictor, **outputs)
    assert told in str(caught.value.text)


def test_a_model_with_one_output_has_none_to_choose(tmp_path: Path) -> None:
    """`use` and `names` are for models with several outputs."""
    predictor = loaded(LinearRegression().fit(FRAME, NUMBERS[:, 0]), tmp_path)
    for key in ("use", "names"):
        with pytest.raises(RegistryError, match="a model of kind regression has one output"):
            answers(predictor, **{key: ("y",)})


def test_golden_rows_hold_each_output(tmp_path: Path) -> None:
    """Values by name or in order, and probabilities by output and label; a wrong one is found."""
    model = MultiOutputClassifier(LogisticRegression()).fit(FRAME, WORDS)
    predictor = loaded(model, tmp_path)
    row = {name: float(FRAME[name][0]) for name in FRAME}
    labels = model.predict(FRAME[:1])[0].tolist()
    share = float(model.predict_proba(FRAME[:1])[0][0, 2])
    rows = tmp_path / "golden.json"

    def score(value: Any, probability: float) -> None:
        expected = {"value": value, "probabilities": {"y0": {"rot": probability}}}
        rows.write_bytes(msgspec.json.encode({"version": 1, "instances": [row], "predictions": [expected]}))
        golden.check(rows, predictor)

    score(labels, share)
    score({"y1": labels[1]}, share)
    for wrong in (("S", *labels[1:]), labels):
        with pytest.raises(LoadError, match="golden row 0"):
            score(list(wrong), share if wrong != labels else share + 0.1)


def test_chunks_of_a_batch_are_joined_whole(tmp_path: Path) -> None:
    """Probabilities of each output stand in the order of the rows."""
    model = MultiOutputClassifier(LogisticRegression()).fit(FRAME, WORDS)
    predictor = loaded(model, tmp_path)
    parts = [predictor.predict([column[start : start + 20] for column in COLUMNS]) for start in (0, 20, 40)]
    for table, want in zip(joined(parts).each, model.predict_proba(FRAME), strict=True):
        assert table is not None
        assert np.array_equal(table, want)
