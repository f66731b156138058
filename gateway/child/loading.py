"""
Loads the model that a spec names: chooses the loader, and says by code why a model cannot be loaded.

`child-import`: a package or a file of the user's is missing; `child-load`: the bytes or the code failed;
`child-signature`: loaded, but inputs or outputs cannot be told.
"""

from __future__ import annotations

import importlib
import os
import re
import sys

from .faults import ChildError, LoadError, text_of
from .main_names import stand_for_main
from .schema import Model
from .spec import Spec

#: Loader -> the module that has its `load_model`; imported by name, as it imports its framework.
LOADERS = {
    "catboost": ".catboost_model",
    "lightgbm": ".lightgbm_model",
    "mlflow": ".mlflow_model",
    "python": ".python_model",
    "sklearn": ".pickled_model",
    "torchscript": ".torch_model",
    "xgboost": ".xgboost_model",
}
_LOST_NAME = re.compile(r"attribute '(\w+)' on <module '__main__'|'__main__' has no attribute '(\w+)'")


def load(spec: Spec) -> Model:
    """Return the model, ready to predict; raises ChildError."""
    for folder in reversed(spec.folders):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    stand_for_main(spec.main_modules)
    try:
        name = loader_of(spec) if spec.loader == "auto" else spec.loader
        module = LOADERS.get(name)
        if module is None:
            raise LoadError("child-load", "no loader {!r}; there are {}".format(name, ", ".join(sorted(LOADERS))))
        model: Model = importlib.import_module(module, __package__).load_model(spec)
        return model
    except ChildError:
        raise
    except ImportError as error:
        raise _not_imported(error, spec) from error
    except BaseException as error:  # code of the user's may even call sys.exit
        raise _not_loaded(error, spec) from error


def _not_imported(error: ImportError, spec: Spec) -> LoadError:
    requirements = spec.requirements or "the requirements of this environment"
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return LoadError("child-import", text_of(error), f"check the versions in {requirements}")
    root = error.name.partition(".")[0]
    return LoadError(
        "child-import",
        f"the environment has no module {error.name!r}",
        f"add the package to {requirements}, or, if {root}.py is a file of your own, list it at the route: "
        f"`files: [{root}.py]`",
    )


def _not_loaded(error: BaseException, spec: Spec) -> LoadError:
    lost = _LOST_NAME.search(str(error))
    name = os.path.basename(spec.artifact)
    if lost is not None:
        found = lost[1] or lost[2]
        return LoadError(
            "child-load",
            f"{name}: it was written where {found!r} was defined in a script or notebook, and no file here defines it",
            f"write {found} into a file of its own and list that at the route: `files: [own.py]`",
        )
    return LoadError("child-load", f"{name}: {text_of(error)}", _hint_for(error))


def _hint_for(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "give the route more memory, or serve a smaller model"
    return "load it by hand in this environment, and compare the versions with those of the training"


def loader_of(spec: Spec) -> str:
    """Return the loader of an artifact by its content."""
    if os.path.isfile(os.path.join(spec.artifact, "MLmodel")):
        return "mlflow"
    if spec.entry is not None or spec.artifact.endswith(".py"):
        return "python"
    with open(spec.artifact, "rb") as file:
        head = file.read(4096)
    return _by_content(head, os.path.splitext(spec.artifact)[1].lower()) or "sklearn"


def _by_content(head: bytes, suffix: str) -> str | None:
    if head.startswith(b"CBM1"):
        return "catboost"
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm"
    if suffix in (".pt", ".pth", ".ts"):
        return "torchscript"
    if suffix == ".ubj" or (head.lstrip()[:1] == b"{" and b'"learner"' in head):
        return "xgboost"
    if head.lstrip()[:1] == b"{" and suffix == ".json":
        return "catboost" if b"oblivious_trees" in head or b"features_info" in head else "xgboost"
    return None
