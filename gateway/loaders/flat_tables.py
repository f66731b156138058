"""Reads tables, vectors and numbers of a FlatBuffer, each within its bounds; knows no schema."""

import struct

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]


class Outside(Exception):
    """A part lies outside of the bytes that ought to hold it."""

    def __init__(self) -> None:
        super().__init__("it names a part behind its end")


def number_at(data: bytes, form: str, at: int) -> int:
    """Return a number at a place; raises Outside."""
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise Outside
    return int(struct.unpack_from(form, data, at)[0])


def root_of(data: bytes) -> "Table":
    """Return the outermost table; raises Outside."""
    return Table(data, number_at(data, "<I", 0))


class Table:
    """Read the fields of one table; raises Outside."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - number_at(data, "<i", at)
        self._size = number_at(data, "<H", self._fields)

    def number(self, field: int, form: str, default: int) -> int:
        """Return a number."""
        place = self._place(field)
        return default if place is None else number_at(self._data, form, place)

    def table(self, field: int) -> "Table | None":
        """Return a table, None where the file leaves it out."""
        place = self._place(field)
        return None if place is None else Table(self._data, place + number_at(self._data, "<I", place))

    def vector(self, field: int, form: str, members: int = 1) -> Array:
        """Return a vector of numbers; of structures with so many members, one behind the other."""
        place, size = self._vector(field)
        if place + size * members * np.dtype(form).itemsize > len(self._data):
            raise Outside
        return np.frombuffer(self._data, form, size * members, place).astype(np.int64)

    def count(self, field: int) -> int:
        """Return how many entries a vector has."""
        return self._vector(field)[1]

    def tables(self, field: int) -> "list[Table]":
        """Return a vector of tables."""
        place, _ = self._vector(field)
        offsets = self.vector(field, "<u4").tolist()
        return [Table(self._data, place + 4 * i + offset) for i, offset in enumerate(offsets)]

    def texts(self, field: int) -> list[str]:
        """Return a vector of texts."""
        place, _ = self._vector(field)
        found = []
        for i, offset in enumerate(self.vector(field, "<u4").tolist()):
            at = place + 4 * i + offset
            size = number_at(self._data, "<I", at)
            found.append(self._data[at + 4 : at + 4 + size].decode(errors="replace"))
        return found

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._place(field)
        if place is None:
            return 0, 0
        place += number_at(self._data, "<I", place)
        return place + 4, number_at(self._data, "<I", place)

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return None
        offset = number_at(self._data, "<H", self._fields + entry)
        return self._at + offset if offset else None
