"""Bound the memory of lazily loaded models in one worker: the least recently used one is evicted for the next."""

import threading
from typing import Protocol


class Held(Protocol):
    """A model, or the original that explains a compiled one, as a budget sees it."""

    last_used: float

    @property
    def resident_bytes(self) -> int:
        """Return what the model takes while it is loaded."""

    def unload(self) -> bool:
        """Drop what was loaded. Return whether anything was; false while the model is still being loaded."""


class MemoryBudget:
    """
    Keep the sum of all held models within a limit, also while several are loaded at once. Thread-safe.

    A model reserves its bytes before it is loaded, so the sum never exceeds the limit. A model that is larger than the
    whole limit is loaded alone instead of being refused.
    """

    def __init__(self) -> None:
        self._limit_bytes: int | None = None
        self._held: dict[Held, int] = {}
        self._changed = threading.Condition()

    @property
    def held_bytes(self) -> int:
        """Return the sum of what is loaded and of what is being loaded."""
        with self._changed:
            return sum(self._held.values())

    def limit(self, limit_bytes: int | None) -> None:
        """Set the limit (None: no limit) and evict what exceeds it."""
        with self._changed:
            self._limit_bytes = limit_bytes
            self._make_room(0)
            self._changed.notify_all()

    def take(self, model: Held) -> None:
        """Reserve the bytes of a model about to be loaded; waits while every other model is being loaded as well."""
        with self._changed:
            # At least one byte: a request for none would leave a single model in place that is larger than the limit.
            needed = max(model.resident_bytes, 1)
            while not self._make_room(needed) and self._held:
                self._changed.wait()
            self._held[model] = needed

    def settled(self, model: Held, *, is_loaded: bool) -> None:
        """Note that loading has ended: from now on a loaded model may be evicted."""
        with self._changed:
            if not is_loaded:
                self._held.pop(model, None)
            self._changed.notify_all()

    def count(self, model: Held) -> None:
        """Count a model that was loaded before it became lazy."""
        with self._changed:
            self._held.setdefault(model, model.resident_bytes)
            self._make_room(0)

    def release(self, model: Held) -> None:
        """Forget a model: it is not lazy any more, or no route has it."""
        with self._changed:
            self._held.pop(model, None)
            self._changed.notify_all()

    def _make_room(self, needed: int) -> bool:
        """Evict until so many bytes are free, the least recently used first; return whether they are."""
        limit = self._limit_bytes
        if limit is None:
            return True
        for model in sorted(self._held, key=lambda model: model.last_used):
            # A single model stays, whatever its size, unless another one needs its bytes.
            if self._fits(needed, limit) or (not needed and len(self._held) == 1):
                break
            if model in self._held and model.unload():
                # What explained it may have gone with it.
                self._held.pop(model, None)
        return self._fits(needed, limit)

    def _fits(self, needed: int, limit: int) -> bool:
        return sum(self._held.values()) + needed <= limit
