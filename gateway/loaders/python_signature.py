"""Reads the signature of a Python function from its type hints, defaults and docstring."""

import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import LoadError
from gateway.loaders.python_records import as_record
from gateway.schema import Field, FieldType, Output, Scalar, Signature

#: Turns the values of one instance into the arguments of the function.
Arguments: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

_TYPES: Final[dict[Any, FieldType]] = {float: "number", int: "integer", str: "string", bool: "boolean"}
_WAY: Final = "use float, int, str, bool, Literal[...], an Enum, or one of them `| None`"
#: What to write instead of a hint for several values at once, by the name of its type.
_INSTEAD: Final[Mapping[str, str]] = {
    "DataFrame": "name each column: `def predict(age: float, city: str)`, "
    'and `pd.DataFrame([{"age": age, "city": city}])`',
    "Series": "name each value: `def predict(age: float, city: str)`",
    "ndarray": "name each value: `def predict(x0: float, x1: float)`, and `np.array([[x0, x1]])`",
    "list": 'name each value: `def predict(x0: float, x1: float)`; a client may send {"data": [1, 2]} all the same',
    "dict": 'name each value: `def predict(age: float, city: str)`; a client sends {"age": 3, "city": "Berlin"}',
}


def signature_of(path: Path, function: Any) -> tuple[Signature, Arguments]:
    """
    Return inputs and output of a function, and how its arguments are made of the values of one instance.

    Raises LoadError `python-signature` with what to write.
    """
    where = f"{path.name}:{inspect.unwrap(function).__code__.co_firstlineno}" if _has_code(function) else path.name
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise LoadError(
            f"{where}: predict must be a plain function", code="python-signature", hint="return a list, drop yield"
        )
    hints = _hints(where, function)
    told = _descriptions(inspect.getdoc(function) or "")
    parameters = list(inspect.signature(function).parameters.values())
    record = as_record(hints.get(parameters[0].name)) if len(parameters) == 1 else None
    if record is not None:
        hints, name = _hints(where, record.kind), parameters[0].name
        told = {**_descriptions(inspect.getdoc(record.kind) or ""), **told}
        parameters = list(record.parameters)
    fields = tuple(_field(where, one, hints.get(one.name), told.get(one.name)) for one in parameters)
    members = {one.name: member for one in parameters if (member := _members(hints.get(one.name))) is not None}

    def arguments(row: dict[str, Any]) -> dict[str, Any]:
        for key, member in members.items():
            row[key] = member.get(row[key], row[key])
        return row if record is None else {name: record.make(row)}

    return Signature(inputs=fields, output=Output(kind="json")), arguments


def _hints(where: str, owner: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(owner)
    except Exception as exc:
        raise LoadError(f"{where}: a type hint cannot be read: {exc}", code="python-signature", hint="fix it") from exc


def _has_code(function: Any) -> bool:
    return hasattr(inspect.unwrap(function), "__code__")


def _descriptions(doc: str) -> dict[str, str]:
    """Find `name: text`, `name (type): text` and `:param name: text` in a docstring."""
    found = re.findall(r"^[ \t]*(?::param[ \t]+)?(\w+)(?:[ \t]*\([^)\n]*\))?[ \t]*:[ \t]+(\S.*)$", doc, re.MULTILINE)
    return {name: text.strip() for name, text in found}


def _field(where: str, parameter: inspect.Parameter, hint: Any, description: str | None) -> Field:
    has_default = parameter.default is not inspect.Parameter.empty
    default = parameter.default if has_default else None
    default = default.value if isinstance(default, enum.Enum) else default
    if hint is None and default is not None:
        hint = type(default)
    named = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    kind, levels, nullable = _read_hint(hint)
    if kind is None or not named:
        what = "no type hint" if hint is None else f"the type hint {_name_of(hint)}, which says no single value"
        raise LoadError(
            f"{where}: parameter {parameter.name!r} has {what if named else 'no name of its own'}",
            code="python-signature",
            hint=_instead(parameter, hint, named=named),
        )
    if default is not None and not isinstance(default, str | int | float | bool):
        raise LoadError(
            f"{where}: the default of {parameter.name!r} is no JSON value", code="python-signature", hint="use None"
        )
    is_nullable = nullable or (has_default and default is None)
    return Field(
        name=parameter.name,
        type=kind,
        enum=levels,
        nullable=is_nullable,
        default=default,
        required=not (has_default or is_nullable),
        description=description,
    )


def _name_of(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint)) if not typing.get_args(hint) else str(hint).replace("typing.", "")


def _instead(parameter: inspect.Parameter, hint: Any, *, named: bool) -> str:
    if not named:
        return f"name each input: `def predict(age: float, city: str)` instead of `{parameter}`"
    if hint is None:
        return f"say its type: `{parameter.name}: float`; {_WAY}"
    kind = typing.get_origin(hint) or hint
    return _INSTEAD.get(getattr(kind, "__name__", ""), _WAY)


def _members(hint: Any) -> dict[Any, enum.Enum] | None:
    """Return value -> member of the Enum that a hint names."""
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return {member.value: member for member in kind}
    return None


def _read_hint(hint: Any) -> tuple[FieldType | None, tuple[Scalar, ...] | None, bool]:
    """Return type, levels and whether None is allowed; the type is None for a hint that says nothing to us."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        if len(members) != 1:
            return None, None, False
        kind, levels, _ = _read_hint(members[0])
        return kind, levels, len(members) != len(typing.get_args(hint))
    if typing.get_origin(hint) is typing.Annotated:
        return _read_hint(typing.get_args(hint)[0])
    if typing.get_origin(hint) is Literal:
        levels = tuple(level for level in typing.get_args(hint) if level is not None)
        return _of_levels(levels), levels, len(levels) != len(typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        levels = tuple(member.value for member in hint)
        return _of_levels(levels), levels, False
    return (_TYPES.get(hint) if isinstance(hint, type) else None), None, False


def _of_levels(levels: tuple[Any, ...]) -> FieldType | None:
    kinds = {type(level) for level in levels}
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None
