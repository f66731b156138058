"""`gateway describe`: print loader, inputs, outputs and versions of an artifact."""

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
import msgspec

from gateway.artifacts import manifest
from gateway.artifacts.manifest import CompiledModel, ExplanationReport
from gateway.cli import page_files
from gateway.cli.command import FAILED, OK, Command, complete_path, print_error, print_line
from gateway.cli.explanation_text import explained
from gateway.cli.mlflow_notes import notes_of
from gateway.cli.named_artifact import NamedArtifact, named_artifact
from gateway.cli.named_references import facts_of
from gateway.cli.place import limits_of
from gateway.cli.signature import signature_of
from gateway.errors import GatewayError
from gateway.loaders import get_loader, package_versions, siblings
from gateway.loaders.base import Loader
from gateway.loaders.mlflow_folder import model_in
from gateway.loaders.sniffing import looks_like_pickle
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.schema import Field, OutputPart, Signature
from gateway.settings.settings import Settings
from gateway.system import files
from gateway.system.suggest import listing
from gateway.validation.keywords import LIMITS

_UNUSED: Final = "dropped by the pipeline: any value, or none, gives the same answer"


@dataclass(slots=True, kw_only=True)
class Description:
    """
    Hold the description of an artifact.

    `imports` are the globals that a pickle names, found without running it, `parts` the sha256 of each of several
    files, `siblings` say which files beside it may belong to it, `page_files` which card and plot its page shows.
    `reference` says what one into an MLflow store names.
    """

    artifact: str
    loader: str
    sha256: str
    size_bytes: int
    versions: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    reference: str = ""
    mlflow: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    page_files: tuple[str, ...] = ()
    signature: Signature | None = None
    warnings: tuple[str, ...] = ()
    compiled: CompiledModel | None = None
    not_compiled_because: str = ""
    explanation: ExplanationReport | None = None


@click.command("describe", cls=Command)
@click.argument(
    "artifacts",
    metavar="ARTIFACT...",
    nargs=-1,
    required=True,
    shell_complete=complete_path,
    help="file or folder of a model, or file.py:name; several files that make one model, in the order of a row's way",
)
@click.option("--loader", metavar="LOADER", help="needed only if several loaders fit the artifact")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def describe(settings: Settings, *, artifacts: tuple[str, ...], loader: str | None, as_json: bool) -> int:
    """
    Print loader, inputs, outputs and library versions of a model file, and the imports of a pickle without executing
    it.
    """
    with named_artifact(settings, artifacts, loader) as named:
        found = _description(named)
        found.mlflow = notes_of(named.paths)
        found.reference = facts_of(named.resolution) if named.resolution is not None else ""
        found.page_files = page_files.lines_beside(named, settings.registry)
        problem = _ask_loader(found, named, limits_of(settings))
    _recall(found, settings.cache_dir / "manifests")
    print_line(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if as_json else _text(found))
    if problem is not None:
        print_error(problem)
        return FAILED
    return OK


def warnings_or_raise(
    settings: Settings, artifacts: Sequence[str], loader: str | None, *, allow_pickle: bool = False
) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Return the warnings under which an artifact serves, and its paths; raises the error that prevents serving."""
    with named_artifact(settings, artifacts, loader) as named:
        found = signature_of(named, limits_of(settings), allow_pickle=allow_pickle).warnings
        return (*found, *_siblings(named, _imports_of(named))), named.paths


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


def _ask_loader(found: Description, named: NamedArtifact, limits: PrepareLimits) -> GatewayError | None:
    """Fill in what the loader knows; return the error if it cannot describe the artifact."""
    try:
        found.versions = dict(package_versions(found.loader))
        found.imports = _imports_of(named)
        found.siblings = _siblings(named, found.imports)
        inspection = signature_of(named, limits)
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


def _text(found: Description) -> str:
    rows = [
        f"artifact  {found.artifact}  ({found.size_bytes:,} bytes)",
        f"sha256    {found.sha256}",
        *(f"          {sha256}  {name}" for name, sha256 in found.parts.items()),
        f"loader    {found.loader}",
    ]
    if found.versions:
        rows.append(f"versions  {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
    rows += [f"from      {found.reference}"] if found.reference else []
    rows += found.mlflow
    if found.imports:
        rows += ["imports   of the pickle, not executed:", *(f"          {name}" for name in found.imports)]
    rows += [f"warning   {text}" for text in found.warnings]
    rows += [f"beside    {text}" for text in found.siblings]
    rows += found.page_files
    rows.append(_compiled(found))
    rows += explained(found.explanation)
    if found.signature is not None:
        rows += ["", *_signature(found.signature)]
    return "\n".join(rows)


def _compiled(found: Description) -> str:
    compiled = found.compiled
    if compiled is None:
        return f"compiled  no: {found.not_compiled_because}"
    ties = f", {compiled.ties} ties" if compiled.ties else ""
    gain = f"{compiled.gain:,.1f}" if compiled.gain < 10 else f"{compiled.gain:,.0f}"  # noqa: PLR2004 - two digits either way
    batch = f", {compiled.batch_gain:,.0f} times in batches" if compiled.batch_gain else ""
    return (
        f"compiled  yes, by {compiled.compiler}: {gain} times faster ({1e6 * compiled.predict_s:.0f} us a row){batch}, "
        f"equal on {compiled.rows_proven:,} rows within {compiled.max_difference:.0e}{ties}"
    )


def _signature(signature: Signature) -> list[str]:
    table = [("input", "type", "required", "limits"), *(_row(one) for one in signature.inputs)]
    table += [(name, "any", "no", _UNUSED) for name in signature.dropped]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    rows = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in table
    ]
    if not signature.names_known:
        rows.append("(the artifact has no names: `inputs` of the registry gives them, in this order)")
    output = signature.output
    names = output.labels or output.names
    labels = f" of {listing(names, 'and')}" if names else ""
    probabilities = " with probabilities" if output.probabilities else ""
    parts = [f"        {_part(name, part)}" for name, part in zip(output.names, output.parts, strict=False)]
    return [*(row.rstrip() for row in rows), "", f"output  {output.kind}{labels}{probabilities}", *parts]


def _part(name: str, part: OutputPart) -> str:
    if part.labels:
        return f"{name}: {listing(part.labels, 'and')}{' with probabilities' if part.probabilities else ''}"
    return f"{name}: {f'{part.width} of type ' if part.width else ''}{part.type}"


def _row(one: Field) -> tuple[str, str, str, str]:
    needed = "yes" if one.required else "no"
    return one.name, one.type, f"{needed}, may be null" if one.nullable else needed, ", ".join(_limits(one))


def _limits(one: Field) -> Iterable[str]:
    if one.enum is not None:
        yield listing(one.enum)
    for name, keyword in LIMITS.items():
        value = getattr(one, name)
        if value is not None:
            yield f"{keyword} {value}"
    if one.takes_integers and one.enum is None:
        yield "a whole number is read as its digits"
    if one.default is not None:
        yield f"default {one.default}"
    if one.booleans_as_numbers and one.type != "boolean":
        yield "true and false are 1 and 0"
    if one.unused:
        yield _UNUSED
    if one.unknown == "missing":
        yield "other levels count as missing"
