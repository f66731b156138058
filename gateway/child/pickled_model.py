"""
Serves what a pickle, a joblib file or a skops file holds: an estimator, a booster, a fitted statistical model.

Reading a pickle runs what it names. Whether it may be read was decided before this process was started.
"""

from __future__ import annotations

import importlib
import pickle
import re
import zipfile
from typing import Any

from .faults import LoadError
from .schema import Model
from .spec import Spec

#: First part of the module of a model's class -> the module here that serves it, where it serves it alone.
_OWN = {
    "catboost": ".catboost_model",
    "lightgbm": ".lightgbm_model",
    "statsmodels": ".statsmodels_model",
    "torch": ".torch_model",
    "xgboost": ".xgboost_model",
}
#: Classes that skops does not trust by itself, and that a skops file of a model holds.
_OF_LIBRARIES = re.compile(r"numpy\.dtype|(sklearn|imblearn|xgboost|lightgbm|catboost)\.([\w.]+\.)?_*[A-Z]\w*")
#: Searches that hand everything to the best estimator.
_SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")


def load_model(spec: Spec) -> Model:
    """Return the model of a file."""
    return model_of(read_file(spec.artifact, allow_code=spec.allow_code), spec)


def read_file(path: str, *, allow_code: bool = False) -> Any:
    """Return the object that a file holds."""
    if zipfile.is_zipfile(path):
        return _read_skops(path, allow_code)
    try:
        joblib: Any = importlib.import_module("joblib")
    except ModuleNotFoundError:
        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


def _read_skops(path: str, allow_code: bool) -> Any:
    """Return the object of a skops file; where code is not allowed, it holds classes of libraries only."""
    skops: Any = importlib.import_module("skops.io")
    named = skops.get_untrusted_types(file=path)
    strange = [name for name in named if not _OF_LIBRARIES.fullmatch(name)]
    if strange and not allow_code:
        raise LoadError(
            "child-load",
            "it names types of no library for models: {}".format(", ".join(strange[:5])),
            "if they are your own, say so at the route: `allow_code: true`, with the file's `sha256`",
        )
    return skops.load(path, trusted=named)


def model_of(found: Any, spec: Spec) -> Model:
    """Return the model of an object; raises LoadError for what predicts nothing, or does not tell its inputs."""
    module = _OWN.get(type(_alone(found)).__module__.partition(".")[0])
    if module is not None:
        model: Any = importlib.import_module(module, __package__).model_of(_alone(found), spec)
        if model is not None:
            return model  # type: ignore[no-any-return]
    if _is_estimator(found):
        served: Model = importlib.import_module(".sklearn_model", __package__).SklearnModel(found, spec.inputs)
        return served
    if callable(getattr(found, "predict", None)):
        frame: Model = importlib.import_module(".frame_model", __package__).model_of(found, spec)
        return frame
    raise LoadError(
        "child-load",
        f"{_told(found)}, which predicts nothing",
        "save the fitted model itself, or write its predict as a Python file that opens this one, and name that",
    )


def _is_estimator(found: Any) -> bool:
    """Say whether an object is one that scikit-learn's rules hold for, and tells what it was fitted on."""
    return hasattr(found, "get_params") and hasattr(found, "predict") and _tells_width(found)


def _tells_width(found: Any) -> bool:
    versions: Any = importlib.import_module(".sklearn_versions", __package__)
    return type(found).__module__.startswith("sklearn.") or bool(versions.width_of(found))


def _alone(found: Any) -> Any:
    """Return the model inside of searches and of pipelines without another step."""
    while True:
        steps = getattr(found, "steps", None)
        if type(found).__name__ in _SEARCHES:
            found = getattr(found, "best_estimator_", None)
        elif (
            type(found).__name__ == "Pipeline"
            and steps
            and all(step is None or step == "passthrough" for _, step in steps[:-1])
        ):
            found = steps[-1][1]
        else:
            return found


def _told(found: Any) -> str:
    if isinstance(found, dict):
        parts: dict[Any, Any] = found
        shown = ", ".join(f"{str(name)[:40]}: {type(one).__name__}" for name, one in list(parts.items())[:5])
        return f"holds a dict ({shown})"
    if isinstance(found, (list, tuple)):
        return "holds a {} ({})".format(type(found).__name__, ", ".join(type(one).__name__ for one in found[:5]))
    return f"holds a {type(found).__name__}"
