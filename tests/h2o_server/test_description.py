"""What an H2O server says of a model becomes a signature, or a refusal by name."""

from typing import Any

import pytest

from gateway.child.faults import ChildError
from gateway.h2o_server.description import describe


def _said(**output: Any) -> dict[str, Any]:
    plain = {
        "model_category": "Binomial",
        "original_names": None,
        "names": ["age", "colour", "w", "y"],
        "column_types": ["Numeric", "Enum", "Numeric", "Enum"],
        "domains": [None, ["blue", "red"], None, ["no", "yes"]],
    }
    weights = {"name": "weights_column", "actual_value": {"column_name": "w"}}
    return {"response_column_name": "y", "parameters": [weights], "output": plain | output}


def test_features_are_told_with_their_levels() -> None:
    """Response and weights are no inputs; every feature may be missing, as H2O reads it."""
    found = describe(_said())
    assert (found.columns, found.types) == (("age", "colour"), ("Numeric", "Enum"))
    age, colour = found.signature.inputs
    assert (age.type, age.nullable, age.required, age.enum) == ("number", True, False, None)
    assert (colour.type, colour.enum) == ("string", ("blue", "red"))
    assert found.signature.output.labels == found.labels == ("no", "yes")
    assert found.signature.output.probabilities


def test_an_offset_is_an_input() -> None:
    """The offset stands behind the features, and must be there."""
    said = _said(model_category="Regression", domains=[None, None, None, None])
    said["parameters"] = [{"name": "offset_column", "actual_value": {"column_name": "w"}}]
    found = describe(said)
    assert found.columns == ("age", "colour", "w")
    assert found.signature.inputs[-1].required
    assert found.signature.output.kind == "regression"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"model_category": "Clustering"}, "an H2O model of category Clustering"),
        ({"model_category": "AutoEncoder"}, "served are: Binomial"),
        ({"original_names": ["age"]}, "categorical_encoding"),
        ({"column_types": ["String", "Enum", "Numeric", "Enum"]}, "columns of type String"),
    ],
)
def test_other_models_are_refused_by_name(output: dict[str, Any], words: str) -> None:
    """What could only be guessed is no signature."""
    with pytest.raises(ChildError, match=words) as caught:
        describe(_said(**output))
    assert caught.value.code == "unsupported-model"
