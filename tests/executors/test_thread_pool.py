"""Native threads for what must not stop the loop: results, errors and deadlines arrive, and nothing is lost."""

import logging
import random
import threading
import time

import pytest

from gateway.errors import DeadlineError
from gateway.executors.thread_pool import NativePool
from together import MODES, Mode, nap, together, wait

pytestmark = pytest.mark.parametrize("mode", MODES)


def later(seconds: float = 20.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


def test_everyone_gets_their_own_result(mode: Mode) -> None:
    """200 calls over 4 threads: each caller gets what its own call returned."""
    pool = NativePool(4)
    outcomes = together(mode, [lambda n=n: pool.call(lambda: n * n, later()) for n in range(200)])  # type: ignore[misc]
    assert outcomes == [n * n for n in range(200)]
    pool.close(0)


def test_error_arrives_where_it_was_caused(mode: Mode) -> None:
    """What a call raises is raised in its caller and in nobody else."""
    pool = NativePool(2)
    good, bad = lambda: pool.call(lambda: 1, later()), lambda: pool.call(lambda: 1 // 0, later())
    outcomes = together(mode, [good, bad] * 10)
    assert [type(outcome) for outcome in outcomes] == [int, ZeroDivisionError] * 10
    pool.close(0)


def test_never_more_threads_than_its_size(mode: Mode) -> None:
    """The pool uses up to `size` threads and no more, whatever is asked of it; idle it is reused, not grown."""
    pool = NativePool(3)
    seen: set[int] = set()

    def work() -> None:
        seen.add(threading.get_ident())
        time.sleep(0.01)

    together(mode, [lambda: pool.call(work, later())] * 30)
    assert len(seen) == 3
    pool.close(0)


def test_one_thread_for_one_caller(mode: Mode) -> None:
    """Calls that come one after the other use one thread: a JVM keeps every thread that ever called it."""
    pool = NativePool(8)
    seen: set[int] = set()

    def one_after_the_other() -> None:
        for _ in range(20):
            pool.call(lambda: seen.add(threading.get_ident()), later())
            nap(mode, 0.005)

    together(mode, [one_after_the_other])
    assert len(seen) <= 2
    pool.close(0)


def test_deadline_frees_the_caller(mode: Mode) -> None:
    """A caller leaves at its deadline, while the call runs on; it counts as stuck until it ends, then no more."""
    pool = NativePool(1)
    release = threading.Event()

    def call() -> float:
        deadline = later(0.1)
        with pytest.raises(DeadlineError):
            pool.call(lambda: release.wait(30), deadline)
        return deadline - time.monotonic()

    early = together(mode, [call])[0]
    assert early < 0.01
    assert pool.stuck == 1
    release.set()
    wait("threads", lambda: pool.stuck == 0)
    pool.close(0)


def test_call_that_nobody_waits_for_is_not_begun(mode: Mode) -> None:
    """A call whose deadline passed in the queue is never run: nobody would read its result."""
    pool = NativePool(1)
    begun, release = threading.Event(), threading.Event()
    ran: list[str] = []

    def work() -> None:
        begun.set()
        release.wait(30)

    def block() -> None:
        pool.call(work, later())

    def late() -> None:
        wait(mode, begun.is_set)
        with pytest.raises(DeadlineError):
            pool.call(lambda: ran.append("late"), later(0.05))
        release.set()

    assert together(mode, [block, late]) == [None, None]
    assert together(mode, [lambda: pool.call(lambda: "next", later())]) == ["next"]
    assert ran == []
    assert pool.stuck == 0
    pool.close(0)


def test_loop_goes_on_while_threads_work(mode: Mode) -> None:
    """While a call holds a native thread for long, other requests of the loop are served."""
    pool = NativePool(1)
    served = threading.Event()

    def others() -> None:
        for _ in range(10):
            nap(mode, 0.001)
        served.set()

    # The call ends when the others are served, or in vain after ten seconds.
    assert together(mode, [lambda: pool.call(lambda: served.wait(10), later()), others]) == [True, None]
    pool.close(0)


def test_background_failure_is_logged(mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
    """A call that nobody waits for and that raises is told to the log, and its thread goes on."""
    pool = NativePool(1)
    with caplog.at_level(logging.ERROR, "gateway.pool"):
        pool.spawn(lambda: 1 // 0)
        assert together(mode, [lambda: pool.call(lambda: "alive", later())]) == ["alive"]
    assert "ZeroDivisionError" in caplog.text
    pool.close(0)


def test_results_that_arrive_at_the_deadline(mode: Mode) -> None:
    """Hundreds of calls that end just when their deadline passes give a result or a DeadlineError, never neither."""
    pool = NativePool(4)
    draw = random.Random(2)

    def work() -> str:
        time.sleep(0.003)
        return "result"

    def call(patience: float) -> str:
        try:
            return pool.call(work, later(patience))
        except DeadlineError:
            return "deadline"

    plans = [draw.uniform(0.002, 0.3) for _ in range(300)]
    outcomes = together(mode, [lambda plan=plan: call(plan) for plan in plans])  # type: ignore[misc]
    assert set(outcomes) <= {"result", "deadline"}
    assert together(mode, [lambda: pool.call(lambda: "alive", later())]) == ["alive"]
    pool.close(0)


def test_more_threads_after_a_reload(mode: Mode) -> None:
    """A pool may grow while it works, and never shrinks."""
    pool = NativePool(1)
    pool.resize(4)
    pool.resize(2)
    assert pool.size == 4
    barrier = threading.Barrier(4, timeout=5)
    together(mode, [lambda: pool.call(barrier.wait, later())] * 4)
    assert not barrier.broken
    pool.close(0)


def test_work_that_ends_by_itself_is_not_stuck(mode: Mode) -> None:
    """Reading a body past its deadline is refused like a predict, but does not count against the worker."""
    pool = NativePool(2)
    go_on = threading.Event()

    def call(ends: bool) -> int:
        with pytest.raises(DeadlineError):
            pool.call(go_on.wait, later(0.05), ends=ends)
        return pool.stuck

    assert together(mode, [lambda: call(True)]) == [0]
    assert together(mode, [lambda: call(False)]) == [1]
    go_on.set()
    pool.close(0)
