"""
Reads the UBJSON that XGBoost writes, and no byte behind the end of the file: counts of a damaged one are lies.

Typed arrays become NumPy arrays, everything else what JSON would be. See https://ubjson.org.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

_NUMBERS: Final = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_CONSTANTS: Final = {b"T": True, b"F": False, b"Z": None}
#: XGBoost's own files nest half as deep.
_DEEPEST: Final = 40


def decode(data: bytes) -> Any:
    """Return the value of a whole file; raises ValueError where it ends early, goes on, or breaks the rules."""
    reader = _Reader(data)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the end of the model")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        found = self._data[self.at : self.at + size]
        if size < 0 or len(found) < size:
            raise ValueError(f"it ends at byte {len(self._data)}, in the middle of a value")
        self.at += size
        return found

    def value(self, kind: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if kind in _NUMBERS:
            dtype = np.dtype(_NUMBERS[kind])
            return np.frombuffer(self.take(dtype.itemsize), dtype)[0].item()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == b"S":
            return self._text()
        if kind == b"[":
            return self._array(depth + 1)
        if kind == b"{":
            return self._object(depth + 1)
        raise ValueError(f"byte {self.at - 1} begins no value")

    def _count(self) -> int:
        kind = self.take(1)
        count = self.value(kind, 0) if kind in _NUMBERS else None
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"byte {self.at - 1} begins no count")
        return count

    def _text(self) -> str:
        return self.take(self._count()).decode("utf-8")

    def _head(self) -> tuple[bytes | None, int | None]:
        """Read the type and the count that a container may announce."""
        kind = None
        if self._data[self.at : self.at + 1] == b"$":
            self.take(1)
            kind = self.take(1)
        if self._data[self.at : self.at + 1] != b"#":
            return kind, None
        self.take(1)
        return kind, self._count()

    def _array(self, depth: int) -> Any:
        kind, count = self._head()
        if kind is not None and kind in _NUMBERS and count is not None:
            dtype = np.dtype(_NUMBERS[kind])
            return np.frombuffer(self.take(count * dtype.itemsize), dtype).astype(dtype.newbyteorder("="))
        return self._members(lambda: self.value(kind or self.take(1), depth), b"]", count)

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._head()
        pairs = self._members(lambda: (self._text(), self.value(kind or self.take(1), depth)), b"}", count)
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a member stands twice")
        return found

    def _members(self, read: Callable[[], Any], end: bytes, count: int | None) -> list[Any]:
        found: list[Any] = []
        while self._data[self.at : self.at + 1] != end if count is None else len(found) < count:
            found.append(read())
        if count is None:
            self.take(1)
        return found
