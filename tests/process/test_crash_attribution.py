"""Which routes are held responsible when a worker dies in the middle of predicts."""

import signal

import pytest

from gateway.process.crash_attribution import LONG_RUNNING_S, WINDOW_S, CrashAttribution
from gateway.scoreboard import InFlight

NOW = 1_000_000.0


def predicting(*routes: str, since: float = NOW) -> list[InFlight]:
    """Return predicts of these routes that run since a time."""
    return [InFlight(route, since) for route in routes]


def deaths(count: int, *routes: str, sign: int = signal.SIGSEGV, apart_s: float = 1.0) -> list[list[str]]:
    """Return which routes are closed after each of so many deaths."""
    found = CrashAttribution()
    times = [NOW + apart_s * number for number in range(count)]
    return [sorted(found.died(predicting(*routes, since=at - 2 * LONG_RUNNING_S), sign, at)) for at in times]


def test_the_third_crash_closes_a_route() -> None:
    """Two deaths may be chance, the third closes the route, and so does each later one."""
    assert deaths(4, "m") == [[], [], ["m"], ["m"]]


def test_a_death_is_shared_between_those_who_were_predicting() -> None:
    """Three routes that were always there together reach the limit at the ninth death, and not by rounding later."""
    assert deaths(9, "a", "b", "c") == [[]] * 8 + [["a", "b", "c"]]


def test_two_predicts_of_one_route_are_one_suspect() -> None:
    """A route that was predicting twice at once is blamed once."""
    assert deaths(3, "m", "m") == [[], [], ["m"]]


def test_the_guilty_route_is_closed_before_its_neighbours() -> None:
    """A route that is there at each death reaches the limit while those that were there by chance do not."""
    found = CrashAttribution()
    for neighbour in ("a", "b", "c", "d"):
        assert found.died(predicting("m", neighbour), signal.SIGSEGV, NOW) == []
    assert found.died(predicting("m"), signal.SIGSEGV, NOW) == ["m"]


def test_deaths_long_ago_are_forgiven() -> None:
    """Only deaths within the window count."""
    assert deaths(5, "m", apart_s=WINDOW_S / 2) == [[]] * 5
    assert deaths(3, "m", apart_s=WINDOW_S / 2 - 1) == [[], [], ["m"]]


def test_an_end_without_a_signal_blames_nobody() -> None:
    """A worker that ended by itself was not killed by a model."""
    found = CrashAttribution()
    assert [found.died(predicting("m"), None, NOW) for _ in range(5)] == [[]] * 5


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_from_outside_counts_against_long_predicts_only(sign: int) -> None:
    """The operator or the memory killer most likely meant a predict that had been running for a while."""
    found = CrashAttribution()
    in_flight = [*predicting("brief", since=NOW - 0.5), *predicting("long", since=NOW - LONG_RUNNING_S)]
    assert [found.died(in_flight, sign, NOW) for _ in range(3)] == [[], [], ["long"]]


@pytest.mark.parametrize("sign", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE])
def test_a_crash_counts_against_brief_predicts_too(sign: int) -> None:
    """A signal that a process sends itself came from what ran at that moment."""
    found = CrashAttribution()
    assert [found.died(predicting("m"), sign, NOW) for _ in range(3)] == [[], [], ["m"]]


def test_a_forgiven_route_begins_anew() -> None:
    """After its model was replaced a route has three deaths again, and others keep what they have."""
    found = CrashAttribution()
    for _ in range(2):
        found.died(predicting("m"), signal.SIGSEGV, NOW)
        found.died(predicting("n"), signal.SIGSEGV, NOW)
    found.forgive("m")
    assert found.died(predicting("m"), signal.SIGSEGV, NOW) == []
    assert found.died(predicting("n"), signal.SIGSEGV, NOW) == ["n"]
