"""Errors for objects that are no fitted scikit-learn predictor: each kind of object has its message and its fix."""

from pathlib import Path
from typing import Any, Final

from gateway.errors import LoadError

#: Transformers of dictionaries: no column has a place.
_SHAPELESS: Final = frozenset({"DictVectorizer", "FeatureHasher"})


def not_a_predictor(path: Path, found: Any) -> LoadError:
    """Return the refusal of an object that was read, with what to do about it."""
    what, hint = _told(found)
    return LoadError(f"{path.name}: {what}", code="not-a-predictor", hint=hint)


def _told(found: Any) -> tuple[str, str]:
    kind = type(found).__name__
    if kind in ("Booster", "DMatrix") and type(found).__module__.startswith("xgboost"):
        return (
            f"holds an XGBoost {kind}, which is no scikit-learn model",
            "write it with booster.save_model('model.ubj') and name that file",
        )
    if isinstance(found, dict):
        parts = ", ".join(str(name)[:40] for name in list(found)[:5])
        return (
            f"holds a dict ({parts}), not one model",
            "save its model alone; a scaler belongs into a Pipeline with it",
        )
    if isinstance(found, list | tuple):
        parts = ", ".join(type(one).__name__ for one in found[:5])
        return f"holds a {kind} ({parts}), not one model", "save one Pipeline of these parts, fitted, and name its file"
    if hasattr(found, "transform"):
        return (
            f"holds a {kind}, which transforms and predicts nothing",
            "save the whole pipeline that ends in a classifier or regressor, not one of its parts",
        )
    if hasattr(found, "predict"):
        return (
            f"holds a {kind}, which is no scikit-learn model",
            "serve it with the python loader, or export it to ONNX",
        )
    return f"holds a {kind}, which predicts nothing", "save the fitted model itself, not its data or its results"


def untold_inputs(kind: str) -> LoadError:
    """Return the error of a first step that does not tell how many columns it takes."""
    what, hint = "does not tell how many columns it takes", "fit it again with the installed version"
    if kind in _SHAPELESS:
        what, hint = "takes objects of any shape", "fit a ColumnTransformer on a data frame instead"
    return LoadError(
        f"a {kind} {what}, so the inputs cannot be told",
        code="unknown-inputs",
        hint=f"{hint}, or serve it with the python loader",
    )
