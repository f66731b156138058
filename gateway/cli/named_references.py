"""A reference into an MLflow store that a command line names: asked for now, and the copy that was taken."""

from pathlib import Path

from gateway.artifacts.mlflow_reference import is_reference, parse_reference
from gateway.artifacts.resolution import Resolution, must_serve
from gateway.cli.place import place_of
from gateway.generations import snapshot
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.settings.settings import Settings


def resolution_of(settings: Settings, text: str, loader: str | None) -> Resolution | None:
    """Return what a reference names now, None for a file; raises ArtifactError where it names nothing."""
    if not is_reference(text):
        return None
    parse_reference(text)
    place = place_of(settings)
    route = RouteSpec(
        path="/named", name="named", artifact=text, loader=loader or "", base=str(settings.registry.absolute().parent)
    )
    resolved = place.resolve(RegistrySpec(routes=(route,)), snapshot.committed(settings.state_dir), "all")
    found = resolved.registry.routes[0].resolved
    must_serve(text, found)
    return found


def facts_of(found: Resolution) -> str:
    """Return a line about what a reference names."""
    name = f" of {found.name}" if found.name else ""
    run = f", run {found.run_id}" if found.run_id and found.version else ""
    return f"{found.label}{name}{run}, from {found.store}"


def copy_of(found: Resolution | None) -> Path | None:
    """Return where the model of a reference lies."""
    return Path(found.path) if found is not None else None
