"""`gateway describe`: print loader, inputs, outputs and versions of an artifact."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from gateway.artifacts import manifest
from gateway.cli import page_files
from gateway.cli.command import FAILED, OK, Command, complete_path, print_error, print_line
from gateway.cli.description import Description, text_of
from gateway.cli.executor_option import describe_there, executor_option, kind_of, must_name_artifact
from gateway.cli.mlflow_notes import notes_of
from gateway.cli.named_artifact import NamedArtifact, named_artifact
from gateway.cli.named_references import facts_of
from gateway.cli.place import limits_of
from gateway.cli.signature import signature_of
from gateway.cli.type_option import allow_type_option
from gateway.errors import GatewayError
from gateway.loaders import get_loader, package_versions, siblings
from gateway.loaders.base import Loader
from gateway.loaders.mlflow_folder import model_in
from gateway.loaders.sniffing import looks_like_pickle
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.settings.settings import Settings
from gateway.system import files


@click.command("describe", cls=Command, writes_home=True)
@click.argument(
    "artifacts",
    metavar="ARTIFACT...",
    nargs=-1,
    shell_complete=complete_path,
    help="file or folder of a model, or file.py:name; several files that make one model, in the order of a row's way",
)
@click.option("--loader", metavar="LOADER", help="needed only if several loaders fit the artifact")
@executor_option
@click.option("--allow-pickle", is_flag=True, help="with --executor process: let that process read a pickle")
@allow_type_option
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def describe(
    settings: Settings,
    *,
    artifacts: tuple[str, ...],
    loader: str | None,
    executor: str | None,
    allow_pickle: bool,
    allow_types: tuple[str, ...],
    as_json: bool,
) -> int:
    """
    Print loader, inputs, outputs and library versions of a model file, and the imports of a pickle without executing
    it. With --executor the model is asked where it is to run.
    """
    if executor is not None and kind_of(executor) != "local":
        found = describe_there(
            settings, artifacts, loader, executor, allow_pickle=allow_pickle, allow_types=allow_types
        )
        _print(found, as_json=as_json)
        return OK
    must_name_artifact(artifacts, "local")
    with named_artifact(settings, artifacts, loader) as named:
        found = _description(named)
        found.mlflow = notes_of(named.paths)
        found.reference = facts_of(named.resolution) if named.resolution is not None else ""
        found.page_files = page_files.lines_beside(named, settings.registry)
        problem = _ask_loader(found, named, limits_of(settings), allow_types)
    _recall(found, settings.cache_dir / "manifests")
    _print(found, as_json=as_json)
    if problem is not None:
        print_error(problem)
        return FAILED
    return OK


def _print(found: Description, *, as_json: bool) -> None:
    print_line(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if as_json else text_of(found))


def warnings_or_raise(
    settings: Settings,
    artifacts: Sequence[str],
    loader: str | None,
    *,
    allow_pickle: bool = False,
    allow_types: tuple[str, ...] = (),
) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Return the warnings under which an artifact serves, and its paths; raises the error that prevents serving."""
    with named_artifact(settings, artifacts, loader) as named:
        found = signature_of(named, limits_of(settings), allow_pickle=allow_pickle, allow_types=allow_types)
        return (*found.warnings, *_siblings(named, _imports_of(named))), named.paths


def _description(named: NamedArtifact) -> Description:
    parts = {part.origin: part.sha256 for part in named.stored.parts}
    return Description(
        artifact=named.text,
        loader=named.loader,
        sha256=named.stored.sha256,
        size_bytes=named.stored.size_bytes,
        parts=dict(zip(named.texts, parts.values(), strict=True)) if parts else {},
    )


def _siblings(named: NamedArtifact, imports: Sequence[str]) -> tuple[str, ...]:
    is_alone = len(named.paths) > 1 or named.resolution is not None
    return () if is_alone else siblings.note_of(named.paths[0], named.texts[0], imports)


def _ask_loader(
    found: Description, named: NamedArtifact, limits: PrepareLimits, allow_types: tuple[str, ...]
) -> GatewayError | None:
    """Fill in what the loader knows; return the error if it cannot describe the artifact."""
    try:
        found.versions = dict(package_versions(found.loader))
        found.imports = _imports_of(named)
        found.siblings = _siblings(named, found.imports)
        inspection = signature_of(named, limits, allow_types=allow_types)
        found.signature, found.warnings = inspection.signature, inspection.warnings
    except GatewayError as error:
        return error
    return None


def _recall(found: Description, folder: Path) -> None:
    """Fill in the result of compiling this artifact, if a route with it has been prepared."""
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        known = manifest.read(path)
        if known is not None and known.artifact is not None and known.artifact.sha256 == found.sha256:
            found.compiled, found.not_compiled_because = known.compiled, known.compile_declined
            found.explanation = known.explanation
            return
    found.not_compiled_because = "no route with this artifact has been prepared here yet"


def _imports_of(named: NamedArtifact) -> tuple[str, ...]:
    loader = get_loader(named.loader)
    return tuple(dict.fromkeys(name for path in named.paths for name in _imports(loader, model_in(path) or path)))


def _imports(loader: Loader, path: Path) -> tuple[str, ...]:
    """List the globals that a pickle names; a loader may offer `inspect(path)` for its own formats."""
    inspect = getattr(loader, "inspect", None)
    if inspect is not None:
        return tuple(inspect(path))
    if not files.is_file(path) or not looks_like_pickle(_head(path)):
        return ()
    # By name: reading pickles needs joblib, which other artifacts do without.
    return tuple(importlib.import_module("gateway.loaders.admission.pickle_globals").pickle_imports(path))


def _head(path: Path) -> bytes:
    with files.open_regular(path) as stream:
        return stream.read(8)
