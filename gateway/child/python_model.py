"""Serves a Python function, or a class with `predict`, once per instance; the signature comes from type hints."""

from __future__ import annotations

import asyncio
import inspect
import os
from typing import Any, Callable

from .answer_values import jsonable
from .faults import LoadError
from .main_names import import_file
from .python_signature import signature_of
from .schema import Columns, Field, Model, Predictions
from .spec import Spec

_ENTRIES = ("predict", "Model")


class PythonModel(Model):
    """Call the function with plain Python values; a missing one arrives as None, or as the parameter's default."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._function = _plain_function(function)
        self.signature, self._arguments = signature_of(name, function)

    def predict(self, columns: Columns) -> Predictions:
        """Call once per instance, in order; without any input there is one instance."""
        inputs = self.signature.inputs
        if not inputs:
            return Predictions([self._answer({})])
        values = [[_plain(value, field) for value in column.tolist()] for column, field in zip(columns, inputs)]
        names = [field.name for field in inputs]
        return Predictions([self._answer(dict(zip(names, row))) for row in zip(*values)])

    def _answer(self, row: dict[str, Any]) -> Any:
        return jsonable(self._function(**self._arguments(row)))


def load_model(spec: Spec) -> Model:
    """Import the file, and build a class once, without arguments."""
    name = os.path.basename(spec.artifact)
    module = import_file(spec.artifact)
    names = (spec.entry,) if spec.entry else _ENTRIES
    for entry in names:
        found: Any = getattr(module, entry, None)
        method: Any = getattr(found, "predict", None)
        is_class = inspect.isclass(found)
        if is_class and not callable(method):
            raise LoadError("child-load", f"{name}: class {entry} has no predict", "add one")
        if callable(found) or callable(method):
            target = found().predict if is_class else found if callable(found) else method
            return PythonModel(name, target)
    raise LoadError(
        "child-load",
        "{}: has no function or class {}".format(name, " or ".join(map(repr, names))),
        f"define a function `predict`, or name another: `artifact: {name}:name`",
    )


def _plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns its answer: one that is `async` runs in an event loop of each call."""
    if not inspect.iscoroutinefunction(function):
        return function
    return lambda **arguments: asyncio.run(function(**arguments))


def _plain(value: Any, field: Field) -> Any:
    """Turn a column's value into what the hint promises: None for missing, whole numbers as int."""
    if value != value:  # NaN
        return field.default
    return int(value) if field.type == "integer" else value
