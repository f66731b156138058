"""What every executor keeps, wherever it runs its predicts; a new one is added to EXECUTORS."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.errors import DeadlineError
from gateway.executors.base import Executor
from gateway.executors.local import LocalExecutor
from gateway.executors.pool import NativePool
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column
from together import MODES, Mode, nap, together

Make = Callable[..., Executor]


def _predictor(folder: Path, **script: Any) -> Any:
    path = folder / f"{len(list(folder.iterdir()))}.stub"
    path.write_text(json.dumps({"inputs": ["a"], **script}))
    return get_loader("stub").load(path, LoadOptions())


def _inline(folder: Path, pool: NativePool, **script: Any) -> Executor:
    return LocalExecutor(_predictor(folder, **script), pool, predict_s=1e-5, inline=True)


def _pooled(folder: Path, pool: NativePool, **script: Any) -> Executor:
    return LocalExecutor(_predictor(folder, **script), pool, predict_s=0.0, inline=False)


EXECUTORS: dict[str, Callable[..., Executor]] = {"local-inline": _inline, "local-pooled": _pooled}


@pytest.fixture(params=sorted(EXECUTORS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts an executor of a stub with this script."""
    pool = NativePool(4)
    made: list[Executor] = []

    def start(**script: Any) -> Executor:
        executor = EXECUTORS[request.param](tmp_path, pool, **script)
        executor.start(time.monotonic() + 30)
        made.append(executor)
        return executor

    yield start
    for executor in made:
        executor.close(1.0)
    pool.close(0)


def columns(*values: float) -> list[Any]:
    """Return one column of numbers."""
    return [make_column("number", values)]


def later(seconds: float = 10.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


@pytest.mark.parametrize("mode", MODES)
def test_own_answers(make: Make, mode: Mode) -> None:
    """50 callers at once: everyone gets the predictions of their own rows, in order."""
    executor = make()
    calls = [lambda n=n: executor.predict(columns(n, n + 0.5), later()).values.tolist() for n in range(50)]
    assert together(mode, calls) == [[n, n + 0.5] for n in range(50)]


def test_inputs_stay_as_they_are(make: Make) -> None:
    """A predict changes no column: the answer may still show the inputs."""
    given = columns(1.0, np.nan)
    before = given[0].copy()
    make(answer=1).predict(given, later())
    np.testing.assert_array_equal(given[0], before)


@pytest.mark.parametrize("mode", MODES)
def test_error_of_the_model_arrives(make: Make, mode: Mode) -> None:
    """What the model raises reaches the caller, and the next call is served."""
    executor = make(**{"raise": "broken"})
    outcomes = together(mode, [lambda: executor.predict(columns(1.0), later())] * 3)
    assert [str(outcome) for outcome in outcomes] == ["broken"] * 3


def test_passed_deadline_is_not_begun(make: Make) -> None:
    """A call whose time is up before it starts raises DeadlineError, and the model is not asked."""
    executor = make(**{"raise": "it was asked"})
    with pytest.raises(DeadlineError):
        executor.predict(columns(1.0), time.monotonic() - 0.001)


def test_healthy_and_with_capacity(make: Make) -> None:
    """A started executor has nothing to complain about and says how many predicts fit."""
    executor = make()
    assert executor.health() == ""
    assert executor.capacity() >= 1


def test_start_and_close_may_repeat(make: Make) -> None:
    """Starting twice and closing twice do no harm."""
    executor = make()
    executor.start(later())
    assert executor.predict(columns(2.0), later()).values.tolist() == [2.0]
    executor.close(0.1)
    executor.close(0.1)


@pytest.mark.parametrize("mode", MODES)
def test_slow_predict_leaves_the_loop_alone(tmp_path: Path, mode: Mode) -> None:
    """A predict not proven short runs in a native thread, ends at its deadline, and others go on meanwhile."""
    pool = NativePool(2)
    executor = _pooled(tmp_path, pool, sleep_s=2.0)
    deadline = later(0.1)
    order: list[str] = []

    def call() -> None:
        with pytest.raises(DeadlineError):
            executor.predict(columns(1.0), deadline)
        order.append("deadline")

    def others() -> None:
        nap(mode, 0.001)
        order.append("others")

    assert together(mode, [call, others]) == [None, None]
    assert order == ["others", "deadline"]
    assert pool.stuck == 1, "the predict runs on in its thread"
    pool.close(0)


def _thread_of(folder: Path, rows: list[float], **keys: Any) -> int:
    """Return the native thread in which a predict of so many rows runs."""
    pool, seen = NativePool(1), []
    predictor = _predictor(folder)
    inner = predictor.predict

    class Spy:
        signature = predictor.signature

        def predict(self, given: Any) -> Any:
            seen.append(threading.get_ident())
            return inner(given)

    LocalExecutor(Spy(), pool, **keys).predict(columns(*rows), later())
    pool.close(0)
    return seen[0]


def test_short_predicts_stay_in_the_loop(tmp_path: Path) -> None:
    """Proven short: no hand-over to a thread. Many rows, or not proven: a thread."""
    here = threading.get_ident()
    assert _thread_of(tmp_path, [1.0], predict_s=1e-5, inline=True) == here
    assert _thread_of(tmp_path, [1.0] * 100, predict_s=1e-5, inline=True) == here
    assert _thread_of(tmp_path, [1.0] * 101, predict_s=1e-5, inline=True) != here
    assert _thread_of(tmp_path, [1.0], predict_s=1e-5, inline=False) != here
    assert _thread_of(tmp_path, [1.0], predict_s=0.0, inline=True) != here


def test_long_texts_leave_the_loop(tmp_path: Path) -> None:
    """A text model that is short for a sentence is not short for a book."""
    path = tmp_path / "text.stub"
    path.write_text(json.dumps({"inputs": [{"name": "t", "type": "string"}], "output": {"kind": "json"}}))
    predictor: Any = get_loader("stub").load(path, LoadOptions())
    seen: list[int] = []
    inner = predictor.predict

    def spy(given: Any) -> Any:
        seen.append(threading.get_ident())
        return inner(given)

    predictor.predict = spy
    pool = NativePool(1)
    executor = LocalExecutor(predictor, pool, predict_s=1e-5, inline=True)
    for text in ("short", "x" * 100_000):
        executor.predict([make_column("string", [text])], later())
    assert seen[0] == threading.get_ident()
    assert seen[1] != threading.get_ident()
    pool.close(0)
