"""Turns what a function returned into JSON values: of numpy, pandas, pydantic and the standard library, also nested."""

import asyncio
import datetime
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

_PLAIN = (str, int, float, bool, type(None))
#: Kinds of numpy whose lists are JSON values as they are.
_NUMBERS = "iufb"


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns its answer: one that is `async` runs in an event loop of each call."""
    if not inspect.iscoroutinefunction(function):
        return function
    return lambda **arguments: asyncio.run(function(**arguments))


def jsonable(value: Any) -> Any:
    """Return the JSON value of an answer, in which NaN is null; raises TypeError for what has none."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return jsonable(value._asdict())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if type(value).__name__ == "DataFrame":
        return jsonable(value.to_dict(orient="records"))
    if isinstance(value, datetime.date | datetime.time) or type(value).__name__ == "NAType":
        # Also pandas' Timestamp; NaT and NA are missing.
        return value.isoformat() if type(value).__name__ not in {"NaTType", "NAType"} else None
    for name in ("tolist", "model_dump"):  # numpy and pandas, pydantic
        found = getattr(value, name, None)
        if callable(found) and not isinstance(value, type):
            plain = found()
            is_plain = type(plain) in _PLAIN or getattr(getattr(value, "dtype", None), "kind", "") in _NUMBERS
            return plain if is_plain else jsonable(plain)
    return msgspec.to_builtins(value, enc_hook=_unknown, str_keys=True)


def _unknown(value: Any) -> Any:
    """Return the JSON value of what only a library knows, within a set or a dataclass."""
    if hasattr(value, "tolist") or hasattr(value, "model_dump"):
        return jsonable(value)
    what = f"a {type(value).__name__}"
    if type(value).__name__ in {"Response", "JSONResponse"}:
        what = "a Response of a web framework (return the value itself, without jsonify)"
    raise TypeError(
        f"predict returned {what}, which is no JSON value; return numbers, texts, booleans, None, or lists and dicts"
    )
