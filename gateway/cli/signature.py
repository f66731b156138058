"""Inputs and outputs of a model file; a prepare child reads the formats that could execute code."""

from dataclasses import dataclass
from pathlib import Path

from gateway.artifacts import golden_rows
from gateway.artifacts.source_files import split_entry
from gateway.cli.named_artifact import NamedArtifact
from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.table import row_of
from gateway.prepare.cache_key import golden_path
from gateway.prepare.child_supervisor import PrepareLimits, run_child
from gateway.prepare.entry import Entry
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature
from gateway.system import descendants
from gateway.system.owned_folders import temporary_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Hold inputs and outputs, and the warnings under which a route with the artifact would serve."""

    signature: Signature
    warnings: tuple[str, ...] = ()


def signature_of(
    named: NamedArtifact, limits: PrepareLimits, *, allow_pickle: bool = False, allow_types: tuple[str, ...] = ()
) -> Inspection:
    """
    Return inputs, outputs and warnings; raises GatewayError. Pickles are opened only with `allow_pickle`.

    `allow_types` are the classes of other packages that a skops file may hold.

    Golden rows beside an interpreted artifact are scored as for a route, because they may decide whether it serves.
    """
    if row_of(named.loader).is_confined:
        return _inspect_in_child(named, limits, allow_pickle=allow_pickle, allow_types=allow_types)
    path = named.paths[0]
    options = LoadOptions(entry=split_entry(named.texts[0])[1], origin=path.parent, allow_pickle=allow_pickle)
    with descendants.none_left():
        return Inspection(signature=get_loader(named.loader).describe(path, options))


def _inspect_in_child(
    named: NamedArtifact, limits: PrepareLimits, *, allow_pickle: bool, allow_types: tuple[str, ...]
) -> Inspection:
    stored = named.stored
    spec = RouteSpec(
        path="/described",
        name="described",
        artifact=stored.origin,
        loader=named.loader,
        sha256=stored.sha256,
        allow_pickle=allow_pickle,
        allow_types=allow_types,
        compile="off",
    )
    rows = golden_path(spec, named.paths)
    if rows is not None:
        golden_rows.refuse_long(rows)
    with temporary_folder() as folder:
        entry = Entry(
            spec=spec,
            key="described",
            artifact=stored,
            cache_dir=str(Path(folder) / "cache"),
            golden=str(rows) if rows else "",
        )
        found = run_child(entry, limits)
    if found.problem is not None:
        raise LoadError(found.problem.message, code=found.problem.code, hint=found.problem.hint)
    if found.signature is None:
        raise LoadError(f"{stored.path}: nothing was found out", code="prepare-crashed")
    return Inspection(signature=found.signature, warnings=found.warnings)
