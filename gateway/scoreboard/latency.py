"""Latency buckets and quantiles; pure numbers, no shared memory and no clock."""

import math
from bisect import bisect_left
from collections.abc import Sequence

BUCKETS = 32
#: Two windows alternate; a reader sums the running one and the one before: the last 30 to 60 seconds.
WINDOW_S = 30
WINDOW_NS = WINDOW_S * 1_000_000_000

_FIRST_S, _LAST_S = 50e-6, 60.0
#: 31 bounds, each 1.59 times the one before: a quantile is off by a quarter of its value at worst.
BOUNDS_NS: tuple[int, ...] = tuple(
    round(_FIRST_S * (_LAST_S / _FIRST_S) ** (i / (BUCKETS - 2)) * 1e9) for i in range(BUCKETS - 1)
)


def bucket_of(duration_ns: int) -> int:
    """Return the bucket of a duration; the last one holds everything above 60 s."""
    return bisect_left(BOUNDS_NS, duration_ns)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Estimate the duration in seconds below which `share` of all lie; None without any, 60 s for the last bucket."""
    total = sum(counts)
    if not total:
        return None
    rank, below = share * total, 0
    for bucket, count in enumerate(counts):
        if count and below + count >= rank:
            return _inside(bucket, (rank - below) / count)
        below += count
    return _LAST_S


def _inside(bucket: int, part: float) -> float:
    """Interpolate within a bucket: linearly in the first, geometrically (as the bounds are spaced) above."""
    if bucket >= len(BOUNDS_NS):
        return _LAST_S
    high = BOUNDS_NS[bucket] / 1e9
    if bucket == 0:
        return high * part
    low = BOUNDS_NS[bucket - 1] / 1e9
    return low * math.pow(high / low, part)
