"""
Reads the folder of an MLflow model: which flavours it has, which file holds the model, what MLmodel says of it.

MLmodel is data of somebody else: bounded, read as plain YAML, and no path in it leads out of the folder. Imports
neither mlflow nor a framework.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from gateway.loaders import unknown_kinds
from gateway.loaders.unknown_kinds import Foreign
from gateway.system import files

DESCRIPTION: Final = "MLmodel"
#: A signature of 10,000 columns is 0.6 MB.
_MOST_BYTES: Final = 1 << 20
#: Examples are rows of the training data; longer ones are pictures.
_MOST_EXAMPLE_BYTES: Final = 1 << 18
#: Flavours with a loader, and the key that names the file of the model.
_FILES: Final = {
    "sklearn": "pickled_model",
    "xgboost": "data",
    "lightgbm": "data",
    "catboost": "data",
    "onnx": "data",
}
#: What flavours call the file where MLmodel does not say it.
_USUAL: Final = ("model.skops", "model.ubj", "model.xgb", "model.lgb", "model.cb", "model.onnx", "model.pkl")
_PYFUNC: Final = "python_function"
_MODULE: Final = re.compile(rf"mlflow\.({'|'.join(_FILES)})")
_OWN_CODE: Final = (
    "write its predict as a Python route (`def predict(...)` in a .py file, the files that it reads beside it); a "
    "route that runs it in an environment of its own (`executor: process`) is not there yet"
)
#: Flavours without a loader, and the way in of what they hold.
_FOREIGN: Final[Mapping[str, str]] = {
    "h2o": unknown_kinds.H2O_BINARY.todo,
    "keras": unknown_kinds.KERAS.todo,
    "tensorflow": unknown_kinds.TENSORFLOW.todo,
    "pytorch": unknown_kinds.TORCH.todo,
    "spark": unknown_kinds.SPARK.todo,
    "spacy": unknown_kinds.SPACY.todo,
    "transformers": unknown_kinds.TRANSFORMER.todo,
    "sentence_transformers": unknown_kinds.TRANSFORMER.todo,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowFolder:
    """
    Hold what MLmodel says: the flavour that is served and its keys, the file of the model, inputs and outputs.

    `inputs` and `outputs` are the lists of the signature, empty where there is none; `example` is the first row of the
    input example, column -> value or a list of values.
    """

    flavour: str
    keys: Mapping[str, Any]
    pyfunc: Mapping[str, Any]
    model: Path
    version: str
    inputs: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()
    params: tuple[Mapping[str, Any], ...] = ()
    example: Mapping[str, Any] | tuple[Any, ...] = field(default_factory=tuple)


def is_mlflow(path: Path) -> bool:
    """Say whether a path is the folder of an MLflow model."""
    return files.is_file(path / DESCRIPTION)


def read_folder(path: Path) -> MlflowFolder | Foreign:
    """Return what a folder holds, or what it is where no loader takes it."""
    told = _described(path)
    if isinstance(told, str):
        return _odd(told)
    flavours = {str(name): _mapping(keys) for name, keys in _mapping(told.get("flavors")).items()}
    pyfunc = flavours.get(_PYFUNC, {})
    flavour, name = _chosen(flavours)
    if not flavour:
        return _without_loader(flavours)
    model = (
        _inside(path, name) if name is not None else next(filter(None, (_inside(path, one) for one in _USUAL)), None)
    )
    if model is None:
        return _odd(f"whose {DESCRIPTION} names no file in it as the model: {_shown(name)}")
    signature = _mapping(told.get("signature"))
    return MlflowFolder(
        flavour=flavour,
        keys=flavours.get(flavour, {}),
        pyfunc=pyfunc,
        model=model,
        version=_shown(told.get("mlflow_version", "")),
        inputs=_columns(signature.get("inputs")),
        outputs=_columns(signature.get("outputs")),
        params=_columns(signature.get("params")),
        example=_example(path, _mapping(told.get("saved_input_example_info"))),
    )


def model_in(path: Path) -> Path | None:
    """Return the file of the model in an MLflow folder; None where it is none, or none that a loader may take."""
    found = read_folder(path) if is_mlflow(path) else None
    return found.model if isinstance(found, MlflowFolder) else None


def _described(path: Path) -> Mapping[Any, Any] | str:
    """Return the content of MLmodel, or what is wrong with it."""
    parsed = import_module("gateway.loaders.mlflow_yaml").parsed  # prepare children of other models import no YAML
    try:
        found = parsed(files.read(path / DESCRIPTION, _MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or files.shortened(str(error))
        return f"whose {DESCRIPTION} cannot be read: {why}"
    return found if isinstance(found, dict) else f"whose {DESCRIPTION} is no mapping"


def _chosen(flavours: Mapping[str, Mapping[str, Any]]) -> tuple[str, Any]:
    """Return the flavour that a loader takes and the name of its file; the flavour of the library comes first."""
    for flavour, key in _FILES.items():
        if flavour in flavours:
            return flavour, flavours[flavour].get(key)
    pyfunc = flavours.get(_PYFUNC, {})
    module = _MODULE.fullmatch(str(pyfunc.get("loader_module", "")))
    return (module[1], pyfunc.get("model_path", pyfunc.get("data"))) if module else ("", None)


def _inside(folder: Path, name: Any) -> Path | None:
    """Return a file of the folder by its relative name; links that lead out of it do not count."""
    if not isinstance(name, str) or not name or "\0" in name:
        return None
    path = folder / name
    try:
        is_inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return None
    return path if is_inside and ".." not in Path(name).parts and files.is_file(path) else None


def _without_loader(flavours: Mapping[str, Mapping[str, Any]]) -> Foreign:
    others = sorted(name for name in flavours if name != _PYFUNC)
    known = next((name for name in others if name in _FOREIGN), None)
    if known is not None:
        return Foreign(f"an MLflow model of the flavour {known}", _FOREIGN[known])
    module = _shown(flavours.get(_PYFUNC, {}).get("loader_module", ""))
    if others:
        return Foreign(f"an MLflow model of the flavour {_shown(others[0])}", _OWN_CODE)
    if module == "mlflow.pyfunc.model":
        return Foreign("an MLflow model with code of its own (a PythonModel)", _OWN_CODE)
    if module:
        return Foreign(f"an MLflow model that the module {module} loads", _OWN_CODE)
    return _odd(f"whose {DESCRIPTION} names no flavour")


def _odd(what: str) -> Foreign:
    return Foreign(f"an MLflow model {what}", "save it again with mlflow, or name the file of the model in it")


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _columns(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Return a part of the signature, which is a list as JSON in a text."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return ()
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _example(folder: Path, told: Mapping[Any, Any]) -> Mapping[str, Any] | tuple[Any, ...]:
    path = _inside(folder, told.get("artifact_path"))
    if path is None:
        return ()
    try:
        found = json.loads(files.read(path, _MOST_EXAMPLE_BYTES))
    except (OSError, ValueError, RecursionError):
        return ()
    columns, rows = None, found
    if isinstance(found, dict):
        columns, rows = found.get("columns"), found.get("data", found.get("inputs"))
    row = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(row, list):
        return row if isinstance(row, dict) else ()
    if isinstance(columns, list) and len(columns) == len(row):
        return dict(zip(map(str, columns), row, strict=True))
    return tuple(row)


def _shown(value: Any) -> str:
    return files.shortened(str(value) if isinstance(value, str | int | float) else type(value).__name__)
