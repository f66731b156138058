"""
Reads the signature of a Python function from its type hints, defaults and docstring.

The same as gateway/loaders/python_signature.py: a function has one signature wherever it runs.
"""

from __future__ import annotations

import enum
import inspect
import re
import typing
from typing import Any, Callable, Dict, Union

from .faults import LoadError
from .python_records import as_record
from .schema import Field, Output, Scalar, Signature

Arguments = Callable[[Dict[str, Any]], Dict[str, Any]]

_TYPES = {float: "number", int: "integer", str: "string", bool: "boolean"}
_WAY = "use float, int, str, bool, Literal[...], an Enum, or Optional of one of them"
_NONE = type(None)
#: `X | None` of Python 3.10 and later.
_UNIONS = (Union, getattr(__import__("types"), "UnionType", Union))


def signature_of(name: str, function: Any) -> tuple[Signature, Arguments]:
    """Return inputs and output of a function, and how its arguments are made of the values of one instance."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _fault(f"{name}: predict must be a plain function", "return a list, drop yield")
    hints = _hints(name, function)
    told = _descriptions(inspect.getdoc(function) or "")
    parameters = list(inspect.signature(function).parameters.values())
    record = as_record(hints.get(parameters[0].name)) if len(parameters) == 1 else None
    if record is not None:
        hints, argument = _hints(name, record.kind), parameters[0].name
        told = {**_descriptions(inspect.getdoc(record.kind) or ""), **told}
        parameters = list(record.parameters)
    fields = tuple(_field(name, one, hints.get(one.name), told.get(one.name)) for one in parameters)
    members = {one.name: _members(hints.get(one.name)) for one in parameters}

    def arguments(row: dict[str, Any]) -> dict[str, Any]:
        for key, member in members.items():
            if member is not None:
                row[key] = member.get(row[key], row[key])
        return row if record is None else {argument: record.make(row)}

    return Signature(inputs=fields, output=Output(kind="json")), arguments


def _fault(message: str, hint: str) -> LoadError:
    return LoadError("child-signature", message, hint)


def _hints(name: str, owner: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(owner)
    except Exception as error:
        raise _fault(f"{name}: a type hint cannot be read: {error}", "write it for this Python") from error


def _descriptions(doc: str) -> dict[str, str]:
    """Find `name: text`, `name (type): text` and `:param name: text` in a docstring."""
    found = re.findall(r"^[ \t]*(?::param[ \t]+)?(\w+)(?:[ \t]*\([^)\n]*\))?[ \t]*:[ \t]+(\S.*)$", doc, re.MULTILINE)
    return {name: text.strip() for name, text in found}


def _field(where: str, parameter: inspect.Parameter, hint: Any, description: str | None) -> Field:
    has_default = parameter.default is not inspect.Parameter.empty
    default: Any = parameter.default if has_default else None
    default = default.value if isinstance(default, enum.Enum) else default
    if hint is None and default is not None:
        hint = type(default)
    named = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    kind, levels, nullable = _read_hint(hint)
    if kind is None or not named:
        what = "no type hint of a single value" if named else "no name of its own"
        raise _fault(
            f"{where}: parameter {parameter.name!r} has {what}",
            f"say its type: `{parameter.name}: float`; {_WAY}",
        )
    if default is not None and not isinstance(default, (str, int, float, bool)):
        raise _fault(f"{where}: the default of {parameter.name!r} is no JSON value", "use None")
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


def _members(hint: Any) -> dict[Any, enum.Enum] | None:
    """Return value -> member of the Enum that a hint names."""
    for kind in (hint, *getattr(hint, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return {member.value: member for member in kind}
    return None


def _read_hint(hint: Any) -> tuple[str | None, tuple[Scalar, ...] | None, bool]:
    """Return type, levels and whether None is allowed; the type is None for a hint that says nothing to us."""
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        others = [member for member in members if member is not _NONE]
        if len(others) != 1:
            return None, None, False
        kind, levels, _ = _read_hint(others[0])
        return kind, levels, len(others) != len(members)
    if hasattr(hint, "__metadata__"):  # Annotated
        return _read_hint(hint.__origin__)
    if origin is typing.Literal:
        levels = tuple(level for level in members if level is not None)
        return _of_levels(levels), levels, len(levels) != len(members)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        levels = tuple(member.value for member in hint)
        return _of_levels(levels), levels, False
    return (_TYPES.get(hint) if isinstance(hint, type) else None), None, False


def _of_levels(levels: tuple[Any, ...]) -> str | None:
    kinds = {type(level) for level in levels}
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None
