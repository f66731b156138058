"""Makes the explainer of a model at the first question, once: nobody else pays for it."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.errors import NotReadyError
from gateway.executors.thread_event import CrossThreadEvent
from gateway.executors.thread_pool import NativePool

if TYPE_CHECKING:
    from gateway.explainers.base import Explainer


class LazyExplainer:
    """
    Hold one explainer, or make it by `make` in a thread of the pool.

    Not a call with a deadline: loading that overruns one would count as a stuck predict and cost the worker. What asks
    meanwhile waits with it, each until its own deadline; a failure is told to all of them and tried again by the next.
    """

    def __init__(self, make: Callable[[], "Explainer"], pool: NativePool) -> None:
        self._make = make
        self._pool = pool
        self._lock = threading.Lock()
        self._explainer: Explainer | None = None
        self._making: _Making | None = None

    def get(self, deadline: float) -> "Explainer":
        """Return the explainer; raises NotReadyError, and what making it raises."""
        if self._explainer is not None:
            return self._explainer
        event = CrossThreadEvent()
        with self._lock:
            making = self._making
            is_first = making is None
            if making is None:
                making = self._making = _Making()
            making.waiting.append(event)
        if is_first:
            self._pool.spawn(lambda: self._run(making))
        event.wait(max(deadline - time.monotonic(), 0.0))
        if making.error is not None:
            raise making.error
        if making.explainer is None:
            raise NotReadyError(
                "the model is still being loaded that explains", code="loading", hint="retry in a few seconds"
            )
        return making.explainer

    def _run(self, making: "_Making") -> None:
        try:
            making.explainer = self._make()
        except Exception as error:
            making.error = error
        with self._lock:
            self._explainer, self._making = making.explainer, None
            waiting = making.waiting
        for event in waiting:
            event.pass_on()


class _Making:
    """Hold one attempt and the events of those that wait for it."""

    __slots__ = ("error", "explainer", "waiting")

    def __init__(self) -> None:
        self.waiting: list[CrossThreadEvent] = []
        self.explainer: Explainer | None = None
        self.error: Exception | None = None
