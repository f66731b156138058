"""`gateway add`: append a route to a registry."""

import argparse

from gateway.cli.command import OK, Command, say, shown
from gateway.cli.describe import warnings_or_raise
from gateway.cli.prepare import limits_of
from gateway.registry.add import add_route
from gateway.settings.settings import Settings


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="file or folder of a model, or file.py:name")
    parser.add_argument("--route", required=True, metavar="/PATH", help="public path of the new route")
    parser.add_argument("--loader", help="only where the artifact leaves a doubt")
    parser.add_argument(
        "--allow-pickle", action="store_true", help="accept a pickle: pins its sha256 and sets allow_pickle"
    )
    parser.add_argument("--force", action="store_true", help="add it although it cannot be loaded here")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    registry = shown(settings.registry)
    warnings: tuple[str, ...] = ()
    if not arguments.force:
        # A route that cannot serve would make the running gateway refuse every later edit.
        warnings = warnings_or_raise(
            arguments.artifact, arguments.loader, limits_of(settings), allow_pickle=arguments.allow_pickle
        )
    added = add_route(
        registry,
        arguments.artifact,
        arguments.route,
        loader=arguments.loader,
        allow_pickle=arguments.allow_pickle,
    )
    say(f"added to {registry}:\n{added.rstrip()}")
    for text in warnings:
        say(f"warning: {text}")
    return OK


ADD = Command(
    name="add",
    help="append a model to registry.yaml",
    description="Append a route to the registry, keeping comments and formatting. The new file is checked whole before "
    "it replaces the old one.",
    configure=_configure,
    run=_run,
)
