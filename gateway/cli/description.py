"""What `gateway describe` found out of a model, and its text."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.artifacts.manifest import CompiledModel, ExplanationReport
from gateway.cli.explanation_text import explained
from gateway.schema import Field, OutputPart, Signature
from gateway.system.suggest import listing
from gateway.validation.keywords import LIMITS

_UNUSED: Final = "dropped by the pipeline: any value, or none, gives the same answer"


@dataclass(slots=True, kw_only=True)
class Description:
    """
    Hold the description of an artifact.

    `imports` are the globals that a pickle names, found without running it, `parts` the sha256 of each of several
    files, `siblings` say which files beside it may belong to it, `page_files` which card and plot its page shows.
    `reference` says what one into an MLflow store names, `executor` where the model was asked.
    """

    artifact: str
    loader: str
    sha256: str
    size_bytes: int
    versions: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    reference: str = ""
    executor: str = ""
    mlflow: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    page_files: tuple[str, ...] = ()
    signature: Signature | None = None
    warnings: tuple[str, ...] = ()
    compiled: CompiledModel | None = None
    not_compiled_because: str = ""
    explanation: ExplanationReport | None = None


def text_of(found: Description) -> str:
    """Return the description for people."""
    rows = [
        f"artifact  {found.artifact}  ({found.size_bytes:,} bytes)" if found.artifact else "artifact  none",
        *([f"sha256    {found.sha256}"] if found.sha256 else []),
        *(_as_line(f"          {sha256}  {name}") for name, sha256 in found.parts.items()),
        f"loader    {found.loader}",
    ]
    rows += [f"runs      {found.executor}"] if found.executor else []
    if found.versions:
        rows.append(f"versions  {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
    rows += [f"from      {found.reference}"] if found.reference else []
    rows += found.mlflow
    if found.imports:
        rows += ["imports   of the pickle, not executed:", *(_as_line(f"          {name}") for name in found.imports)]
    rows += [f"warning   {text}" for text in found.warnings]
    rows += [f"beside    {text}" for text in found.siblings]
    rows += found.page_files
    rows.append(_compiled(found))
    rows += explained(found.explanation)
    if found.signature is not None:
        rows += ["", *map(_as_line, _signature(found.signature))]
    return "\n".join(rows)


def _as_line(text: str) -> str:
    """Keep names and labels, which are the artifact's, from beginning a line that looks like one of this report."""
    return text.replace("\n", "\\n")


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
