"""
Finds the transformer that scaled the target of a model, and builds what scales the model's answer back.

Its name says so in a dict (`scaler_y`); in a stated order, so does its place behind the model.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.compose import TransformedTargetRegressor

from gateway.loaders.bundles import faults
from gateway.loaders.bundles.members import Member
from gateway.loaders.bundles.widths import width_in

_BY_WORD: Final = re.compile(r"(^|_)(y|target|label|labels|output|outputs|answer|response)(_|$)", re.IGNORECASE)
#: scalerY, yScaler, y1: a capital letter parts words, too.
_BY_CAPITAL: Final = re.compile(r"[a-z](Y|Target|Label|Output)$|^(y|target|label|output)[A-Z]")
_PLAIN: Final = 1


def answer_scaler(
    path: Path, members: Sequence[Member], model: Member, steps: Sequence[Member], *, is_ordered: bool
) -> Member | None:
    """Return the step that is one of the target; raises LoadError for several, and where it fits no answer."""
    place = members.index(model)
    # A lone scaler behind its model may be that of the inputs, named in the wrong order.
    is_told_by_place = is_ordered and any(members.index(step) < place for step in steps)
    found = [
        step
        for step in steps
        if hasattr(step.value, "inverse_transform")
        and (_is_called_of_answer(step) or (is_told_by_place and members.index(step) > place))
    ]
    if not found:
        return None
    if len(found) > 1 or not is_scaler_of_answer(found[0], model):
        raise faults.of_the_answer(path, found[0])
    return found[0]


def _is_called_of_answer(step: Member) -> bool:
    """Say whether a step is called after the target: a file's name without its suffix, or a key's last part."""
    is_file = step.name == step.key
    leaf = Path(step.key).stem if is_file else step.key.rpartition(".")[2]
    return bool(_BY_WORD.search(leaf) or _BY_CAPITAL.search(leaf))


def is_scaler_of_answer(step: Member, model: Member) -> bool:
    """Say whether a step can undo the scaling of what a model answers."""
    if not (hasattr(step.value, "inverse_transform") and isinstance(model.value, BaseEstimator)):
        return False
    return is_regressor(model.value) and width_in(step.value) == _answers_of(model.value)


def with_answer_scaler(model: Any, scaler: Any) -> TransformedTargetRegressor:
    """Return the fitted regressor that asks a model and scales its answers back."""
    made = TransformedTargetRegressor(regressor=model, transformer=scaler, check_inverse=False)
    made.regressor_, made.transformer_ = model, scaler
    made._training_dim = 1 if width_in(scaler) == _PLAIN else 2
    if hasattr(model, "feature_names_in_"):
        made.feature_names_in_ = model.feature_names_in_
    return made


def _answers_of(model: Any) -> int:
    """Return how many numbers a fitted regressor answers for a row."""
    for name in ("n_outputs_", "n_targets_"):
        if isinstance(found := getattr(model, name, None), int | np.integer):
            return int(found)
    coefficients = getattr(model, "coef_", None)
    if type(coefficients) is np.ndarray and type(model).__name__ not in {"SVR", "NuSVR"}:
        return len(coefficients) if coefficients.ndim > 1 else _PLAIN
    return _PLAIN
