"""
Remember the files that code opened besides itself: found by running it in a child, read by whoever watches files.

One JSON file per route's code in the cache; knows nothing of how the files were found.
"""

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from gateway.artifacts.code_listing import entry_file
from gateway.artifacts.source_files import split_entry
from gateway.system import atomic

log = logging.getLogger("gateway.prepare")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFiles:
    """
    Hold the files that code of one digest opened when this gateway ran it: path -> sha256, "" for an absent file.

    `written` are files that it wrote, which are no part of it. `working_folder` is the folder that its relative names
    start from, "" where it uses none; `writes_there` says that it also writes by such names.
    """

    code: str
    sha256: str
    files: dict[str, str] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    working_folder: str = ""
    writes_there: bool = False


#: Made at import: msgspec crashes if two threads inspect a type for the first time at once.
_decode: Final = msgspec.json.Decoder(CodeFiles).decode


def record_of(base: str, artifact: str, origin: Path, cache_dir: Path) -> Path:
    """Return where the files of a route's code are remembered; `origin` is the real path of the code."""
    name = hashlib.sha256(msgspec.json.encode([str(origin), split_entry(artifact)[1], base])).hexdigest()[:32]
    return cache_dir / "neighbours" / f"{name}.json"


def names_of(base: str, artifact: str, cache_dir: Path) -> tuple[Path, ...]:
    """Return the paths that the code of a route opened in its last run, whatever its outcome."""
    try:
        # Not `resolve`, which raises RuntimeError for a loop of links.
        origin = entry_file(Path(os.path.realpath(Path(base) / split_entry(artifact)[0])))
    except (OSError, ValueError):
        return ()  # the path leads nowhere, so nothing was opened there
    known = read(record_of(base, artifact, origin, cache_dir)) if origin is not None else None
    return tuple(Path(name) for name in known.files) if known is not None else ()


def read(path: Path) -> CodeFiles | None:
    """Return a record; None where there is none, or none that can be read."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def write(path: Path, found: CodeFiles) -> None:
    """Write a record; a disk that refuses costs another run of the code."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace_bytes(path, msgspec.json.encode(found))
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("cannot remember the files of code", extra={"path": str(path), "reason": str(error)})
