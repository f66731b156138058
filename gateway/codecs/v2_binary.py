"""
The binary tensor extension of the Open Inference Protocol: raw little-endian, row-major bytes <-> flat values.

Knows no model and no HTTP. Sizes are checked before anything is allocated.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.codecs.base import refuse

#: Datatype of the protocol -> numpy's; BYTES and BF16 have none.
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
#: Triton's addition, in binary form only: the upper half of a float32.
BF16: Final = "BF16"
DATATYPES: Final = (*DTYPES, BF16, "BYTES")
_LENGTH: Final = struct.Struct("<I")


def read_raw(datatype: str, count: int, raw: memoryview, at: str) -> Sequence[Any] | npt.NDArray[Any]:
    """
    Return the `count` elements that `raw` holds: a view on the bytes, or a list of texts for BYTES.

    Raises InputError where the bytes are not exactly so many elements.
    """
    if datatype == "BYTES":
        return _read_texts(count, raw, at)
    width = 2 if datatype == BF16 else DTYPES[datatype].itemsize
    if len(raw) != count * width:
        refuse(
            "tensor-size",
            f"{count} elements of {datatype} are {count * width} bytes, {len(raw)} were given",
            at=at,
            expected=count * width,
            hint="binary_data_size and shape must belong together",
        )
    if datatype == BF16:
        halves = np.frombuffer(raw, "<u2").astype("<u4")
        widened: npt.NDArray[Any] = (halves << 16).view("<f4")
        return widened
    if datatype == "BOOL":
        # Bytes other than 0 and 1 are no valid numpy booleans: compare instead of reinterpreting.
        flags: npt.NDArray[Any] = np.frombuffer(raw, np.uint8) != 0
        return flags
    return np.frombuffer(raw, DTYPES[datatype])


def _read_texts(count: int, raw: memoryview, at: str) -> list[str]:
    texts: list[str] = []
    position, end = 0, len(raw)
    while position < end and len(texts) < count:
        if position + _LENGTH.size > end:
            break
        (length,) = _LENGTH.unpack_from(raw, position)
        position += _LENGTH.size
        if position + length > end:
            position -= _LENGTH.size
            break
        texts.append(text_of(bytes(raw[position : position + length]), f"{at}[{len(texts)}]"))
        position += length
    if len(texts) != count or position != end:
        refuse(
            "tensor-size",
            f"the bytes hold {len(texts)} whole elements and {end - position} bytes more, the shape says {count}",
            at=at,
            expected="each element as a 32-bit length and its bytes",
        )
    return texts


def text_of(raw: bytes, at: str) -> str:
    """Return bytes as text; raises InputError if they are not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        return refuse("encoding", f"an element of BYTES is not UTF-8: {error}", at=at, expected="UTF-8")


def write_raw(datatype: str, values: Sequence[Any]) -> bytes:
    """Return flat values as the raw bytes of a tensor; null numbers become NaN."""
    if datatype == "BYTES":
        encoded = [("" if value is None else str(value)).encode("utf-8", "backslashreplace") for value in values]
        return b"".join(part for text in encoded for part in (_LENGTH.pack(len(text)), text))
    return np.asarray(values, dtype=np.float64 if None in values else None).astype(DTYPES[datatype]).tobytes()
