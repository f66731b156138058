"""
Where a predict runs. One shape for threads of this worker, other processes, other servers.

No queue of its own (the bulkhead sits above) and no retry (a client's matter).
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.schema import Column, Predictions


class Executor(Protocol):
    """
    Run predicts of one model.

    Deadlines are `time.monotonic()` values. `predict` raises DeadlineError when the deadline passes first; the work
    may then still be running and counts as stuck until it returns.
    """

    def start(self, deadline: float) -> None:
        """Make ready to predict; idempotent."""
        ...

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Predict one batch and wait for it without stopping other requests of this worker."""
        ...

    def health(self) -> str:
        """Return '' when predicts can run, else the reason why not."""
        ...

    def capacity(self) -> int:
        """Return how many predicts can run at the same time."""
        ...

    def close(self, grace_s: float) -> None:
        """Give up resources after at most `grace_s` seconds."""
        ...
