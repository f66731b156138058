"""Serves fitted results of statsmodels, by a formula or by arrays."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .faults import LoadError
from .frame_model import FrameModel
from .frames import frame_of
from .schema import Field, Model
from .spec import Spec

_CONSTANT = "const"


def model_of(found: Any, spec: Spec) -> Model | None:
    """Return the model of fitted results; None for what predicts nothing."""
    if not callable(getattr(found, "predict", None)) or not hasattr(found, "params"):
        return None
    columns = _formula_columns(found)
    if columns is not None:
        inputs = list(spec.inputs) or [Field(name=name) for name in columns]
        return FrameModel(lambda frame: np.asarray(found.predict(frame), dtype=np.float64), inputs)
    names = [str(name) for name in getattr(found.model, "exog_names", None) or ()]
    if not names:
        raise LoadError(
            "child-signature",
            f"a {type(found).__name__} has no explanatory columns: it predicts times, not rows",
            "write a Python file, `def predict(steps: int)`, that opens it",
        )
    return FrameModel(_asking(found, names), [Field(name=name) for name in names if name != _CONSTANT])


def _formula_columns(found: Any) -> list[str] | None:
    """Return the columns that a formula reads; None where the model was fitted on arrays."""
    data = getattr(found.model, "data", None)
    design = getattr(data, "design_info", None) or getattr(data, "model_spec", None)
    formula = getattr(found.model, "formula", None)
    if design is None or formula is None:
        return None
    frame = getattr(data, "frame", None)
    known = [str(name) for name in getattr(frame, "columns", ())]
    terms = getattr(design, "factor_infos", None)
    if terms is None or not known:
        raise LoadError(
            "child-signature",
            f"the formula {str(formula)!r} does not tell its columns",
            "declare them at the route: `inputs: {age: {type: number}}`",
        )
    read = set()
    for factor in terms:
        read |= set(compile(factor.name(), "<formula>", "eval").co_names)
    return [name for name in known if name in read]


def _asking(found: Any, names: list[str]) -> Callable[[Any], Any]:
    """Return what asks a model that was fitted on arrays, which wants the constant that add_constant put there."""

    def ask(frame: Any) -> Any:
        rows = len(frame)
        parts = [np.ones(rows) if name == _CONSTANT else np.asarray(frame[name], dtype=np.float64) for name in names]
        return np.asarray(found.predict(frame_of(names, parts)), dtype=np.float64)

    return ask
