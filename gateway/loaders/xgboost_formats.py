"""Refuses by name the XGBoost file formats that the installed XGBoost does not read, before XGBoost is called."""

import struct
from pathlib import Path
from typing import Final

import xgboost

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.sniffing import begins_like, looks_like_pickle
from gateway.loaders.table import TABLE
from gateway.loaders.versions.wheels import xgboost_with_binary

#: Of the releases that wrote the binary format.
_LAST_MAJOR: Final = 3


def refuse_other_formats(path: Path) -> None:
    """Look at the first bytes, because XGBoost goes by the suffix and aborts on some foreign content."""
    with path.open("rb") as file:
        head = file.read(256)
    if head.lstrip()[:1] == b"{":
        return
    if begins_like(TABLE["xgboost"], head):
        raise LoadError(
            f"{path.name}: XGBoost's binary format{_writer(head)}; XGBoost {xgboost.__version__} reads UBJSON and JSON",
            code="wrong-version",
            hint=xgboost_with_binary(),
        )
    if looks_like_pickle(head):
        raise LoadError(
            f"{path.name}: a pickle",
            code="wrong-version",
            hint="load it where it was written and call save_model('model.ubj')",
        )
    what = "empty" if not head else "neither UBJSON nor JSON"
    raise ArtifactError(
        f"{path.name}: the file is {what}", code="broken-artifact", hint="write it with save_model('model.ubj')"
    )


def _writer(head: bytes) -> str:
    """Return which release wrote the binary format: two numbers behind its first five parameters, zero before 1.0."""
    major, minor = struct.unpack_from("<2I", head.removeprefix(b"binf").ljust(28, b"\0"), 20)
    return f", written by XGBoost {major}.{minor}" if 0 < major <= _LAST_MAJOR else ", written by XGBoost before 1.0"
