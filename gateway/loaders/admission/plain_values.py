"""Tells plain values of an artifact (scalars, texts, arrays of numbers), which can run nothing, from other objects."""

from typing import Any, Final

import numpy as np
import pandas as pd

from gateway.loaders.admission.allowed_names import VALUE_TYPES, is_part

SCALARS: Final = (bool, int, float, complex, str, bytes, type(None), np.generic)


def is_plain(value: Any) -> bool:
    """Say whether a value is a scalar, or a tuple, list or dict of such: nothing that could do anything."""
    if isinstance(value, type):
        return any(value is known for known in VALUE_TYPES)
    if type(value) in {list, tuple}:
        return all(is_plain(item) for item in value)
    if type(value) is dict:
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    return type(value) in SCALARS or isinstance(value, np.generic)


def is_key(value: Any) -> bool:
    """Say whether a value may be a key or a member of a set: hashing and comparing it runs no code of its own."""
    if isinstance(value, type):
        return any(value is known for known in VALUE_TYPES)
    if type(value) in {tuple, frozenset}:
        return all(is_key(item) for item in value)
    return type(value) in SCALARS or isinstance(value, np.generic) or value is pd.NA


def is_plain_state(state: Any) -> bool:
    """Say whether the state of a compiled class is plain data and arrays of numbers."""
    if isinstance(state, np.ndarray):
        return type(state) is np.ndarray and not state.dtype.hasobject
    if type(state) in {list, tuple}:
        return all(is_plain_state(item) for item in state)
    return is_plain(state)


def is_argument(value: Any) -> bool:
    """Say whether a compiled constructor may be given this: plain data, or a part of a model that is no function."""
    return is_plain_state(value) or (not callable(value) and is_part(type(value)))
