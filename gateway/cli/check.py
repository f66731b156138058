"""`gateway check`: verify a registry and its files without serving."""

import argparse

from gateway.cli.command import OK, Command, say, shown
from gateway.registry import load_registry
from gateway.settings.settings import Settings


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "set_registry", nargs="?", default=argparse.SUPPRESS, metavar="REGISTRY", help="the same as --registry"
    )


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    del arguments
    spec = load_registry(shown(settings.registry), files=True)
    count = len(spec.routes)
    say(f"ok: {count} route{'' if count == 1 else 's'}")
    return OK


CHECK = Command(
    name="check",
    help="verify registry.yaml without serving",
    description="Report every fault of a registry at once, with position and repair: keys, paths, names, inputs, "
    "answer templates, and whether each artifact is there and has its pinned sha256. Exit code 0, or 78 on faults.",
    configure=_configure,
    run=_run,
)
