"""Make generations as data: entries of a registry, manifests and snapshots of them. States no law."""

from gateway.artifacts.manifest import Manifest
from gateway.errors import Problem
from gateway.generations import snapshot
from gateway.generations.snapshot import Snapshot
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.schema import Field, Output, Signature

SIGNATURE = Signature(inputs=(Field(name="a"),), output=Output())


def route(name: str, **keys: object) -> RouteSpec:
    """Return the entry of a route `/NAME` with these keys."""
    given = {"path": f"/{name}", "artifact": f"{name}.stub", "loader": "stub", "base": "/r", **keys}
    return RouteSpec(name=name, **given)  # type: ignore[arg-type]


def ready(key: str, signature: Signature = SIGNATURE, *, load_s: float = 0.0, memory_bytes: int = 0) -> Manifest:
    """Return the manifest of a model that can serve."""
    return Manifest(key=key, loader="stub", signature=signature, load_s=load_s, memory_bytes=memory_bytes)


def failed(key: str, code: str = "artifact-missing", message: str = "it is not there") -> Manifest:
    """Return the manifest of a model that cannot serve."""
    return Manifest(key=key, loader="stub", problem=Problem(code, message))


def registry(*routes: RouteSpec) -> RegistrySpec:
    """Return a registry of these routes."""
    return RegistrySpec(routes=routes)


def generation(*entries: tuple[RouteSpec, Manifest]) -> Snapshot:
    """Return a generation of these routes with their manifests."""
    return snapshot.make(registry(*(spec for spec, _ in entries)), {spec.name: found for spec, found in entries})
