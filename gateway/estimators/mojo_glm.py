"""Terms of a GLM in an H2O MOJO: one weight per level of a column and per number, as model.ini has them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


class UnknownGlm(ValueError):
    """Say why the terms of a GLM are not known to be scored exactly."""


@dataclass(slots=True)
class Linear:
    """
    Hold the terms of a GLM, one weight per sum.

    `levels` has a row per level of a column and the row of its most frequent level for missing values; `numbers` has
    the weights and the mean that stands for a missing value.
    """

    intercepts: Numbers
    levels: dict[int, Numbers] = field(default_factory=dict)
    numbers: dict[int, tuple[Numbers, float]] = field(default_factory=dict)


def read_glm(info: Mapping[str, str], columns: Sequence[int], levels: Sequence[int]) -> Linear:
    """
    Return the terms of a GLM; raises UnknownGlm.

    `info` is the first section of its model.ini, `columns` are its columns, `levels` the number of levels of every
    column of the whole MOJO.
    """
    if info["category"] not in {"Binomial", "Regression", "Multinomial"}:
        raise UnknownGlm(f"a GLM of category {info['category']}")
    if info.get("mean_imputation") != "true":
        raise UnknownGlm("a GLM that does not impute missing values")
    cats, offsets = int(info["cats"]), [int(one) for one in _numbers(info["cat_offsets"])]
    modes, means = [int(one) for one in _numbers(info["cat_modes"])], _numbers(info["num_means"])
    beta, first = read_weights(info), 0 if info["use_all_factor_levels"] == "true" else 1
    if len(beta) != offsets[cats] + len(means) + 1 or len(columns) != cats + len(means):
        raise UnknownGlm("a GLM with weights for other terms than its columns")
    linear = Linear(beta[-1])
    for at, column in enumerate(columns[:cats]):
        weights = np.zeros((levels[column] + 1, beta.shape[1]))
        own = beta[offsets[at] : offsets[at + 1]][: len(weights) - 1 - first]
        weights[first : first + len(own)] = own
        weights[-1] = weights[modes[at]]
        linear.levels[column] = weights
    for at, column in enumerate(columns[cats:]):
        linear.numbers[column] = (beta[offsets[cats] + at], means[at])
    return linear


def read_weights(info: Mapping[str, str]) -> Numbers:
    """Return the weights of a GLM (terms, sums), the intercept last; a file has them sum by sum."""
    beta = np.array(_numbers(info["beta"]), dtype=np.float64)
    sums = int(info["n_classes"]) if info["category"] == "Multinomial" else 1
    if len(beta) % sums:
        raise UnknownGlm("a GLM that has not as many weights for each class")
    return beta.reshape(sums, -1).T


def _numbers(text: str) -> list[float]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(one, int | float) for one in found):
        raise UnknownGlm("a list of weights in the MOJO that is not one of numbers")
    return [float(one) for one in found]
