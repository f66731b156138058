"""
Replace files whole: readers see the old bytes or the new ones, never half, however many write at once.

Every writer has a draft of its own, named by its process and a random part: two routes with one manifest key, two
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
    Lend a path to write to; afterwards it takes the place of `path`, or is deleted where writing failed.

    `durable` also survives a power cut right after it.
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
    """Put `data` in the place of `path`; raises OSError, and then the old bytes stay."""
    with replacing(path, durable=durable) as draft:
        draft.write_bytes(data)


def forget_drafts(path: Path) -> None:
    """Delete what writers of `path` that were killed have left; the drafts of living ones stay."""
    for draft in path.parent.glob(f".{path.name}.*{_SUFFIX}"):
        pid = draft.name.removeprefix(f".{path.name}.").partition("-")[0]
        if not (pid.isdecimal() and is_running(int(pid))):
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
