"""
Keep what a model's own process needs to start: the server's code, and the file that says which model it serves.

Both lie in one folder of the cache, named by the hash of all that decides about the process: what runs today runs
tomorrow, whatever the gateway itself became.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.artifacts import copies
from gateway.errors import LoadError
from gateway.system.gateway_code import source_digest

SPEC: Final = "spec.json"
HOME: Final = "home"
_CODE: Final = "child"
_SOURCE: Final = Path(__file__).parents[1] / _CODE

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def code_digest() -> str:
    """Return the digest of the server's code."""
    return source_digest((_CODE,))


def folder_of(cache_dir: Path, name: str) -> Path:
    """Return the folder of one process."""
    return cache_dir / "servers" / name


def start_file(folder: Path) -> Path:
    """Return the file that starts the server."""
    return folder / _CODE / "serve.py"


def keep(cache_dir: Path, name: str, spec: dict[str, Any]) -> Path:
    """Return the folder with code and spec, written unless it is there; raises LoadError."""
    folder = folder_of(cache_dir, name)
    if start_file(folder).exists():
        with contextlib.suppress(OSError):
            os.utime(folder)  # in use: unused ones are deleted after a day
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
        try:
            (draft / _CODE).mkdir()
            (draft / HOME).mkdir(mode=0o700)
            for path in sorted(_SOURCE.glob("*.py")):
                shutil.copyfile(path, draft / _CODE / path.name)
            (draft / SPEC).write_bytes(_encode(spec))
            with contextlib.suppress(OSError):  # another process was faster: equal content
                draft.rename(folder)
            if not start_file(folder).exists():
                raise OSError(None, f"cannot move into {folder}")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise LoadError(
            copies.cannot_keep(folder.parent, error).message,
            code="cache-unwritable",
            hint="free disk space or make the folder writable (GATEWAY_HOME moves it)",
        ) from error
    return folder
