"""
Serves a Python function, or a class with `predict`, once per instance.

The signature comes from type hints. Knows no framework: what the code imports is its own business.
"""

import inspect
import itertools
import re
import sys
import threading
import traceback
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from gateway.errors import GatewayError, LoadError
from gateway.loaders import python_guard
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_siblings import make_way
from gateway.schema import Column, Field, FieldType, Output, Predictions, Scalar, Signature

_TYPES: dict[Any, FieldType] = {float: "number", int: "integer", str: "string", bool: "boolean"}
_ENTRIES = ("predict", "Model")
_counter = itertools.count(1)
#: One at a time: modules beside two files may have the same name.
_LOADING = threading.Lock()


class PythonPredictor:
    """
    Call the function with plain Python values; a missing one arrives as None, or as the parameter's default.

    `files` are those that the code may read, path -> sha256.
    """

    def __init__(self, function: Callable[..., Any], signature: Signature, files: Mapping[str, str]) -> None:
        self._function = function
        self._files = files
        self.signature = signature

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Call once per instance, in order; without any input there is one instance."""
        with python_guard.only(self._files):
            return self._predict(columns)

    def _predict(self, columns: Sequence[Column]) -> Predictions:
        if not columns:
            return Predictions([_jsonable(self._function())])
        names = self.signature.names
        values = [
            [_plain(value, field) for value in column.tolist()]
            for column, field in zip(columns, self.signature.inputs, strict=True)
        ]
        rows = zip(*values, strict=True)
        return Predictions([_jsonable(self._function(**dict(zip(names, row, strict=True)))) for row in rows])


class PythonLoader:
    """Execute a file of the user's under a name of its own; `options.entry` says what to call."""

    name: ClassVar[str] = "python"

    def load(self, path: Path, options: LoadOptions) -> PythonPredictor:
        """Import the file with its siblings importable; a class is built once, without arguments."""
        if options.files:
            python_guard.begin()
        with _LOADING, python_guard.only(options.files):
            make_way(path.parent.absolute(), options.files)
            module = _execute(path)
            target = _target(path, module, options.entry)
            if inspect.isclass(target):
                target = _built(path, target)
        return PythonPredictor(target, _signature(path, target), options.files)

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Import the file: hints may name anything it defines."""
        return self.load(path, options).signature


def _execute(path: Path) -> types.ModuleType:
    """Run the source without leaving byte code beside it."""
    module = types.ModuleType(f"gateway_model_{next(_counter)}_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102  the purpose of this loader
    except GatewayError:
        raise
    except Exception as exc:
        sys.modules.pop(module.__name__, None)
        raise LoadError(
            f"{path.name}:{_line(path, exc)}: {type(exc).__name__}: {exc}", code="python-import", hint=_fix(path, exc)
        ) from exc
    return module


def _fix(path: Path, exc: Exception) -> str:
    if isinstance(exc, FileNotFoundError):
        return (
            f"files that {path.name} opens are copied with it; where only a C library opens one, its name must stand "
            'in the code as a text: Path(__file__).parent / "model.ubj"'
        )
    return f"make `python {path.name}` work in this environment"


def _line(path: Path, exc: BaseException) -> int:
    """Return the last line of the file that was being run."""
    if isinstance(exc, SyntaxError) and exc.filename == str(path):
        return exc.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines and lines[-1] is not None else 0


def _target(path: Path, module: types.ModuleType, entry: str | None) -> Any:
    names = (entry,) if entry is not None else _ENTRIES
    for name in names:
        found = getattr(module, name, None)
        if callable(found):
            return found
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    raise LoadError(
        f"{path.name}: has no function or class {' or '.join(map(repr, names))}",
        code="python-entry",
        hint=f"name one of its own: {path.name}:{own[0]}" if own else "define a function `predict`",
    )


def _built(path: Path, kind: type) -> Any:
    if not callable(getattr(kind, "predict", None)):
        raise LoadError(f"{path.name}: class {kind.__name__} has no predict", code="python-entry", hint="add one")
    try:
        return kind().predict
    except GatewayError:
        raise
    except Exception as exc:
        raise LoadError(
            f"{path.name}:{_line(path, exc)}: {kind.__name__}() raised {type(exc).__name__}: {exc}",
            code="python-import",
            hint="the class is built once, without arguments, when the route loads",
        ) from exc


def _signature(path: Path, function: Any) -> Signature:
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


def _plain(value: Any, field: Field) -> Any:
    """Turn a column's value into what the hint promises: None for missing, whole numbers as int."""
    if value != value:  # noqa: PLR0124  NaN
        return field.default
    if field.type == "integer":
        return int(value)
    return value


def _jsonable(value: Any) -> Any:
    """Turn numpy scalars and arrays, also nested ones, into plain values."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
