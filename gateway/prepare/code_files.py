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
    return spec.loader == "python" and spec.executor.kind in ("local", "ray")


def remembered(spec: RouteSpec, origin: Path, cache_dir: Path, digests: Digests) -> CodeFiles | None:
    """Return the files of a route if none of them has changed, None if a child has to find them (again)."""
    known = code_files.read(_record(spec, origin, cache_dir))
    if known is None or known.code != _code(spec) or known.sha256 != digests.digest(origin):
        return None
    now = {name: _digest(Path(name), digests) for name in known.files}
    return known if now == known.files else None


def find(
    spec: RouteSpec,
    origin: Path,
    sha256: str,
    *,
    cache_dir: Path,
    limits: PrepareLimits,
    digests: Digests,
    golden: str = "",
) -> CodeFiles:
    """Return the files that the code of a route reads; runs it in a child if they are not known."""
    known = remembered(spec, origin, cache_dir, digests)
    if known is not None:
        return known
    lines = _traced(spec, origin, cache_dir, limits, golden)
    written = {line[1:] for line in lines if line[0] == "-"}
    opened = sorted({line[1:] for line in lines if line[0] == "+"} - written - {str(origin)})
    if len(opened) > MAX_FILES:
        raise ArtifactError(
            f"{origin.name} opens {len(opened):,} files; at most {MAX_FILES:,} are kept with code",
            code="too-many-neighbours",
            hint="put what it reads into one file, or load a part of it",
        )
    found = CodeFiles(
        code=_code(spec),
        sha256=sha256,
        files={path: _digest(Path(path), digests) for path in opened},
        written=tuple(sorted(written)),
        working_folder=next((line[1:] for line in lines if line[0] == "="), ""),
        writes_there="!" in lines,
    )
    code_files.write(_record(spec, origin, cache_dir), found)
    return found


def _traced(spec: RouteSpec, origin: Path, cache_dir: Path, limits: PrepareLimits, golden: str) -> set[str]:
    """Run the code at its place, as `python file.py` would, and return what it told before it ended."""
    root = code_folders.root_of(Path(spec.base), origin)
    asked = Traced(spec=spec, origin=str(origin), root=str(root), cache_dir=str(cache_dir), golden=golden)
    problem, stdout = supervised("gateway.prepare.code_files_child", msgspec.json.encode(asked), limits, cache_dir)
    if problem is not None:
        # The child that prepares will fail in the same way and report it.
        log.info("the code could not be run to its end", extra={"route": spec.path, "reason": problem.message})
    return {line for line in stdout.decode(errors="surrogateescape").split("\0")[:-1] if line}


def _digest(path: Path, digests: Digests) -> str:
    try:
        return digests.digest(path) if path.is_file() else ""
    except (GatewayError, OSError):
        return ""


def _code(spec: RouteSpec) -> str:
    return f"{source_digest(PREPARING)} {spec.trial} {sys.version}"


def _record(spec: RouteSpec, origin: Path, cache_dir: Path) -> Path:
    return code_files.record_of(spec.base, spec.sources[0], origin, cache_dir)
