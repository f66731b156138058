"""Tables to train on and to ask: numbers with holes, a category, targets of several kinds."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROWS = 1_000
LEVELS = ("amber", "blue", "coral", "denim", "ecru")


def numbers(seed: int, rows: int = ROWS, width: int = 6) -> Array:
    """Return random numbers of different sizes, a tenth of them missing."""
    draw = np.random.default_rng(seed)
    found: Array = draw.normal(size=(rows, width)) * (10.0 ** (np.arange(width) % 3))
    found[draw.random(found.shape) < 0.1] = np.nan
    return found


def target(x: Array) -> Array:
    """Return a value with an interaction in it."""
    z = np.nan_to_num(x)
    found: Array = 2.0 * z[:, 0] + z[:, 1] * z[:, 3] / 10.0 + np.sin(z[:, 2])
    return found


def targets(x: Array) -> dict[str, Array]:
    """Return the target as each kind of objective wants it."""
    y = target(x)
    return {
        "value": y,
        "two": (y > 0).astype(float),
        "three": np.digitize(y, [-1.0, 1.5]).astype(float),
        "count": np.abs(y),
        "share": 1.0 / (1.0 + np.exp(-y)),
    }


def columns(x: Array) -> list[Array]:
    """Return what a predictor takes."""
    return [np.ascontiguousarray(x[:, i], dtype=np.float64) for i in range(x.shape[1])]


def levels(seed: int, rows: int = ROWS) -> Array:
    """Return random levels, as a column of text."""
    found = np.empty(rows, dtype=object)
    found[:] = np.random.default_rng(seed).choice(LEVELS, rows)
    return found
