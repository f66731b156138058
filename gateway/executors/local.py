"""Predicts inside this worker: short ones in the event loop, all others in the native threads of the pool."""

import logging
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from gateway.artifacts.manifest import INLINE_LIMIT_S, CompiledModel, Manifest
from gateway.errors import DeadlineError, LoadError, NotExplainable
from gateway.executors.lazy_explainer import LazyExplainer
from gateway.executors.thread_pool import MAX_THREADS, NativePool
from gateway.explanation import EXPLANATION_ERROR, Explanation
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.one_hot import with_one_hot
from gateway.loaders.warm_up import warm_up
from gateway.runtimes import load_compiled
from gateway.schema import Column, Predictions, Predictor
from gateway.validation.sample import sample_row

if TYPE_CHECKING:
    from gateway.explainers.base import Explainer

#: Text of this many characters costs a vectoriser about 0.1 ms; longer ones go to the pool.
INLINE_TEXT_LENGTH = 2_000
#: A compiled model takes 60 ns a character: 10,000 are about 0.5 ms.
INLINE_TEXT_LENGTH_COMPILED = 10_000

log = logging.getLogger("gateway.model")


class LocalExecutor:
    """
    Load the compiled model of a manifest, or else its original, and run it in this process.

    A predict is inline where the time that was measured for one instance says that the batch is short, and no column
    holds a long text.
    """

    #: Of the threads of a worker no route may hold more, whatever its max_concurrency says: the others need theirs.
    capacity = MAX_THREADS // 4

    def __init__(self, manifest: Manifest, options: LoadOptions, pool: NativePool) -> None:
        self._manifest = manifest
        self._options = options
        self._pool = pool
        self.degraded = ""
        self._predictor: Predictor
        self._original: Predictor | None = None
        self.explainer = LazyExplainer(self._make_explainer, pool, self._bytes_beside)

    def start(self) -> None:
        """Load the proven compiled model; where its file is gone or altered the original serves, only slower."""
        compiled = self._manifest.compiled
        if compiled is not None:
            try:
                self._load_compiled(compiled)
                return
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self.degraded = f"its proven compiled model cannot be loaded ({reason}); gateway prepare remakes it"
                log.warning(
                    "the compiled model cannot be loaded; the original serves",
                    extra={"path": compiled.path, "reason": reason, "fix": "gateway prepare"},
                )
        self._load_original()

    @property
    def predictor(self) -> Predictor:
        """Return what predicts, once started."""
        return self._predictor

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Predict inline where that is short, else in the pool."""
        if time.monotonic() >= deadline:
            raise DeadlineError("the deadline passed before the model could start")
        if self._is_short(columns):
            return self._predictor.predict(columns)
        return self._pool.call(lambda: self._predictor.predict(columns), deadline)

    def server_health(self) -> None:
        """Return None: no server is asked."""

    def explain(self, columns: Sequence[Column], deadline: float) -> Explanation:
        """Explain in the pool; where a compiled model serves, the original is loaded at the first question."""
        report = self._manifest.explanation
        if report is not None and report.reason:
            raise NotExplainable(report.reason, report.instead)
        explainer = self.explainer.get(deadline)
        return _exact(self._pool.call(lambda: explainer.explain(columns), deadline))

    def _bytes_beside(self) -> int:
        """Return what the original takes, as measured while preparing, where a compiled model serves; else 0."""
        return 0 if self._original is not None else max(self._manifest.memory_bytes, 1)

    def _make_explainer(self) -> "Explainer":
        signature = self._manifest.signature
        if signature is None:
            raise LoadError("the manifest names no artifact", code="load", hint="run: gateway prepare")
        original = self._original or self._loaded_original()
        # By name: no worker imports what explains before somebody asks.
        explainer_for = import_module("gateway.explainers").explainer_for
        return cast("Explainer", explainer_for(self._manifest.loader, original, signature.output))

    def _load_compiled(self, compiled: CompiledModel) -> None:
        predictor = with_one_hot(load_compiled(Path(compiled.path), compiled.sha256), self._options.one_hot)
        inline = compiled.predict_s < INLINE_LIMIT_S
        self._serve(predictor, compiled.predict_s if inline else 0.0, INLINE_TEXT_LENGTH_COMPILED)

    def _load_original(self) -> None:
        manifest = self._manifest
        self._original = self._loaded_original()
        self._serve(self._original, manifest.predict_s if manifest.inline else 0.0, INLINE_TEXT_LENGTH)

    def _loaded_original(self) -> Predictor:
        manifest = self._manifest
        artifact, signature = manifest.artifact, manifest.signature
        if artifact is None or signature is None:
            raise LoadError("the manifest names no artifact", code="load", hint="run: gateway prepare")
        if not Path(artifact.path).exists():
            raise LoadError(
                f"the kept copy of the artifact is gone: {artifact.path}",
                code="artifact-gone",
                hint=f"gateway reload copies it again from {', '.join(source.origin for source in artifact.sources)}",
            )
        # get_loader imports the framework: never on the way to a compiled model.
        original = get_loader(manifest.loader).load(Path(artifact.path), self._options)
        predictor = with_one_hot(original, self._options.one_hot)
        warm_up(manifest.loader, predictor, sample_row(signature))
        return predictor

    def _serve(self, predictor: Predictor, inline_s: float, inline_text: int) -> None:
        """Take a predictor; `inline_s` is the time of one instance, 0 where none may run inline."""
        self._predictor = predictor
        self._inline_rows = int(INLINE_LIMIT_S / inline_s) if inline_s > 0 else 0
        self._inline_text = inline_text
        inputs = predictor.signature.inputs
        self._texts = [i for i, field in enumerate(inputs) if field.type == "string" and field.enum is None]

    def _is_short(self, columns: Sequence[Column]) -> bool:
        if not columns or len(columns[0]) > self._inline_rows:
            return False
        return not any(self._is_long_text(columns[i]) for i in self._texts)

    def _is_long_text(self, column: Column) -> bool:
        return sum([len(value) for value in column if isinstance(value, str)]) > self._inline_text


def _exact(found: Explanation) -> Explanation:
    """Return an explanation of which every row adds up; raises NotExplainable with the first row that does not."""
    wrong = np.flatnonzero(found.errors > EXPLANATION_ERROR)
    if not len(wrong):
        return found
    row = int(wrong[0])
    if np.isfinite(found.margin[row]):
        what = f"its parts add up to {found.errors[row]:.1e} of themselves beside the answer"
        instead = "other rows of this route are explained: one row in a request shows which"
    else:
        what, instead = "its answer is not finite", "send values nearer to those of the training"
    raise NotExplainable(f"row {row} has no exact explanation: {what}", instead)
