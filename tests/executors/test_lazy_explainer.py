"""The explainer of a model is made once, at the first question, whoever asks at the same time."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from gateway.errors import NotExplainable, NotReadyError
from gateway.executors.lazy_explainer import LazyExplainer
from gateway.executors.local import _exact
from gateway.executors.thread_pool import NativePool
from gateway.explanation import Explanation
from together import MODES, Mode, together


@pytest.mark.parametrize("mode", MODES)
def test_many_that_ask_at_once_get_one_explainer(mode: Mode) -> None:
    """The first makes it, all others wait for that one."""
    made: list[object] = []

    def make() -> Any:
        made.append(object())
        time.sleep(0.05)
        return made[-1]

    lazy = LazyExplainer(make, NativePool(4))
    found = together(mode, [lambda: lazy.get(time.monotonic() + 30) for _ in range(8)])
    assert len(made) == 1
    assert all(one is made[0] for one in found)


def test_a_deadline_that_passes_costs_no_thread() -> None:
    """Making goes on for the next that asks, and no call counts as stuck."""
    gate = threading.Event()
    pool = NativePool(2)

    def make() -> Any:
        gate.wait(30)
        return "explainer"

    lazy = LazyExplainer(make, pool)
    with pytest.raises(NotReadyError, match="still being loaded"):
        lazy.get(time.monotonic())
    assert pool.stuck == 0
    gate.set()
    assert str(lazy.get(time.monotonic() + 30)) == "explainer"


def test_dropping_is_between_questions() -> None:
    """While it is being made there is nothing to drop; afterwards once, and the next question makes it again."""
    made: list[int] = []
    gate = threading.Event()

    def make() -> Any:
        made.append(len(made))
        gate.wait(30)
        return made[-1]

    lazy = LazyExplainer(make, NativePool(2))
    with pytest.raises(NotReadyError):
        lazy.get(time.monotonic())
    assert not lazy.unload()
    gate.set()
    assert lazy.get(time.monotonic() + 30) == 0  # type: ignore[comparison-overlap]
    assert (lazy.unload(), lazy.is_loaded, lazy.unload()) == (True, False, False)
    assert lazy.get(time.monotonic() + 30) == 1  # type: ignore[comparison-overlap]
    lazy.close()
    assert lazy.get(time.monotonic() + 30) == 2  # type: ignore[comparison-overlap]
    assert not lazy.is_loaded, "a model that is gone keeps nothing"


def test_a_failure_is_told_and_tried_again() -> None:
    """A file that is back the next time is found."""
    answers = [NotExplainable("not now"), "explainer"]

    def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    lazy = LazyExplainer(make, NativePool(1))
    with pytest.raises(NotExplainable, match="not now"):
        lazy.get(time.monotonic() + 30)
    assert str(lazy.get(time.monotonic() + 30)) == "explainer"


@pytest.mark.parametrize(("margin", "reason"), [(1.001, "row 1 .* beside the answer"), (np.inf, "row 1 .* not finite")])
def test_a_row_that_does_not_add_up_is_never_answered(margin: float, reason: str) -> None:
    """Whatever explained it: the sum is held against the answer each time."""
    found = Explanation(np.zeros(2), np.ones((2, 1)), np.ones(2), "value")
    assert _exact(found) is found
    found.margin[1] = margin
    with pytest.raises(NotExplainable, match=reason) as caught:
        _exact(found)
    assert caught.value.hint
