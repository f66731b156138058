"""Where the slider of a number goes, and between which ends its curve is drawn."""

import math
import sys
from typing import Any, Final

from gateway.schema import Field

#: Steps of a slider over its range, about.
STEPS: Final = 200


def range_of(field: Field) -> dict[str, Any] | None:
    """
    Return low, high, step and source (`limits` or `examples`) of a number; None where no range is known.

    Every value between low and high is one that the route accepts.
    """
    if field.type not in ("number", "integer") or field.enum is not None:
        return None
    ends = _limits(field) or _examples(field)
    if ends is None:
        return None
    low, high, source = ends
    if not sys.float_info.min * STEPS <= high - low <= sys.float_info.max:
        return None
    step = 1 if field.type == "integer" else nice_step(high - low)
    low, high = _inside(field, low, high, step)
    return None if not low < high else {"low": low, "high": high, "step": step, "source": source}


def _limits(field: Field) -> tuple[float, float, str] | None:
    low = field.minimum if field.minimum is not None else field.exclusive_minimum
    high = field.maximum if field.maximum is not None else field.exclusive_maximum
    if low is None or high is None or not math.isfinite(high - low):
        return None
    return low, high, "limits"


def _examples(field: Field) -> tuple[float, float, str] | None:
    known = [*field.examples, *([] if field.default is None else [field.default])]
    found = [float(one) for one in known if isinstance(one, int | float) and math.isfinite(one)]
    return (min(found), max(found), "examples") if found else None


def _inside(field: Field, low: float, high: float, step: float) -> tuple[float, float]:
    """Move ends that the limits exclude to the next step inside."""
    if field.type == "integer":
        low, high = math.ceil(low), math.floor(high)
    if field.exclusive_minimum is not None and low <= field.exclusive_minimum:
        low = max(low + step, math.nextafter(field.exclusive_minimum, math.inf))
    if field.exclusive_maximum is not None and high >= field.exclusive_maximum:
        high = min(high - step, math.nextafter(field.exclusive_maximum, -math.inf))
    return low, high


def nice_step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten, of which STEPS or somewhat more make up a span."""
    if span <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(span / STEPS))
    step = next(factor * power for factor in (5, 2, 1) if factor * power <= span / STEPS or factor == 1)
    return float(f"{step:.1g}")
