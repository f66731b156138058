"""`gateway prepare`: turn every entry of a registry into a manifest in the cache, and commit the generation."""

import click

from gateway.artifacts.manifest import Manifest
from gateway.cli.command import FAILED, OK, Command, display_path, print_line
from gateway.cli.place import limits_of, place_of
from gateway.generations import snapshot
from gateway.prepare.entries import prepare_registry
from gateway.process.environment import configure_process
from gateway.registry.attached_files import problems_of
from gateway.registry.load import load_registry
from gateway.registry.spec import RouteSpec
from gateway.settings.settings import Settings


@click.command("prepare", cls=Command, writes_home=True)
@click.option("--retry", is_flag=True, help="also prepare entries that crashed or hung the last time")
@click.option("--commit", is_flag=True, help="commit the result as the served generation")
def prepare(settings: Settings, *, retry: bool, commit: bool) -> int:
    """
    Turn each route into a manifest in the cache: signature, golden rows, load time, memory. Exit code 0, 1 when a route
    failed, 78 on faults of the registry.
    """
    configure_process(settings)
    written = load_registry(display_path(settings.registry), root_path=settings.root_path)
    resolved = place_of(settings).resolve(written, snapshot.committed(settings.state_dir), "all")
    registry = resolved.registry
    manifests = prepare_registry(registry, settings.cache_dir, limits_of(settings), retry=retry)
    for spec in registry.routes:
        print_line(_line(spec, manifests[spec.name]))
    for warning in resolved.warnings:
        print_line(f"warning: {warning}")
    made = snapshot.make(registry, manifests, source="gateway prepare")
    if commit:
        snapshot.commit(settings.state_dir, made)
        print_line(f"committed generation {made.id}")
    return FAILED if any(found.problem for found in manifests.values()) else OK


def _line(spec: RouteSpec, found: Manifest) -> str:
    path = spec.path
    if found.problem is not None:
        fix = f"\n    fix: {found.problem.hint}" if found.problem.hint else ""
        return f"FAILED {path}  {found.problem.message}  [{found.problem.code}]{fix}"
    golden = f", {found.golden.rows} golden rows" if found.golden else ""
    speed = f"{found.predict_s * 1e6:.0f} us a predict"
    warnings = "".join(f"\n    warning: {text}" for text in (*found.warnings, *problems_of(spec, found)))
    return f"ready  {path}  {found.loader}, loads in {found.load_s:.2f} s, {speed}{golden}{warnings}"
