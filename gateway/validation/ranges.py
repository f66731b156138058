"""The range of a field: the least and the greatest number that its limits allow."""

import math

from gateway.schema import Field


def inclusive_range(field: Field) -> tuple[float, float]:
    """
    Return the least and the greatest number that the limits of a field allow; infinite where there is no limit.

    An exclusive limit becomes the next number inside: the next float, or the next integer of an integer field. Limits
    that were given as int stay exact beyond 2**53.
    """
    is_whole = field.type == "integer"
    low, high = -math.inf, math.inf
    if field.minimum is not None:
        low = math.ceil(field.minimum) if is_whole else field.minimum
    if (limit := field.exclusive_minimum) is not None:
        low = max(low, math.floor(limit) + 1 if is_whole else math.nextafter(limit, math.inf))
    if field.maximum is not None:
        high = math.floor(field.maximum) if is_whole else field.maximum
    if (limit := field.exclusive_maximum) is not None:
        high = min(high, math.ceil(limit) - 1 if is_whole else math.nextafter(limit, -math.inf))
    return low, high
