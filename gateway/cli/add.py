"""`gateway add`: append a route to a registry."""

from pathlib import Path

import click

from gateway.cli import page_files
from gateway.cli.command import OK, Command, complete_path, display_path, print_line
from gateway.cli.describe import warnings_or_raise
from gateway.cli.executor_option import executor_option, kind_of, must_name_artifact, prepared
from gateway.cli.mlflow_notes import notes_of
from gateway.cli.named_artifact import named_artifact
from gateway.cli.type_option import allow_type_option
from gateway.registry.add import add_route
from gateway.registry.load import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings


@click.command("add", cls=Command, writes_home=True)
@click.argument(
    "artifacts",
    metavar="ARTIFACT...",
    nargs=-1,
    shell_complete=complete_path,
    help="file or folder of a model, or file.py:name; several files that make one model, in the order of a row's way",
)
@click.option("--route", required=True, metavar="/PATH", help="public path of the new route")
@click.option("--loader", metavar="LOADER", help="needed only if several loaders fit the artifact")
@click.option("--allow-pickle", is_flag=True, help="accept a pickle: pins its sha256 and sets allow_pickle")
@allow_type_option
@executor_option
@click.option("--allow-code", is_flag=True, help="with --executor process: let that process run code of its author")
@click.option("--force", is_flag=True, help="add the route even if the artifact cannot be loaded here")
def add(
    settings: Settings,
    *,
    artifacts: tuple[str, ...],
    route: str,
    loader: str | None,
    allow_pickle: bool,
    allow_types: tuple[str, ...],
    executor: str | None,
    allow_code: bool,
    force: bool,
) -> int:
    """
    Append a route to the registry, keeping comments and formatting. The new file is checked whole before it replaces
    the old one, and the model is tried where it is to run.
    """
    registry = display_path(settings.registry)
    warnings: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    kind = kind_of(executor)
    must_name_artifact(artifacts, kind)
    if kind != "local" and artifacts:
        with named_artifact(settings, artifacts, loader, kind) as named:
            paths = named.paths
    elif kind == "local" and not force:
        # A route that cannot serve would make the running gateway refuse every later edit.
        warnings, paths = warnings_or_raise(
            settings, artifacts, loader, allow_pickle=allow_pickle, allow_types=allow_types
        )
    root_path = settings.root_path

    def admit(new: RegistrySpec) -> None:
        nonlocal warnings
        if kind != "local" and not force:
            warnings = tuple(prepared(settings, new).warnings)

    added = add_route(
        registry,
        artifacts,
        route,
        paths=paths,
        loader=loader,
        allow_pickle=allow_pickle,
        allow_types=allow_types,
        executor=executor,
        allow_code=allow_code,
        admit=admit,
        root_path=root_path,
    )
    print_line(f"added to {registry}:\n{added.rstrip()}")
    for text in notes_of(paths):
        print_line(text)
    for text in page_files.lines_of(load_registry(registry, root_path=root_path).routes[-1]):
        print_line(text)
    for text in warnings:
        print_line(f"warning: {text}")
    return OK
