"""
Find the files that a route's code reads, in a child, and remember them until one of them changes.

Build tools treat dependencies this way: the files of the last run are compared first, and a child runs the code again
only if the code or one of those files has changed.
"""

import logging
import sys
from pathlib import Path
from typing import Final

import msgspec

from gateway.artifacts import code_files, code_folders
from gateway.artifacts.code_files import CodeFiles
from gateway.artifacts.digests import Digests
from gateway.errors import ArtifactError, GatewayError
from gateway.prepare.child_supervisor import PrepareLimits, supervised
from gateway.prepare.code_files_child import Traced
from gateway.registry.spec import RouteSpec
from gateway.system.gateway_code import PREPARING, source_digest

log = logging.getLogger("gateway.prepare")

#: Code that opens more files reads a data set, which should have a path of its own.
MAX_FILES: Final = 2_000


def has_code_files(spec: RouteSpec) -> bool:
    """Return whether the artifact of a route is code, which may read other files."""
    return spec.loader == "python"


def remembered(spec: RouteSpec, origin: Path, cache_dir: Path, digests: Digests) -> dict[Path, str] | None:
    """Return the current state of a route's files, None if a child has to find them (again)."""
    known = code_files.read(_record(spec, origin, cache_dir))
    if known is None or known.code != _code() or known.sha256 != digests.digest(origin):
        return None
    now = {name: _digest(Path(name), digests) for name in known.files}
    return {Path(name): sha256 for name, sha256 in now.items()} if now == known.files else None


def find(
    spec: RouteSpec, origin: Path, sha256: str, *, cache_dir: Path, limits: PrepareLimits, digests: Digests
) -> dict[Path, str]:
    """Return the files that the code of a route reads; runs it in a child if they are not known."""
    files = remembered(spec, origin, cache_dir, digests)
    if files is None:
        opened = _opened(spec, origin, cache_dir, limits)
        found = {str(path): _digest(path, digests) for path in opened}
        files = {Path(path): digest for path, digest in found.items()}
        code_files.write(_record(spec, origin, cache_dir), CodeFiles(code=_code(), sha256=sha256, files=found))
    return files


def _opened(spec: RouteSpec, origin: Path, cache_dir: Path, limits: PrepareLimits) -> list[Path]:
    """Run the code at its place, as `python file.py` would, and return the files that it opened before it ended."""
    root = code_folders.root_of(Path(spec.base), origin)
    asked = Traced(spec=spec, origin=str(origin), root=str(root), cache_dir=str(cache_dir))
    problem, stdout = supervised("gateway.prepare.code_files_child", msgspec.json.encode(asked), limits, cache_dir)
    if problem is not None:
        # The child that prepares will fail in the same way and report it.
        log.info("the code could not be run to its end", extra={"route": spec.path, "reason": problem.message})
    lines = {line for line in stdout.decode(errors="surrogateescape").split("\0")[:-1] if line}
    written = {line[1:] for line in lines if line[0] == "-"}
    found = sorted({line[1:] for line in lines if line[0] == "+"} - written - {str(origin)})
    if len(found) > MAX_FILES:
        raise ArtifactError(
            f"{origin.name} opens {len(found):,} files; at most {MAX_FILES:,} are kept with code",
            code="too-many-neighbours",
            hint="put what it reads into one file, or load a part of it",
        )
    return [Path(path) for path in found]


def _digest(path: Path, digests: Digests) -> str:
    try:
        return digests.digest(path) if path.is_file() else ""
    except (GatewayError, OSError):
        return ""


def _code() -> str:
    return f"{source_digest(PREPARING)} {sys.version}"


def _record(spec: RouteSpec, origin: Path, cache_dir: Path) -> Path:
    return code_files.record_of(spec.base, spec.artifact, origin, cache_dir)
