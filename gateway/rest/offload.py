"""
What the event loop does itself, and what a native thread does for it: one policy for all work that is no predict.

The loop serves every connection of a worker, so a request may hold it for about a millisecond. How long predicts take
is measured while preparing; where they run, their executor decides.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.executors.thread_pool import NativePool

T = TypeVar("T")

#: Bytes of a body that are decoded and validated in the loop.
BODY_BYTES: Final = 16 * 1024
#: Rows that are validated, answered and written in the loop.
ROWS: Final = 100
#: Routes that a report is written about in the loop: 50 take about 1 ms.
ROUTES: Final = 50
#: Bytes that are compressed in the loop, in about 1 ms.
PLAIN_BYTES: Final = 64 * 1024


def is_little(size: int, rows: int) -> bool:
    """Say whether the loop itself writes the answer to so many rows that came in a body of so many bytes."""
    return size <= BODY_BYTES and rows <= ROWS


@dataclass(frozen=True, slots=True)
class Offload:
    """Do work in the loop where it is little, in a native thread while other requests go on where it is not."""

    pool: NativePool

    def in_thread(self, work: Callable[[], T], deadline: float = math.inf) -> T:
        """Do work in a native thread and wait for it; raises DeadlineError at `deadline` (time.monotonic())."""
        return self.pool.call(work, None if deadline == math.inf else deadline, ends=True)

    def report(self, work: Callable[[], T], routes: int) -> T:
        """Write something about so many routes."""
        return work() if routes <= ROUTES else self.in_thread(work)

    def compress(self, work: Callable[[], T], size: int) -> T:
        """Compress so many bytes."""
        return work() if size <= PLAIN_BYTES else self.in_thread(work)
