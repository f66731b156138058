"""Predictions become the documented JSON: default answers, templates, nulls, rounding, thresholds."""

import json
from typing import Any

import numpy as np
import pytest

from gateway.answers.answer import Answer, AnswerContext, DetailedAnswer
from gateway.answers.check import template_faults
from gateway.answers.templates import default_template
from gateway.errors import RegistryError
from gateway.schema import Batch, Field, Output, Predictions, Signature, make_column

NAN = float("nan")
CONTEXT = AnswerContext(model="loan", version="abc", request_id="r1")
LABELS = ("declined", "approved")


def signature(output: Output, *fields: Field) -> Signature:
    """Return a signature; two fields unless others are given."""
    return Signature(
        inputs=fields or (Field(name="age", type="integer"), Field(name="area", type="string")), output=output
    )


def classifier(**keys: Any) -> Signature:
    """Return a binary classifier with probabilities."""
    return signature(Output(kind="classification", labels=LABELS, probabilities=True, **keys))


BATCH = Batch([make_column("integer", [30, NAN]), make_column("string", ["urban", NAN])], 2, ids=[np.int64(7), "x"])
CHANCES = Predictions(values=np.array([1, 0]), probabilities=np.array([[0.25, 0.75], [0.875, 0.125]]))


def answers(one: Signature, template: Any, predictions: Predictions, batch: Batch = BATCH) -> list[Any]:
    """Return the answers, and prove that plain JSON can hold them."""
    found = Answer(one, template)(batch, predictions, CONTEXT)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_default_answer_of_a_classifier() -> None:
    """Label and probabilities by label, in the order of the labels."""
    assert answers(classifier(), None, CHANCES) == [
        {"prediction": "approved", "probabilities": {"declined": 0.25, "approved": 0.75}},
        {"prediction": "declined", "probabilities": {"declined": 0.875, "approved": 0.125}},
    ]


def test_default_answer_without_probabilities() -> None:
    """A classifier that knows no probabilities answers the label alone."""
    one = signature(Output(kind="classification", labels=LABELS))
    assert answers(one, None, Predictions(values=np.array([0, 1]))) == [
        {"prediction": "declined"},
        {"prediction": "approved"},
    ]
    assert default_template(one) == {"prediction": "$value"}


def test_labels_keep_their_json_type() -> None:
    """A label 1 is a number in the answer, and text as a key."""
    one = signature(Output(kind="classification", labels=(0, 1), probabilities=True))
    assert answers(one, None, CHANCES)[0] == {"prediction": 1, "probabilities": {"0": 0.25, "1": 0.75}}
    flags = signature(Output(kind="classification", labels=(False, True), probabilities=True))
    assert answers(flags, None, CHANCES)[0] == {"prediction": True, "probabilities": {"false": 0.25, "true": 0.75}}


def test_regression_answers_null_for_what_json_cannot_say() -> None:
    """NaN and infinity are null; decimals round what remains."""
    one = signature(Output(kind="regression", decimals=2))
    assert answers(one, None, Predictions(values=np.array([32361.0449, NAN]))) == [
        {"prediction": 32361.04},
        {"prediction": None},
    ]
    assert answers(one, "$value", Predictions(values=np.array([np.inf, 1.005], dtype=np.float32)))[0] is None


def test_templates_of_the_five_systems() -> None:
    """Key order, nesting and rounding are the template's."""
    loan = {"ans": {"Prediction": "$label", "Approved": "$probability.approved", "Declined": "$probability.declined"}}
    (first, _) = answers(classifier(), loan, CHANCES)
    assert json.dumps(first) == '{"ans": {"Prediction": "approved", "Approved": 0.75, "Declined": 0.25}}'
    sentiment = {"prediction": "$label", "confidence": "$probability.approved"}
    rounded = Predictions(values=np.array([0, 0]), probabilities=np.array([[0.8723, 0.1276], [NAN, NAN]]))
    assert answers(classifier(decimals=3), sentiment, rounded) == [
        {"prediction": "declined", "confidence": 0.128},
        {"prediction": "declined", "confidence": None},
    ]
    assert answers(classifier(), "$label", CHANCES) == ["approved", "declined"]


def test_every_variable() -> None:
    """Each variable of the grammar stands for what the docs say; missing inputs are null."""
    template = {
        "*": "$inputs",
        "all": "$inputs",
        "one": "$inputs.age",
        "p": '$probability["approved"]',
        "ps": "$probabilities",
        "who": ["$model", "$version", "$request_id", "$row_id"],
        "money": "$$5",
        "text": "costs $5",
        "none": None,
        "area": "given",
    }
    first, second = answers(classifier(), template, CHANCES)
    assert first == {
        "age": 30,
        "area": "given",
        "all": {"age": 30, "area": "urban"},
        "one": 30,
        "p": 0.75,
        "ps": {"declined": 0.25, "approved": 0.75},
        "who": ["loan", "abc", "r1", 7],
        "money": "$5",
        "text": "costs $5",
        "none": None,
    }
    assert second["all"] == {"age": None, "area": None}
    assert type(first["one"]) is int


def test_labels_with_spaces_are_quoted() -> None:
    """A label that is no word is named in brackets."""
    one = signature(Output(kind="classification", labels=("< 1 Year", "> 2 Years"), probabilities=True))
    assert answers(one, '$probability["< 1 Year"]', CHANCES) == [0.25, 0.875]


def test_threshold_overrides_the_label_of_the_model() -> None:
    """From the threshold on the positive label is the answer, below it the likeliest other."""
    one = classifier(positive="approved", threshold=0.125)
    assert answers(one, "$label", CHANCES) == ["approved", "approved"]
    assert answers(classifier(positive="approved", threshold=0.8), "$label", CHANCES) == ["declined", "declined"]
    unsure = Predictions(values=np.array([1, 0]), probabilities=np.array([[NAN, NAN], [0.5, 0.5]]))
    assert answers(classifier(positive="approved", threshold=0.5), "$label", unsure) == ["approved", "approved"]
    three = signature(
        Output(kind="classification", labels=("a", "b", "c"), probabilities=True, positive="c", threshold=0.4)
    )
    rows = Predictions(values=np.array([2, 0]), probabilities=np.array([[0.3, 0.31, 0.39], [0.35, 0.2, 0.45]]))
    assert answers(three, "$label", rows) == ["b", "c"]


@pytest.mark.parametrize(
    ("names", "expected"), [(("a", "b"), {"a": 1.5, "b": None}), ((), [1.5, None])], ids=["named", "unnamed"]
)
def test_several_outputs_are_a_map_or_a_list(names: tuple[str, ...], expected: Any) -> None:
    """Outputs with names answer a map, without names a list."""
    one = signature(Output(kind="multi_output", names=names))
    found = answers(one, None, Predictions(values=np.array([[1.5, NAN], [1.0, 2.0]])))
    assert found[0] == {"prediction": expected}


def test_multi_label_answers_flags_and_probabilities() -> None:
    """Each name is 0 or 1, with its probability where the model knows it."""
    one = signature(Output(kind="multi_label", names=("spam", "ham"), probabilities=True))
    rows = Predictions(values=np.array([[1, 0], [0, 1]]), probabilities=np.array([[0.9, 0.2], [0.1, 0.8]]))
    assert answers(one, None, rows)[0] == {
        "prediction": {"spam": 1, "ham": 0},
        "probabilities": {"spam": 0.9, "ham": 0.2},
    }
    assert answers(one, "$probability.ham", rows) == [0.2, 0.8]


def test_json_values_are_made_plain() -> None:
    """Whatever custom code returns becomes JSON: numpy scalars, arrays, NaN, tuples."""
    values = [{"a": np.float32(0.5), 1: np.arange(2), "n": NAN}, (np.bool_(True), np.str_("x"), np.int8(3))]
    one = signature(Output(kind="json"))
    assert answers(one, "$value", Predictions(values=values)) == [
        {"a": 0.5, "1": [0, 1], "n": None},
        [True, "x", 3],
    ]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"a": "$lable"}, "unknown variable '$lable'"),
        ({"a": "$probability.aproved"}, "no label 'aproved'"),
        ({"a": ["$inputs.agee"]}, "no field 'agee'"),
        ({"*": "$label"}, "spreads a mapping"),
        ({"*": 5}, "spreads a mapping"),
        ({"a": "$5"}, "unknown variable '$5'"),
        ({"a": float("nan")}, "not JSON"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(template: Any, words: str) -> None:
    """A template is checked against the signature before the first request."""
    with pytest.raises(RegistryError, match="response: ") as caught:
        Answer(classifier(), template)
    assert words in caught.value.message


def test_variables_without_meaning_for_the_model_are_refused() -> None:
    """$label of a regression or a probability that nobody computes is said at load."""
    with pytest.raises(RegistryError, match="no meaning for a model of kind regression"):
        Answer(signature(Output(kind="regression")), "$label")
    with pytest.raises(RegistryError, match="needs probabilities"):
        Answer(signature(Output(kind="classification", labels=LABELS)), "$probability.approved")


def test_faults_name_their_place_and_guess() -> None:
    """A fault says where in the template it is, and what was probably meant."""
    (fault,) = template_faults({"a": [{"b": "$lable"}]})
    assert (fault.where, fault.fix) == (("a", 0, "b"), "did you mean '$label'?")
    assert template_faults({"a": "$probability.anything", "b": "$inputs.anything"}) == []


def test_a_chunk_is_answered_in_order() -> None:
    """Ten thousand rows keep their order and their own values."""
    size = 10_000
    batch = Batch([make_column("number", list(range(size)))], size)
    one = signature(Output(kind="regression"), Field(name="x"))
    found = answers(one, {"x": "$inputs.x", "y": "$value"}, Predictions(values=np.arange(size) * 2.0), batch)
    assert all(row["y"] == row["x"] * 2 for row in found)
    assert len(found) == size


def test_a_detailed_answer_is_the_own_one_beside_the_default() -> None:
    """`_detail=true` takes nothing from the answer of a route, whatever its template, and adds the default members."""
    default = answers(classifier(), None, CHANCES)
    for template in (None, "$label", "$$label", 7, {"answer": "$label"}, {"*": "$inputs"}, ["$probability.approved"]):
        detailed = DetailedAnswer(classifier(), template)
        for _ in range(2):  # compiled at first, then kept
            found = detailed(BATCH, CHANCES, CONTEXT)
            own = answers(classifier(), template, CHANCES)
            assert found == [{"answer": one, **members} for one, members in zip(own, default, strict=True)]
