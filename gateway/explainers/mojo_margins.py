"""Margins of answers: what a model answered, on the scale where its parts add up."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.explanation import ExplanationScale

Numbers = npt.NDArray[np.float64]


def _log_odds(chance: Numbers) -> Numbers:
    inside = np.clip(chance, 0.0, 1.0)
    found: Numbers = np.log(inside) - np.log1p(-inside)
    return found


def _log(value: Numbers) -> Numbers:
    found: Numbers = np.log(np.maximum(value, 0.0))
    return found


_LINKS: Final[dict[str, Callable[[Numbers], Numbers]]] = {"log-odds": _log_odds, "log": _log}


def margin_of(answer: Numbers, total: Numbers, scale: ExplanationScale, precision: type[np.floating[Any]]) -> Numbers:
    """
    Return the margin of an answer.

    A chance of 0.9999999 was rounded, and its logarithm of odds with it: the margin is the number nearest to `total`
    that the model's link turns into the answer, within its last digit in `precision`.
    """
    digit = np.spacing(np.abs(answer).astype(precision)).astype(np.float64)
    link = _LINKS.get(scale)
    if link is None:
        return np.clip(total, answer - digit, answer + digit)
    with np.errstate(divide="ignore"):
        return np.clip(total, link(answer - digit), link(answer + digit))
