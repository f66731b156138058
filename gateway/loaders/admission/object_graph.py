"""
Walks all that came out of an artifact before any of it is called, and refuses what is not data or a part of a model.

Touches instances only through their types and `__dict__`: no method and no `__getattr__` of theirs runs. What training
left behind (scorers, results of a search) is taken out on the way.
"""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from gateway.loaders.admission import positive_label
from gateway.loaders.admission.allowed_functions import is_in_place
from gateway.loaders.admission.allowed_names import (
    VALUE_TYPES,
    Dropped,
    ForbiddenGlobal,
    is_estimator,
    is_part,
)
from gateway.loaders.admission.index_tables import table_fault
from gateway.loaders.admission.training_leftovers import take_out_training

_SCALARS: Final = frozenset({bool, int, float, complex, str, bytes, bytearray, type(None), type(pd.NA), range, slice})
_LISTS: Final = frozenset({list, tuple, set, frozenset})
_DICTS: Final = frozenset({dict, OrderedDict, defaultdict})
_FACTORIES: Final = (None, int, float, str, list, dict, set, OrderedDict)
_ARRAYS: Final = frozenset({np.ndarray, np.matrix, np.ma.MaskedArray})
_RANDOM: Final = frozenset({np.random.RandomState, np.random.Generator, np.random.SeedSequence})

#: Attributes that hold an estimator, or several; whatever else stood there would be asked like one.
_ESTIMATORS: Final = re.compile(
    r"_?(base_|best_|final_|sub_|init_|prefit_)?(estimators?|regressor|transformers?|classifier|steps|transformer_list|initial_imputer)_?"
)
#: Attributes that name the method that is called, and the methods that answer.
_METHOD_NAMES: Final = frozenset(
    {"stack_method", "stack_method_", "response_method", "_response_method", "chain_method"}
)
_METHODS: Final = frozenset({"auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"})
#: The place of columns in (name, transformer, columns).
COLUMNS: Final = "columns"
#: Callable parts of the libraries, and the attributes that hold them.
_FORMULAS: Final = {
    "scipy.interpolate.": re.compile(r"f_|bsplines_"),
    "sklearn.gaussian_process.kernels": re.compile(r"\w*kernels?_?|k1|k2"),
    "sklearn._loss.": re.compile(r"_?(base_)?loss_?|closs|link"),
    "sklearn.compose.": re.compile(COLUMNS),
}
#: Pickle and JSON write by recursion, which Python ends at this depth: no library writes a deeper model.
_DEEPEST: Final = 1_000
_GETTER: Final = re.compile(r"[a-zA-Z]\w*(\.[a-zA-Z]\w*)*")


class Step(NamedTuple):
    """Hold one value on the way: where it is, in which attribute of which class."""

    value: Any
    path: "tuple[Any, ...]"
    owner: type
    slot: str


def check_graph(root: Any) -> None:
    """Raise ForbiddenGlobal with the path of the first value that does not belong in a model."""
    _walk(Step(root, (), type(None), ""))


def check_state(owner: type, state: Any) -> None:
    """Check the state of one instance before it is set: setting it runs code of the library."""
    _walk(Step(state, (owner.__name__,), owner, "state"))


def _walk(first: Step) -> None:
    seen: set[Any] = set()
    stack = [first]
    alive = []
    while stack:
        step = stack.pop()
        if type(step.value) in _SCALARS or isinstance(step.value, np.generic):
            _check_scalar(step)
            continue
        if len(step.path) > _DEEPEST:
            raise ForbiddenGlobal(f"values nested more than {_DEEPEST:,} deep")
        fault = _fault(step)
        if fault:
            raise ForbiddenGlobal(f"{fault} at {_written(step)}")
        # What a container holds may be fine in one attribute and not in another one that shares it.
        key = id(step.value) if is_part(type(step.value)) else (id(step.value), step.owner, step.slot)
        if key in seen:
            continue
        seen.add(key)
        alive.append(step.value)
        stack.extend(_inside(step))


def _written(step: Step) -> str:
    return ".".join(str(part) for part in step.path) or "the top"


def _check_scalar(step: Step) -> None:
    value, slot = step.value, step.slot
    if isinstance(value, np.void) and value.dtype.hasobject:
        raise ForbiddenGlobal(f"a record of objects at {_written(step)}")
    if slot in _METHOD_NAMES and type(value) is str and value not in _METHODS:
        raise ForbiddenGlobal(f"the method {value!r} at {_written(step)}")
    if slot == "importance_getter" and type(value) is str and not _GETTER.fullmatch(value):
        raise ForbiddenGlobal(f"the attribute {value!r} at {_written(step)}")
    if type(value) is str and step.owner.__name__ == "FrozenEstimator" and slot == "estimator":
        raise ForbiddenGlobal(f"text in place of an estimator at {_written(step)}")
    if slot == "input" and value in ("file", "filename") and hasattr(step.owner, "build_tokenizer"):
        raise ForbiddenGlobal(f"a vectorizer that reads files named by requests at {_written(step)}")


def _fault(step: Step) -> str:
    """Say what is wrong with a value, or nothing."""
    value, kind = step.value, type(step.value)
    if kind in _LISTS or kind in _DICTS:
        factory = value.default_factory if kind is defaultdict else None
        return "" if any(factory is known for known in _FACTORIES) else "a factory"
    if kind in _ARRAYS or isinstance(value, np.dtype):
        return _array_fault(step)
    if kind in _RANDOM or isinstance(value, np.random.BitGenerator):
        return ""
    if kind is Dropped:
        return "a scorer, a Bunch or another part of training"
    if isinstance(value, type):
        known = any(value is one for one in VALUE_TYPES)
        return "" if known and "dtype" in step.slot else f"the class {value.__name__}"
    if kind is positive_label.PositiveLabel:
        return "" if step.slot == positive_label.ATTRIBUTE else "a label"
    if is_part(kind):
        return _part_fault(step)
    return "" if is_in_place(value, step.owner, step.slot) else f"a {kind.__module__}.{kind.__qualname__}"


def _array_fault(step: Step) -> str:
    dtype = step.value if isinstance(step.value, np.dtype) else step.value.dtype
    if dtype.hasobject and dtype != np.dtype(object):
        return "an array of records with objects"
    if dtype != np.dtype(object) and not isinstance(step.value, np.dtype) and _ESTIMATORS.fullmatch(step.slot):
        return "an array in place of an estimator"
    return ""


def _part_fault(step: Step) -> str:
    kind = type(step.value)
    if _ESTIMATORS.fullmatch(step.slot) and not is_estimator(step.value):
        return f"a {kind.__name__} in place of an estimator"
    if callable(step.value) and not _may_be_callable(step):
        return f"a callable {kind.__name__}"
    for name in _attributes(step.value):
        if type(name) is not str or (name.startswith("__") and name.endswith("__")):
            return f"the attribute {name!r} of a {kind.__name__}"
        if _shadows(kind, name):
            return f"the attribute {name!r} that hides a method of {kind.__name__}"
    return table_fault(step.value)


def _may_be_callable(step: Step) -> bool:
    """Say whether a formula with numbers, which the library calls, is where the library puts one."""
    module = type(step.value).__module__
    return any(module.startswith(home) and slots.fullmatch(step.slot) for home, slots in _FORMULAS.items())


def _shadows(kind: type, name: str) -> bool:
    """Say whether an attribute of an instance would be found instead of a method of its class."""
    for base in kind.__mro__:
        if name in vars(base):
            found = vars(base)[name]
            data = hasattr(type(found), "__set__")
            return not data and (callable(found) or hasattr(type(found), "__get__"))
    return False


def _attributes(value: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _inside(step: Step) -> Iterator[Step]:
    """Yield what a value holds; what training left behind is taken out of estimators first."""
    value, kind = step.value, type(step.value)
    if kind in _DICTS:
        for key, item in dict.items(value):
            inner = key if step.slot == "state" and type(key) is str else _slot_of_key(step.slot, key)
            yield Step(item, (*step.path, repr(key)), step.owner, inner)
    elif kind in _LISTS:
        for i, item in enumerate(value):
            yield Step(item, (*step.path, i), step.owner, _slot_of_item(step, i))
    elif kind in _ARRAYS:
        yield from _in_array(step)
    elif kind is partial:
        yield Step(value.keywords, (*step.path, "keywords"), step.owner, "keywords")
    elif isinstance(value, tuple):
        for i, item in enumerate(tuple.__iter__(value)):
            yield Step(item, (*step.path, i), kind, getattr(kind, "_fields", ())[i])
    elif is_part(kind):
        if is_estimator(value):
            take_out_training(_attributes(value))
        for name, item in _attributes(value).items():
            yield Step(item, (*step.path, name), kind, name)


def _in_array(step: Step) -> Iterator[Step]:
    value = step.value
    if value.dtype == np.dtype(object):
        for i, item in enumerate(np.ndarray.ravel(value.view(np.ndarray)).tolist()):
            yield Step(item, (*step.path, i), step.owner, step.slot)
    for name, item in getattr(value, "__dict__", {}).items():
        yield Step(item, (*step.path, name), type(value), name)


def _slot_of_key(slot: str, key: Any) -> str:
    """Return the slot of a dict's value: one that says a dtype does so by its key."""
    return "dtype" if key == "dtype" else f"{slot.removesuffix('[]')}[]"


def _slot_of_item(step: Step, index: int) -> str:
    """Return the slot of an item: in (name, estimator, columns) only the second is an estimator."""
    if type(step.value) is tuple and _ESTIMATORS.fullmatch(step.slot):
        return ("name", "estimator", COLUMNS)[min(index, 2)]
    return step.slot
