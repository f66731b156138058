"""So many predicts of a route at once, so many waiting, and everyone else is refused at once."""

import random
import threading
import time

import pytest

from gateway.errors import DeadlineError, OverloadError
from gateway.executors.thread_pool import NativePool
from gateway.routing.bulkhead import Bulkhead
from together import MODES, Mode, nap, together, wait

pytestmark = pytest.mark.parametrize("mode", MODES)


def later(seconds: float = 20.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


def test_never_more_than_the_limit(mode: Mode) -> None:
    """With 30 callers no more than 3 are inside at any time, and all get in."""
    bulkhead = Bulkhead("/r", 3, 100)
    inside: list[int] = []

    def call() -> str:
        with bulkhead.slot(later()):
            inside.append(bulkhead.in_flight)
            nap(mode, 0.002)
        return "served"

    assert together(mode, [call] * 30) == ["served"] * 30
    assert max(inside) == 3
    assert (bulkhead.in_flight, bulkhead.queue_depth) == (0, 0)


def test_first_come_first_served(mode: Mode) -> None:
    """Those who wait are served in the order in which they came."""
    bulkhead = Bulkhead("/r", 1, 100)
    order: list[int] = []

    def call(number: int) -> None:
        wait(mode, lambda: bulkhead.in_flight + bulkhead.queue_depth == number)
        with bulkhead.slot(later()):
            order.append(number)
            if number == 0:
                wait(mode, lambda: bulkhead.queue_depth == 5)

    together(mode, [lambda number=number: call(number) for number in range(6)])  # type: ignore[misc]
    assert order == [0, 1, 2, 3, 4, 5]


def test_full_queue_refuses_at_once(mode: Mode) -> None:
    """With one slot and two places to wait, the fourth caller is told so while the slot is still held."""
    bulkhead = Bulkhead("/r", 1, 2)
    hints: list[float] = []

    def call() -> str:
        try:
            with bulkhead.slot(later()):
                wait(mode, lambda: len(hints) == 2)
        except OverloadError as error:
            hints.append(error.retry_after_s)
            return "refused"
        return "served"

    outcomes = together(mode, [call] * 5)
    assert sorted(outcomes) == ["refused"] * 2 + ["served"] * 3
    assert min(hints) >= 1


def test_deadline_ends_the_wait(mode: Mode) -> None:
    """Who waits in vain is told at the deadline, while the slot is still held, and leaves no slot taken behind."""
    bulkhead = Bulkhead("/r", 1, 5)
    early: list[float] = []

    def hold() -> None:
        with bulkhead.slot(later()):
            wait(mode, lambda: early)

    def call() -> None:
        wait(mode, lambda: bulkhead.in_flight == 1)
        deadline = later(0.1)
        with pytest.raises(DeadlineError), bulkhead.slot(deadline):
            pass
        early.append(deadline - time.monotonic())

    assert together(mode, [hold, call]) == [None, None]
    assert early[0] < 0.01
    assert (bulkhead.in_flight, bulkhead.queue_depth) == (0, 0)
    with bulkhead.slot(later()):
        assert bulkhead.in_flight == 1


def test_queue_that_cannot_move_in_time_refuses(mode: Mode) -> None:
    """Once calls are known to take half a second, a caller with a tenth of one need not wait to be disappointed."""
    bulkhead = Bulkhead("/r", 1, 5)
    with bulkhead.slot(later()):
        pass
    bulkhead.mean_s = 0.5
    refused: list[OverloadError] = []

    def hold() -> None:
        with bulkhead.slot(later()):
            wait(mode, lambda: refused)

    def call() -> None:
        wait(mode, lambda: bulkhead.in_flight == 1)
        with pytest.raises(OverloadError) as caught, bulkhead.slot(later(0.1)):
            pass
        refused.append(caught.value)

    assert together(mode, [hold, call]) == [None, None]


def test_exception_gives_the_slot_back(mode: Mode) -> None:
    """A predict that raises frees its slot like any other."""
    bulkhead = Bulkhead("/r", 1, 50)

    def call() -> None:
        with bulkhead.slot(later()):
            raise RuntimeError("predict failed")

    outcomes = together(mode, [call] * 20)
    assert {type(outcome) for outcome in outcomes} == {RuntimeError}
    assert bulkhead.in_flight == 0


def test_a_call_that_overruns_keeps_its_slot(mode: Mode) -> None:
    """A call that runs on after its deadline holds its slot until its thread returns, so no route takes more threads."""
    bulkhead, pool, release = Bulkhead("/r", 1, 0), NativePool(4), threading.Event()

    def hang() -> None:
        deadline = later(0.05)
        with bulkhead.slot(deadline):
            pool.call(lambda: release.wait(30), deadline)

    def after() -> tuple[object, int, int]:
        wait(mode, lambda: pool.stuck == 1)
        held, stuck = bulkhead.in_flight, pool.stuck
        try:
            refused: object = bulkhead.slot(later())
        except OverloadError as error:
            refused = error
        release.set()
        return refused, held, stuck

    overran, (refused, held, stuck) = together(mode, [hang, after])
    assert isinstance(overran, DeadlineError)
    assert isinstance(refused, OverloadError)
    assert (held, stuck) == (1, 1)
    until = later()
    while bulkhead.in_flight and time.monotonic() < until:
        time.sleep(0.01)
    assert bulkhead.in_flight == 0
    pool.close(0)


def test_resize_admits_those_who_wait(mode: Mode) -> None:
    """More slots, as a reload may bring, are used at once by those who wait; fewer never cut off who is inside."""
    bulkhead = Bulkhead("/r", 1, 10)
    inside: list[int] = []

    def call() -> None:
        with bulkhead.slot(later()):
            inside.append(bulkhead.in_flight)
            wait(mode, lambda: max(inside) == 4)

    def resize() -> None:
        wait(mode, lambda: bulkhead.queue_depth == 3)
        bulkhead.resize(4, 10)

    assert together(mode, [call, call, call, call, resize]) == [None] * 5
    bulkhead.resize(1, 10)
    assert bulkhead.in_flight == 0


def test_no_slot_is_ever_lost(mode: Mode) -> None:
    """After hundreds of calls with deadlines that pass at the very moment of the hand-over, all slots are free."""
    bulkhead = Bulkhead("/r", 2, 1000)
    draw = random.Random(1)

    def call(patience: float, work: float) -> str:
        try:
            with bulkhead.slot(later(patience)):
                nap(mode, work)
        except (DeadlineError, OverloadError):
            return "refused"
        return "served"

    plans = [(draw.uniform(0.0, 0.05), draw.choice([0.0, 0.001, 0.004])) for _ in range(200)]
    outcomes = together(mode, [lambda plan=plan: call(*plan) for plan in plans])  # type: ignore[misc]
    assert set(outcomes) == {"served", "refused"}
    assert (bulkhead.in_flight, bulkhead.queue_depth) == (0, 0)
