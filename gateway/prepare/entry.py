"""What goes to the child that prepares one entry of a registry, and what comes back from it."""

from dataclasses import dataclass
from pathlib import Path

from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.artifacts.remote import ChildSpec
from gateway.registry.spec import RouteSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    Carry one entry to the child; `golden` is the path of its self-test rows, '' for none.

    `child` says how the model's own process is started, where it has one; `notes` are warnings about its environment.
    """

    spec: RouteSpec
    key: str
    artifact: StoredArtifact
    cache_dir: str
    golden: str = ""
    child: ChildSpec | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Carry a manifest to the parent, without explanation until it is final, and without the compiled model until it
    `is_compiled`; `resident_bytes` were in use.
    """

    manifest: Manifest
    is_final: bool = True
    is_compiled: bool = True
    resident_bytes: int = 0


def compiled_path(entry: Entry) -> Path:
    """Return the path of the compiled model of an entry, whether or not it exists."""
    return Path(entry.cache_dir) / "compiled" / f"{entry.key}.compiled"
