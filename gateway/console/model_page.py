"""The model page of a route: card, signature, golden rows, figures, artifact, addresses and requests to copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gateway.artifacts.manifest import Manifest
from gateway.console.code_samples import CodeSample
from gateway.console.fields import control_of, help_of
from gateway.console.golden_table import GoldenTable
from gateway.console.importance import importance_of
from gateway.console.number_text import number_text
from gateway.console.route_page import route_page
from gateway.console.site import Site
from gateway.console.states import State, state_of_route
from gateway.console.traffic import Traffic, seconds_text
from gateway.console.value_text import value_text
from gateway.routing.routes import Route
from gateway.schema import ABSOLUTE, RELATIVE, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCard:
    """Hold the card of a model as a page shows it, or why there is none and what to do about it."""

    html: Markup | None = None
    front_matter: str = ""
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Hold what a page needs beside the route itself."""

    card: ShownCard
    golden: GoldenTable | None
    traffic: Traffic
    samples: Sequence[CodeSample]
    limits: Sequence[tuple[str, str]]
    server: Sequence[tuple[str, str]] = ()
    state: State | None = None


def model_page(route: Route, site: Site, facts: ModelFacts, *, max_body_size: int) -> bytes:
    """Return the page; `facts.state` is that of a request that failed."""
    signature = route.signature
    return route_page(
        "model",
        route,
        site,
        max_body_size=max_body_size,
        state=facts.state or state_of_route(route),
        facts=facts,
        inputs=[] if signature is None else [InputRow(field) for field in signature.inputs],
        dropped=() if signature is None else signature.dropped,
        outputs=[] if signature is None else output_rows(route),
        importance=importance_of(route),
        model_rows=model_rows(route),
        files=file_rows(route.manifest, Path(route.spec.base)),
        tolerance=tolerance_text(route),
    )


@dataclass(frozen=True, slots=True)
class InputRow:
    """Hold one input as the table of the signature shows it."""

    field: Field

    @property
    def type(self) -> str:
        """Return the type in words."""
        kind = {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(self.field.type, "number")
        return f"one of {number_text(len(self.levels))} levels" if control_of(self.field) == "select" else kind

    @property
    def levels(self) -> list[str]:
        """Return the levels as texts."""
        return [value_text(level) for level in self.field.enum or ()]

    @property
    def need(self) -> str:
        """Return whether a request must hold the field, and whether its value may be missing."""
        need = "required" if self.field.required else "optional"
        return f"{need}, may be missing" if self.field.nullable else need

    @property
    def rules(self) -> str:
        """Return the rules in words."""
        return help_of(self.field)


def output_rows(route: Route) -> list[tuple[str, str]]:
    """Return names and texts of what the signature says of the answer."""
    assert route.signature is not None  # noqa: S101 - narrows the type
    output = route.signature.output
    kinds = {"json": "any JSON", "multi_label": "several labels", "multi_output": "several values"}
    rows = [("kind", kinds.get(output.kind, output.kind))]
    if output.labels:
        rows.append(("labels", ", ".join(value_text(label) for label in output.labels)))
    if output.names:
        rows.append(("outputs", ", ".join(output.names)))
    if output.has_probabilities:
        rows.append(("probabilities", "yes"))
    if output.positive is not None:
        rows.append(("positive", value_text(output.positive)))
    if output.threshold is not None:
        rows.append(("threshold", value_text(output.threshold)))
    if output.unit:
        rows.append(("unit", output.unit))
    if output.decimals is not None:
        rows.append(("decimals", str(output.decimals)))
    return rows


def model_rows(route: Route) -> list[tuple[str, str]]:
    """Return names and texts of the facts of the model."""
    spec, manifest, model = route.spec, route.manifest, route.model
    if spec.is_elsewhere:
        # Without the address: pages are read by people who cannot reach that server.
        rows = [("model there", spec.executor.model or spec.name)]
    else:
        rows = [("artifact", ", ".join(spec.sources)), ("loader", manifest.loader)]
    if spec.resolved is not None and spec.resolved.problem is None:
        rows += [("from MLflow", spec.resolved.label), ("run", spec.resolved.run_id)]
    if manifest.artifact is not None and not spec.is_elsewhere:
        rows += [("sha256", manifest.artifact.sha256), ("size", bytes_text(manifest.artifact.size_bytes))]
    rows.append(("version", route.version or "unknown"))
    if manifest.versions:
        libraries = [f"{name} {version}" for name, version in sorted(manifest.versions.items())]
        rows.append(("libraries", ", ".join(libraries)))
    rows.append(("compiled", _compiled(route)))
    if manifest.load_s:
        rows.append(("loads in", seconds_text(model.load_s or manifest.load_s)))
    if manifest.predict_s:
        serving = manifest.compiled if model.compiler and manifest.compiled else manifest
        rows.append(("predicts in", f"{seconds_text(serving.predict_s)} (one row)"))
    if manifest.memory_bytes:
        rows.append(("memory", bytes_text(model.resident_bytes)))
    return rows


def _compiled(route: Route) -> str:
    compiled = route.manifest.compiled
    if compiled is not None and route.model.compiler:
        faster = f", {number_text(round(compiled.gain, 1))} times faster" if compiled.gain else ""
        return f"yes, proven equal on {number_text(compiled.rows_proven)} rows{faster}"
    reason = route.model.compiled_lost or route.manifest.compile_declined
    return f"no: {reason}" if reason else "no"


def file_rows(manifest: Manifest, base: Path) -> list[tuple[str, str]]:
    """Return path and sha256 of every further file of the artifact."""
    if manifest.artifact is None:
        return []
    parts = [(part.origin, part.sha256) for part in manifest.artifact.parts]
    files = parts or [(file.path, file.sha256) for file in manifest.artifact.files if file.sha256]
    return [(_short(path, base), sha256) for path, sha256 in files]


def _short(path: str, base: Path) -> str:
    """Return a path relative to the registry where it lies below it."""
    there = Path(path)
    return there.relative_to(base).as_posix() if there.is_relative_to(base) else path


def bytes_text(size: int) -> str:
    """Return a size for people."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004
            break
        value, unit = value / 1024, larger
    return f"{number_text(round(value, 1))} {unit}"


def limit_rows(route: Route, workers: int, max_body_size: int) -> list[tuple[str, str]]:
    """Return the limits of a route over all workers."""
    spec = route.spec
    at_once = min(spec.max_concurrency, route.model.capacity) * workers
    return [
        ("deadline", f"{number_text(spec.timeout_s)} s"),
        ("rows of a batch", number_text(spec.max_rows)),
        ("bytes of a body", bytes_text(max_body_size)),
        ("at the same time", f"{number_text(at_once)} predictions, {number_text(spec.max_queue * workers)} waiting"),
        *([("of one caller", str(route.limits))] if route.limits else []),
    ]


def tolerance_text(route: Route) -> str:
    """Return how far two numbers may differ that count as equal."""
    absolute = ABSOLUTE if route.spec.tolerance is None else route.spec.tolerance
    return f"{number_text(absolute)} + {number_text(RELATIVE)} x |expected|"
