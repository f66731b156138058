"""`gateway add`: append a route to a registry."""

import argparse
from pathlib import Path

from gateway.commands.base import OK, REGISTRY, Command, say
from gateway.commands.describe import describe_or_raise
from gateway.registry.add import add_route


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="file or folder of a model, or file.py:name")
    parser.add_argument("--route", required=True, metavar="/PATH", help="public path of the new route")
    parser.add_argument("--registry", type=Path, default=REGISTRY, help="default: %(default)s")
    parser.add_argument("--loader", help="only where the artifact leaves a doubt")
    parser.add_argument(
        "--allow-pickle", action="store_true", help="accept a pickle: pins its sha256 and sets allow_pickle"
    )
    parser.add_argument("--force", action="store_true", help="add it although it cannot be loaded here")


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.force:
        # A route that cannot serve would make the running gateway refuse every later edit.
        describe_or_raise(arguments.artifact, arguments.loader, allow_pickle=arguments.allow_pickle)
    added = add_route(
        arguments.registry,
        arguments.artifact,
        arguments.route,
        loader=arguments.loader,
        allow_pickle=arguments.allow_pickle,
    )
    say(f"added to {arguments.registry}:\n{added.rstrip()}")
    return OK


ADD = Command(
    name="add",
    help="append a model to registry.yaml",
    description="Append a route to the registry, keeping comments and formatting. The new file is checked whole before "
    "it replaces the old one.",
    configure=_configure,
    run=_run,
)
