"""
Find two inputs that a model takes for each other: columns that had changed places when it was trained.

With the two exchanged, such a model answers much more like another model of the same data.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.schema import Column, Field

Numbers: TypeAlias = npt.NDArray[np.float64]

#: Rows and seconds that the search may take; fields of which every pair is tried.
MOST_ROWS: Final = 500
_BUDGET_S: Final = 5.0
_MOST_FIELDS: Final = 40
#: Two inputs look exchanged where exchanging them leaves less than this share of the difference, and where the
#: difference is more than this share of the spread of the answers.
_LEFT: Final = 0.8
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Name two inputs, and the mean |difference| to the other model as the inputs are, and with the two exchanged."""

    first: str
    second: str
    before: float
    after: float


def find_exchange(
    answer: Callable[[Sequence[Column]], Numbers], fields: Sequence[Field], columns: Sequence[Column], other: Numbers
) -> Exchange | None:
    """Return the pair of inputs that looks exchanged; `answer` gives one number per row, `other` those to compare."""
    size = min(len(other), MOST_ROWS)
    rows = [column[:size] for column in columns]
    other = other[:size]
    before = _apart(answer, rows, other)
    if not before > _SPREAD * float(np.std(other)):
        return None
    numeric = [place for place, one in enumerate(fields) if one.column_type == "number" and one.enum is None]
    deadline = time.monotonic() + _BUDGET_S
    best: Exchange | None = None
    for first, second in itertools.combinations(numeric[:_MOST_FIELDS], 2):
        exchanged = list(rows)
        exchanged[first], exchanged[second] = rows[second], rows[first]
        after = _apart(answer, exchanged, other)
        if after < (best.after if best is not None else _LEFT * before):
            best = Exchange(first=fields[first].name, second=fields[second].name, before=before, after=after)
        if time.monotonic() > deadline:
            break
    return best


def _apart(answer: Callable[[Sequence[Column]], Numbers], columns: Sequence[Column], other: Numbers) -> float:
    """Return the mean |difference|; infinite where the model refuses the rows."""
    try:
        with np.errstate(all="ignore"):
            found = float(np.mean(np.abs(answer(columns) - other)))
    except Exception:  # the model decides what it raises for values out of place
        return float("inf")
    return found if np.isfinite(found) else float("inf")
