"""
Runtimes of compiled models: numpy and ONNX Runtime only, no framework.

The table of runtimes is here: names only, so that a worker imports the one that its model needs.
"""

import importlib
from pathlib import Path
from typing import cast

from gateway.runtimes import storage
from gateway.runtimes.base import Runtime
from gateway.schema import Predictor

#: Runtime -> what runs its programs in a worker.
RUNTIMES: dict[str, str] = {
    "additive": "gateway.runtimes.additive:AdditiveModel",
    "matrix": "gateway.runtimes.matrix:MatrixModel",
    "mojo": "gateway.runtimes.mojo:MojoModel",
}


def load_compiled(path: Path, sha256: str) -> Predictor:
    """Load a proven compiled model; raises OSError or ValueError where the file is not what was proven."""
    stored = storage.read(path, sha256)
    runtime = runtime_named(stored.runtime)
    return runtime(runtime.decode(stored.program), stored.signature)


def runtime_named(name: str) -> type[Runtime]:
    """Return a runtime of the table; raises ValueError for another name."""
    target = RUNTIMES.get(name)
    if target is None:
        raise ValueError(f"there is no runtime {name!r}: one of {', '.join(RUNTIMES)}")
    module, _, attribute = target.partition(":")
    return cast(type[Runtime], getattr(importlib.import_module(module), attribute))
