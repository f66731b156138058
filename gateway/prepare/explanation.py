"""
Find out whether the answers of a loaded model can be explained exactly. Runs in the prepare child.

Explains golden and made-up rows, and holds each against what the model answered: a model whose parts do not add up is
not explainable, by name. What goes wrong here costs the explanation and never the route.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.artifacts.manifest import ExplanationReport
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.explainers.base import Explainer
from gateway.explanation import EXPLANATION_ERROR, Explanation
from gateway.prepare.trial_predict import trial_rows
from gateway.registry.spec import RouteSpec
from gateway.schema import ABSOLUTE, RELATIVE, Column, Predictions, Predictor, Signature

#: Golden rows that are explained: importance over more would hardly differ.
_MOST_GOLDEN: Final = 1_000
#: Rows of one step: a clock between them keeps slow models from taking long.
_STEP_ROWS: Final = 16
#: Seconds after which no further step begins, for golden rows and for made-up ones.
_GOLDEN_S, _MADE_UP_S = 4.0, 1.5
#: Calls whose middle one is the time of a row.
_TIMED_CALLS: Final = 3
_TWO: Final = 2
_INSTEAD: Final = "please report the model: its parts should add up; the route serves, without explanations"


@dataclass(slots=True)
class _Found:
    """Sum up what the explained rows showed."""

    signature: Signature
    rows: int = 0
    max_error: float = 0.0
    last: Explanation | None = None
    golden: list[npt.NDArray[np.float64]] = field(default_factory=list)


def report_explanation(
    spec: RouteSpec, predictor: Predictor, merged: Signature, golden: Sequence[Column], row: Sequence[Column]
) -> ExplanationReport:
    """Return whether answers are explained; `golden` are the golden rows, `row` is one plausible instance."""
    try:
        explainer = explainer_for(spec.loader, predictor, merged.output)
        return _report(explainer, _Found(merged), predictor, _batches(predictor, merged, golden), row)
    except NotExplainable as error:
        return ExplanationReport(reason=error.message, instead=error.hint or "")
    except Exception as error:  # whatever a framework raises costs the explanation only
        first = next(iter(str(error).splitlines()), "")
        return ExplanationReport(reason=f"explaining it raised {type(error).__name__}: {first:.200}", instead=_INSTEAD)


def _batches(predictor: Predictor, merged: Signature, golden: Sequence[Column]) -> Iterator[tuple[bool, list[Column]]]:
    """Yield steps of rows, and whether they are golden."""
    ends = time.monotonic() + _GOLDEN_S
    for step in _steps(_spread(golden)):
        yield True, step
        if time.monotonic() > ends:
            break
    ends = time.monotonic() + _MADE_UP_S
    for step in chain.from_iterable(map(_steps, trial_rows(predictor.signature, merged, golden))):
        yield False, step
        if time.monotonic() > ends:
            break


def _spread(golden: Sequence[Column]) -> Sequence[Column]:
    """Return the golden rows, or as many of them from the first to the last as are explained."""
    if not golden or len(golden[0]) <= _MOST_GOLDEN:
        return golden
    places = np.linspace(0, len(golden[0]) - 1, _MOST_GOLDEN).astype(np.int64)
    return [column[places] for column in golden]


def _steps(columns: Sequence[Column]) -> Iterator[list[Column]]:
    for start in range(0, len(columns[0]) if columns else 0, _STEP_ROWS):
        yield [column[start : start + _STEP_ROWS] for column in columns]


def _report(
    explainer: Explainer,
    found: _Found,
    predictor: Predictor,
    batches: Iterator[tuple[bool, list[Column]]],
    row: Sequence[Column],
) -> ExplanationReport:
    for is_golden, columns in batches:
        _check(found, explainer, predictor, columns, is_golden=is_golden)
    if found.last is None:
        raise NotExplainable(
            "the model refused every row that was made up, so that no explanation is checked",
            "put golden rows beside the artifact (docs/golden.md)",
        )
    output, labels = found.signature.output, found.last.labels
    is_of_two = labels is not None and len(output.labels) == _TWO
    importance = np.abs(np.concatenate(found.golden)).mean(axis=0).tolist() if found.golden else []
    return ExplanationReport(
        scale=found.last.scale,
        of="value" if labels is None else "label" if is_of_two else "predicted label",
        label=output.labels[int(labels[0])] if labels is not None and is_of_two else None,
        importance=dict(zip(found.signature.names, importance, strict=False)),
        importance_of="golden rows" if importance else "",
        importance_rows=sum(map(len, found.golden)),
        rows=found.rows,
        max_error=found.max_error,
        row_s=_row_s(explainer, row),
    )


def _check(
    found: _Found, explainer: Explainer, predictor: Predictor, columns: Sequence[Column], *, is_golden: bool
) -> None:
    """Explain rows and hold them against the answers; rows that the model refuses prove nothing."""
    try:
        with np.errstate(all="ignore"):
            answers = predictor.predict(columns)
    except Exception:  # the model decides what it raises for a row that it refuses
        return
    with np.errstate(all="ignore"):
        explanation = explainer.explain(columns)
        is_finite = np.isfinite(explanation.margin)
        errors = explanation.errors[is_finite]
    worst = float(errors.max(initial=0.0))
    if worst > EXPLANATION_ERROR:
        raise NotExplainable(
            f"its parts do not add up to its answer: a sum is {worst:.1e} of its parts away, {EXPLANATION_ERROR:.0e} "
            "is allowed",
            _INSTEAD,
        )
    if not belongs(explanation, answers, found.signature, is_finite):
        raise NotExplainable(f"its answer is not the one that its parts ({explanation.scale}) add up to", _INSTEAD)
    found.rows += len(explanation.margin)
    found.max_error = max(found.max_error, worst)
    found.last = explanation
    if is_golden:
        found.golden.append(explanation.contributions)


def belongs(explanation: Explanation, answers: Predictions, merged: Signature, rows: npt.NDArray[np.bool_]) -> bool:
    """Return whether the margins are those of the answers, as far as the scale tells; `rows` have a finite margin."""
    margin, labels = explanation.margin, explanation.labels
    with np.errstate(all="ignore"):
        shown = _INVERSE[explanation.scale](margin) if explanation.scale in _INVERSE else None
    expected: Any = answers.values
    if labels is not None:
        if len(merged.output.labels) != _TWO and not np.array_equal(labels, np.asarray(answers.values)):
            return False
        if answers.probabilities is None or explanation.scale not in {"log-odds", "probability"}:
            return True
        expected = answers.probabilities[np.arange(len(margin)), labels]
    if shown is None:
        return True
    expected = np.asarray(expected, dtype=np.float64)
    rows = rows & np.isfinite(expected)
    return bool((np.abs(shown - expected) <= ABSOLUTE + RELATIVE * np.abs(expected))[rows].all())


def _sigmoid(margin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-margin))
    return found


def _same(margin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return margin


#: Scale -> the answer of a margin on it.
_INVERSE: Final[dict[str, Any]] = {
    "log-odds": _sigmoid,
    "log": np.exp,
    "value": _same,
    "probability": _same,
}


def _row_s(explainer: Explainer, row: Sequence[Column]) -> float:
    """Return the time of one row; 0 means unknown, because the model refused the made-up instance."""
    times = []
    try:
        for _ in range(_TIMED_CALLS):
            started = time.perf_counter()
            explainer.explain(row)
            times.append(time.perf_counter() - started)
    except Exception:  # a made-up value is no reason against explanations that were checked
        return 0.0
    return sorted(times)[len(times) // 2]
