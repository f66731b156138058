"""
Compilers lower loaded models to faster programs while preparing.

A compiled model serves only after it agreed with the original on golden, generated and threshold rows, at least 100
different ones or all there are, in batches and alone; else the original serves and `/routes` says why. The table of
compilers is here and imports no framework. Further compilers announce themselves by an entry point named after the
loader whose predictors they lower.
"""

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from gateway.compilers.base import Compiler, Declined
from gateway.system.installed_packages import versions_of

#: Loader -> its compilers, in the order in which they are tried.
COMPILERS: dict[str, tuple[str, ...]] = {
    "sklearn": ("gateway.compilers.sklearn:SklearnCompiler",),
    "bundle": ("gateway.compilers.bundle:BundleCompiler",),
    "xgboost": ("gateway.compilers.xgboost:XgboostCompiler",),
    "lightgbm": ("gateway.compilers.lightgbm:LightgbmCompiler",),
    "catboost": ("gateway.compilers.catboost:CatboostCompiler",),
    "h2o_mojo": ("gateway.compilers.mojo:MojoCompiler",),
}

ENTRY_POINT_GROUP = "gateway.compilers"

#: Why there is no compiled model of the models of other loaders.
NOT_COMPILED: dict[str, str] = {
    "onnx": "it is an ONNX graph already",
    "python": "Python code is served as it is",
    "stub": "there is nothing to compile",
}

#: Packages that lower or run compiled models: another version means another proof.
PACKAGES = ("onnxruntime", "onnx", "numpy")


def compilers_for(loader: str) -> list[Compiler]:
    """Return the compilers of a loader's predictors; raises Declined where there is none or its packages are absent."""
    further = _third_party(loader)
    if loader not in COMPILERS and not further:
        raise Declined(NOT_COMPILED.get(loader, f"there is no compiler for the loader {loader}"))
    try:
        found = [cast(Compiler, _attribute(target)()) for target in COMPILERS.get(loader, ())]
        return [*found, *(cast(Compiler, point.load()()) for point in further)]
    except ImportError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise Declined(f"compiling needs {package}: pip install 'multi-model-gateway[compile,onnx]'") from error
    except Exception as error:  # a half installed package raises anything; the original still serves
        raise Declined(f"a compiler of {loader} cannot be imported: {type(error).__name__}: {error}") from error


@cache
def _third_party(loader: str) -> list[EntryPoint]:
    # Reads the metadata of every installed package, and every key of every manifest asks.
    return sorted(entry_points(group=ENTRY_POINT_GROUP, name=loader), key=lambda point: point.value)


def compiler_versions(loader: str = "") -> dict[str, str]:
    """Return the installed versions of the packages behind runtimes and a loader's compilers, importing none."""
    found = {point.dist.name: point.dist.version for point in _third_party(loader) if point.dist is not None}
    return found | versions_of(PACKAGES)


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
