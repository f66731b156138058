"""Reads the signature of a Python function from its type hints, defaults and docstring."""

import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any, Literal

from gateway.errors import LoadError
from gateway.schema import Field, FieldType, Output, Scalar, Signature

_TYPES: dict[Any, FieldType] = {float: "number", int: "integer", str: "string", bool: "boolean"}


def signature_of(path: Path, function: Any) -> Signature:
    """Return inputs and output of a function; raises LoadError `python-signature` with what to write."""
    where = f"{path.name}:{inspect.unwrap(function).__code__.co_firstlineno}" if _has_code(function) else path.name
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise LoadError(f"{where}: predict must be a plain function", code="python-signature", hint="drop async/yield")
    try:
        hints = typing.get_type_hints(function)
    except Exception as exc:
        raise LoadError(f"{where}: a type hint cannot be read: {exc}", code="python-signature", hint="fix it") from exc
    told = _descriptions(inspect.getdoc(function) or "")
    fields = tuple(
        _field(where, parameter, hints.get(parameter.name), told.get(parameter.name))
        for parameter in inspect.signature(function).parameters.values()
    )
    return Signature(inputs=fields, output=Output(kind="json"))


def _has_code(function: Any) -> bool:
    return hasattr(inspect.unwrap(function), "__code__")


def _descriptions(doc: str) -> dict[str, str]:
    """Find `name: text`, `name (type): text` and `:param name: text` in a docstring."""
    found = re.findall(r"^[ \t]*(?::param[ \t]+)?(\w+)(?:[ \t]*\([^)\n]*\))?[ \t]*:[ \t]+(\S.*)$", doc, re.MULTILINE)
    return {name: text.strip() for name, text in found}


def _field(where: str, parameter: inspect.Parameter, hint: Any, description: str | None) -> Field:
    named = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    kind, enum, nullable = _read_hint(hint)
    if kind is None or not named:
        raise LoadError(
            f"{where}: parameter {parameter.name!r} has {'no usable type hint' if named else 'no name of its own'}",
            code="python-signature",
            hint="use float, int, str, bool, Literal[...], or one of them `| None`",
        )
    default = None if parameter.default is inspect.Parameter.empty else parameter.default
    has_default = parameter.default is not inspect.Parameter.empty
    if default is not None and not isinstance(default, str | int | float | bool):
        raise LoadError(
            f"{where}: the default of {parameter.name!r} is no JSON value", code="python-signature", hint="use None"
        )
    is_nullable = nullable or (has_default and default is None)
    return Field(
        name=parameter.name,
        type=kind,
        enum=enum,
        nullable=is_nullable,
        default=default,
        required=not (has_default or is_nullable),
        description=description,
    )


def _read_hint(hint: Any) -> tuple[FieldType | None, tuple[Scalar, ...] | None, bool]:
    """Return type, levels and whether None is allowed; the type is None for a hint that says nothing to us."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        if len(members) != 1:
            return None, None, False
        kind, enum, _ = _read_hint(members[0])
        return kind, enum, len(members) != len(typing.get_args(hint))
    if typing.get_origin(hint) is typing.Annotated:
        return _read_hint(typing.get_args(hint)[0])
    if typing.get_origin(hint) is Literal:
        levels = [level for level in typing.get_args(hint) if level is not None]
        kinds = {type(level) for level in levels}
        kind = _TYPES.get(kinds.pop()) if len(kinds) == 1 else None
        return kind, tuple(levels), len(levels) != len(typing.get_args(hint))
    return (_TYPES.get(hint) if isinstance(hint, type) else None), None, False
