"""
Digests of the gateway's own code: results that other code has found or proven are invalid.

Reads files, imports nothing. A version number alone would miss an edited checkout and a patched installation.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

#: Members of the package whose code decides the content of a manifest: all imports of the prepare child.
PREPARING: Final = (
    "answers",
    "artifacts",
    "compilers",
    "codecs",
    "environments",
    "errors",
    "estimators",
    "executors",
    "explainers",
    "explanation",
    "loaders",
    "own_output",
    "prepare",
    "registry",
    "runtimes",
    "schema",
    "security",  # what the registry says of limits
    "system",
    "validation",
)
#: Members whose code runs a compiled model.
RUNNING: Final = ("explanation", "own_output", "runtimes", "schema")


def source_digest(members: Sequence[str], package: Path = Path(__file__).parents[1]) -> str:
    """Return a digest of the code and tables (.json) of modules and packages, read once in each process."""
    # Per process: workers are forked, and the files may have changed since the parent read them.
    return _digest(tuple(members), package, os.getpid())


@lru_cache(maxsize=4)
def _digest(members: tuple[str, ...], package: Path, _process: int) -> str:
    found_in = [path for member in members for path in (package / f"{member}.py", *(package / member).rglob("*"))]
    files = [path for path in found_in if path.suffix in {".py", ".json"}]
    found = hashlib.sha256()
    for path in sorted(set(files)):
        if path.is_file():
            found.update(f"{path.relative_to(package).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]
