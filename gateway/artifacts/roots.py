"""
The folders below which every file that a registry names has to lie: `server.artifact_roots`.

Compared is where a path leads once its links are resolved. Without roots a path may lead anywhere.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ArtifactError
from gateway.system.suggest import listing


def lies_below(path: Path, roots: Sequence[Path]) -> bool:
    """Say whether a path leads below one of the roots, or to one of them."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)


def must_lie_below(path: Path, roots: Sequence[Path]) -> None:
    """Raise ArtifactError "outside-roots" for a path that leads out of all roots; no roots bound nothing."""
    if not roots or lies_below(path, roots):
        return
    raise ArtifactError(
        f"'{path}' leads to {os.path.realpath(path)}, which lies below none of `artifact_roots`",
        code="outside-roots",
        hint=f"put it below {listing([str(root) for root in roots])}, or add its folder to `server.artifact_roots`",
    )
