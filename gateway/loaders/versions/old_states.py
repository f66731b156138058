"""States that classes of the libraries set by code of their own, brought to the form that the installed ones take."""

import importlib
from typing import Any

from gateway.loaders.versions.old_nodes import nodes_of_today
from gateway.loaders.versions.repair import objects_in


def today(kind: type, state: Any) -> Any:
    """Return the state of an instance as today's class takes it; raises LoadError where nothing reads it."""
    if type(state) is not dict:
        return state
    if (kind.__module__, kind.__name__) == ("xgboost.core", "Booster"):
        return _xgboost_states().state_of_today(state)
    return nodes_of_today(kind, state)


def take_out_encoders(root: Any) -> None:
    """Keep the labels of XGBoost's wrappers as arrays, before the versions of all parts are asked."""
    for wrapper in wrappers_in(root):
        _xgboost_states().take_out_encoder(wrapper)


def wrappers_of_today(root: Any) -> None:
    """Bring XGBoost's wrappers of before 1.6 to the form that the installed ones take."""
    for wrapper in wrappers_in(root):
        _xgboost_states().wrapper_of_today(wrapper)


def wrappers_in(root: Any) -> list[Any]:
    """Return the wrappers of XGBoost in what was read."""
    return [part for part in objects_in(root) if type(part).__module__ == "xgboost.sklearn"]


def _xgboost_states() -> Any:
    # By name: XGBoost is an extra, and its classes are there only where a file names them.
    return importlib.import_module("gateway.loaders.versions.xgboost_states")
