"""How many bytes of lazily loaded models one worker holds: the longest unused one makes room for the next."""

import threading
from typing import Protocol


class Held(Protocol):
    """Say what a budget needs to know of a model."""

    last_used: float

    @property
    def resident_bytes(self) -> int:
        """Return what the model takes while it is loaded."""

    def unload(self) -> bool:
        """Drop what was loaded, and say whether there was something to drop; false while it is still being loaded."""


class MemoryBudget:
    """
    Keep the sum of all held models within a limit, also while several are loaded at once. Thread-safe.

    A model takes its room before it is loaded, so the limit is not exceeded for a moment either. One that is larger
    than the whole limit is served alone: refusing it would help nobody.
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
        """Take a new limit, None for none, and unload what exceeds it."""
        with self._changed:
            self._limit_bytes = limit_bytes
            self._make_room(0)
            self._changed.notify_all()

    def take(self, model: Held) -> None:
        """Make room for a model about to be loaded; waits while all that could make room is being loaded too."""
        with self._changed:
            # Never nothing: who asks for no room is not given that of a last one that is too large.
            needed = max(model.resident_bytes, 1)
            while not self._make_room(needed) and self._held:
                self._changed.wait()
            self._held[model] = needed

    def settled(self, model: Held, *, is_loaded: bool) -> None:
        """Note that loading has ended: from now on a loaded model may be asked to make room."""
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
        """Unload until so many bytes are free, the longest unused first; say whether they are."""
        limit = self._limit_bytes
        if limit is None:
            return True
        total = sum(self._held.values()) + needed
        for model in sorted(self._held, key=lambda one: one.last_used):
            # The last one stays, whatever its size: unless another one needs the room.
            if total <= limit or (not needed and len(self._held) == 1):
                break
            if model.unload():
                total -= self._held.pop(model)
        return total <= limit
