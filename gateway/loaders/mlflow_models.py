"""Loads the model in an MLflow folder by the loader of its file; every other artifact as that loader does."""

from pathlib import Path
from typing import Any

from gateway.errors import GatewayError, LoadError
from gateway.loaders.base import Loader, LoadOptions
from gateway.loaders.mlflow_folder import MlflowFolder, is_mlflow, read_folder
from gateway.loaders.mlflow_signature import with_told
from gateway.schema import Predictor, Signature


class FolderLoader:
    """Stand in front of a loader: of an MLflow folder it gets the file, of everything else the path itself."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.name = loader.name

    def load(self, path: Path, options: LoadOptions) -> Predictor:
        """Load the artifact; in an MLflow folder, check its signature against that of the model."""
        if not is_mlflow(path):
            return self._loader.load(path, options)
        folder = _folder(path)
        predictor = self._loader.load(folder.model, options)
        predictor.signature = _told(predictor.signature, folder, path)
        return predictor

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Say inputs and outputs."""
        if not is_mlflow(path):
            return self._loader.describe(path, options)
        folder = _folder(path)
        return _told(self._loader.describe(folder.model, options), folder, path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _folder(path: Path) -> MlflowFolder:
    found = read_folder(path)
    if isinstance(found, MlflowFolder):
        return found
    raise LoadError(f"'{path.name}' is {found.what}, which no loader takes", code="no-loader", hint=found.todo)


def _told(found: Signature, folder: MlflowFolder, path: Path) -> Signature:
    try:
        return with_told(found, folder)
    except GatewayError as exc:
        raise LoadError(f"{path.name}: {exc.message}", code=exc.code, hint=exc.hint) from exc
