"""Makes the explainer of a model at the first question, once: nobody else pays for it."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gateway.errors import NotReadyError
from gateway.executors.thread_event import CrossThreadEvent
from gateway.executors.thread_pool import NativePool

if TYPE_CHECKING:
    from gateway.explainers.base import Explainer


class Room(Protocol):
    """A budget of memory, as an explainer sees it."""

    def take(self, model: "LazyExplainer") -> None:
        """Reserve its bytes; may wait."""

    def settled(self, model: "LazyExplainer", *, is_loaded: bool) -> None:
        """Note that loading has ended."""


class LazyExplainer:
    """
    Hold one explainer, or make it by `make` in a thread of the pool.

    Not a call with a deadline: loading that overruns one would count as a stuck predict and cost the worker. What asks
    meanwhile waits with it, each until its own deadline; a failure is told to all of them and tried again by the next.

    `size` returns the bytes of the model that `make` loads beside the one that serves, 0 where it loads none. They are
    taken from `room`, if that returns any, which may have the explainer dropped again at any time.
    """

    def __init__(self, make: Callable[[], "Explainer"], pool: NativePool, size: Callable[[], int] = lambda: 0) -> None:
        self._make = make
        self._pool = pool
        self._size = size
        self._lock = threading.Lock()
        self._explainer: Explainer | None = None
        self._making: _Making | None = None
        self._is_closed = False
        self.room: Callable[[], Room | None] = lambda: None
        self.last_used = 0.0

    @property
    def resident_bytes(self) -> int:
        """Estimate what the explainer holds beside the model that serves."""
        return self._size()

    @property
    def is_loaded(self) -> bool:
        """Say whether the next question need not wait."""
        return self._explainer is not None

    def get(self, deadline: float) -> "Explainer":
        """Return the explainer; raises NotReadyError, and what making it raises."""
        self.last_used = time.monotonic()
        explainer = self._explainer
        if explainer is not None:
            return explainer
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
                "what explains the answers of this model is still being loaded",
                code="loading",
                hint="ask again in a few seconds: loading goes on",
            )
        return making.explainer

    def unload(self) -> bool:
        """Drop the explainer; the next question makes it again. False if none was there."""
        with self._lock:
            is_loaded, self._explainer = self._explainer is not None, None
            return is_loaded

    def close(self) -> None:
        """Keep no explainer from now on: the model is not used any more, but by calls that run."""
        with self._lock:
            self._is_closed, self._explainer = True, None

    def _run(self, making: "_Making") -> None:
        room = self.room() if self.resident_bytes else None
        if room is not None:
            room.take(self)
        try:
            making.explainer = self._make()
        except Exception as error:
            making.error = error
        with self._lock:
            self._explainer, self._making = None if self._is_closed else making.explainer, None
            is_loaded, waiting = self._explainer is not None, making.waiting
        for event in waiting:
            event.pass_on()
        if room is not None:
            room.settled(self, is_loaded=is_loaded)


class _Making:
    """Hold one attempt and the events of those that wait for it."""

    __slots__ = ("error", "explainer", "waiting")

    def __init__(self) -> None:
        self.waiting: list[CrossThreadEvent] = []
        self.explainer: Explainer | None = None
        self.error: Exception | None = None
