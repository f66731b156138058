"""
Recognises files and folders that no loader takes, from their bytes or else their names, and says how to convert them.

Nothing is interpreted: first bytes, names in archives and folders.
"""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from gateway.system.files import is_file, open_regular

HEAD_BYTES: Final = 512
_PYTHON_ROUTE: Final = "a Python route (`def predict(...)` in a .py file) that loads it"
_TO_ONNX: Final = "export it to ONNX"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Say what it is, and what to do."""

    what: str
    todo: str


def _either(how: str) -> str:
    return f"{_TO_ONNX} ({how}), or write {_PYTHON_ROUTE}"


KERAS: Final = Foreign("a Keras model", _either("model.export('model.onnx', format='onnx')"))
TORCH: Final = Foreign("a PyTorch file", _either("torch.onnx.export(model, ...)"))
TENSORFLOW: Final = Foreign("a TensorFlow SavedModel", _either("python -m tf2onnx.convert --saved-model FOLDER"))
TFLITE: Final = Foreign("a TensorFlow Lite model", _either("python -m tf2onnx.convert --tflite FILE"))
PMML: Final = Foreign("a PMML document", "export the model to ONNX where it was made, or train it again")
R_OBJECT: Final = Foreign("an object saved by R", "save the model from R in a format of its own: xgb.save, or ONNX")
WEIGHTS: Final = Foreign("weights without their model", _either("torch.onnx.export of the model with them"))
SPARK: Final = Foreign("a Spark ML model", _either("onnxmltools.convert_sparkml"))
TORCHSERVE: Final = Foreign("a TorchServe archive", _either("torch.onnx.export of the model in it"))

#: Offset, bytes -> what begins so.
_MAGIC: Final = (
    (0, b"\x89HDF\r\n\x1a\n", KERAS),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", TORCH),
    (4, b"TFL3", TFLITE),
    (0, b"RDX", R_OBJECT),
    (0, b"RDA", R_OBJECT),
    (0, b"X\n\x00\x00\x00", R_OBJECT),
    (0, b"A\n3\n", R_OBJECT),
)
_NAMES: Final = {
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".keras": KERAS,
    ".pt": TORCH,
    ".pth": TORCH,
    ".ckpt": TORCH,
    ".safetensors": WEIGHTS,
    ".mar": TORCHSERVE,
    ".tflite": TFLITE,
    ".pb": TENSORFLOW,
    ".pmml": PMML,
    ".rds": R_OBJECT,
    ".rda": R_OBJECT,
    ".rdata": R_OBJECT,
}
_Unpacker: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
#: The largest block of bzip2, 900 kB, may come out of a little more.
_BLOCK_BYTES: Final = 1 << 20
_STEP_BYTES: Final = 1 << 16
_UNPACK: Final[dict[bytes, Callable[[], _Unpacker]]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    **dict.fromkeys((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), zlib.decompressobj),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
}


def recognise(path: Path) -> Foreign | None:
    """Return what an artifact is, None where nothing is known of it."""
    if path.is_dir():
        return _folder(path)
    if not is_file(path):
        return _NAMES.get(path.suffix.lower())
    head = opened_head(path)
    for offset, magic, found in _MAGIC:
        if head[offset:].startswith(magic):
            return found
    if b"<PMML" in head:
        return PMML
    if zipfile.is_zipfile(path):
        return _archive(path)
    return _NAMES.get(path.suffix.lower())


def opened_head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked where it is compressed by gzip, bzip2 or xz."""
    try:
        with open_regular(path) as stream:
            head = stream.read(4 * HEAD_BYTES)
            for magic, unpacker in _UNPACK.items():
                if head.startswith(magic):
                    return _unpacked(unpacker(), head, stream)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):
        return b""
    return head


def _unpacked(unpacker: _Unpacker, head: bytes, stream: BinaryIO) -> bytes:
    """Return the first bytes that come out; bzip2 gives none before it has read a whole block."""
    taken, found = len(head), unpacker.decompress(head, HEAD_BYTES)
    while not found and taken < _BLOCK_BYTES and (more := stream.read(_STEP_BYTES)):
        taken += len(more)
        found = unpacker.decompress(more, HEAD_BYTES)
    return found


def _archive(path: Path) -> Foreign:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    leaves = {name.rpartition("/")[2] for name in names}
    if {"data.pkl", "version"} <= leaves or "constants.pkl" in leaves:
        return TORCH
    if "model.weights.h5" in leaves:
        return KERAS
    if "MANIFEST.json" in leaves and any(name.startswith("MAR-INF/") for name in names):
        return TORCHSERVE
    if "saved_model.pb" in leaves:
        return TENSORFLOW
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
    return Foreign(
        f"a ZIP archive without model.ini, so no H2O MOJO (it holds {shown or 'nothing'})",
        "unpack it and name the model in it, or export the MOJO again with model.save_mojo(...)",
    )


def _folder(path: Path) -> Foreign | None:
    if (path / "saved_model.pb").is_file():
        return TENSORFLOW
    if (path / "metadata").is_dir() and any((path / "metadata").glob("part-*")):
        return SPARK
    inner = next((found.parent for depth in ("*", "*/*") for found in sorted(path.glob(f"{depth}/MLmodel"))), None)
    return None if inner is None else Foreign("a folder with MLflow models in it", f"name the folder of one: {inner}")
