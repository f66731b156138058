"""One parameter that is a record (dataclass, TypedDict, NamedTuple, pydantic model) stands for its fields."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Callable, NamedTuple

_NONE = inspect.Parameter.empty


class Record(NamedTuple):
    """Hold a type with named fields: its fields as parameters, and how one is made of their values."""

    kind: Any
    parameters: tuple[inspect.Parameter, ...]
    make: Callable[[dict[str, Any]], Any]


def as_record(hint: Any) -> Record | None:
    """Return the fields of a hint that is a record; None for any other."""
    if not isinstance(hint, type):
        return None
    models = getattr(hint, "model_fields", None)
    fields: list[tuple[str, Any]]
    if dataclasses.is_dataclass(hint):
        fields = [(field.name, _default_of(field)) for field in dataclasses.fields(hint) if field.init]
    elif issubclass(hint, dict) and hasattr(hint, "__total__"):
        fallback = frozenset() if hint.__total__ else frozenset(hint.__annotations__)
        optional = getattr(hint, "__optional_keys__", fallback)
        fields = [(name, None if name in optional else _NONE) for name in hint.__annotations__]
        return Record(hint, _parameters(fields), lambda row: _without(row, optional))
    elif issubclass(hint, tuple) and hasattr(hint, "_fields"):
        defaults = getattr(hint, "_field_defaults", {})
        fields = [(name, defaults.get(name, _NONE)) for name in getattr(hint, "_fields", ())]
    elif isinstance(models, dict):  # pydantic 2, which is not imported here
        fields = [(name, _NONE if one.is_required() else one.get_default()) for name, one in models.items()]
    else:
        return None
    kind: Any = hint
    return Record(hint, _parameters(fields), lambda row: kind(**row))


def _without(row: dict[str, Any], optional: Any) -> dict[str, Any]:
    """Leave out keys that may be absent, and are."""
    return {name: value for name, value in row.items() if name not in optional or value is not None}


def _default_of(field: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return None if field.default_factory is not dataclasses.MISSING else _NONE


def _parameters(fields: list[tuple[str, Any]]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default) for name, default in fields)
