"""`gateway check`: verify a registry and its files without serving."""

from collections import Counter

import click

from gateway.cli.command import OK, Command, complete_path, display_path, keep_setting, print_line
from gateway.registry.load import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings


@click.command("check", cls=Command)
@click.argument(
    "registry",
    required=False,
    metavar="REGISTRY",
    expose_value=False,
    callback=keep_setting,
    shell_complete=complete_path,
    help="the same as --registry",
)
def check(settings: Settings) -> int:
    """
    Report every fault of a registry at once, with position and repair: keys, paths, names, inputs, answer templates,
    and whether each artifact is there and has its pinned sha256. Exit code 0, or 78 on faults.
    """
    spec = load_registry(display_path(settings.registry), root_path=settings.root_path, files=True)
    count = len(spec.routes)
    print_line(f"ok: {count} route{'' if count == 1 else 's'}{_elsewhere(spec)}")
    return OK


def _elsewhere(spec: RegistrySpec) -> str:
    """Say how many models do not run in the workers, by the kind of their executor."""
    kinds = Counter(route.executor.kind for route in spec.routes if route.executor.kind != "local")
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f", not in the workers: {counted}" if counted else ""
