"""
Chains what models consist of at random: `python -m loaders.chains SEED COUNT`, run in tests/ under the second lock.

Every program names admitted globals only, and applies opcodes to whatever lies on the stack or in the memo. What loads
is asked for a prediction. The process ends at the first audit event that no model causes and prints it.
"""

import copy
import io
import json
import os
import pickle
import random
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import skops.io

from gateway import confinement
from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.skops_nodes import nodes_in

from . import acting
from .acting import D, G, S, T

_NAMES = [
    ("functools", "partial"), ("numpy", "mean"), ("numpy", "absolute"), ("numpy", "dtype"), ("numpy", "ndarray"),
    ("copyreg", "_reconstructor"), ("builtins", "object"), ("builtins", "dict"), ("builtins", "str"), ("builtins", "bytearray"),
    ("collections", "defaultdict"), ("collections", "OrderedDict"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"), ("sklearn.utils._bunch", "Bunch"),
    ("sklearn.metrics._scorer", "_Scorer"), ("sklearn.metrics._classification", "f1_score"),
    ("sklearn.frozen._frozen", "FrozenEstimator"), ("sklearn.pipeline", "Pipeline"), ("sklearn.isotonic", "IsotonicRegression"),
    ("sklearn.preprocessing._function_transformer", "FunctionTransformer"), ("sklearn._loss.loss", "HalfBinomialLoss"),
    ("sklearn.linear_model._logistic", "LogisticRegression"), ("sklearn.utils.validation", "check_array"),
    ("sklearn.neighbors._kd_tree", "KDTree64"), ("sklearn.neighbors._kd_tree", "newObj"), ("sklearn.tree._tree", "Tree"),
    ("sklearn.compose._column_transformer", "make_column_selector"), ("scipy.interpolate._interpolate", "interp1d"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"), ("sklearn.gaussian_process.kernels", "RBF"),
    ("numpy.random._pickle", "__generator_ctor"), ("numpy.random._pickle", "__bit_generator_ctor"),
]  # fmt: skip
_WORDS = ["mark", "func", "estimator", "steps", "__class__", "__sklearn_tags__", "predict", "tofile", "f8", "O", "eval"]


def _value(rng: random.Random, depth: int = 0) -> bytes:
    """Return opcodes that leave one value."""
    kind = rng.randrange(4 if depth > 3 else 10)
    if kind == 0:
        return S(rng.choice(_WORDS))
    if kind == 1:
        return rng.choice([b"N", b"K\x00", b"K\x01", b"]", b"}", b")"])
    if kind <= 3:
        return G(*rng.choice(_NAMES))
    inner = [_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == 4:
        return T(*inner)
    if kind == 5:
        return D(**{rng.choice(_WORDS): one for one in inner})
    target = _value(rng, depth + 1)
    if kind == 6:
        return target + D(**{rng.choice(_WORDS): one for one in inner}) + b"b"
    if kind == 7:
        return target + b")\x81" + D(**{rng.choice(_WORDS): one for one in inner}) + b"b"
    return target + T(*inner) + rng.choice([b"R", b"\x81"])


def _program(rng: random.Random) -> bytes:
    """Return a pickle: chains that are thrown away, then an honest model with the last chain inside."""
    chains = b"".join(_value(rng) + b"0" for _ in range(rng.randrange(1, 4)))
    honest = pickle.dumps(acting.honest(), protocol=2)[2:]
    return b"\x80\x04" + chains + honest[:-1] + D(**{rng.choice(_WORDS): _value(rng)}) + b"b."


def _schemas() -> list[Any]:
    """Return the schemas of all models that hold something that could act, and of an honest one."""
    found = []
    for model in (acting.honest, *acting.MODELS.values()):
        with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model()))) as archive:
            found.append({name: archive.read(name) for name in archive.namelist()})
    return found


def _nodes(schema: Any) -> list[Any]:
    return [node for node in nodes_in(schema) if isinstance(node, dict)]


def _grafted(rng: random.Random, files: list[Any]) -> bytes:
    """Return a skops file some of whose nodes are replaced by nodes of other files."""
    base, other = rng.choice(files), rng.choice(files)
    schema = json.loads(base["schema.json"])
    pool = [*_nodes(json.loads(other["schema.json"])), *acting.NODES.values()]
    for node in rng.sample(_nodes(schema)[1:], rng.randrange(1, 4)):
        graft = copy.deepcopy(rng.choice(pool))
        keep = {"__id__": node.get("__id__")} if rng.random() < 0.3 else {}
        node.clear()
        node.update(graft | keep)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {**other, **base, "schema.json": json.dumps(schema).encode()}.items():
            archive.writestr(name, data)
    return out.getvalue()


def _end(act: str) -> None:
    confinement.release()
    print(f"ACT {act}", flush=True)
    os._exit(3)


def main() -> None:
    """Load and ask programs, and print how many were refused and how many predicted."""
    rng, count = random.Random(int(sys.argv[1])), int(sys.argv[2])
    folder = Path(tempfile.mkdtemp())
    loader, counts = get_loader("sklearn"), {"refused": 0, "predicted": 0, "failed": 0}
    warnings.simplefilter("ignore")
    files = _schemas()
    confinement.confine([folder], _end)
    for _ in range(count):
        is_skops = rng.random() < 0.5
        path = folder / ("model.skops" if is_skops else "model.pkl")
        path.write_bytes(_grafted(rng, files) if is_skops else _program(rng))
        try:
            found: Any = loader.load(path, LoadOptions(allow_pickle=True))
            found.predict([acting.ROWS[:3, 0], acting.ROWS[:3, 1]])
            counts["predicted"] += 1
        except Exception as error:  # a grafted model may fail to predict; only acts count here
            counts["refused" if isinstance(error, GatewayError) else "failed"] += 1
    print(*counts.values())


if __name__ == "__main__":
    main()
