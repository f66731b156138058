"""What differs between two generations, route by route, and when a swap of models is not enough."""

import pytest

from gateway.generations.difference import Change, difference, needs_roll

from .states import failed, generation, ready, route

OLD = generation((route("a"), ready("1")), (route("b"), ready("2")))


def test_equal_generations_differ_in_nothing() -> None:
    """A generation does not differ from one of equal content."""
    change = difference(OLD, generation((route("a"), ready("1")), (route("b"), ready("2"))))
    assert change == Change()
    assert not change


def test_a_first_generation_adds_every_route() -> None:
    """Where nothing was committed every route is new, in the order of the registry."""
    assert difference(None, OLD) == Change(added=("/a", "/b"))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param((route("b", timeout_s=9.0), ready("2")), id="another key of the entry"),
        pytest.param((route("b"), ready("3")), id="another artifact"),
        pytest.param((route("b"), failed("2")), id="another state"),
        pytest.param((route("renamed", path="/b"), ready("2")), id="another name"),
    ],
)
def test_a_change_of_one_route_names_that_route(entry: tuple) -> None:  # type: ignore[type-arg]
    """Entry, artifact, state and name each make a change, and only of their own route."""
    assert difference(OLD, generation((route("a"), ready("1")), entry)) == Change(changed=("/b",))


def test_a_moved_route_is_one_removed_and_one_added() -> None:
    """Routes are compared by path: clients of the old path lose it, whatever the name says."""
    moved = generation((route("a"), ready("1")), (route("b", path="/c"), ready("2")))
    assert difference(OLD, moved) == Change(added=("/c",), removed=("/b",))


def test_the_order_of_routes_is_no_difference() -> None:
    """A registry that lists the same routes in another order changes nothing for clients."""
    assert not difference(OLD, generation((route("b"), ready("2")), (route("a"), ready("1"))))


def rolls(old: list, new: list) -> bool:  # type: ignore[type-arg]
    """Say whether workers are replaced between two generations."""
    before, after = generation(*old), generation(*new)
    return needs_roll(before, after, difference(before, after))


CODE = route("code", artifact="m.py:f", loader="python")


def test_a_first_generation_needs_no_roll() -> None:
    """Workers that serve nothing yet have nothing to get rid of."""
    made = generation((CODE, ready("1")))
    assert not needs_roll(None, made, difference(None, made))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([(CODE, ready("1"))], [(CODE, ready("2"))], True, id="changed code"),
        pytest.param([(CODE, ready("1"))], [(CODE, ready("1"))], False, id="the same code"),
        pytest.param(
            [(CODE, ready("1"))],
            [(route("other", artifact="m.py:f", loader="python"), ready("2"))],
            True,
            id="changed code under another name",
        ),
        pytest.param(
            [(CODE, ready("1"))],
            [(route("code", artifact="m.py:f", loader="python", timeout_s=9.0), ready("1"))],
            False,
            id="another limit of the same code",
        ),
        pytest.param([(CODE, ready("1"))], [(CODE, ready("1")), (route("a"), ready("2"))], False, id="one more loader"),
        pytest.param([(CODE, ready("1")), (route("a"), ready("2"))], [(route("a"), ready("2"))], True, id="one less"),
        pytest.param([(route("a"), ready("1"))], [(route("a"), ready("2"))], False, id="a changed artifact"),
        pytest.param(
            [(route("a"), ready("1")), (route("b"), ready("2"))],
            [(route("a"), ready("1"))],
            False,
            id="a removed route whose loader another one needs",
        ),
    ],
)
def test_workers_are_replaced_only_where_a_swap_leaves_something_behind(old: list, new: list, expected: bool) -> None:  # type: ignore[type-arg]
    """Modules of changed code and a framework that no route needs stay in a process until it ends."""
    assert rolls(old, new) is expected
