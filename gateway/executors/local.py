"""Predicts inside this worker: short ones in the event loop, all others in the native threads of the pool."""

import time
from collections.abc import Sequence

from gateway.errors import DeadlineError
from gateway.executors.pool import NativePool
from gateway.schema import Column, Predictions, Predictor

#: Longest work the event loop may do for one request: at 1 ms, 200 waiting connections still see under 0.2 s.
INLINE_LIMIT_S = 0.001
#: Text of this many characters costs a vectoriser about 0.1 ms; longer ones go to the pool.
INLINE_TEXT_LENGTH = 2_000
#: A compiled model takes 60 ns a character: 10,000 are about 0.5 ms.
INLINE_TEXT_LENGTH_COMPILED = 10_000


class LocalExecutor:
    """
    Run one predictor in this process.

    `predict_s` is the measured time of one instance; 0 means unknown, so nothing runs inline. Batches with more than
    `inline_text` characters in one column go to the pool too.
    """

    def __init__(
        self,
        predictor: Predictor,
        pool: NativePool,
        *,
        predict_s: float,
        inline: bool,
        inline_text: int = INLINE_TEXT_LENGTH,
    ) -> None:
        self._predictor = predictor
        self._pool = pool
        self._inline_rows = int(INLINE_LIMIT_S / predict_s) if inline and predict_s > 0 else 0
        self._inline_text = inline_text
        inputs = predictor.signature.inputs
        self._texts = [i for i, field in enumerate(inputs) if field.type == "string" and field.enum is None]

    def start(self, deadline: float) -> None:
        """Do nothing: the predictor is already here."""

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Predict inline where that is short, else in the pool."""
        if time.monotonic() >= deadline:
            raise DeadlineError("the deadline passed before the model could start")
        if self._is_short(columns):
            return self._predictor.predict(columns)
        return self._pool.call(lambda: self._predictor.predict(columns), deadline)

    def health(self) -> str:
        """Return '' always: a predictor in this process has no separate life."""
        return ""

    def capacity(self) -> int:
        """Return the number of native threads."""
        return self._pool.size

    def close(self, grace_s: float) -> None:
        """Do nothing: the predictor goes with its last reference."""

    def _is_short(self, columns: Sequence[Column]) -> bool:
        if not columns or len(columns[0]) > self._inline_rows:
            return False
        return not any(self._is_long_text(columns[i]) for i in self._texts)

    def _is_long_text(self, column: Column) -> bool:
        return sum([len(value) for value in column if isinstance(value, str)]) > self._inline_text
