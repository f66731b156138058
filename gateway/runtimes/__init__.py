"""
Compiled models at work: numpy and ONNX Runtime, no framework.

The table of runtimes is here: names only, so that a worker imports the one that its model needs.
"""

import importlib
from pathlib import Path
from typing import Any, cast

from gateway.runtimes import storage
from gateway.runtimes.base import Draft
from gateway.schema import Predictor

#: Runtime -> what runs its programs in a worker.
RUNTIMES: dict[str, str] = {
    "additive": "gateway.runtimes.additive:AdditiveModel",
    "matrix": "gateway.runtimes.matrix:MatrixModel",
    "mojo": "gateway.runtimes.mojo:MojoModel",
}


def make_compiled(draft: Draft) -> Predictor:
    """Return a predictor that runs a draft."""
    return cast(Predictor, _attribute(RUNTIMES[draft.runtime])(draft.program, draft.signature))


def load_compiled(path: Path, sha256: str) -> Predictor:
    """Load a proven compiled model; raises OSError, ValueError or KeyError where the file is not what was proven."""
    return make_compiled(storage.read(path, sha256))


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
