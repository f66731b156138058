"""
Constructs what artifacts of other versions name and today's do not: wrapped lists, indexes, ufuncs, compiled losses.

A part of constructors.py, with the refusal that both raise.
"""

import importlib
from collections.abc import Callable
from typing import Any, Final

from gateway.loaders.admission.allowed_functions import TEXT_METHODS, is_ufunc
from gateway.loaders.admission.allowed_names import ForbiddenGlobal, find
from gateway.loaders.admission.plain_values import is_plain_state


class Refused(ForbiddenGlobal):
    """Say that an admitted global is used in a way that no library uses it."""


def need(condition: object, what: str) -> None:
    """Raise Refused unless the condition holds."""
    if not condition:
        raise Refused(what)


def _ufunc(module: Any, name: Any) -> Any:
    """Find a ufunc as NumPy before 1.21 pickled it."""
    need(type(module) is str and type(name) is str, "a ufunc of an object")
    found = find(module, name)
    need(is_ufunc(found), f"{module}.{name} as a ufunc")
    return found


def _text_method(kind: Any, name: Any) -> Any:
    """Find a method of text, the only attribute that an artifact may ask for by name."""
    need(
        kind is str and name in TEXT_METHODS, f"the attribute {name!s:.40} of {getattr(kind, '__name__', 'an object')}"
    )
    return vars(str)[name]


def _remainder_columns() -> Any:
    """Make the list that 1.5 and 1.6 wrapped; its state fills it."""
    return []


class Compiled:
    """Stand for Cython's own function that makes one compiled class from a checksum and plain state."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._inner = vars(importlib.import_module(kind.__module__)).get(f"__pyx_unpickle_{kind.__name__}")

    def make(self, named: Any, checksum: Any, state: Any = None) -> Any:
        need(named is self._kind and type(checksum) is int and is_plain_state(state), f"a {self._kind.__name__}")
        if self._inner is None:
            # Until 1.5 losses were made by functions of their own, from the same numbers that they are made of today.
            numbers = state or ()
            need(type(numbers) is tuple and all(type(one) in {int, float} for one in numbers), self._kind.__name__)
            return self._kind(*numbers)
        return self._inner(self._kind, checksum, state)


#: Global -> (what it is on the stack, how it makes), as in constructors.py.
FORMER: Final[dict[tuple[str, str], tuple[Any, Callable[..., Any] | None]]] = {
    ("numpy.core", "_ufunc_reconstruct"): (_ufunc, _ufunc),
    ("numpy._core", "_ufunc_reconstruct"): (_ufunc, _ufunc),
    ("builtins", "getattr"): (_text_method, _text_method),
    ("sklearn.compose._column_transformer", "_RemainderColsList"): (_remainder_columns, _remainder_columns),
}
