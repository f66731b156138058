"""A plan says before a reload which routes change, what clients would stumble over, and what loading costs."""

from dataclasses import replace

import pytest

from gateway.artifacts.resolution import Resolution
from gateway.generations.plan import Step, breaking_changes, steps
from gateway.registry.spec import RouteSpec
from gateway.schema import Field, Output, Signature

from .states import failed, generation, ready, route

AGE = Field(name="age", type="integer", minimum=0, maximum=120)
AREA = Field(name="area", type="string", enum=("rural", "urban"))
RISK = Output(kind="classification", labels=("no", "yes"))
BASE = Signature(inputs=(AGE, AREA), output=RISK)


def breaking(*inputs: Field, output: Output = RISK, positional: tuple[str, ...] = ()) -> list[str]:
    """Return what breaks between BASE and a signature of these inputs."""
    return list(breaking_changes(BASE, Signature(inputs=inputs, output=output, positional=positional)))


def test_the_same_signature_breaks_nothing() -> None:
    """Equal signatures have no breaking change."""
    assert breaking(AGE, AREA) == []


@pytest.mark.parametrize(
    ("age", "text"),
    [
        ({"type": "string", "minimum": None, "maximum": None}, "input age changes from integer to string"),
        ({"nullable": False, "minimum": 18}, "input age: minimum is 18 now"),
        ({"maximum": 99.5}, "input age: maximum is 99.5 now"),
        ({"enum": (1, 2)}, "input age takes only certain values now"),
    ],
)
def test_a_tighter_input_breaks(age: dict, text: str) -> None:  # type: ignore[type-arg]
    """A value that was accepted before and is refused now is named with its new limit."""
    assert breaking(replace(AGE, **age), AREA) == [text]


@pytest.mark.parametrize(
    "age",
    [
        {"type": "number"},
        {"minimum": -1},
        {"maximum": 130},
        {"minimum": None, "maximum": None},
        {"required": False},
        {"nullable": True},
        {"enum": (1, 2), "unknown": "missing"},
    ],
)
def test_a_wider_input_breaks_nothing(age: dict) -> None:  # type: ignore[type-arg]
    """Every value that was accepted before is accepted still."""
    assert breaking(replace(AGE, **age), AREA) == []


def test_integers_may_become_numbers_and_not_the_reverse() -> None:
    """1 is a number, 1.5 is no integer."""
    number = Signature(inputs=(replace(AGE, type="number"), AREA), output=RISK)
    assert list(breaking_changes(number, BASE)) == ["input age changes from number to integer"]


def test_what_was_optional_or_nullable_may_be_missed() -> None:
    """An input that could be left out or null, and no longer can, is named for each."""
    old = Signature(inputs=(replace(AGE, required=False, nullable=True), AREA), output=RISK)
    assert list(breaking_changes(old, BASE)) == ["input age is required now", "input age may no longer be null"]


def test_lost_levels_are_named_five_at_most() -> None:
    """Levels that are refused now are listed; of many the first five."""
    levels = tuple("abcdefg")
    old = Signature(inputs=(Field(name="x", type="string", enum=levels),), output=RISK)
    for kept, text in ((("a", "b", "c", "d", "e"), "f, g"), (("a",), "b, c, d, e, f …")):
        new = Signature(inputs=(Field(name="x", type="string", enum=kept),), output=RISK)
        assert list(breaking_changes(old, new)) == [f"input x no longer takes {text}"]


def test_a_limit_where_none_was_breaks() -> None:
    """The first minimum of an input refuses values that were accepted."""
    old = Signature(inputs=(Field(name="x"),), output=RISK)
    new = Signature(inputs=(Field(name="x", minimum=0),), output=RISK)
    assert list(breaking_changes(old, new)) == ["input x: minimum is 0 now"]


def test_removed_and_new_inputs() -> None:
    """A removed input and a new required one break; a new optional one does not."""
    assert breaking(AGE) == ["input area is gone", "the order of positional data changed"]
    assert breaking(AGE, AREA, Field(name="x")) == [
        "input x is new and required",
        "the order of positional data changed",
    ]
    assert breaking(AGE, AREA, Field(name="x", required=False), positional=("age", "area")) == []


def test_a_renamed_input_that_keeps_its_old_name_breaks_nobody() -> None:
    """An alias is a name that clients may use: a rename with the old name as alias is none for them."""
    renamed = replace(AGE, name="years", aliases=("age",))
    assert breaking(renamed, AREA, positional=("age", "area")) == []
    assert "input age is gone" in breaking(replace(AGE, name="years"), AREA)


def test_other_answers_break() -> None:
    """Readers of answers stumble over another kind and over labels that are gone, not over a new label."""
    assert breaking(AGE, AREA, output=replace(RISK, labels=("no", "yes", "maybe"))) == []
    assert breaking(AGE, AREA, output=replace(RISK, labels=("no", "perhaps"))) == ["labels yes are gone"]
    assert breaking(AGE, AREA, output=Output(kind="regression")) == [
        "answers change from classification to regression",
        "labels no, yes are gone",
    ]


def test_another_order_of_positions_breaks() -> None:
    """Bare lists of values are read by position."""
    assert breaking(AREA, AGE) == ["the order of positional data changed"]
    assert breaking(AREA, AGE, positional=("age", "area")) == []


def test_steps_in_the_order_of_the_new_registry() -> None:
    """Added, changed and failed routes stand in the order of the registry, removed ones last, equal ones nowhere."""
    old = generation(*((route(name), ready(name)) for name in ("same", "gone", "edited", "broken", "trained")))
    new = generation(
        (route("fresh"), ready("f", load_s=2.0, memory_bytes=7)),
        (route("trained"), ready("t2", load_s=1.0, memory_bytes=5)),
        (route("same"), ready("same")),
        (route("broken"), failed("b2", message="no such file")),
        (route("edited", timeout_s=9.0), ready("edited", load_s=3.0, memory_bytes=9)),
    )
    assert steps(old, new) == [
        Step(path="/fresh", kind="added", load_s=2.0, memory_bytes=7),
        Step(path="/trained", kind="changed", load_s=1.0, memory_bytes=5),
        Step(path="/broken", kind="failed", note="no such file"),
        Step(path="/edited", kind="changed", note="the model stays loaded"),
        Step(path="/gone", kind="removed", breaking=("clients of this path will get 404",)),
    ]


def test_a_changed_route_says_what_breaks() -> None:
    """The breaking changes of a route stand with it; an added one breaks nobody."""
    old = generation((route("m"), ready("1", BASE)))
    new = generation((route("m"), ready("2", Signature(inputs=(AGE,), output=RISK, positional=("age", "area")))))
    assert steps(old, new)[0].breaking == ("input area is gone",)
    assert steps(None, new)[0].breaking == ()


def test_a_route_that_failed_before_breaks_nobody() -> None:
    """Nobody has used a route that never served: its repair breaks nothing, and its model is yet to be loaded."""
    old = generation((route("m"), failed("1")))
    new = generation((route("m"), ready("1", BASE, load_s=2.0, memory_bytes=7)))
    assert steps(old, new) == [Step(path="/m", kind="changed", load_s=2.0, memory_bytes=7)]


def test_a_plan_names_what_a_reference_named_and_names_now() -> None:
    """A moved alias shows both versions; one that stays in a changed entry shows its own, and so does a new route."""

    def entry(version: str, **keys: object) -> RouteSpec:
        exact = f"mlflow:models:/a/{version}"
        found = Resolution(reference="mlflow:models:/a@champion", exact=exact, name="a", version=version)
        return route("a", artifact="mlflow:models:/a@champion", resolved=found, **keys)

    before = generation((entry("1"), ready("k1")))
    assert [step.model for step in steps(before, generation((entry("2"), ready("k2"))))] == ["version 1 -> version 2"]
    assert [step.model for step in steps(before, generation((entry("1", timeout_s=9.0), ready("k1"))))] == ["version 1"]
    assert [step.model for step in steps(None, before)] == ["version 1"]
