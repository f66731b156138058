"""
Serves a Python function, or a class with `predict`, once per instance.

The signature comes from type hints. Knows no framework: what the code imports is its own business.
"""

import inspect
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from gateway.artifacts.code_listing import entry_file
from gateway.errors import GatewayError, LoadError
from gateway.loaders import python_guard
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_context import Code, running
from gateway.loaders.python_main import stand_for_main
from gateway.loaders.python_module import line_of, make_module, run
from gateway.loaders.python_siblings import LOADING, make_way, siblings_of
from gateway.loaders.python_signature import signature_of
from gateway.schema import Column, Field, Predictions, Signature

_ENTRIES = ("predict", "Model")


class PythonPredictor:
    """Call the function with plain Python values; a missing one arrives as None, or as the parameter's default."""

    def __init__(self, function: Callable[..., Any], signature: Signature, code: Code) -> None:
        self._function = function
        self._code = code
        self.signature = signature

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Call once per instance, in order; without any input there is one instance."""
        with running(self._code):
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
        path = entry_file(path) or path
        if options.files:
            python_guard.begin()
        folders = [path.parent.absolute(), *([options.root.absolute()] if options.root else [])]
        with LOADING:
            code = Code(files=options.files, siblings=siblings_of(folders), working_folder=options.working_folder)
            with running(code):
                make_way(code.siblings, options.files)
                code.module = module = make_module(path)
                stand_for_main(module)
                run(path, module)
                target = _target(path, module, options.entry)
                if inspect.isclass(target):
                    target = _built(path, target)
        return PythonPredictor(target, signature_of(path, target), code)

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Import the file: hints may name anything it defines."""
        return self.load(path, options).signature


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
            f"{path.name}:{line_of(path, exc)}: {kind.__name__}() raised {type(exc).__name__}: {exc}",
            code="python-import",
            hint="the class is built once, without arguments, when the route loads",
        ) from exc


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
