"""How registry and artifact become one signature, and what they may not disagree about."""

import msgspec
import pytest

from gateway.errors import RegistryError
from gateway.registry.merge import merge_signature
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.schema import Field, Output, Signature

CLASSIFIER = Output(kind="classification", labels=(0, 1), probabilities=True)


def spec(**keys: object) -> RouteSpec:
    """Return a route with these keys."""
    return RouteSpec(path="/x", name="x", artifact="a", loader="stub", **keys)  # type: ignore[arg-type]


def found(*fields: Field, names_known: bool = True, output: Output = CLASSIFIER) -> Signature:
    """Return what an artifact says."""
    return Signature(inputs=fields, output=output, names_known=names_known)


def refused(signature: Signature, route: RouteSpec) -> str:
    """Return the text of the refusal."""
    with pytest.raises(RegistryError) as caught:
        merge_signature(signature, route)
    return caught.value.text


def test_keywords_are_merged_over_the_artifact() -> None:
    """Keywords of the registry win, in the attributes of Field; the rest stays the artifact's."""
    route = spec(inputs={"a": {"minLength": 1, "maxLength": 9, "default": "x", "unit": "km", "aliases": ("A",)}})
    merged = merge_signature(found(Field(name="a", type="string", enum=("x", "y")), Field(name="b")), route)
    first, second = merged.inputs
    assert (first.min_length, first.max_length, first.unit, first.aliases) == (1, 9, "km", ("A",))
    assert (first.enum, first.default, first.required) == (("x", "y"), "x", False)
    assert second == Field(name="b")
    assert merged.positional == ()


def test_naming_every_field_sets_the_positional_order() -> None:
    """Predictor order stays the artifact's, bare lists follow the registry."""
    merged = merge_signature(found(Field(name="a"), Field(name="b")), spec(inputs={"b": {}, "a": {}}))
    assert (merged.names, merged.positions) == (("a", "b"), ("b", "a"))


def test_unnamed_columns_are_named_by_position() -> None:
    """An artifact without names takes those of the registry when there are as many."""
    raw = found(Field(name="x0"), Field(name="x1"), names_known=False)
    merged = merge_signature(raw, spec(inputs={"age": {"minimum": 0}, "fare": {}}))
    assert (merged.names, merged.names_known, merged.inputs[0].minimum) == (("age", "fare"), True, 0)
    assert "1 field is named, the artifact takes 2" in refused(raw, spec(inputs={"age": {}}))
    assert merge_signature(raw, spec(inputs={"x1": {"maximum": 3}})).inputs[1].maximum == 3


def test_an_artifact_that_says_nothing_is_described_by_the_registry() -> None:
    """Without inputs in the artifact the registry defines them."""
    merged = merge_signature(found(), spec(inputs={"a": {"type": "integer"}, "b": {"enum": ("x",)}, "c": {}}))
    assert [one.type for one in merged.inputs] == ["integer", "string", "number"]


def test_unknown_fields_are_all_named_with_a_guess() -> None:
    """A misspelt field is answered with the one that was probably meant."""
    text = refused(found(Field(name="glucose")), spec(inputs={"glucos": {}, "zzz": {}}))
    assert "did you mean 'glucose'?" in text
    assert "inputs.zzz" in text


def test_types_of_the_artifact_cannot_be_contradicted() -> None:
    """Whole numbers for numbers are fine, text for numbers is not, said or implied."""
    raw = found(Field(name="a"))
    assert merge_signature(raw, spec(inputs={"a": {"type": "integer"}})).inputs[0].type == "integer"
    assert "type string, but the artifact takes number" in refused(raw, spec(inputs={"a": {"type": "string"}}))
    assert "'minLength' is for string" in refused(raw, spec(inputs={"a": {"minLength": 1}}))


def test_levels_must_exist_in_the_artifact() -> None:
    """A level or default that the model never saw is a fault with a guess."""
    raw = found(Field(name="a", type="string", enum=("urban", "rural")))
    assert merge_signature(raw, spec(inputs={"a": {"enum": ("rural",)}})).inputs[0].enum == ("rural",)
    assert "did you mean 'urban'?" in refused(raw, spec(inputs={"a": {"enum": ("urbn",)}}))
    assert "no level of the artifact" in refused(raw, spec(inputs={"a": {"default": "town"}}))


def test_default_null_means_missing() -> None:
    """`default: null` makes an absent field a missing value."""
    (one,) = merge_signature(found(Field(name="a")), spec(inputs={"a": {"default": None}})).inputs
    assert (one.required, one.nullable, one.default) == (False, True, None)


def test_aliases_may_not_hide_a_field() -> None:
    """An alias that is the name of another field of the artifact is a fault."""
    raw = found(Field(name="a"), Field(name="b"))
    assert "alias 'b' already means field 'b'" in refused(raw, spec(inputs={"a": {"aliases": ("b",)}}))


def test_labels_are_renamed_one_to_one() -> None:
    """New labels stand in the order of the artifact's; the positive one moves along."""
    output = Output(kind="classification", labels=(0, 1), positive=1, probabilities=True)
    merged = merge_signature(found(output=output), spec(outputs=OutputKeys(labels=("no", "yes"), threshold=0.3)))
    assert (merged.output.labels, merged.output.positive, merged.output.threshold) == (("no", "yes"), "yes", 0.3)
    assert "3 labels for 2 classes" in refused(found(), spec(outputs=OutputKeys(labels=("a", "b", "c"))))
    assert "no label 'yess'" in refused(found(), spec(outputs=OutputKeys(labels=("no", "yes"), positive="yess")))


def test_a_threshold_needs_probabilities_of_a_class() -> None:
    """With two labels the second is meant; without probabilities there is nothing to compare."""
    assert merge_signature(found(), spec(outputs=OutputKeys(threshold=0.4))).output.positive == 1
    regression = found(output=Output(kind="regression"))
    assert "no probabilities" in refused(regression, spec(outputs=OutputKeys(threshold=0.4)))
    assert "has no labels" in refused(regression, spec(outputs=OutputKeys(labels=("a",))))
    three = found(output=Output(kind="classification", labels=("a", "b", "c"), probabilities=True))
    assert "which label" in refused(three, spec(outputs=OutputKeys(threshold=0.4)))


def test_a_spec_from_a_snapshot_merges_the_same() -> None:
    """Lists that JSON made of tuples become tuples again: Field stays hashable and equal."""
    route = spec(inputs={"a": {"enum": ("x", "y"), "aliases": ("A",)}})
    raw = found(Field(name="a", type="string"))
    again = msgspec.json.decode(msgspec.json.encode(route), type=RouteSpec)
    assert merge_signature(raw, again) == merge_signature(raw, route)
    assert hash(merge_signature(raw, again))
