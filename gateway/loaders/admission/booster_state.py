"""Checks the model in the state of a pickled booster of LightGBM or CatBoost, before its library reads it."""

from typing import Any, Final

from gateway.errors import ArtifactError
from gateway.loaders.catboost_contents import MAGIC, fault_of_cbm
from gateway.loaders.lightgbm_contents import checked

#: Where CatBoost's binary format is.
_CATBOOST: Final = "__model"
#: Where the text is: since 4.0, and before.
_HANDLES: Final = ("_handle", "handle")


def checked_booster(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state with the text that LightGBM may read; raises ValueError where it must not be read."""
    texts = [state[name] for name in _HANDLES if state.get(name) is not None]
    if len(texts) != 1 or type(texts[0]) is not str:
        raise ValueError("a LightGBM booster without its text model: was it trained before it was saved?")
    try:
        text = checked(texts[0], "its booster").text
    except ArtifactError as exc:
        raise ValueError(exc.message) from exc
    return {name: value for name, value in state.items() if name not in _HANDLES} | {"_handle": text}


def checked_catboost(state: Any) -> dict[str, Any]:
    """Return the model and the parameters of a pickled CatBoost object; raises ValueError where there is no model."""
    held = state.get(_CATBOOST) if isinstance(state, dict) else None
    if type(held) is not bytes or not held.startswith(MAGIC):
        raise ValueError("a CatBoost object without its whole model: was it trained before it was saved?")
    if fault := fault_of_cbm(held):
        raise ValueError(f"a CatBoost object whose model is damaged: {fault}")
    # Results of the training serve no prediction, and its reader takes them unchecked.
    return {name: value for name, value in state.items() if name == _CATBOOST or not name.startswith("_")}
