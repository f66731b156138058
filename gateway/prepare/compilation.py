"""Search a compiled model for a loaded one, for its manifest. Runs in the prepare child."""

from collections.abc import Sequence
from pathlib import Path

from gateway.artifacts.manifest import CompiledModel
from gateway.compilers.base import Declined
from gateway.compilers.proof.search import Found, Job, find_compiled
from gateway.errors import LoadError
from gateway.loaders.one_hot import OneHotPredictor
from gateway.registry.spec import RouteSpec
from gateway.schema import Column, Predictor, Signature


def search_compiled(
    spec: RouteSpec,
    predictor: Predictor,
    signature: Signature,
    *,
    path: Path,
    row: Sequence[Column],
    golden: Sequence[Column],
) -> tuple[CompiledModel | None, str]:
    """Return a proven compiled model, or None and the reason; raises LoadError if the route requires one."""
    if spec.compile == "off":
        return None, "the registry says compile: off"
    if isinstance(predictor, OneHotPredictor):
        # The columns of dummies are made in front of the compiled model, too.
        signature = predictor.expanded_signature(signature)
        row, golden = (predictor.expanded(columns) if columns else columns for columns in (row, golden))
        predictor = predictor.original
    job = Job(
        loader=getattr(predictor, "lowered_as", spec.loader),  # a pickle holds models of other frameworks
        original=predictor,
        merged=signature,
        path=path,
        row=row,
        golden=golden,
        tolerance=spec.tolerance,
    )
    try:
        return _record(find_compiled(job)), ""
    except Declined as reason:
        if spec.compile == "require":
            raise compile_required(str(reason)) from reason
        return None, str(reason)


def compile_required(reason: str) -> LoadError:
    """Return the error of a route that requires a compiled model and has none."""
    return LoadError(
        f"the route requires a compiled model, but: {reason}",
        code="compile-required",
        hint="set `compile: auto` to serve the original, or `tolerance` where a larger difference is fine",
    )


def _record(found: Found) -> CompiledModel:
    return CompiledModel(
        compiler=found.compiler,
        runtime=found.runtime,
        path=str(found.path),
        sha256=found.sha256,
        rows_proven=found.proof.rows,
        max_difference=found.proof.max_difference,
        gain=round(found.gain, 1),
        predict_s=found.predict_s,
        ties=found.proof.ties,
        complete=found.proof.complete,
        batch_gain=round(found.batch_gain, 1),
        size_bytes=found.path.stat().st_size,
        uses=found.uses,
    )
