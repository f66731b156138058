"""
Opens pickle and joblib files, compressed or not, within bounds: of what comes out, and of what an opcode announces.

The bounds of compressed files are those of archives. Nothing is interpreted.
"""

import contextlib
import importlib.util
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from joblib.numpy_pickle import NumpyUnpickler
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from gateway.errors import ArtifactError, LoadError
from gateway.system.archives import OF_MODELS

_BUFFER_BYTES: Final = 1 << 20
#: The one compression of joblib that the standard library does not know.
LZ4_HEAD: Final = b"\x04\x22\x4d\x18"
_OLD_HEAD: Final = b"ZF"


class PickleStream(io.BufferedReader):
    """Read what comes out of a file; `announce` refuses what cannot be there before memory is taken for it."""

    def __init__(self, raw: "_Bounded") -> None:
        super().__init__(raw, _BUFFER_BYTES)
        self._bounded = raw

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _BUFFER_BYTES:
            self.announce(size)
        return super().read(size)

    @property
    def is_packed(self) -> bool:
        """Say whether the file was unpacked."""
        return self._bounded.is_packed

    def announce(self, size: int) -> None:
        """Raise where `size` more bytes cannot come: ArtifactError by the bound, UnpicklingError by the file's size."""
        # Up to one buffer has left the file and was not asked for yet.
        if size > self._bounded.left + _BUFFER_BYTES:
            raise self._bounded.refusal_of(size)


class _Bounded(io.RawIOBase):
    """Count what a stream gives, and end it at the bound."""

    def __init__(self, stream: Any, path: Path, *, is_packed: bool) -> None:
        self._stream, self._path, self.is_packed = stream, path, is_packed
        self._packed = path.stat().st_size
        self._given = 0
        self.left = self._packed
        if is_packed:
            self.left = max(OF_MODELS.harmless_bytes, OF_MODELS.most_ratio * self._packed)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def readinto(self, target: Any, /) -> int:
        data = self._stream.read(len(target))
        if len(data) > self.left:
            raise self.refusal_of(len(data))
        self.left -= len(data)
        self._given += len(data)
        target[: len(data)] = data
        return len(data)

    def refusal_of(self, size: int) -> Exception:
        if not self.is_packed:
            return pickle.UnpicklingError(f"{size:,} bytes are announced, and at most {self.left:,} are left")
        most = max(OF_MODELS.harmless_bytes, OF_MODELS.most_ratio * self._packed)
        return ArtifactError(
            f"{self._path.name}: {self._packed:,} bytes that unpack to more than {most:,}, which no model does",
            code="too-large-inside",
            hint="fetch it again from where it was trained",
        )


class BoundedUnpickler(NumpyUnpickler):  # type: ignore[misc]
    """Run the opcodes that take memory before they read by what the stream can hold."""

    dispatch = NumpyUnpickler.dispatch.copy()

    def load_bytearray8(self) -> None:
        # As pickle has it, but read before it is made: pickle takes memory for as much as the file says.
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


@contextlib.contextmanager
def opened(path: Path) -> Iterator[PickleStream]:
    """Open a file, unpacked as joblib does; raises ArtifactError or LoadError for one that joblib would not open."""
    with path.open("rb") as file:
        if file.peek(len(LZ4_HEAD)).startswith(LZ4_HEAD) and importlib.util.find_spec("lz4") is None:
            raise LoadError(
                f"{path.name}: compressed with LZ4, which is not installed here",
                code="missing-extra",
                hint="pip install lz4",
            )
        if file.peek(len(_OLD_HEAD)).startswith(_OLD_HEAD):
            raise ArtifactError(
                f"{path.name}: written by joblib < 0.10, which spreads one model over several files",
                code="broken-artifact",
                hint="load it where it was written and save it again with joblib.dump or skops.io.dump",
            )
        with _validate_fileobject_and_memmap(file, str(path), None) as (stream, _):
            yield PickleStream(_Bounded(stream, path, is_packed=stream is not file))


@contextlib.contextmanager
def opened_as_it_is(path: Path) -> Iterator[PickleStream]:
    """Open a file as `pickle.load` reads it: not unpacked, whatever its first bytes are."""
    with path.open("rb") as file:
        yield PickleStream(_Bounded(file, path, is_packed=False))
