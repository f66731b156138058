"""Python and numpy values as JSON values: Python scalars, null for missing and non-finite numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def json_key(label: Any) -> str:
    """Return a label as the key of a JSON object: booleans as JSON writes them, whole floats without a point."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def plain(value: Any) -> Any:
    """Return a JSON value made of Python's own types; NaN and infinity become null."""
    if value is None or isinstance(value, str | bool | int):
        return str(value) if isinstance(value, np.str_) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {json_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def numbers(values: Sequence[Any], decimals: int | None) -> list[Any]:
    """Return finite numbers, rounded where the registry says so, and null for all others."""
    if decimals is None:
        return [value if math.isfinite(value) else None for value in values]
    return [round(value, decimals) if math.isfinite(value) else None for value in values]
