"""
Replays the opcodes of one pickle on stand-ins: nothing that a file says is imported, called or made.

Follows joblib's arrays, whose bytes lie between the opcodes.
"""

import pickle
import re
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gateway.loaders.admission.pickle_stream import BoundedUnpickler

_CHUNK: Final = 1 << 20
#: What is shown as a version: the file says it, and may say anything.
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+]{0,30}")
_DIGITS: Final = re.compile(rb"\s*([+-]?[0-9]{1,18})")


@dataclass(slots=True)
class Noted:
    """Hold what a replay came across; `has_arrays` where joblib put the bytes of arrays between the opcodes."""

    names: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    has_arrays: bool = False


class _Named:
    """Stand for a global, for what a call of it returns, and for an instance with its state."""

    def __init__(self, module: str = "", name: str = "", args: Any = ()) -> None:
        self.pair, self.args = (module, name), args
        self.state: Any = None


class Replay(BoundedUnpickler):
    """
    Note every global of one pickle, and the versions that its estimators tell.

    Reads opcodes as the C module of pickle does, which takes more than the one in Python: frames that end anywhere,
    octal numbers, numbers with rubbish behind a NUL. With `has_arrays` the bytes of joblib's arrays are stepped over,
    as joblib does and `pickle.load` does not.
    """

    dispatch = BoundedUnpickler.dispatch.copy()

    def __init__(self, stream: Any, noted: Noted, *, has_arrays: bool) -> None:
        super().__init__("", stream, False)
        self.encoding = "latin1"
        self._stream, self._noted, self._has_arrays = stream, noted, has_arrays

    def _note(self, module: Any, name: Any) -> _Named:
        parts = [text if type(text) is str else "(computed)" for text in (module, name)]
        self._noted.names.add(".".join(parts))
        return _Named(*parts)

    def find_class(self, module: Any, name: Any) -> Any:
        return self._note(module, name)

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.append(self._note(module, name))

    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global

    def get_extension(self, code: int) -> None:
        self._noted.names.add(f"(extension code {code})")
        self.append(_Named())

    def persistent_load(self, pid: Any) -> Any:
        self._noted.names.add("(persistent id)")
        return _Named()

    def _instantiate(self, klass: Any, args: list[Any]) -> None:
        self.append(_made(klass, tuple(args)))

    def load_reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = _made(self.stack[-1], args)

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_reduce

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_reduce()

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def load_dict(self) -> None:
        items = self.pop_mark()  # first: it puts the stack below in place
        self.append(_dict_of(items))

    dispatch[pickle.DICT[0]] = load_dict

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _fill(self.stack[-1], [key, value])

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        items = self.pop_mark()
        _fill(self.stack[-1], items)

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def load_append(self) -> None:
        self.stack.pop()

    dispatch[pickle.APPEND[0]] = load_append

    def load_items(self) -> None:
        self.pop_mark()

    dispatch[pickle.APPENDS[0]] = load_items
    dispatch[pickle.ADDITEMS[0]] = load_items

    def load_frozenset(self) -> None:
        self.pop_mark()
        self.append(_Named())

    dispatch[pickle.FROZENSET[0]] = load_frozenset

    def load_frame(self) -> None:
        self.read(8)  # the C module reads on over the end of a frame

    dispatch[pickle.FRAME[0]] = load_frame

    def load_number(self) -> None:
        self.append(_number(self.readline()))

    dispatch[pickle.INT[0]] = load_number
    dispatch[pickle.LONG[0]] = load_number
    dispatch[pickle.FLOAT[0]] = load_number

    def load_put(self) -> None:
        self.memo[_number(self.readline())] = self.stack[-1]

    dispatch[pickle.PUT[0]] = load_put

    def load_get(self) -> None:
        self._recall(_number(self.readline()))

    def load_binget(self) -> None:
        self._recall(self.read(1)[0])

    def load_long_binget(self) -> None:
        self._recall(int.from_bytes(self.read(4), "little"))

    dispatch[pickle.GET[0]] = load_get
    dispatch[pickle.BINGET[0]] = load_binget
    dispatch[pickle.LONG_BINGET[0]] = load_long_binget

    def _recall(self, index: int) -> None:
        self.append(self.memo.get(index, _Named()))

    def load_next_buffer(self) -> None:
        self.append(_Named())

    dispatch[pickle.NEXT_BUFFER[0]] = load_next_buffer

    def load_readonly_buffer(self) -> None:
        pass

    dispatch[pickle.READONLY_BUFFER[0]] = load_readonly_buffer

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is not _Named:
            return
        target.state = state
        version = state.get("_sklearn_version") if type(state) is dict else None
        if type(version) is str and _VERSION.fullmatch(version):
            self._noted.versions.add(version)
        if target.pair[1] == "NumpyArrayWrapper" and type(state) is dict:
            self._noted.has_arrays = True
            if self._has_arrays:
                self._skip_array(state)

    dispatch[pickle.BUILD[0]] = load_build

    def _skip_array(self, state: dict[Any, Any]) -> None:
        """Step over the bytes of an array, or list the pickle of its objects."""
        size, is_objects = _item_size(state.get("dtype"))
        if is_objects:
            # joblib leaves it to pickle itself.
            Replay(self._stream, self._noted, has_arrays=False).load()
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self._skip(self._stream.read(1)[0])
        self._skip(size * int(np.prod([int(n) for n in state.get("shape") or ()], dtype=object)))

    def _skip(self, count: int) -> None:
        while count > 0:
            read = len(self._stream.read(min(count, _CHUNK)))
            if not read:
                return
            count -= read


def _number(line: bytes) -> int:
    """Return a whole number of a line; what it is matters for places in the memo only."""
    found = _DIGITS.match(line)
    return int(found[1]) if found is not None else 0


def _made(callee: Any, args: Any) -> _Named:
    pair = callee.pair if type(callee) is _Named else ("", "")
    return _Named(*pair, args=args)


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    _fill(found, items)
    return found


def _fill(target: Any, items: list[Any]) -> None:
    """Keep what stands under a name; joblib's arrays say their shape and dtype so."""
    if type(target) is dict:
        target.update((key, value) for key, value in zip(items[::2], items[1::2], strict=False) if type(key) is str)


def _item_size(dtype: Any) -> tuple[int, bool]:
    """Return the bytes of one item, and whether the items are objects."""
    if type(dtype) is not _Named or type(dtype.args) is not tuple or not dtype.args:
        return 0, False
    text = dtype.args[0]
    plain = np.dtype(text) if type(text) is str else np.dtype("V1")
    return plain.itemsize, plain.hasobject or _holds_objects(dtype.state)


def _holds_objects(state: Any) -> bool:
    """Say whether the fields of a record are objects."""
    fields = state[4] if type(state) is tuple and len(state) > 4 else None  # noqa: PLR2004 - (version, order, base, ...)
    if type(fields) is not dict:
        return False
    inner = (field[0] for field in fields.values() if type(field) is tuple and field)
    return any(type(one) is _Named and _item_size(one)[1] for one in inner)
