"""
Brings pickled boosters and wrappers of older XGBoost to the form of the installed one.

Knows how a booster is kept inside a pickle: the binary format until 1.2, JSON in 1.3 to 1.5, UBJSON since.
"""

import inspect
import json
from typing import Any, Final

import numpy as np
import xgboost

from gateway.errors import LoadError
from gateway.loaders.versions.wheels import xgboost_of_a_pickle
from gateway.loaders.versions.xgboost_versions import refuse_changed_meaning

_MODEL: Final = '"Model":'
_LABELS: Final = "_labels"


def state_of_today(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a booster with its model as the installed XGBoost keeps it; raises LoadError."""
    kept = state.get("handle")
    if not isinstance(kept, bytes | bytearray) or not kept:
        return state
    if kept[:1] != b"{":
        raise LoadError(
            "holds a booster in the binary format that XGBoost wrote until 1.2, which the installed "
            f"{xgboost.__version__} does not read",
            code="wrong-version",
            hint=xgboost_of_a_pickle(kept[:1] == b"C"),
        )
    if kept[1:2] != b'"':
        return state
    made = xgboost.Booster()
    made.load_model(bytearray(_model_of(kept.decode()).encode()))
    best, trees = made.attr("best_iteration"), made.attr("best_ntree_limit")
    if best is not None and trees is not None:
        # Such a model does not say how many trees a round has: now each of its trees is a round.
        made.set_attr(best_iteration=str(max(int(trees), int(best) + 1) - 1))
    return {**state, "handle": made.__getstate__()["handle"]}


def _model_of(text: str) -> str:
    """Cut the model out of JSON that holds training parameters, too; as text, so that no number is rounded."""
    whole = json.loads(text)
    if "Model" not in whole:
        refuse_changed_meaning(whole)
        return text
    start = text.index(_MODEL)
    found, end = json.JSONDecoder().raw_decode(text, start + len(_MODEL))
    if found != whole["Model"]:
        raise ValueError("the model inside the booster cannot be told from its parameters")
    refuse_changed_meaning(found)
    return text[start + len(_MODEL) : end]


def take_out_encoder(wrapper: Any) -> None:
    """Keep the labels of a wrapper of before 1.6 as an array: their encoder tells no version of its own."""
    found = vars(wrapper)
    encoder, labels = found.pop("_le", None), found.pop("classes_", None)
    labels = labels if encoder is None else vars(encoder).get("classes_")
    if labels is not None and not np.array_equal(labels, np.arange(len(labels))):
        found[_LABELS] = np.asarray(labels)


def wrapper_of_today(wrapper: Any) -> None:
    """Give a wrapper the parameters that came later, all unset, and the labels that it answered."""
    found = vars(wrapper)
    for name, parameter in inspect.signature(xgboost.XGBModel.__init__).parameters.items():
        if name not in {"self", "kwargs"}:
            found.setdefault(name, None if parameter.default is parameter.empty else parameter.default)
    if _LABELS in found:
        is_forest = isinstance(wrapper, xgboost.XGBRFClassifier)
        wrapper.__class__ = LabelledForestClassifier if is_forest else LabelledClassifier


class _Labelled:
    """Answer the labels of the training data, as the wrapper did until 1.5."""

    _labels: Any

    @property
    def classes_(self) -> Any:
        """Return the labels."""
        return self._labels

    def predict(self, X: Any, **options: Any) -> Any:
        """Return one label per row."""
        codes = super().predict(X, **options)  # type: ignore[misc]
        return self._labels[np.asarray(codes, dtype=np.int64)]


class LabelledClassifier(_Labelled, xgboost.XGBClassifier):
    """An XGBClassifier with labels of its own."""


class LabelledForestClassifier(_Labelled, xgboost.XGBRFClassifier):
    """An XGBRFClassifier with labels of its own."""
