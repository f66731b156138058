"""Which routes are closed after their predicts killed workers, and what opens them."""

import pytest

from gateway.generations.history import Event
from gateway.process.quarantine import Entries, closed, is_reviewed_after, reviewed

KEYS = {"m": "1", "n": "2"}


def entries(*routes: str) -> Entries:
    """Return the entries after these routes were closed."""
    found: Entries = {}
    for route in routes:
        found = closed(found, route, KEYS)
    return found


def test_a_closed_route_names_its_model_and_the_reason() -> None:
    """The entry holds for one manifest key; others stay as they are."""
    found = entries("m", "n")
    assert {route: key for route, (key, _) in found.items()} == KEYS
    assert "route m is closed" in found["m"][1]


def test_closing_twice_is_closing_once() -> None:
    """A route that is closed already stays closed with what is committed now."""
    assert closed(entries("m"), "m", {"m": "3"})["m"][0] == "3"
    assert list(entries("m", "m")) == ["m"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({"m": "1", "n": "2"}, ["m", "n"], id="the same models"),
        pytest.param({"m": "new", "n": "2"}, ["n"], id="another model of one"),
        pytest.param({"n": "2"}, ["n"], id="one route is gone"),
        pytest.param({}, [], id="nothing is committed"),
    ],
)
def test_another_model_opens_a_route(keys: dict[str, str], expected: list[str]) -> None:
    """A route stays closed exactly while it has the model that killed."""
    assert list(reviewed(entries("m", "n"), keys, forced=False)) == expected


def test_an_owner_who_insists_opens_every_route() -> None:
    """`gateway reload --force` opens them with the model that killed, too."""
    assert reviewed(entries("m", "n"), KEYS, forced=True) == {}


def test_a_route_that_was_closed_without_a_model_opens_with_any() -> None:
    """A route that had just been removed was closed for no model: it opens when it comes back."""
    found = closed({}, "gone", KEYS)
    assert reviewed(found, {"gone": "1"}, forced=False) == {}


@pytest.mark.parametrize(
    ("result", "expected"), [("committed", True), ("rolled-back", True), ("unchanged", True), ("refused", False)]
)
def test_a_refused_attempt_opens_nothing(result: str, expected: bool) -> None:
    """Only an attempt that went through may open a route."""
    assert is_reviewed_after(Event(result=result)) is expected
