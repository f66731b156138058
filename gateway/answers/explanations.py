"""Explanations as JSON values: one object per instance, its contributions by field, largest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gateway.answers.json_values import numbers, plain
from gateway.explanation import Explanation
from gateway.schema import Batch, Predictions, Signature

#: Members of an explanation, which a template may name: `$explanation.base`.
MEMBERS: Final = {
    "of": "the label that is explained; null where a value is",
    "scale": "what the numbers are: log-odds, log, value or margin",
    "base": "what the model answers before it looks at any field",
    "contributions": "field -> what it adds or takes away, largest first",
    "margin": "what the model answers, on the same scale: base and all contributions together",
    "tokens": "text field -> token -> its part of the contribution of that field",
}


@dataclass(frozen=True, slots=True)
class Explain:
    """
    Say that a request asks for explanations: for the `largest` contributions only, or for all of them.

    `preferred` says that it came as `Prefer`, which a route may leave undone.
    """

    largest: int | None = None
    preferred: bool = False


def explanations_of(signature: Signature, explanation: Explanation, largest: int | None = None) -> list[dict[str, Any]]:
    """Return one object per instance; what `largest` leaves out is summed up as `others`, so the sum still holds."""
    names = signature.names
    parts = explanation.contributions
    order = np.argsort(-np.abs(parts), axis=1, kind="stable")
    ordered = np.take_along_axis(parts, order, axis=1)
    kept = len(names) if largest is None else min(largest, len(names))
    rest = ordered[:, kept:].sum(axis=1).tolist()
    found: list[dict[str, Any]] = []
    columns = (order[:, :kept].tolist(), ordered[:, :kept].tolist())
    ends = zip(numbers(explanation.base.tolist(), None), numbers(explanation.margin.tolist(), None), strict=True)
    labels = _labels(signature, explanation)
    for row, (places, values, (base, margin)) in enumerate(zip(*columns, ends, strict=True)):
        one: dict[str, Any] = {"of": labels[row], "scale": explanation.scale, "base": base}
        one["contributions"] = dict(zip([names[place] for place in places], numbers(values, None), strict=True))
        if largest is not None:
            one["others"] = plain(rest[row])
        one["margin"] = margin
        if explanation.tokens:
            tokens = explanation.tokens.items()
            one["tokens"] = {names[place]: _tokens(rows[row], largest) for place, rows in tokens}
        found.append(one)
    return found


def _labels(signature: Signature, explanation: Explanation) -> Sequence[Any]:
    if explanation.labels is None:
        return [None] * len(explanation.base)
    labels = [plain(label) for label in signature.output.labels]
    return [labels[place] for place in explanation.labels.tolist()]


def _tokens(found: Iterable[tuple[str, float]], largest: int | None) -> dict[str, float]:
    """Return the parts of tokens, largest first; one that stands in two vocabularies has the sum."""
    parts: dict[str, float] = {}
    for token, part in found:
        parts[token] = parts.get(token, 0.0) + part
    ordered = sorted(parts.items(), key=lambda item: -abs(item[1]))
    return {token: plain(part) for token, part in ordered[:largest]}


class ExplainedAnswer:
    """Put an explanation beside each answer, as `_explain=true` asks for. Immutable and thread-safe."""

    __slots__ = ("_answer", "_is_object", "_largest", "_signature")

    def __init__(self, answer: Any, signature: Signature, largest: int | None, *, is_object: bool) -> None:
        """Take what answers without explanation; `is_object` says that its answers are objects with an `answer`."""
        self._answer, self._signature, self._largest, self._is_object = answer, signature, largest, is_object

    def __call__(self, batch: Batch, predictions: Predictions, context: Any) -> list[Any]:
        """Return one object per instance."""
        answers = self._answer(batch, predictions, context)
        if predictions.explanation is None:
            raise AssertionError("what was not explained has no explained answer")
        whys = explanations_of(self._signature, predictions.explanation, self._largest)
        if self._is_object:
            return [{**answer, "explanation": why} for answer, why in zip(answers, whys, strict=True)]
        return [{"answer": answer, "explanation": why} for answer, why in zip(answers, whys, strict=True)]
