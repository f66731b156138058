"""Errors for objects that are no fitted scikit-learn predictor: each kind of object has its message and its fix."""

from pathlib import Path
from typing import Any, Final

from gateway.errors import LoadError
from gateway.loaders import siblings
from gateway.loaders.bundles.members import member_of

#: Transformers of dictionaries: no column has a place.
_SHAPELESS: Final = frozenset({"FeatureHasher"})


def not_a_predictor(path: Path, found: Any, folder: Path | None = None) -> LoadError:
    """Return the refusal of an object that was read, with what to do about it; `folder` is where the file came from."""
    what, hint = _step_of_a_model(path, found, folder) or _told(found)
    return LoadError(f"{path.name}: {what}", code="not-a-predictor", hint=hint)


def _step_of_a_model(path: Path, found: Any, folder: Path | None) -> tuple[str, str] | None:
    """Say of a step that it is one, and which models beside it, or what commands, would use it; None: it is no step."""
    kind = member_of(path.name, path.stem, found, is_file=True).kind
    if kind not in _STEP_KINDS:
        return None
    what = _STEP_KINDS[kind].format(kind=type(found).__name__)
    origin = (folder or path.parent) / path.name
    models = siblings.models_beside(origin)[:3]
    if not models:
        example = "[model.pkl, {0}]" if siblings.stands_behind(origin) else "[{0}, model.pkl]"
        return (
            what,
            f"name it together with the model that was trained behind it: artifact: {example.format(path.name)}",
        )
    commands = " or ".join(
        siblings.command_for(model, siblings.steps_beside(model), str(origin)) for model in models[:3]
    )
    return what, f"{', '.join(model.name for model in models[:3])} beside it may belong to it: {commands}"


_STEP_KINDS: Final = {
    "step": "holds a {kind}, a step that transforms for a model and predicts nothing",
    "labels": "holds a {kind}, a step that names the classes of a model and predicts nothing",
    "levels": "holds encoders by column, a step that transforms for a model and predicts nothing",
    "columns": "holds names of columns, which a model takes, and no model",
}


def _told(found: Any) -> tuple[str, str]:
    kind = type(found).__name__
    if kind in ("Booster", "DMatrix") and type(found).__module__.startswith("xgboost"):
        return (
            f"holds an XGBoost {kind}, which is no scikit-learn model",
            "write it with booster.save_model('model.ubj') and name that file",
        )
    if isinstance(found, dict):
        parts = ", ".join(f"{str(name)[:40]}: {type(one).__name__}" for name, one in list(found.items())[:5])
        return f"holds a dict ({parts}) without a model", "add the fitted model to it, or name the file of the model"
    if isinstance(found, list | tuple):
        parts = ", ".join(type(one).__name__ for one in found[:5])
        return f"holds a {kind} ({parts}) without a model", "add the fitted model to it, or name the file of the model"
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
