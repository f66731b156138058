"""CPU time of a function: the least of many batches, because other load on the machine can only add."""

import gc
import time
from collections.abc import Callable
from typing import Any

#: Requests of a batch; a batch takes 20 to 50 ms, shorter than what the scheduler takes away at a time.
BATCH = 200


def least_us(call: Callable[[], Any], batches: int) -> float:
    """Return the CPU time of one call in microseconds: the least mean of `batches` batches."""
    for _ in range(BATCH):
        call()
    gc.collect()
    best = float("inf")
    for _ in range(batches):
        started = time.process_time_ns()
        for _ in range(BATCH):
            call()
        best = min(best, (time.process_time_ns() - started) / BATCH)
    return best / 1e3
