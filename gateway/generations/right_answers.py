"""How often the answers of two models are right, where a file holds the right ones. Pure: answers in, figures out."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.artifacts.expected_answers import expected_of
from gateway.errors import GatewayError
from gateway.generations.answer_difference import Side
from gateway.schema import Output

#: Probabilities closer to 0 count as this in the logarithm, as scikit-learn has it for float64.
_LEAST: Final = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Hold one figure of both models; `is_better_high` says in which direction it is better."""

    name: str
    served: float
    candidate: float
    is_better_high: bool


def scores(right: dict[str, list[object]], native: Output, served: Side, candidate: Side) -> list[Score]:
    """Return the figures of both models against a column of right answers; `native` is the artifact's own output."""
    expected = expected_of(right, native, served.signature.output)
    if native.kind == "regression":
        return _of_values(np.array([row["value"] for row in expected.told]), served, candidate)
    if not expected.has_labels:
        raise GatewayError(
            f"{expected.kind}: right answers are labels or values",
            code="expected-column",
            hint="name a column of labels with --expected, or leave it out",
        )
    places = [expected.output.labels.index(row["label"]) for row in expected.told]
    wanted = [str(served.signature.output.labels[place]) for place in places]
    found = [_right(side, wanted) for side in (served, candidate)]
    made = [Score(name="right labels", served=found[0], candidate=found[1], is_better_high=True)]
    losses = [_log_loss(side, wanted) for side in (served, candidate)]
    if losses[0] is not None and losses[1] is not None:
        made.append(Score(name="log loss", served=losses[0], candidate=losses[1], is_better_high=False))
    return made


def _right(side: Side, wanted: list[str]) -> float:
    return float(np.mean([str(answer) == want for answer, want in zip(side.answers, wanted, strict=True)]))


def _log_loss(side: Side, wanted: list[str]) -> float | None:
    places = {str(label): place for place, label in enumerate(side.signature.output.labels)}
    table = side.predictions.probabilities
    if table is None or any(label not in places for label in wanted):
        return None
    own = table[np.arange(len(wanted)), [places[label] for label in wanted]]
    return float(-np.mean(np.log(np.clip(own, _LEAST, 1.0))))


def _of_values(wanted: "np.ndarray[tuple[int], np.dtype[np.float64]]", served: Side, candidate: Side) -> list[Score]:
    apart = [np.asarray(side.predictions.values, dtype=np.float64) - wanted for side in (served, candidate)]
    means = [float(np.mean(np.abs(one))) for one in apart]
    roots = [float(np.sqrt(np.mean(one**2))) for one in apart]
    return [
        Score(name="mean |error|", served=means[0], candidate=means[1], is_better_high=False),
        Score(name="root mean square error", served=roots[0], candidate=roots[1], is_better_high=False),
    ]
