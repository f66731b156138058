"""What a loader is told of the entry of a route: the child that prepares and the worker that loads must agree on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.artifacts.manifest import StoredArtifact
from gateway.artifacts.source_files import split_entry
from gateway.loaders.base import LoadOptions
from gateway.loaders.one_hot import OneHot
from gateway.registry.spec import RouteSpec


def load_options(spec: RouteSpec, artifact: StoredArtifact | None, cache_dir: Path) -> LoadOptions:
    """Return the options of an entry whose artifact was stored."""
    return LoadOptions(
        # The digest of a resolved copy is a pin, too: what the store holds by now is not read.
        allow_pickle=spec.allow_pickle and (spec.sha256 is not None or spec.resolved is not None),
        is_reference=spec.resolved is not None,
        entry=split_entry(spec.places[0])[1],
        origin=Path(artifact.origin if artifact else ".").parent,
        files={file.path: file.sha256 for file in artifact.files} if artifact else {},
        root=_root(artifact, cache_dir),
        working_folder=Path(artifact.working_folder) if artifact and artifact.working_folder else None,
        steps=spec.steps,
        one_hot={name: _one_hot(found) for name, found in spec.inputs.items() if "dummies" in found},
        cache_dir=cache_dir,
        levels={name: tuple(found["enum"]) for name, found in spec.inputs.items() if "enum" in found},
        allow_types=spec.allow_types,
        outputs=() if spec.outputs.names is not None else tuple(spec.outputs.use or ()),
    )


def _one_hot(keywords: Mapping[str, Any]) -> OneHot:
    base = keywords.get("base")
    return OneHot(keywords["dummies"], None if base is None else str(base))


def _root(artifact: StoredArtifact | None, cache_dir: Path) -> Path | None:
    """Return the folder of the cache that holds code together with its files."""
    return cache_dir / "artifacts" / artifact.sha256 if artifact is not None and artifact.files else None
