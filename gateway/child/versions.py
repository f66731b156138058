"""Tells the versions that decide about answers: Python's and those of the frameworks that are installed."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

_PACKAGES = (
    "catboost",
    "imbalanced-learn",
    "joblib",
    "lightgbm",
    "mlflow",
    "mlflow-skinny",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "skops",
    "statsmodels",
    "torch",
    "xgboost",
    "xgboost-cpu",
)


@functools.lru_cache(maxsize=None)
def installed_versions() -> dict[str, str]:
    """Return package -> version of this environment."""
    found = {package: version for package in _PACKAGES if (version := _version_of(package))}
    return {"python": platform.python_version(), **found}


def _version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
