"""
Constructs the objects of an artifact: one function for each admitted callable, with the arguments that it may be given.

Called with what an artifact says. Arguments are plain data or were made from the same file; nothing of them is called.
"""

import datetime
import importlib
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, Final

import numpy as np
import pandas as pd
from joblib.numpy_pickle import NumpyArrayWrapper
from sklearn.utils.validation import check_array

from gateway.loaders.admission.allowed_names import NUMPY_TYPES, Dropped, find, is_part
from gateway.loaders.admission.former_constructors import FORMER, Compiled, need
from gateway.loaders.admission.pandas_texts import TEXTS
from gateway.loaders.admission.plain_values import SCALARS, is_argument, is_key, is_plain_state
from gateway.loaders.versions.moved import current_name

_ARRAYS: Final = (np.ndarray, np.matrix, np.ma.MaskedArray)
_BIT_GENERATORS: Final = (
    np.random.MT19937,
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
)
_DTYPE: Final = re.compile(r"[<>=|]?[?bhilqBHILQpPefdgFDGSUVOMmcauT]\d*(\[\w+\])?")

Maker = Callable[..., Any]


def _container(kind: type) -> Maker:
    def make(*items: Any) -> Any:
        need(len(items) <= 1 and all(type(item) in {list, tuple, dict, set} for item in items), kind.__name__)
        if kind in {set, frozenset}:
            need(all(is_key(item) for item in (items[0] if items else ())), f"{kind.__name__} of objects")
        return kind(*items)

    return make


def _scalar(kind: type) -> Maker:
    def make(*values: Any) -> Any:
        need(all(type(value) in SCALARS or type(value) is bytearray for value in values), kind.__name__)
        # bytes(2**31) would be that many zeros.
        need(kind not in {bytes, bytearray} or int not in map(type, values), f"{kind.__name__} of a size")
        return kind(*values)

    return make


def _default_dict(factory: Any = None, *rest: Any) -> Any:
    known = (None, int, float, str, bool, list, dict, set, OrderedDict)
    need(any(factory is one for one in known) and not rest, "defaultdict with a factory")
    return defaultdict(factory)


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    """Stand in for `_codecs.encode`, which protocol 2 uses for bytes; any other codec is refused."""
    need(type(text) is str and encoding in {"latin1", "latin-1"}, f"_codecs.encode with {encoding!r}")
    return text.encode("latin-1")


def _dtype(text: Any, *rest: Any) -> np.dtype[Any]:
    # A copy, as pickle asks for: the state that follows must not be set on the one dtype of that name.
    need(type(text) is str and _DTYPE.fullmatch(text), "numpy.dtype of an object")
    found: np.dtype[Any] = np.dtype(text, False, True)
    return found


def _number(dtype: Any, value: Any = None) -> Any:
    # Without its bytes NumPy makes as many zeros as the dtype says.
    need(isinstance(dtype, np.dtype) and not dtype.hasobject and type(value) is bytes, "numpy scalar")
    return np._core.multiarray.scalar(dtype, value)  # type: ignore[attr-defined]


def _array(kind: Any, shape: Any, code: Any) -> Any:
    need(any(kind is one for one in _ARRAYS) and type(shape) is tuple and shape == (0,), "numpy array of another kind")
    return np.ndarray.__new__(kind, (0,), "b")


def _array_of_buffer(data: Any, dtype: Any, shape: Any, order: Any, *rest: Any) -> Any:
    need(type(data) in {bytes, bytearray} and isinstance(dtype, np.dtype) and not dtype.hasobject, "array of a buffer")
    need(type(shape) is tuple and all(type(n) is int for n in shape) and order in {"C", "F"} and not rest, "shape")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order=order)


def _masked(kind: Any, base: Any, shape: Any, code: Any) -> Any:
    need(kind is np.ma.MaskedArray and base is np.ndarray, "masked array of another kind")
    return np.ma.core._mareconstruct(kind, base, (0,), "b")  # type: ignore[attr-defined]


def _bit_generator(kind: Any = "MT19937") -> Any:
    by_name = {known.__name__: known for known in _BIT_GENERATORS}
    need(kind in _BIT_GENERATORS if isinstance(kind, type) else type(kind) is str and kind in by_name, "bit generator")
    return (kind if isinstance(kind, type) else by_name[kind])()


def _generator_of(kind: Any) -> Maker:
    def make(source: Any = "MT19937", constructor: Any = None) -> Any:
        need(
            constructor is None or constructor is _member("numpy.random._pickle", "__bit_generator_ctor"),
            "bit generator of a callable",
        )
        return kind(source if type(source) in _BIT_GENERATORS else _bit_generator(source))

    return make


def _seed_sequence(kind: Any, checksum: Any, state: Any = None) -> Any:
    need(kind is np.random.SeedSequence and type(checksum) is int and is_plain_state(state), "seed sequence")
    return _member("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")(kind, checksum, state)


def _moment(data: Any) -> str:
    """Make the text of a moment that stands beside a model, such as when it was trained."""
    need(type(data) is bytes, "a datetime of an object")
    return datetime.datetime(data).isoformat()  # type: ignore[call-arg]


def _day(data: Any) -> str:
    need(type(data) is bytes, "a date of an object")
    return datetime.date(data).isoformat()  # type: ignore[call-arg]


def _partial(function: Any) -> Any:
    need(function is check_array, "functools.partial")
    return partial(check_array)


def _rebuilt(kind: Any, base: Any, state: Any) -> Any:
    if base is object and state is None:
        return make(kind, ())
    need(type(kind) is Dropped, "copyreg._reconstructor with a base")
    return make(kind, ())


def _new_obj(kind: Any) -> Any:
    """Make the compiled search trees and metrics of scikit-learn, which fill themselves from their state."""
    need(isinstance(kind, type) and is_part(kind), "newObj")
    return kind.__new__(kind)


def _member(module: str, name: str) -> Any:
    return vars(importlib.import_module(module))[name]


#: Global -> (what it is on the stack, how it makes). Values that are only compared have no maker.
_FIXED: Final[dict[tuple[str, str], tuple[Any, Maker | None]]] = {
    **{("builtins", kind.__name__): (kind, _container(kind)) for kind in (dict, list, tuple, set, frozenset)},
    **{("builtins", k.__name__): (k, _scalar(k)) for k in (bool, int, float, complex, str, bytes, bytearray, range)},
    ("builtins", "slice"): (slice, _scalar(slice)),
    ("builtins", "object"): (object, None),
    ("datetime", "datetime"): (_moment, _moment),
    ("datetime", "date"): (_day, _day),
    ("collections", "OrderedDict"): (OrderedDict, _container(OrderedDict)),
    ("collections", "defaultdict"): (defaultdict, _default_dict),
    ("_codecs", "encode"): (_bytes, _bytes),
    ("copyreg", "_reconstructor"): (_rebuilt, _rebuilt),
    ("functools", "partial"): (partial, _partial),
    ("sklearn.utils.validation", "check_array"): (check_array, None),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): (
        NumpyArrayWrapper,
        lambda *args: NumpyArrayWrapper.__new__(NumpyArrayWrapper),
    ),
    ("numpy", "dtype"): (np.dtype, _dtype),
    ("numpy", "ndarray"): (np.ndarray, None),
    ("numpy", "memmap"): (np.ndarray, None),
    ("numpy", "matrix"): (np.matrix, None),
    ("numpy.ma", "MaskedArray"): (np.ma.MaskedArray, None),
    ("numpy.ma.core", "MaskedArray"): (np.ma.MaskedArray, None),
    ("numpy.ma.core", "_mareconstruct"): (_masked, _masked),
    ("numpy._core.multiarray", "_reconstruct"): (_array, _array),
    ("numpy._core.multiarray", "scalar"): (_number, _number),
    ("numpy._core.numeric", "_frombuffer"): (_array_of_buffer, _array_of_buffer),
    ("numpy.random._pickle", "__bit_generator_ctor"): (
        _member("numpy.random._pickle", "__bit_generator_ctor"),
        _bit_generator,
    ),
    ("numpy.random._pickle", "__generator_ctor"): (
        _member("numpy.random._pickle", "__generator_ctor"),
        _generator_of(np.random.Generator),
    ),
    ("numpy.random._pickle", "__randomstate_ctor"): (
        _member("numpy.random._pickle", "__randomstate_ctor"),
        _generator_of(np.random.RandomState),
    ),
    ("numpy.random.bit_generator", "SeedSequence"): (np.random.SeedSequence, None),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): (_seed_sequence, _seed_sequence),
    **FORMER,
    **TEXTS,
    ("pandas", "NA"): (pd.NA, None),
    ("pandas._libs.missing", "NAType"): (type(pd.NA), lambda: pd.NA),
    **{(kind.__module__, kind.__name__): (kind, None) for kind in _BIT_GENERATORS},
    **{("numpy", kind.__name__): (kind, None) for kind in NUMPY_TYPES},
}
_MAKERS: Final[dict[Any, Maker]] = {id(found): maker for found, maker in _FIXED.values() if maker is not None}


def resolve(module: str, name: str) -> Any:
    """Return what stands for a global of an artifact; raises as `find` does."""
    pair = current_name(module, name)
    if pair in _FIXED:
        return _FIXED[pair][0]
    if pair[1] == "newObj" and pair[0].startswith("sklearn."):
        return _new_obj
    if pair[1].startswith("__pyx_unpickle_"):
        return Compiled(find(pair[0], pair[1].removeprefix("__pyx_unpickle_")))
    return find(*pair)


def make(function: Any, args: tuple[Any, ...]) -> Any:
    """Make one object; raises Refused where no library makes one so."""
    if type(function) is Dropped:
        need(not function.is_made, f"a call of a {function.name}")
        return Dropped(function.module, function.name, is_made=True)
    maker = _MAKERS.get(id(function))
    if type(function) is Compiled:
        maker = function.make
    if function is _new_obj:
        maker = _new_obj
    if maker is not None:
        return maker(*args)
    need(isinstance(function, type) and is_part(function), f"a call of {_name(function)}")
    if not args:
        return function.__new__(function)
    need(_takes_arguments(function) and all(is_argument(arg) for arg in args), f"{function.__name__} with arguments")
    return function(*args)


def _name(value: Any) -> str:
    kind = type(value)
    return value.__qualname__ if kind in {type, type(_name)} else f"a {kind.__name__}"


def _takes_arguments(kind: type) -> bool:
    """Say whether a class is compiled, or a named tuple: its constructor runs no Python code."""
    return issubclass(kind, tuple) or FunctionType not in {type(kind.__init__), type(kind.__new__)}
