"""
Reads pickle and joblib files: every opcode that makes or changes something is checked by what it is used on.

Only admitted constructors are called (constructors.py); state is set only on instances that this file made. What came
out is walked afterwards (object_graph.py). Knows nothing of predicting.
"""

import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper

from gateway.errors import GatewayError, LoadError
from gateway.loaders.admission.allowed_names import Dropped, ForbiddenGlobal, UnknownGlobal
from gateway.loaders.admission.constructors import make, resolve
from gateway.loaders.admission.former_constructors import Refused
from gateway.loaders.admission.object_states import set_state, told
from gateway.loaders.admission.pickle_globals import pickle_writers
from gateway.loaders.admission.pickle_stream import BoundedUnpickler, PickleStream, opened
from gateway.loaders.admission.plain_values import is_key
from gateway.loaders.admission.refusals import forbidden_pickle, unknown_global
from gateway.loaders.table import TABLE, pip_line

_WRAPPER_KEYS = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}


#: Package -> the line that brings it; a model that needs any other one is for a Python route.
_PIP_LINES: Final = {
    **{module: pip_line(name) for name, row in TABLE.items() if row.is_in_pickles for module in row.modules},
    "imblearn": "pip install 'multi-model-gateway[imbalanced]'",
}


class _Reader(BoundedUnpickler):
    """Run a pickle whose opcodes reach only what the file itself made."""

    dispatch = BoundedUnpickler.dispatch.copy()

    def __init__(self, filename: str, stream: PickleStream) -> None:
        super().__init__(filename, stream, True)
        #: Every object made here, by id; kept alive so that no id is used twice.
        self._made: dict[int, Any] = {}
        #: Those that have their state: a second one would free memory that others look at.
        self._finished: set[int] = set()

    def find_class(self, module: str, name: str) -> Any:
        if type(module) is not str or type(name) is not str:
            raise ForbiddenGlobal("a global whose name is not text")
        return resolve(module, name)

    def get_extension(self, code: int) -> NoReturn:
        raise ForbiddenGlobal(f"extension code {code}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise ForbiddenGlobal("a persistent id")

    def _make(self, function: Any, args: Any) -> Any:
        if type(args) is not tuple:
            raise Refused("a call without a tuple of arguments")
        made = make(function, args)
        self._made[id(made)] = made
        return made

    def load_reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._make(self.stack[-1], args)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._make(self.stack[-1], args)

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self) -> None:
        kwargs = self.stack.pop()
        if type(kwargs) is not dict or kwargs:
            raise Refused("a constructor with keywords")
        self.load_newobj()

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _instantiate(self, klass: Any, args: list[Any]) -> None:
        """Make an instance as protocols 0 and 1 ask for it (INST, OBJ)."""
        self.append(self._make(klass, tuple(args)))

    def load_dict(self) -> None:
        items = self.pop_mark()
        found: dict[Any, Any] = {}
        self._fill(found, items)
        self.append(found)

    dispatch[pickle.DICT[0]] = load_dict

    def load_setitem(self) -> None:
        value = self.stack.pop()
        self._fill(self.stack[-2], [self.stack.pop(), value])

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._fill(self.stack[-1], items)

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def _fill(self, target: Any, items: list[Any]) -> None:
        if type(target) is Dropped and target.is_made:
            return
        if type(target) is not dict and not (isinstance(target, dict) and id(target) in self._made):
            raise Refused(f"setting items of a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not is_key(key):
                raise Refused(f"a {type(key).__name__} as a key")
            # An OrderedDict keeps its order in its own method: without it, the item is there and never listed.
            (OrderedDict if type(target) is OrderedDict else dict).__setitem__(target, key, value)

    def load_append(self) -> None:
        value = self.stack.pop()
        self._extend(self.stack[-1], [value])

    dispatch[pickle.APPEND[0]] = load_append

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._extend(self.stack[-1], items)

    dispatch[pickle.APPENDS[0]] = load_appends

    def _extend(self, target: Any, items: list[Any]) -> None:
        if type(target) is Dropped and target.is_made:
            return
        if type(target) is not list:
            raise Refused(f"appending to a {type(target).__name__}")
        target.extend(items)

    def _check_members(self, items: list[Any]) -> None:
        if not all(is_key(item) for item in items):
            raise Refused("a set of objects")

    def load_additems(self) -> None:
        items = self.pop_mark()
        self._check_members(items)
        if type(self.stack[-1]) is not set:
            raise Refused(f"adding to a {type(self.stack[-1]).__name__}")
        self.stack[-1].update(items)

    dispatch[pickle.ADDITEMS[0]] = load_additems

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self._check_members(items)
        self.append(frozenset(items))

    dispatch[pickle.FROZENSET[0]] = load_frozenset

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is Dropped and target.is_made:
            target.state = state
            return
        if id(target) not in self._made or isinstance(target, type):
            raise Refused(f"setting the state of {told(target)}")
        if id(target) in self._finished:
            raise Refused(f"setting the state of {told(target)} again")
        self._finished.add(id(target))
        if type(target) is NumpyArrayWrapper:
            self.stack[-1] = self._array(target, state)
            return
        self.stack[-1] = set_state(target, state)

    dispatch[pickle.BUILD[0]] = load_build

    def _array(self, wrapper: Any, state: Any) -> Any:
        """Read what joblib writes beside the pickle: the bytes of an array, or a nested pickle of its objects."""
        if type(state) is not dict or not _WRAPPER_KEYS.issuperset(state):
            raise Refused("joblib's array with other attributes")
        shape, dtype, order = state.get("shape"), state.get("dtype"), state.get("order")
        if type(shape) is not tuple or not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
            raise Refused("joblib's array without a shape")
        alignment = state.get("numpy_array_alignment_bytes")
        if not isinstance(dtype, np.dtype) or order not in ("C", "F") or type(alignment) not in {int, type(None)}:
            raise Refused("joblib's array without a dtype or an order")
        if not any(state.get("subclass") is kind for kind in (np.ndarray, np.matrix, np.ma.MaskedArray)):
            raise Refused("joblib's array of another class")
        if dtype.hasobject:
            nested = _Reader(self.filename, self.file_handle)
            nested._made, nested._finished = self._made, self._finished
            return nested.load()
        # joblib takes memory for the whole array before it reads it.
        self.file_handle.announce(math.prod(map(int, shape)) * dtype.itemsize)
        vars(wrapper).update(state)
        return wrapper.read(self, self.ensure_native_byte_order)


def unpickle(path: Path) -> Any:
    """
    Return the object of a pickle or joblib file, compressed or not.

    Raises ArtifactError (`forbidden-pickle`, `broken-artifact`, `too-large-inside`) or LoadError (`missing-extra`,
    `wrong-version`).
    """
    try:
        with opened(path) as stream:
            return _Reader(str(path), stream).load()
    except GatewayError:
        raise
    except UnknownGlobal as exc:
        raise unknown_global(path, exc, pickle_writers(path)) from exc
    except ForbiddenGlobal as exc:
        raise forbidden_pickle(path, exc) from None
    except ModuleNotFoundError as exc:
        raise LoadError(
            f"{path.name}: the model needs the package {exc.name!r}, which is not installed here",
            code="missing-extra",
            hint=_PIP_LINES.get((exc.name or "").partition(".")[0], "serve it with the python loader"),
        ) from exc
    except AttributeError as exc:
        raise LoadError(
            f"{path.name}: written by another version of its library: {exc}",
            code="wrong-version",
            hint="train it again with the versions installed here, or export it as ONNX where it was written",
        ) from exc
