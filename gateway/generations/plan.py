"""
Plan of a reload: its effect on routes, schemas, load time and memory, before it happens.

Compares two snapshots; changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.artifacts.manifest import Manifest
from gateway.generations.difference import difference
from gateway.generations.snapshot import Snapshot
from gateway.loaders.table import row_of
from gateway.registry.attached_files import problems_of
from gateway.registry.spec import RouteSpec
from gateway.schema import Field, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    Hold the change of one route.

    `kind` is added, changed, removed or failed; `breaking` are incompatibilities, `warnings` name attachments that are
    not shown. `model` says what a reference into an MLflow store names: `version 3 -> version 4`,
    `imports` is the loader whose framework a worker imports for it, more of it than preparing did; `fix` says how to
    repair what failed, `executor` where the model runs if that is not in the workers, or was not before.
    """

    path: str
    kind: str
    breaking: tuple[str, ...] = ()
    load_s: float = 0.0
    memory_bytes: int = 0
    note: str = ""
    warnings: tuple[str, ...] = ()
    model: str = ""
    fix: str = ""
    executor: str = ""
    imports: str = ""


def steps(old: Snapshot | None, new: Snapshot) -> list[Step]:
    """Return the changes route by route in the order of the new registry, removals last."""
    change = difference(old, new)
    before = {spec.path: (spec, old.manifests[spec.name]) for spec in old.registry.routes} if old else {}
    found = []
    for spec in new.registry.routes:
        manifest = new.manifests[spec.name]
        if spec.path not in change.added + change.changed:
            continue
        if manifest.problem is not None:
            found.append(
                Step(path=spec.path, kind="failed", note=manifest.problem.message, fix=manifest.problem.hint or "")
            )
            continue
        kind = "added" if spec.path in change.added else "changed"
        breaking = tuple(_breaking(before, spec.path, manifest.signature)) if kind == "changed" else ()
        was = before[spec.path][1] if kind == "changed" else None
        is_loaded = was is not None and was.problem is None and was.key == manifest.key
        found.append(
            Step(
                path=spec.path,
                kind=kind,
                breaking=breaking,
                load_s=0.0 if is_loaded else manifest.load_s,
                memory_bytes=0 if is_loaded else manifest.memory_bytes,
                imports="" if is_loaded else _imports(manifest),
                note="the model stays loaded" if is_loaded else "",
                warnings=tuple(problems_of(spec, manifest)),
                model=_model(before[spec.path][0] if kind == "changed" else None, spec),
                executor=_executor(before[spec.path][0] if kind == "changed" else None, spec),
            )
        )
    gone = ("clients of this path will get 404",)
    return [*found, *(Step(path=path, kind="removed", breaking=gone) for path in change.removed)]


def _imports(manifest: Manifest) -> str:
    """Return the loader of an original that serves in the workers, where these import more than preparing did."""
    is_original = manifest.compiled is None and manifest.remote is None
    return manifest.loader if is_original and row_of(manifest.loader).needless else ""


def _model(old: RouteSpec | None, new: RouteSpec) -> str:
    """Return what the reference of a route names, after what it named before where that differs."""
    if new.resolved is None:
        return ""
    was = old.resolved if old is not None else None
    if was is None or was.problem is not None or was.exact == new.resolved.exact:
        return new.resolved.label
    return f"{was.label} -> {new.resolved.label}"


def _executor(old: RouteSpec | None, new: RouteSpec) -> str:
    """Return where the model runs, after where it ran before if that differs; nothing where it stays in the workers."""
    now, was = _where(new), _where(old) if old is not None else ""
    if now == "local" and was in {"local", ""}:
        return ""
    return now if was in {now, ""} else f"{was} -> {now}"


def _where(spec: RouteSpec) -> str:
    keys = spec.executor
    if keys.kind == "upstream":
        return f"upstream, model {keys.model or spec.name} on {', '.join(keys.url)}"
    if keys.kind == "ray":
        replicas = "{} to {}".format(*keys.autoscale) if keys.autoscale else str(keys.replicas)
        return f"ray, {replicas} replicas on {keys.address}"
    return f"{keys.kind}, {keys.instances} instances" if keys.instances > 1 else keys.kind


def _breaking(before: Mapping[str, tuple[RouteSpec, Manifest]], path: str, new: Signature | None) -> Iterator[str]:
    old = before[path][1].signature
    if old is None or new is None:
        return
    yield from breaking_changes(old, new)


def breaking_changes(old: Signature, new: Signature) -> Iterator[str]:
    """Name the changes that would break requests, or readers of answers, that worked before."""
    fields = {name: field for field in new.inputs for name in (field.name, *field.aliases)}
    for field in old.inputs:
        if field.name not in fields:
            yield f"input {field.name} is gone"
        else:
            yield from _field_changes(field, fields[field.name])
    known = {name for field in old.inputs for name in (field.name, *field.aliases)}
    for field in new.inputs:
        if field.required and not known.intersection((field.name, *field.aliases)):
            yield f"input {field.name} is new and required"
    if old.positions != new.positions:
        yield "the order of positional data changed"
    if old.output.kind != new.output.kind:
        yield f"answers change from {old.output.kind} to {new.output.kind}"
    gone = [name for name in old.output.names if name not in new.output.names]
    if gone:
        yield f"outputs {', '.join(gone)} are gone"
    lost = [str(label) for label in old.output.labels if label not in new.output.labels]
    if lost:
        yield f"labels {', '.join(lost)} are gone"


def _takes_all(old: Field, new: Field) -> bool:
    """Say whether the new type takes every value of the old one."""
    if new.booleans_as_numbers:
        return new.type == "number" and old.type in {"integer", "boolean"}
    return (old.type, new.type) == ("integer", "number")


def _field_changes(old: Field, new: Field) -> Iterator[str]:
    if old.type != new.type and not _takes_all(old, new):
        yield f"input {old.name} changes from {old.type} to {new.type}"
    if new.required and not old.required:
        yield f"input {old.name} is required now"
    if old.nullable and not new.nullable:
        yield f"input {old.name} may no longer be null"
    if new.enum is not None and new.unknown == "error":
        lost = [str(level) for level in old.enum or () if level not in new.enum]
        if lost:
            yield f"input {old.name} no longer takes {', '.join(lost[:5])}" + (" …" if len(lost) > 5 else "")  # noqa: PLR2004
        elif old.enum is None:
            yield f"input {old.name} takes only certain values now"
    for name, tighter in (("minimum", max), ("maximum", min)):
        before, after = getattr(old, name), getattr(new, name)
        if after is not None and (before is None or tighter(before, after) == after != before):
            yield f"input {old.name}: {name} is {after:g} now"
