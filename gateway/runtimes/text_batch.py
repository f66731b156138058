"""
Many texts -> their scores at once: all counts in flat arrays, no sparse matrix.

Used by runtimes; numpy only. Single texts take the shorter way of vectorizer.py.
"""

from collections.abc import Callable
from itertools import chain

import numpy as np

from gateway.runtimes.arrays import Floats, Integers
from gateway.runtimes.vectorizer import Vectorizer, make_counter
from gateway.schema import Column


def make_text_scores(program: Vectorizer, weights: Floats) -> Callable[[Column], Floats]:
    """Return a function from a column of texts to scores (rows, k): weighted terms times `weights` (terms, k)."""
    count = make_counter(program)
    width = len(weights)

    def score(column: Column) -> Floats:
        found = [count(text) for text in column.tolist()]
        sizes = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        terms = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=int(sizes.sum()))
        codes, counts = np.unique(np.repeat(np.arange(len(found)), sizes) * width + terms, return_counts=True)
        rows, terms = np.divmod(codes, width)
        values = _weighted(program, terms, counts)
        values /= _lengths(program.norm, rows, values, len(found))[rows]
        scores = np.empty((len(found), weights.shape[1]), dtype=np.float64)
        for output in range(weights.shape[1]):
            scores[:, output] = np.bincount(rows, values * weights[terms, output], minlength=len(found))
        return scores

    return score


def _weighted(program: Vectorizer, terms: Integers, counts: Integers) -> Floats:
    values = np.ones(len(counts)) if program.binary else counts.astype(np.float64)
    if program.sublinear:
        values = np.log(values) + 1.0
    return values if program.idf is None else values * program.idf[terms]


def _lengths(norm: str | None, rows: Integers, values: Floats, size: int) -> Floats:
    if norm is None:
        return np.ones(size)
    if norm == "l2":
        found = np.sqrt(np.bincount(rows, values * values, minlength=size))
    else:
        found = np.bincount(rows, np.abs(values), minlength=size)
    return np.asarray(np.where(found == 0, 1.0, found))
