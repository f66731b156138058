"""
Replace files atomically: readers see the old bytes or the new ones, never a mixture, even with many writers.

Every writer has its own temporary file, named by its process and a random part: two routes with one manifest key, two
threads and two containers on one volume never share one.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.system.processes import is_running

_SUFFIX: Final = ".tmp"


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """
    Yield a temporary path to write to; afterwards it replaces `path`, or is deleted if writing failed.

    `durable` syncs the file first, so that it survives a power cut.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}")
    try:
        yield draft
        if durable:
            _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def replace_bytes(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace the content of `path` with `data`; the old bytes stay if it raises OSError."""
    with replacing(path, durable=durable) as draft:
        draft.write_bytes(data)


def forget_drafts(path: Path) -> None:
    """Delete the temporary files of killed writers of `path`; those of living writers stay."""
    for draft in path.parent.glob(f".{path.name}.*{_SUFFIX}"):
        pid = draft.name.removeprefix(f".{path.name}.").partition("-")[0]
        if not (pid.isdecimal() and is_running(int(pid))):
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
