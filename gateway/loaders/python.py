"""
Serves a Python function, or a class with `predict`, once per instance.

The signature comes from type hints. Knows no framework: what the code imports is its own business.
"""

import inspect
import os
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from gateway.artifacts.code_listing import entry_file
from gateway.errors import GatewayError, LoadError, NotReadyError
from gateway.loaders import python_guard
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_answer import jsonable, plain_function
from gateway.loaders.python_context import Code, running
from gateway.loaders.python_main import stand_for_main
from gateway.loaders.python_module import line_of, make_module, run
from gateway.loaders.python_siblings import LOADING, make_way, siblings_of
from gateway.loaders.python_signature import Arguments, signature_of
from gateway.schema import Column, Field, Predictions, Signature

_ENTRIES = ("predict", "Model")


class PythonPredictor:
    """Call the function with plain Python values; a missing one arrives as None, or as the parameter's default."""

    def __init__(
        self, function: Callable[..., Any], signature: Signature, arguments: Arguments, code: Code, origin: Path | None
    ) -> None:
        self._function = plain_function(function)
        self._origin = origin
        self._arguments = arguments
        self._code = code
        self.signature = signature

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Call once per instance, in order; without any input there is one instance."""
        with running(self._code):
            try:
                return self._predict(columns)
            except FileNotFoundError as error:
                raise self._missing(error) or error from None

    def _predict(self, columns: Sequence[Column]) -> Predictions:
        if not columns:
            return Predictions([self._answer({})])
        names = self.signature.names
        values = [
            [_plain(value, field) for value in column.tolist()]
            for column, field in zip(columns, self.signature.inputs, strict=True)
        ]
        rows = zip(*values, strict=True)
        return Predictions([self._answer(dict(zip(names, row, strict=True))) for row in rows])

    def _missing(self, error: FileNotFoundError) -> NotReadyError | None:
        """Return the fault of a file that lies beside the code, but was not copied: no run and no key told of it."""
        name = error.filename
        path = os.path.abspath(os.fsdecode(name)) if isinstance(name, str | bytes) else ""  # noqa: PTH100
        folder = next((one for one in self._code.siblings.folders if path.startswith(f"{one}/")), None)
        if folder is None or self._origin is None:
            return None
        beside = os.path.relpath(path, self._code.siblings.folders[0])
        if not (self._origin / beside).is_file():
            return None
        return NotReadyError(
            f"the code opens {beside}, which it did not open when it was prepared, so it is no part of this version",
            code="python-file-missing",
            hint=f"list it at the route: `files: [{beside}]`",
        )

    def _answer(self, row: dict[str, Any]) -> Any:
        return jsonable(self._function(**self._arguments(row)))


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
            signature, arguments = signature_of(path, target)
        return PythonPredictor(target, signature, arguments, code, options.origin)

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """
        Import the file: hints may name anything it defines.

        Relative names start from its folder, or, where that fails, from the working folder of the command.
        """
        code = entry_file(path) or path
        root = Path.cwd() if code.is_relative_to(Path.cwd()) else None
        try:
            return self.load(code, replace(options, root=root, working_folder=code.parent)).signature
        except LoadError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            return self.load(code, replace(options, root=root)).signature


def _target(path: Path, module: types.ModuleType, entry: str | None) -> Any:
    names = (entry,) if entry is not None else _ENTRIES
    for name in names:
        found = getattr(module, name, None)
        _refuse_view(path, module, name, found)
        method = getattr(found, "predict", None)
        if callable(method) and not callable(found):
            return method
        if callable(found):
            return found
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    if entry is None and any(_views(value) for value in vars(module).values()):
        raise _web_application(path, "has no function or class 'predict' or 'Model', but a web application")
    raise LoadError(
        f"{path.name}: has no function or class {' or '.join(map(repr, names))}",
        code="python-entry",
        hint=f"name one of its own: {path.name}:{own[0]}" if own else "define a function `predict`",
    )


def _refuse_view(path: Path, module: types.ModuleType, name: str, found: Any) -> None:
    """Refuse a web application, and a function that reads the request of one instead of having parameters."""
    views = [view for value in vars(module).values() for view in _views(value)]
    if _views(found) or any(view is found for view in views):
        raise _web_application(path, f"'{name}' is a web application, or a view of one")


def _views(value: Any) -> list[Any]:
    """Return the views of a Flask application or blueprint; FastAPI's are plain functions."""
    is_flask = type(value).__module__.partition(".")[0] in {"flask", "flask_restful", "quart"}
    if not is_flask or not isinstance(getattr(value, "view_functions", None), dict):
        return []
    return list(value.view_functions.values())


def _web_application(path: Path, what: str) -> LoadError:
    return LoadError(
        f"{path.name}: {what}; the gateway is the server, and calls a function",
        code="python-entry",
        hint="write what lies between request and response as a function, `def predict(age: float, city: str)` that "
        "returns the answer without jsonify; see docs/from-flask.md",
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
