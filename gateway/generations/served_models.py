"""Which model server of ours serves the model of each route, under which name, and how a cluster is to serve it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ChildSpec, ModelArchive
from gateway.registry.spec import RegistrySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """Name a model of a server; with an `archive` the server must be told of it, and of its `deployment`."""

    server: ChildSpec
    model: str
    archive: ModelArchive | None = None
    deployment: dict[str, Any] = field(default_factory=dict)

    @property
    def mark(self) -> tuple[str, str]:
        """Return what tells one model of one server from every other."""
        return self.server.name, self.model


def served_models(registry: RegistrySpec, manifests: Mapping[str, Manifest]) -> dict[str, ServedModel]:
    """Return the models of a generation that servers of ours serve, by route."""
    found = {}
    for spec in registry.routes:
        manifest = manifests.get(spec.name)
        remote = manifest.remote if manifest is not None and manifest.problem is None else None
        if remote is not None and remote.child is not None:
            deployment = spec.executor.deployment if remote.archive is not None else {}
            found[spec.name] = ServedModel(
                server=remote.child, model=remote.model, archive=remote.archive, deployment=deployment
            )
    return found
