"""What becomes of an attempt: refused, unchanged or committed, by what fails and by how it was asked for."""

from dataclasses import replace
from typing import get_args

import pytest

from gateway.generations.history import Event
from gateway.generations.reload_decision import Decision, Mode, decide, is_rolled_back, previous

from .states import failed, generation, ready, registry, route

BEFORE = generation((route("a"), ready("1")), (route("b"), ready("2")))
WANTED = registry(route("a"), route("b"))
FAILING = {"a": ready("1"), "b": failed("3", message="no such file")}
MODES: tuple[Mode, ...] = get_args(Mode)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_committed_already_is_no_change(mode: Mode) -> None:
    """Equal content is the same generation, however it was asked for."""
    found = decide(BEFORE, WANTED, {"a": ready("1"), "b": ready("2")}, mode=mode)
    assert found.made is not None
    assert (found.made.id, found.is_change) == (BEFORE.id, False)


@pytest.mark.parametrize("mode", MODES)
def test_a_sound_change_is_committed(mode: Mode) -> None:
    """A change in which nothing fails is served as the registry says, with a name of its own."""
    found = decide(BEFORE, WANTED, {"a": ready("1"), "b": ready("3")}, mode=mode, source="me")
    assert found.made is not None
    assert found.is_change
    assert (found.refusal, found.note, found.made.source, found.made.manifests["b"].key) == ("", "", "me", "3")


@pytest.mark.parametrize("mode", ["reload", "watched"])
def test_a_change_that_fails_is_refused_whole(mode: Mode) -> None:
    """Each added or changed route that fails stands among the reasons, and nothing is made."""
    wanted = registry(*WANTED.routes, route("c"))
    found = decide(BEFORE, wanted, {**FAILING, "c": failed("4", message="no Java")}, mode=mode)
    assert found == Decision(refusal="/b: no such file\n/c: no Java", faults=2)


def test_a_start_keeps_what_served_before() -> None:
    """A start refuses nothing: the committed version of a failing route serves on, and the note says so."""
    found = decide(BEFORE, WANTED, FAILING, mode="cold")
    assert found.made is not None
    assert (found.made.manifests["b"].key, found.made.fallbacks) == ("2", {"b": "3"})
    assert found.note == "b: no such file; its committed version goes on serving"
    assert found.is_change, "that a version is kept is told, although the routes are those of before"


def test_a_second_start_with_the_same_failure_is_no_change() -> None:
    """The fallback is part of what is committed."""
    first = decide(BEFORE, WANTED, FAILING, mode="cold").made
    assert first is not None
    assert not decide(first, WANTED, FAILING, mode="cold").is_change


def test_a_repair_ends_the_fallback() -> None:
    """Once the route is sound again nothing stands in for it, which is a change of its own."""
    first = decide(BEFORE, WANTED, FAILING, mode="cold").made
    found = decide(first, WANTED, {"a": ready("1"), "b": ready("2")}, mode="reload")
    assert found.made is not None
    assert (found.made.id, found.made.fallbacks, found.is_change) == (BEFORE.id, {}, True)


def test_force_commits_what_fails() -> None:
    """Whoever insists gets the registry as it is, with failed routes and without earlier versions."""
    found = decide(BEFORE, WANTED, FAILING, mode="force")
    assert found.made is not None
    assert (found.made.manifests["b"].state, found.made.fallbacks, found.note) == ("failed", {}, "")


@pytest.mark.parametrize("mode", MODES)
def test_a_first_generation_may_have_failed_routes(mode: Mode) -> None:
    """Where nothing serves yet a failing route takes no other one with it."""
    found = decide(None, WANTED, FAILING, mode=mode)
    assert found.made is not None
    assert {name: one.state for name, one in found.made.manifests.items()} == {"a": "ready", "b": "failed"}


def test_a_standing_failure_blocks_no_edit() -> None:
    """A route that failed before, as it fails now, is no reason to refuse the edit of another."""
    before = generation((route("a"), ready("1")), (route("b"), failed("3")))
    found = decide(before, WANTED, {"a": ready("new"), "b": failed("3")}, mode="watched")
    assert found.made is not None
    assert found.made.manifests["a"].key == "new"


def events(*results: str) -> list[Event]:
    """Return a history: `+x` committed x, `<x` rolled back to x, `-` was refused, `=x` left x unchanged."""
    names = {"+": "committed", "<": "rolled-back", "-": "refused", "=": "unchanged"}
    return [Event(result=names[one[0]], generation=one[1:]) for one in results]


@pytest.mark.parametrize(
    ("told", "committed", "expected"),
    [
        pytest.param([], None, None, id="nothing ever"),
        pytest.param(["+a"], "a", None, id="nothing before the first"),
        pytest.param(["+a", "+b"], "b", "a", id="one step"),
        pytest.param(["+a", "+b", "+c", "<b"], "b", "a", id="a second step goes further back"),
        pytest.param(["+a", "+b", "+c", "<b", "+d"], "d", "b", id="after an edit the rolled-back one is before"),
        pytest.param(["+a", "+b", "+c", "<a"], "a", None, id="back to the first"),
        pytest.param(["+a", "-", "=a", "+b", "-"], "b", "a", id="refused and unchanged ones do not count"),
        pytest.param(["+a", "+b", "+b"], "b", "a", id="the same twice is one"),
        pytest.param(["+b", "<a"], "a", "b", id="back to one whose commit is forgotten"),
    ],
)
def test_going_back_one_generation(told: list[str], committed: str | None, expected: str | None) -> None:
    """Each rollback without a name goes one step further back in what was served."""
    assert previous(events(*told), committed) == expected


def rolled_back(*told: str, sha256: str = "s") -> bool:
    """Say whether a rollback at registry `s` still holds at another registry."""
    return is_rolled_back([replace(one, registry_sha256="s") for one in events(*told)], sha256)


def test_a_rollback_holds_until_something_else_is_committed() -> None:
    """Refused and unchanged attempts leave it alone; a commit ends it, and so does an edit of the registry."""
    assert rolled_back("+a", "+b", "<a")
    assert rolled_back("+a", "+b", "<a", "-", "=a")
    assert not rolled_back("+a", "+b", "<a", sha256="edited")
    assert not rolled_back("+a", "+b", "<a", "+c")
    assert not rolled_back("+a", "-")
    assert not rolled_back()
