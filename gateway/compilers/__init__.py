"""
The tables of compilers and runtimes: names only, so that importing this module imports no framework.

A compiler lowers a loaded predictor while preparing; its twin is proven equal before any worker may load it.
"""

import importlib
from pathlib import Path
from typing import Any, cast

from gateway.compilers import storage
from gateway.compilers.base import Compiler, Declined, Draft, Predictor
from gateway.installed import versions_of

#: Loader -> its compilers, in the order in which they are tried.
COMPILERS: dict[str, tuple[str, ...]] = {
    "sklearn": ("gateway.compilers.sklearn:SklearnCompiler",),
    "xgboost": ("gateway.compilers.xgboost:XgboostCompiler",),
    "h2o_mojo": ("gateway.compilers.mojo:MojoCompiler",),
}

#: Runtime -> what runs its programs in a worker.
RUNTIMES: dict[str, str] = {
    "additive": "gateway.compilers.additive:AdditiveTwin",
    "matrix": "gateway.compilers.matrix:MatrixTwin",
    "mojo": "gateway.compilers.mojo_twin:MojoTwin",
}

#: Why there is no twin of the models of other loaders.
NOT_COMPILED: dict[str, str] = {
    "onnx": "it is an ONNX graph already",
    "python": "Python code is served as it is",
    "stub": "there is nothing to compile",
}

#: Packages that lower or run twins: another version means another proof.
PACKAGES = ("onnxruntime", "onnx", "numpy")


def compilers_for(loader: str) -> list[Compiler]:
    """Return the compilers of a loader's predictors; raises Declined where there is none or its packages are absent."""
    if loader not in COMPILERS:
        raise Declined(NOT_COMPILED.get(loader, f"there is no compiler for the loader {loader}"))
    try:
        return [cast(Compiler, _attribute(target)()) for target in COMPILERS[loader]]
    except ImportError as error:
        package = (error.name or str(error)).partition(".")[0]
        raise Declined(f"compiling needs {package}: pip install 'multi-model-gateway[compile,onnx]'") from error


def make_twin(draft: Draft) -> Predictor:
    """Return a predictor that runs a draft."""
    return cast(Predictor, _attribute(RUNTIMES[draft.runtime])(draft.program, draft.signature))


def load_twin(path: Path, sha256: str) -> Predictor:
    """Load a proven twin; raises OSError, ValueError or KeyError where the file is not what was proven."""
    return make_twin(storage.read(path, sha256))


def compiler_versions() -> dict[str, str]:
    """Return the installed versions of the packages behind compilers and runtimes, importing none."""
    return versions_of(PACKAGES)


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
