"""Tells plain values of an artifact (scalars, texts, arrays of numbers), which can run nothing, from other objects."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from gateway.loaders.admission.allowed_names import VALUE_TYPES, is_part

SCALARS: Final = (bool, int, float, complex, str, bytes, type(None), np.generic)


#: Values that one key may hold in its tuples: hashing takes stack for each level, and asks each as often as it stands.
_MOST_IN_KEY: Final = 1_000


def is_plain(value: Any) -> bool:
    """Say whether a value is a scalar, or a tuple, list or dict of such: nothing that could do anything."""
    return _are_all(value, _is_scalar)


def is_plain_state(state: Any) -> bool:
    """Say whether the state of a compiled class is plain data and arrays of numbers."""
    return _are_all(state, lambda one: _is_scalar(one) or (type(one) is np.ndarray and not one.dtype.hasobject))


def is_key(value: Any) -> bool:
    """Say whether a value may be a key or a member of a set: hashing and comparing it runs no code, and ends."""
    stack, left = [value], _MOST_IN_KEY
    while stack:
        one = stack.pop()
        left -= 1
        if type(one) in {tuple, frozenset}:
            if len(one) > left:
                return False
            stack += one
        elif left < 0 or not (_is_scalar(one) or one is pd.NA):
            return False
    return True


def _are_all(value: Any, is_one: Callable[[Any], bool]) -> bool:
    """Walk containers without recursion, each once: a file may nest them without end, and name one many times."""
    stack, seen = [value], set()
    while stack:
        one = stack.pop()
        if type(one) not in {list, tuple, dict}:
            if not is_one(one):
                return False
        elif id(one) not in seen:
            seen.add(id(one))
            if type(one) is dict and not all(type(key) is str for key in one):
                return False
            stack += one.values() if type(one) is dict else one
    return True


def _is_scalar(value: Any) -> bool:
    if isinstance(value, type):
        return any(value is known for known in VALUE_TYPES)
    return type(value) in SCALARS or isinstance(value, np.generic)


def is_argument(value: Any) -> bool:
    """Say whether a compiled constructor may be given this: plain data, or a part of a model that is no function."""
    return is_plain_state(value) or (not callable(value) and is_part(type(value)))
