"""
Gives the instances of a pickle their state: attributes of plain estimators, or the library's own `__setstate__`.

A state is checked before library code runs on it; nothing is called with unchecked data.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from gateway.loaders.admission.allowed_names import Dropped
from gateway.loaders.admission.booster_state import checked_booster, checked_catboost
from gateway.loaders.admission.dtypes import set_dtype
from gateway.loaders.admission.former_constructors import Refused
from gateway.loaders.admission.object_graph import check_state
from gateway.loaders.admission.plain_values import is_plain
from gateway.loaders.versions.old_states import today


def set_state(target: Any, state: Any) -> Any:
    """Give an instance its state and return it; what would run code of the library is judged before it is given."""
    kind = type(target)
    own = getattr(kind, "__setstate__", None)
    if type(target).__module__ == "functools":
        _set_partial(target, state)
    elif own is not None and own is not BaseEstimator.__setstate__:
        check_state(kind, state)
        state = today(kind, state)
        if kind.__module__ == "lightgbm.basic":
            state = checked_booster(state)
        if kind.__module__ == "catboost.core":
            state = checked_catboost(state)
        if isinstance(target, np.dtype):
            set_dtype(target, state)
        else:
            own(target, state)
    elif kind is list and type(state) is dict and type(state.get("data")) is list:
        target.extend(state["data"])  # the columns of a remainder, as 1.5 and 1.6 kept them
    elif isinstance(target, np.generic | dict | list | set | str | bytes | int | float | complex):
        raise Refused(f"setting the state of {told(target)}")
    else:
        _set_attributes(target, state, own)
    return target


def _set_attributes(target: Any, state: Any, own: Any) -> None:
    if type(state) is tuple and len(state) == 2 and state[0] is None:  # noqa: PLR2004 - (None, slots)
        raise Refused(f"slots of {told(target)}")
    if type(state) is not dict or not all(type(key) is str for key in state):
        raise Refused(f"the state of {told(target)} is not a dict of attributes")
    if own is None:
        object.__getattribute__(target, "__dict__").update(state)
    elif type(state.get("_sklearn_version", "")) is str:
        own(target, state)
    else:
        raise Refused("a version that is not text")


def _set_partial(target: Any, state: Any) -> None:
    if type(state) is not tuple or len(state) != 4 or state[0] is not target.func:  # noqa: PLR2004 - its own state
        raise Refused("setting the state of functools.partial")
    if type(state[1]) is not tuple or state[1] or type(state[2]) is not dict or state[3] or not is_plain(state[2]):
        raise Refused("functools.partial with arguments")
    target.__setstate__((state[0], (), state[2], {}))


def told(target: Any) -> str:
    """Return what an error calls the target of an opcode."""
    if type(target) is Dropped:
        return f"{target.module}.{target.name}"
    return f"the class {target.__name__}" if isinstance(target, type) else f"a {type(target).__name__}"
