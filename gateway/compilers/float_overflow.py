"""
Where scalers overflow: scikit-learn refuses a row once a step has made infinity of a number. Runs while preparing.

A compiled model folds its scalers into one product that may stay finite there, and would answer what the original
refuses.
"""

import sys
from collections.abc import Sequence

import numpy as np

from gateway.runtimes.operations import Operation, operate

_LARGEST = sys.float_info.max


def limits(operations: Sequence[Operation]) -> tuple[float, float]:
    """Return the lowest and highest number of which monotone operations make a finite one; infinite for no limit."""
    return _end(operations, -1.0), _end(operations, 1.0)


def overflows(operations: Sequence[Operation]) -> bool:
    """Say whether some finite number becomes infinite."""
    return any(np.isfinite(end) for end in limits(operations))


def _end(operations: Sequence[Operation], sign: float) -> float:
    if _is_finite(operations, sign * _LARGEST):
        return sign * np.inf
    # Positive floats are ordered as the integers of their bits.
    low, high = 0, int(np.float64(_LARGEST).view(np.int64))
    while high - low > 1:
        middle = (low + high) // 2
        if _is_finite(operations, sign * _number(middle)):
            low = middle
        else:
            high = middle
    return sign * _number(low)


def _number(bits: int) -> float:
    return float(np.int64(bits).view(np.float64))


def _is_finite(operations: Sequence[Operation], value: float) -> bool:
    with np.errstate(all="ignore"):
        try:
            return bool(np.isfinite(operate(np.array([value]), operations)).all())
        except ValueError:
            return False
