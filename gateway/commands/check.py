"""`gateway check`: verify a registry and its files without serving."""

import argparse
from pathlib import Path

from gateway.commands.base import OK, REGISTRY, Command, say
from gateway.registry import load_registry


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("registry", nargs="?", type=Path, default=REGISTRY, help="default: %(default)s")


def _run(arguments: argparse.Namespace) -> int:
    spec = load_registry(arguments.registry, files=True)
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
