"""Errors for scikit-learn artifacts that cannot be read, or that were read and cannot predict."""

from pathlib import Path
from typing import Any

import sklearn

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders.admission.sklearn_trees import takes_categories
from gateway.loaders.versions.wheels import another_scikit_learn


def unreadable(path: Path, exc: Exception, written_by: str | None) -> GatewayError:
    """Return the error of a file that a reader gave up on; `written_by` is the version that its estimators tell."""
    if written_by is not None or "incompatible dtype" in str(exc):
        return LoadError(
            f"{path.name}: written with scikit-learn {written_by or 'of another version'}, which "
            f"{sklearn.__version__} cannot read: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(written_by, sklearn.__version__),
        )
    if isinstance(exc, KeyError) and "__pyx_unpickle_" in str(exc):
        return LoadError(
            f"{path.name}: holds a compiled part as an older scikit-learn wrote it, which {sklearn.__version__} cannot "
            f"read: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(None, sklearn.__version__),
        )
    if type(exc).__module__.startswith("xgboost."):
        return LoadError(
            f"{path.name}: holds a model of an XGBoost version that the installed one cannot read: {exc}",
            code="wrong-version",
            hint="save it with model.save_model('model.json') where it was written, and serve that file; or train it "
            "again",
        )
    return ArtifactError(
        f"{path.name}: not a readable scikit-learn artifact: {type(exc).__name__}: {exc}",
        code="broken-artifact",
        hint="copy it again from where it was trained: its sha256 must be that of the original",
    )


def cannot_answer(path: Path, exc: Exception, estimator: Any, written_by: str | None) -> LoadError:
    """Return the error of a model that was read and cannot predict a made-up row."""
    library = takes_categories(estimator)
    if library:
        return LoadError(
            f"{path.name}: holds a model of {library} that takes pandas categories, inside of other parts or with a "
            "`missing` of its own, so that its columns cannot be told",
            code="unsupported-model",
            hint=f"save the model of {library} alone, or put an encoder before it and train the pipeline again",
        )
    if written_by is not None:
        return LoadError(
            f"{path.name}: written with scikit-learn {written_by}; loads with {sklearn.__version__} "
            f"but cannot predict: {type(exc).__name__}: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(written_by, sklearn.__version__),
        )
    return LoadError(
        f"{path.name}: the model cannot predict a made-up row: {type(exc).__name__}: {exc}",
        code="cannot-predict",
        hint="was it fitted before it was saved? Try its predict where it was trained",
    )
