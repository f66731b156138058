"""
Say which code a pickle would run beyond what models consist of, by its names alone: nothing of it is made.

For models that another process reads, with libraries of other versions: what is admitted there is what the readers
here would admit.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.loaders.admission.allowed_names import ForbiddenGlobal
from gateway.loaders.admission.constructors import resolve
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.table import PICKLE_HEADS, PICKLE_SUFFIXES
from gateway.system import files

_MAIN: Final = "__main__"
_MOST_BYTES: Final = 16 * 2**20
_LOADER_MODULE: Final = re.compile(r"^\s*loader_module:\s*['\"]?([\w.]+)", re.MULTILINE)
#: Of these an MLflow folder holds a model and no code; what its pickles name is looked at besides.
_MLFLOW_LOADERS: Final = frozenset(f"mlflow.{name}" for name in ("catboost", "lightgbm", "sklearn", "xgboost"))


def needed_code(path: Path) -> list[str]:
    """Return the names in the pickles of a file or folder that no reader here admits, and an own loader of MLflow."""
    names = {name for pickled in _pickles(path) for name in pickle_imports(pickled) if not _is_admitted(name)}
    return sorted(names | set(_loader_modules(path)))


def _loader_modules(path: Path) -> list[str]:
    """Return the modules that an MLflow folder has loaded for it, unless it is one of MLflow's for models of data."""
    place = path / "MLmodel"
    text = files.read(place, _MOST_BYTES).decode(errors="replace") if files.is_file(place) else ""
    return [module for module in _LOADER_MODULE.findall(text) if module not in _MLFLOW_LOADERS]


def own_modules(names: list[str]) -> list[str]:
    """Return the files that would define names of `__main__` and of modules without a package."""
    modules = {name.partition(".")[0] for name in names if name.count(".") == 1}
    return sorted(f"{module}.py" for module in modules if module.isidentifier() and module != _MAIN)


def _pickles(path: Path) -> Iterator[Path]:
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if files.is_file(one) and (one.suffix.lower() in PICKLE_SUFFIXES or one == path or _starts_as_one(one)):
            yield one


def _starts_as_one(path: Path) -> bool:
    with files.open_regular(path) as stream:
        return stream.read(2) in PICKLE_HEADS


def _is_admitted(name: str) -> bool:
    module, _, last = name.rpartition(".")
    try:
        resolve(module, last)
    except (ForbiddenGlobal, ModuleNotFoundError):
        return False
    return True
