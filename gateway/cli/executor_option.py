"""The option --executor of commands: where a model that they name runs, prepared there as a reload would."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import click
import yaml

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.source_files import digest
from gateway.cli.command import display_path
from gateway.cli.description import Description
from gateway.cli.named_artifact import named_artifact
from gateway.cli.place import place_of
from gateway.console.server_rows import place_text
from gateway.errors import GatewayError
from gateway.generations import snapshot
from gateway.prepare.entries import prepare_registry
from gateway.process.environment import configure_process
from gateway.registry.add import one_or_list, quoted, relative_artifact
from gateway.registry.document import parse
from gateway.registry.executor_keys import KEYS_OF
from gateway.registry.parse import parse_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings

executor_option: Final = click.option(
    "--executor",
    metavar="EXECUTOR",
    help="where the model runs, as registry.yaml says it: process, or "
    "'{kind: upstream, url: http://triton:8000}'; paths are relative to the registry",
)


def kind_of(executor: str | None) -> str:
    """Return the kind of an executor; raises UsageError for what is no YAML, or names no kind."""
    if executor is None:
        return "local"
    try:
        found = yaml.safe_load(executor)
    except yaml.YAMLError:
        found = None
    kind = found.get("kind") if isinstance(found, dict) else found
    if not isinstance(kind, str) or "\n" in executor:
        kinds = ", ".join(KEYS_OF)
        raise click.UsageError(f"--executor is a kind ({kinds}), or '{{kind: …}}' with its keys on one line.")
    return kind


def must_name_artifact(artifacts: Sequence[str], kind: str) -> None:
    """Raise UsageError where a model is a file and none is named, or where it is on another server and one is."""
    if kind == "upstream" and artifacts:
        raise click.UsageError("a model on another server has no ARTIFACT: `model` of --executor is its name there.")
    if kind != "upstream" and not artifacts:
        raise click.UsageError("Missing argument 'ARTIFACT...'.")


def prepared(settings: Settings, registry: RegistrySpec) -> Manifest:
    """Prepare the last route of a registry where it is to run; raises GatewayError where it could not serve."""
    configure_process(settings)
    place = place_of(settings)
    last = replace(registry, routes=registry.routes[-1:])
    resolved = place.resolve(last, snapshot.committed(settings.state_dir), "all").registry
    (found,) = prepare_registry(resolved, place.cache_dir, place.limits, retry=True).values()
    if found.problem is not None:
        raise GatewayError(found.problem.message, code=found.problem.code, hint=found.problem.hint)
    return found


def describe_there(
    settings: Settings,
    artifacts: Sequence[str],
    loader: str | None,
    executor: str,
    *,
    allow_pickle: bool,
    allow_types: Sequence[str],
) -> Description:
    """Ask a model where it runs what it is; raises GatewayError."""
    kind = kind_of(executor)
    must_name_artifact(artifacts, kind)
    base = display_path(settings.registry).absolute().parent
    keys = {"executor": executor}
    if artifacts:
        with named_artifact(settings, artifacts, loader, kind) as named:
            keys["artifact"] = one_or_list([quoted(relative_artifact(text, base)) for text in artifacts])
            pins = [digest(path)[0] for path in named.paths]
    if loader is not None:
        keys["loader"] = quoted(loader)
    if allow_pickle and artifacts:
        keys |= {"allow_pickle": "true", "sha256": one_or_list([quoted(pin) for pin in pins])}
    if allow_types:
        keys["allow_types"] = f"[{', '.join(allow_types)}]"
    text = "version: 1\nroutes:\n  /described:\n" + "".join(f"    {name}: {value}\n" for name, value in keys.items())
    found = prepared(settings, parse_registry(parse(text.encode(), "--executor"), base))
    stored = found.artifact if artifacts else None
    return Description(
        artifact=" ".join(artifacts),
        loader=found.loader,
        sha256=stored.sha256 if stored is not None else "",
        size_bytes=stored.size_bytes if stored is not None else 0,
        executor=place_text(kind),
        versions=dict(found.versions),
        signature=found.signature,
        warnings=tuple(found.warnings),
        not_compiled_because=found.compile_declined,
        explanation=found.explanation,
    )
