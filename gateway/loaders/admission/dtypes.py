"""
Gives NumPy's dtypes their state, so that it says nothing else than the public constructors could say.

`dtype.__setstate__` believes its input. A record that hides objects behind its flags would take the bytes of a file
for addresses; a size that changes would let an array that has this dtype already look at foreign memory.
"""

from typing import Any, Final

import numpy as np

from gateway.loaders.admission.allowed_names import ForbiddenGlobal

_VERSIONS: Final = (3, 4)
#: Position of each part in a state; what follows (metadata, units of time) says nothing about memory.
_PARTS: Final = 8
#: Of `flags`: whether a struct is aligned, which is no property of its memory.
_ALIGNED: Final = 128


def set_dtype(target: np.dtype[Any], state: Any) -> None:
    """Set the state of a dtype made from its text; raises ForbiddenGlobal where the two do not fit together."""
    if type(state) is not tuple or len(state) not in (_PARTS, _PARTS + 1) or state[0] not in _VERSIONS:
        raise ForbiddenGlobal("the state of a dtype in another form")
    size, expected = target.itemsize, _expected(target, state)
    target.__setstate__(state)  # type: ignore[attr-defined]
    same = (target.flags | _ALIGNED) == (expected.flags | _ALIGNED) and target.hasobject == expected.hasobject
    if not same or not target.itemsize == expected.itemsize == size:
        raise ForbiddenGlobal("a dtype that says something else about its memory than its parts")


def _expected(target: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    _, _, inner, names, fields, size, *_ = state
    if inner is names is fields is None:
        if type(size) is not int or size not in (-1, target.itemsize):
            raise ForbiddenGlobal("a dtype of another size than its text says")
        return np.dtype(target.str)
    try:
        found = _record(names, fields, size) if inner is None else _subarray(inner)
    except (TypeError, ValueError, KeyError):
        raise ForbiddenGlobal("a dtype with fields that do not fit") from None
    if found.hasobject or target.kind != "V":
        raise ForbiddenGlobal("a dtype of records with objects")
    return found


def _record(names: Any, fields: Any, size: Any) -> np.dtype[Any]:
    if type(names) is not tuple or type(fields) is not dict or type(size) is not int:
        raise TypeError
    parts = [fields[name] for name in names]
    if not all(type(part) is tuple and isinstance(part[0], np.dtype) for part in parts):
        raise TypeError
    return np.dtype(
        {
            "names": list(names),
            "formats": [part[0] for part in parts],
            "offsets": [part[1] for part in parts],
            "itemsize": size,
        }
    )


def _subarray(inner: Any) -> np.dtype[Any]:
    if type(inner) is not tuple or len(inner) != 2 or not isinstance(inner[0], np.dtype):  # noqa: PLR2004 - (base, shape)
        raise TypeError
    return np.dtype((inner[0], inner[1]))
