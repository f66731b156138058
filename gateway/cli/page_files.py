"""Lines of `gateway describe` and `gateway add` about the files that pages show beside a model: its card, its plot."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.cli.command import display_path
from gateway.cli.named_artifact import NamedArtifact
from gateway.errors import GatewayError
from gateway.prepare.attachments import CHECKS
from gateway.registry.attached_files import files_of
from gateway.registry.load import load_registry
from gateway.registry.spec import RouteSpec


def lines_of(spec: RouteSpec) -> Iterator[str]:
    """Yield a line for each file of a route, and say why a broken one is not shown."""
    for name, path in files_of(spec).items():
        shown = display_path(Path(os.path.normpath(path)))
        try:
            CHECKS[name](path, spec, None)
        except GatewayError as error:
            yield f"{name:9} {shown} is not shown: {error.message}  [{error.code}]; fix: {error.hint}"
        else:
            yield f"{name:9} {shown}"


def lines_beside(named: NamedArtifact, registry: Path) -> tuple[str, ...]:
    """Return the lines of the routes that serve an artifact; where none does, of a route that would."""
    routes = _routes_of(named.paths, registry)
    if not routes:
        artifact = tuple(str(path) for path in named.paths)
        base = str(registry.absolute().parent)
        spec = RouteSpec(path="/described", name="described", artifact=artifact, loader=named.loader, base=base)
        return tuple(lines_of(spec))
    return tuple(dict.fromkeys(line for spec in routes for line in lines_of(spec)))


def _routes_of(paths: Sequence[Path], registry: Path) -> list[RouteSpec]:
    try:
        routes = load_registry(registry).routes
    except GatewayError:  # an artifact can be described without a registry, and beside a broken one
        return []
    wanted = [os.path.realpath(path) for path in paths]
    return [one for one in routes if [os.path.realpath(Path(one.base, place)) for place in one.places] == wanted]
