"""
Pickles of a few bytes that announce gigabytes, and compressed ones that unpack to them.

Opcodes are written by hand, because no pickler makes such files.
"""

import bz2
import importlib
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper

from loaders.acting import G, S, T, call

_BEGIN: Final = b"\x80\x04"
_GIBIBYTE: Final = 2**30
_BLOCK: Final = b" " * 2**20


def _size(count: int) -> bytes:
    return struct.pack("<Q", count)


def _whole(number: int) -> bytes:
    """Return the opcode of a whole number."""
    return b"\x8a\x08" + struct.pack("<q", number)


def _array(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """Return what joblib writes for an array, without the array."""
    made = NumpyArrayWrapper(np.ndarray, shape, "C", np.dtype(dtype), numpy_array_alignment_bytes=16)
    return pickle.dumps(made, protocol=4)


#: Name -> bytes; each would take gigabytes of memory if its word was taken for them.
ANNOUNCED: Final[dict[str, bytes]] = {
    "bytes": _BEGIN + b"\x8e" + _size(4 * _GIBIBYTE) + b".",
    "bytes of exabytes": _BEGIN + b"\x8e" + _size(2**62) + b".",
    "a text": _BEGIN + b"\x8d" + _size(4 * _GIBIBYTE) + b".",
    "bytes that may change": _BEGIN + b"\x96" + _size(4 * _GIBIBYTE) + b".",
    "a frame": _BEGIN + b"\x95" + _size(4 * _GIBIBYTE) + b"N.",
    "a whole number": _BEGIN + b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "an array of joblib": _array((_GIBIBYTE,)),
    "an array of exabytes": _array((2**62,)),
    "an array whose size overflows": _array((2**33, 2**33)),
    "an array of items without a size": _array((2**40,), "S0"),
    "an array of huge items": _array((1,), "V2147483000"),
    "bytes of a number": _BEGIN + call(G("builtins", "bytes"), _whole(4 * _GIBIBYTE)) + b".",
    "bytes of a number that may change": _BEGIN + call(G("builtins", "bytearray"), _whole(4 * _GIBIBYTE)) + b".",
    "a number of NumPy without its bytes": (
        _BEGIN + call(G("numpy._core.multiarray", "scalar"), call(G("numpy", "dtype"), S("V2147483000"))) + b"."
    ),
    "a tree of scikit-learn": (
        _BEGIN + call(G("sklearn.tree._tree", "Tree"), _whole(2**33), T(), _whole(2**33)) + b"."
    ),
    "an array in a small buffer": (
        _BEGIN
        + call(
            G("numpy._core.numeric", "_frombuffer"),
            b"C\x08" + bytes(8),
            call(G("numpy", "dtype"), S("f8")),
            T(_whole(_GIBIBYTE)),
            S("C"),
        )
        + b"."
    ),
}


def _repeating(make: Callable[[bytes], bytes]) -> bytes:
    """Return a pickle whose value is made from a tuple of tuples, of which each stands twice in the next."""
    depth = 60
    levels = b"".join(b"0h" + bytes([n]) + b"h" + bytes([n]) + b"\x86\x94" for n in range(depth))
    return _BEGIN + b"K\x01\x85\x94" + levels + b"0" + make(b"h" + bytes([depth])) + b"."


#: Name -> bytes; walked without a memory, each would take longer than the sun lasts, or the whole stack.
NESTED: Final[dict[str, bytes]] = {
    "tuples that stand twice in each other": _repeating(lambda last: last),
    "a key of tuples that stand twice in each other": _repeating(lambda last: b"}" + last + b"K\x01s"),
    "a set of tuples that stand twice in each other": _repeating(lambda last: b"\x8f(" + last + b"\x90"),
    "a state of tuples that stand twice in each other": _repeating(
        lambda last: call(
            G("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
            G("numpy.random.bit_generator", "SeedSequence"),
            b"K\x01",
            last,
        )
    ),
    "lists a hundred thousand deep": _BEGIN + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a key a hundred thousand tuples deep": _BEGIN + b"}K\x01" + b"\x85" * 100_000 + b"K\x01s.",
}


def _lz4() -> Any:
    frame: Any = importlib.import_module("lz4.frame")  # by name: most environments do not have it

    return _Lz4(frame.LZ4FrameCompressor())


class _Lz4:
    """Compress as the others do: LZ4's own begins by a call."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._begun = inner, False

    def compress(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._inner.begin()
        self._begun = True
        found: bytes = head + self._inner.compress(data)
        return found

    def flush(self) -> bytes:
        found: bytes = self._inner.flush()
        return found


#: Each compression that joblib knows.
COMPRESSIONS: Final[dict[str, Callable[[], Any]]] = {
    "zlib": lambda: zlib.compressobj(9),
    "gzip": lambda: zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16),
    "bz2": lambda: bz2.BZ2Compressor(9),
    "xz": lzma.LZMACompressor,
    "lzma": lambda: lzma.LZMACompressor(lzma.FORMAT_ALONE),
    "lz4": _lz4,
}


def announcing(compression: str) -> bytes:
    """Return a compressed pickle that announces a text of more than it may unpack to."""
    packer = COMPRESSIONS[compression]()
    found: bytes = packer.compress(_BEGIN + b"\x8d" + _size(4 * _GIBIBYTE) + _BLOCK) + packer.flush()
    return found


def holding(compression: str, mebibytes: int) -> bytes:
    """Return a compressed pickle of many texts, each thrown away as soon as it is read."""
    packer, out = COMPRESSIONS[compression](), io.BytesIO()
    out.write(packer.compress(_BEGIN))
    for _ in range(mebibytes):
        out.write(packer.compress(b"\x8d" + _size(len(_BLOCK)) + _BLOCK + b"0"))
    out.write(packer.compress(b"N.") + packer.flush())
    return out.getvalue()
