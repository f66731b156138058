"""
Loaders of artifacts: verified bytes to a predictor; one framework, one file and one row of the table (table.py).

Importing this module imports no framework.
"""

import importlib
from pathlib import Path
from typing import cast

from gateway.artifacts.mlflow_reference import is_reference
from gateway.errors import LoadError
from gateway.loaders.base import Loader
from gateway.loaders.mlflow_folder import MlflowFolder, is_mlflow, read_folder
from gateway.loaders.mlflow_models import FolderLoader
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import loader_names, pip_line, row_of, shown_suffixes
from gateway.loaders.unknown_files import recognise
from gateway.system import garbage_collection
from gateway.system.installed_packages import versions_of
from gateway.system.suggest import listing

#: Of a folder, those that are looked at for a model.
_MOST_FILES = 200
_RUN = "mlflow:runs:/"


def get_loader(name: str) -> Loader:
    """
    Return the loader of that name, importing its framework.

    Raises LoadError: `unknown-loader`, `missing-extra` (with the pip line) or `broken-package`.
    """
    row = row_of(name)
    if not row.target:
        raise LoadError(
            f"there is no loader {name!r}",
            code="unknown-loader",
            hint=f"one of: {', '.join(loader_names())}",
        )
    module, _, attributes = row.target.partition(":")
    try:
        with garbage_collection.paused():
            found = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
        return cast(Loader, FolderLoader(found()))  # type: ignore[operator]
    except ModuleNotFoundError as exc:
        raise _missing(name, exc) from exc
    except OSError as exc:
        raise _no_library(name, exc) from exc
    except Exception as exc:  # a half installed framework raises anything
        raise _broken(name, exc) from exc


def _missing(name: str, exc: ModuleNotFoundError) -> LoadError:
    package = (exc.name or "").partition(".")[0] or str(exc)
    return LoadError(
        f"loader {name!r} needs the package {package!r}, which is not installed here",
        code="missing-extra",
        hint=pip_line(name),
    )


def _broken(name: str, exc: Exception) -> LoadError:
    return LoadError(
        f"loader {name!r} cannot be imported: {type(exc).__name__}: {exc}",
        code="broken-package",
        hint=f"reinstall its package: {pip_line(name, '--force-reinstall ')}",
    )


def _no_library(name: str, exc: OSError) -> LoadError:
    """Name the system's package of a shared library that a framework is linked to and no wheel brings."""
    if "libgomp" not in str(exc):
        return _broken(name, exc)
    return LoadError(
        f"loader {name!r} needs the system's library libgomp (OpenMP), which is not installed here: {exc}",
        code="broken-package",
        hint="install it: apt-get install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora, Red Hat) or "
        "apk add libgomp (Alpine)",
    )


def unknown(path: Path, text: str) -> LoadError:
    """Return the error of an artifact that no loader takes: what it is and what to do, where that can be seen."""
    found = read_folder(path) if is_mlflow(path) else recognise(path)
    if isinstance(found, MlflowFolder):
        return unknown(found.model, f"{text}/{found.model.name}")
    if found is not None:
        return LoadError(f"'{text}' is {found.what}, which no loader takes", code="no-loader", hint=found.todo)
    hint = _inside(path, text) if path.is_dir() else f"name a model file, which ends in {shown_suffixes()}"
    return LoadError(f"no loader is known for '{text}'", code="no-loader", hint=hint)


def _inside(folder: Path, text: str) -> str:
    """Name the files of a folder that a loader takes; .json may be anything."""
    try:
        files = sorted(folder.iterdir())[:_MOST_FILES]
    except OSError:
        files = []
    fitting = [
        f"{text}/{one.name}" for one in files if one.is_file() and one.suffix != ".json" and sniff(one, one.name)
    ]
    if is_reference(text) and not text.startswith(_RUN):  # only references into a run go on with a path
        again = "log the model again with log_model of its flavour"
        name = fitting[0].rpartition("/")[2] if fitting else "FILE"
        return f"{again}, or log its file as an artifact of a run and name that: {_RUN}RUN_ID/{name}"
    return f"name the model file in it: {listing(fitting[:3])}" if fitting else "name the model file in it"


def package_versions(name: str) -> dict[str, str]:
    """Return the installed versions of the distributions behind a loader, without importing any."""
    return versions_of(row_of(name).packages)
