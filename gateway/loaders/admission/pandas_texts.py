"""
Reads the texts of a pandas Index, as pandas 2 and 3 keep them, as a NumPy array: names of columns, and nothing else.

Nothing of pandas or pyarrow is called: stand-ins collect the same plain data.
"""

import itertools
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gateway.loaders.admission.former_constructors import need

#: Buffers of an Arrow array of texts: which are missing, where each begins, all bytes.
_BUFFERS: Final = 3
_OFFSETS: Final = {"string": np.int32, "utf8": np.int32, "large_string": np.int64, "large_utf8": np.int64}


class PandasTexts:
    """Stand for an array of texts of pandas; its state fills it."""

    def __init__(self) -> None:
        self.values: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if type(state) is dict:
            state = (None, state.get("_pa_array"))
        found = state[1] if type(state) is tuple and len(state) > 1 else None
        need(isinstance(found, np.ndarray), "an array of texts without texts")
        self.values = found


def _backed(kind: Any, checksum: Any, state: Any = None) -> PandasTexts:
    need(kind is PandasTexts and type(checksum) is int and state is None, "an array of pandas that is not of texts")
    return PandasTexts()


def _dtype(*storage: Any) -> str:
    need(all(type(one) in {str, float, type(None)} for one in storage[:1]), "a dtype of an object")
    return "string"


def _arrow_type(name: Any) -> str:
    need(type(name) is str and name in _OFFSETS, "an Arrow array that is not of texts")
    return str(name)


def _buffer(data: Any) -> bytes:
    need(type(data) in {bytes, bytearray}, "a buffer of an object")
    return bytes(data)


def _arrow_array(data: Any) -> np.ndarray[Any, Any]:
    """Make the array of an Arrow array: (type, length, missing ones, offset, buffers, children, dictionary)."""
    need(type(data) is tuple and len(data) >= _BUFFERS + 2, "an Arrow array of another kind")
    kind, length, _, offset, buffers = data[:5]
    is_plain = type(buffers) is list and len(buffers) == _BUFFERS and buffers[0] is None
    need(
        is_plain and kind in _OFFSETS and type(length) is int and type(offset) is int, "an Arrow array of another kind"
    )
    need(all(type(one) is bytes for one in buffers[1:]), "an Arrow array without bytes")
    bounds = np.frombuffer(buffers[1], dtype=_OFFSETS[kind])[offset : offset + length + 1].tolist()
    need(len(bounds) == length + 1 and bounds == sorted(bounds) and bounds[0] >= 0, "an Arrow array cut short")
    texts = np.empty(length, dtype=object)
    texts[:] = [buffers[2][start:stop].decode() for start, stop in itertools.pairwise(bounds)]
    return texts


def _chunks(found: Any, *kind: Any) -> np.ndarray[Any, Any]:
    need(type(found) is list and all(isinstance(one, np.ndarray) for one in found), "chunks of objects")
    return np.concatenate(found) if found else np.empty(0, dtype=object)


def _index(kind: Any, kept: Any) -> Any:
    """Make the array of an index of pandas."""
    data = kept.get("data") if type(kept) is dict else None
    found = data.values if type(data) is PandasTexts else data
    need(isinstance(found, np.ndarray), "a pandas index without an array")
    return found


#: Global -> (what it is on the stack, how it makes), as in constructors.py.
TEXTS: Final[dict[tuple[str, str], tuple[Any, Callable[..., Any] | None]]] = {
    **{
        (module, name): (PandasTexts, PandasTexts)
        for module in ("pandas.arrays", "pandas.core.arrays.string_", "pandas.core.arrays.string_arrow")
        for name in ("StringArray", "ArrowStringArray", "ArrowStringArrayNumpySemantics", "StringArrayNumpySemantics")
    },
    ("pandas.core.indexes.base", "_new_Index"): (_index, _index),
    ("pandas.core.indexes.base", "Index"): (np.ndarray, None),
    ("pandas", "Index"): (np.ndarray, None),
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): (_backed, _backed),
    ("pandas", "StringDtype"): (_dtype, _dtype),
    ("pandas.core.arrays.string_", "StringDtype"): (_dtype, _dtype),
    ("pyarrow.lib", "type_for_alias"): (_arrow_type, _arrow_type),
    ("pyarrow.lib", "py_buffer"): (_buffer, _buffer),
    ("pyarrow.lib", "_restore_array"): (_arrow_array, _arrow_array),
    ("pyarrow.lib", "chunked_array"): (_chunks, _chunks),
}
