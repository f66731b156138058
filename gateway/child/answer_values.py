"""Turns what a user's function returned into JSON values: of NumPy, pandas, pydantic and the standard library."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Mapping
from typing import Any

_PLAIN = (str, int, float, bool, type(None))
#: Kinds of NumPy whose lists are JSON values as they are.
_NUMBERS = "iufb"


def jsonable(value: Any) -> Any:
    """Return the JSON value of an answer; raises TypeError for what has none."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return jsonable(value._asdict())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if type(value).__name__ == "DataFrame":
        return jsonable(value.to_dict(orient="records"))
    if isinstance(value, (datetime.date, datetime.time)) or type(value).__name__ == "NAType":
        # Also pandas' Timestamp; NaT and NA are missing.
        return value.isoformat() if type(value).__name__ not in ("NaTType", "NAType") else None
    for name in ("tolist", "model_dump"):  # NumPy and pandas, pydantic
        found = getattr(value, name, None)
        if callable(found) and not isinstance(value, type):
            told = found()
            is_plain = type(told) in _PLAIN or getattr(getattr(value, "dtype", None), "kind", "") in _NUMBERS
            return told if is_plain else jsonable(told)
    return _of_library(value)


def _of_library(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return jsonable(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: jsonable(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, _PLAIN):  # a class of the user's that is a text or a number
        return next(kind(value) for kind in (bool, int, float, str) if isinstance(value, kind))
    what = f"a {type(value).__name__}"
    if type(value).__name__ in ("Response", "JSONResponse"):
        what = "a Response of a web framework (return the value itself, without jsonify)"
    raise TypeError(
        f"predict returned {what}, which is no JSON value; return numbers, texts, booleans, None, or lists and dicts"
    )
