"""Pickles made at random from all that the reader admits: its makers, functions, classes and honest models."""

import pickle
import random
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import all_estimators

from gateway.loaders.admission import allowed_names
from gateway.loaders.admission import constructors as makers
from gateway.loaders.admission.allowed_functions import FUNCTIONS

from . import acting, fitted
from .acting import D, G, S, T

#: Attributes that the library asks, hides methods behind, or treats in a way of its own; and plain words.
_SLOTS: Final = (
    "__class__", "__dict__", "__sklearn_tags__", "__reduce__", "_call", "_lloyd_iter", "best_estimator_", "components_",
    "coef_", "estimator", "estimators_", "extra_", "func", "handle", "init_", "inverse_func", "kernel_", "kw_args",
    "loss_", "memory", "metric", "n_jobs", "pooling_func", "predict", "score_func", "steps", "transform",
    "transformers_", "verbose", "_fit_X", "_tree", "_sklearn_version", "_sklearn_output_config",
)  # fmt: skip
_TEXTS: Final = (
    "mark", "tofile", "predict", "f8", "O8", "V8", "latin1", "MT19937", "filename", "eval", "/tmp/mark", "a", "<", "os",
)  # fmt: skip
_HOSTS: Final = (
    "BaggingClassifier", "FunctionTransformer", "GaussianProcessRegressor", "GridSearchCV", "KNeighborsClassifier",
    "LogisticRegression", "Pipeline", "RandomForestClassifier", "SelectKBest", "StackingClassifier",
    "TransformedTargetRegressor", "VotingClassifier",
)  # fmt: skip


def _globals() -> list[tuple[str, str]]:
    """Return what the reader admits: constructors, functions, parts, every estimator, what it drops, and near misses."""
    estimators = [(kind.__module__, name) for name, kind in all_estimators()]
    dropped = [
        ("functools", "partial"),
        ("sklearn.utils._bunch", "Bunch"),
        ("sklearn.metrics._scorer", "_Scorer"),
        ("sklearn.metrics._classification", "f1_score"),
        ("sklearn.model_selection._split", "KFold"),
    ]
    compiled = [
        ("sklearn.neighbors._kd_tree", "newObj"),
        ("sklearn.neighbors._kd_tree", "KDTree64"),
        ("sklearn.metrics._dist_metrics", "EuclideanDistance64"),
        ("sklearn._loss._loss", "CyHalfBinomialLoss"),
        ("sklearn._loss._loss", "__pyx_unpickle_CyHalfBinomialLoss"),
        ("sklearn._loss.loss", "HalfBinomialLoss"),
        ("sklearn.gaussian_process.kernels", "RBF"),
    ]
    ufuncs = [("numpy", name) for name in ("absolute", "add", "exp", "frompyfunc")] + [("scipy.special", "expit")]
    # Often what acts on others, seldom one class among hundreds.
    fixed = [*makers._FIXED, *allowed_names._PARTS, *compiled, *dropped]
    return [*fixed * 4, *sorted(FUNCTIONS), *ufuncs, *estimators]


def column(kind: str) -> Any:
    """Return three values of one input."""
    values: dict[str, Any] = {"string": ["good film", "a", "bad"], "boolean": [True, False, True]}
    return np.array(values[kind], dtype=object) if kind in values else np.abs(acting.ROWS[:3, 0])


def _models() -> list[bytes]:
    found = [fitted.fitted(name) for name in _HOSTS]
    text = Pipeline([("words", CountVectorizer()), ("model", LogisticRegression())]).fit(["good film", "bad"], [1, 0])
    models = [acting.honest(), text, *(each[0] for each in found if each is not None)]
    return [pickle.dumps(model, protocol=2) for model in models]


class Programs:
    """Make pickles; what a program may use is read once."""

    def __init__(self) -> None:
        self.honest = _models()
        self._globals = _globals()

    def make(self, rng: random.Random) -> bytes:
        """Return chains that are thrown away or kept, then an honest model into which the last ones are put."""
        writer = _Writer(rng, self._globals)
        chains = b"".join(writer.value() + b"0" for _ in range(rng.randrange(1, 5)))
        state = D(**{rng.choice(_SLOTS): writer.value() for _ in range(rng.randrange(1, 4))})
        host = rng.choice(self.honest)[2:]
        kind = rng.randrange(4)
        if kind == 0:  # beside the honest state, as the first that is set
            at = host.rfind(b"X\x10\x00\x00\x00_sklearn_version")
            extra = b"".join(S(rng.choice(_SLOTS)) + writer.value() for _ in range(rng.randrange(1, 4)))
            return b"\x80\x04" + chains + host[:at] + extra + host[at:]
        if kind == 1:  # a second state
            return b"\x80\x04" + chains + host[:-1] + state + b"b."
        if kind == 2:
            wrapped = acting.new(G("sklearn.pipeline", "Pipeline"), steps=b"](" + T(S("a"), host[:-1]) + b"e")
            return b"\x80\x04" + chains + wrapped + b"."
        return b"\x80\x04" + chains + acting.build(_new(rng.choice(self._globals)), state) + b"0" + host


def _new(name: tuple[str, str]) -> bytes:
    return G(*name) + b")\x81"


class _Writer:
    """Write opcodes that leave one value each, and use what earlier ones left in the memo."""

    def __init__(self, rng: random.Random, known: list[tuple[str, str]]) -> None:
        self._rng, self._globals = rng, known
        #: Far behind the numbers that the honest model uses.
        self._memo = 1_000_000
        self._first = self._memo
        self._kinds: list[Callable[[int], bytes]] = [
            self._text, self._plain, self._global, self._again, self._again, self._tuple, self._dict, self._list,
            self._state, self._instance, self._instance, self._call, self._call, self._call, self._item, self._idiom,
            self._idiom,
        ]  # fmt: skip

    def value(self, depth: int = 0) -> bytes:
        made = self._rng.choice(self._kinds[:4] if depth > 3 else self._kinds)(depth + 1)
        if self._rng.random() < 0.5:
            made += b"r" + struct.pack("<I", self._memo)
            self._memo += 1
        return made

    def _several(self, depth: int) -> list[bytes]:
        return [self.value(depth) for _ in range(self._rng.randrange(4))]

    def _text(self, depth: int) -> bytes:
        return S(self._rng.choice(_TEXTS if self._rng.random() < 0.7 else _SLOTS))

    def _plain(self, depth: int) -> bytes:
        return self._rng.choice([b"N", b"K\x00", b"K\x01", b"K\xff", b"]", b"}", b")", b"C\x08ABCDEFGH", b"I01\n"])

    def _global(self, depth: int) -> bytes:
        return G(*self._rng.choice(self._globals))

    def _again(self, depth: int) -> bytes:
        if self._memo == self._first:
            return self._global(depth)
        return b"j" + struct.pack("<I", self._rng.randrange(self._first, self._memo))

    def _tuple(self, depth: int) -> bytes:
        return T(*self._several(depth))

    def _list(self, depth: int) -> bytes:
        return b"](" + b"".join(self._several(depth)) + b"e"

    def _dict(self, depth: int) -> bytes:
        return D(**{self._rng.choice(_SLOTS): each for each in self._several(depth)})

    def _state(self, depth: int) -> bytes:
        return self.value(depth) + self._rng.choice([self._dict, self._tuple, self.value])(depth) + b"b"

    def _instance(self, depth: int) -> bytes:
        made = self._global(depth) + b")\x81"
        return made + self._dict(depth) + b"b" if self._rng.random() < 0.7 else made

    def _call(self, depth: int) -> bytes:
        target = self._global(depth) if self._rng.random() < 0.8 else self.value(depth)
        return target + self._tuple(depth) + self._rng.choice([b"R", b"R", b"\x81", b"}\x92"])

    def _item(self, depth: int) -> bytes:
        return self.value(depth) + self.value(depth) + self.value(depth) + b"s"

    def _idiom(self, depth: int) -> bytes:
        """Return what libraries write themselves, with one part exchanged: such get further than chance does."""
        dtype = acting.call(
            G("numpy", "dtype"), S(self._rng.choice(["f8", "O8", "V8", "u1", "U2"])), b"I00\n", b"I01\n"
        )
        array = acting.call(G("numpy._core.multiarray", "_reconstruct"), G("numpy", "ndarray"), T(b"K\x00"), S("b"))
        objects = acting.build(
            array,
            T(
                b"K\x01",
                T(b"K\x01"),
                acting.call(G("numpy", "dtype"), S("O8"), b"I00\n", b"I01\n"),
                b"I00\n",
                b"](" + self.value(depth) + b"e",
            ),
        )
        partial = acting.call(
            G("functools", "partial"),
            self._rng.choice([G("sklearn.utils.validation", "check_array"), self.value(depth)]),
        )
        choices: list[Callable[[], bytes]] = [
            lambda: dtype,
            lambda: objects,
            lambda: acting.build(dtype, T(b"K\x03", S("|"), b"N", T(S("a")), D(a=T(self.value(depth), b"K\x00")), b"K\x08", b"K\x01", b"K\x00")),
            lambda: acting.build(array, T(b"K\x01", T(b"K\x01"), dtype, b"I00\n", b"C\x08ABCDEFGH")),
            lambda: acting.call(G("numpy._core.multiarray", "scalar"), dtype, self.value(depth)),
            lambda: acting.build(partial, T(G("sklearn.utils.validation", "check_array"), b")", self._dict(depth), b"N")),
            lambda: acting.new(G(*self._rng.choice(self._globals)), **{self._rng.choice(_SLOTS): self.value(depth)}),
            lambda: acting.call(G("collections", "defaultdict"), self.value(depth)),
            lambda: acting.new(G("sklearn.frozen._frozen", "FrozenEstimator"), estimator=self.value(depth)),
            lambda: acting.new(G("sklearn.preprocessing._function_transformer", "FunctionTransformer"), func=self.value(depth), kw_args=self._dict(depth)),
        ]  # fmt: skip
        return self._rng.choice(choices)()
