"""
Serves a folder of MLflow: by the library of its own flavour where that is served here, else by mlflow.pyfunc.

Inputs and their types are those of the signature in MLmodel. Also statsmodels, and Python functions of the user's.
"""

from __future__ import annotations

import importlib
import json
import os
from dataclasses import replace
from typing import Any, Sequence

import numpy as np

from .answer_kinds import output_of, predictions_of
from .faults import LoadError
from .frames import frame_of
from .schema import Columns, Field, Model, Output, Predictions, Signature, sample_columns
from .spec import Spec

#: Flavour -> the key of its file, and the loader here.
_FLAVOURS = {
    "sklearn": ("pickled_model", ".pickled_model"),
    "xgboost": ("data", ".xgboost_model"),
    "lightgbm": ("data", ".lightgbm_model"),
    "catboost": ("data", ".catboost_model"),
}
#: Type of MLflow -> field type and the dtype that its schema demands.
_TYPES: dict[str, tuple[str, Any]] = {
    "boolean": ("boolean", np.bool_),
    "integer": ("integer", np.int32),
    "long": ("integer", np.int64),
    "float": ("number", np.float32),
    "double": ("number", np.float64),
    "string": ("string", object),
    "datetime": ("string", "datetime64[ns]"),
}


def load_model(spec: Spec) -> Model:
    """Return the model of a folder."""
    yaml: Any = importlib.import_module("yaml")
    with open(os.path.join(spec.artifact, "MLmodel"), encoding="utf-8") as file:
        told = yaml.safe_load(file)
    flavours = told.get("flavors") or {}
    for flavour, (key, module) in _FLAVOURS.items():
        name = (flavours.get(flavour) or {}).get(key)
        if name:
            own = spec._replace(artifact=os.path.join(spec.artifact, str(name)))
            model: Model = importlib.import_module(module, __package__).load_model(own)
            _name_inputs(model, told)
            return model
    return _pyfunc(spec)


def _name_inputs(model: Model, told: dict[str, Any]) -> None:
    """Give a model that has no names those of the folder's signature."""
    columns = json.loads((told.get("signature") or {}).get("inputs") or "[]")
    names = [one.get("name") for one in columns if isinstance(one, dict)]
    signature = model.signature
    if signature.names_known or len(names) != len(signature.inputs) or not all(names) or len(set(names)) != len(names):
        return
    fields = tuple(replace(field, name=str(name)) for field, name in zip(signature.inputs, names))
    model.signature = replace(signature, inputs=fields, names_known=True)


class PyfuncModel(Model):
    """Ask a folder as mlflow.pyfunc does: with a data frame of the types of its signature, or with a tensor."""

    def __init__(self, model: Any, inputs: Sequence[Field], types: Sequence[str], output: Output) -> None:
        self._model = model
        self._types = types
        # The dtype that a signature of one tensor demands.
        schema = model.metadata.get_input_schema()
        told = schema.to_dict() if schema is not None and not types else []
        self._tensor = np.dtype(told[0]["tensor-spec"]["dtype"]) if told else None
        self._names = [field.name for field in inputs]
        self.signature = Signature(inputs=tuple(inputs), output=output)

    def ask(self, columns: Columns) -> Any:
        """Return what the folder itself answers."""
        if self._tensor is not None:
            return self._model.predict(np.column_stack(list(columns)).astype(self._tensor))
        parts = [_cast(column, kind) for column, kind in zip(columns, self._types)]
        return self._model.predict(frame_of(self._names, parts))

    def predict(self, columns: Columns) -> Predictions:
        """Predict all rows at once."""
        return predictions_of(self.ask(columns), self.signature.output, len(columns[0]))


def _cast(column: Any, kind: str) -> Any:
    if column.dtype == object or (column.dtype.kind == "f" and _TYPES[kind][0] == "integer"):
        return np.array([None if value != value else value for value in column.tolist()], dtype=object)
    return column.astype(_TYPES[kind][1])


def _pyfunc(spec: Spec) -> Model:
    pyfunc: Any = importlib.import_module("mlflow.pyfunc")
    model = pyfunc.load_model(spec.artifact)
    inputs, types, sample = _inputs(model, spec)
    found = PyfuncModel(model, inputs, types, Output())
    answer = found.ask(sample)
    found.signature = replace(found.signature, output=output_of(answer))
    return found


def _inputs(model: Any, spec: Spec) -> tuple[list[Field], list[str], list[Any]]:
    """Return the fields, the types of MLflow, and a row that the model answers."""
    schema = model.metadata.get_input_schema()
    told = schema.to_dict() if schema is not None else []
    if not told and not spec.inputs:
        raise LoadError(
            "child-signature",
            "the folder has no signature",
            "save it again with one (`signature=infer_signature(inputs, answers)`), or declare the inputs at the "
            "route: `inputs: {age: {type: number}}`",
        )
    if not told:
        kinds = {"integer": "long", "string": "string", "boolean": "boolean"}
        fields = list(spec.inputs)
        return fields, [kinds.get(field.type, "double") for field in fields], sample_columns(fields)
    if told[0].get("type") == "tensor":
        fields = _of_tensor(told)
        return fields, [], sample_columns(fields)
    fields = [_field(i, column) for i, column in enumerate(told)]
    types = [str(column["type"]) for column in told]
    return fields, types, _sample(model, fields)


def _of_tensor(told: list[dict[str, Any]]) -> list[Field]:
    shape = told[0]["tensor-spec"]["shape"]
    if len(told) > 1 or len(shape) != 2 or shape[1] < 1:
        raise LoadError(
            "child-signature",
            f"its signature is no table: {told}",
            "save it with a signature of columns (infer_signature of a data frame)",
        )
    return [Field(name=f"x{i}") for i in range(shape[1])]


def _field(at: int, told: dict[str, Any]) -> Field:
    kind = _TYPES.get(str(told.get("type")))
    name = str(told.get("name") or f"x{at}")
    if kind is None:
        raise LoadError(
            "child-signature",
            "the column {!r} has the type {}, which is no single value".format(name, told.get("type")),
            "save it with a signature of numbers, texts and booleans",
        )
    is_optional = told.get("required") is False or told.get("optional") is True
    return Field(name=name, type=kind[0], nullable=is_optional, required=not is_optional)


def _sample(model: Any, fields: Sequence[Field]) -> list[Any]:
    """Return the first row of the example in the folder, which lies in the domain of the model; else a made-up one."""
    made_up = sample_columns(fields)
    try:
        example = model.metadata.load_input_example(model.metadata.model_path)
        return [np.asarray(example[field.name])[:1].astype(one.dtype) for field, one in zip(fields, made_up)]
    except Exception:  # whatever it raises, there is no example of these columns
        return made_up
