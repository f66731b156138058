"""
Compare a candidate with the model that a route serves: what a promotion would change, before it happens.

Both are asked in a child process, as preparing does. Changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from gateway.artifacts import golden_rows
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Manifest
from gateway.errors import GatewayError
from gateway.generations.answer_difference import Difference, Side, compare_answers, positive_of
from gateway.generations.place import Place
from gateway.generations.plan import Step, steps
from gateway.generations.snapshot import Snapshot, make
from gateway.prepare.answers import Answers, Question, Rows, ask
from gateway.prepare.cache_key import entry_of
from gateway.prepare.entries import DIGESTS, prepare_registry
from gateway.prepare.entry import Entry
from gateway.prepare.exchanged_inputs import MOST_ROWS, Exchange
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.schema import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """
    Hold the answers of both models to the same rows.

    `native` is the served artifact's own output, `beside` are cells of further columns of the file.
    """

    source: str
    native: Output
    served: Side
    candidate: Side
    difference: Difference
    beside: dict[str, list[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """
    Hold what a promotion would change.

    `step` is the one of its route, None where nothing changes; `others` are changes of other routes that registry.yaml
    has already and a reload would take along. `compared` are comparisons on golden rows and on a file, `notes` say what
    could not be compared and why.
    """

    spec: RouteSpec
    manifest: Manifest
    served: Manifest
    made: Snapshot
    step: Step | None
    others: tuple[Step, ...]
    compared: tuple[Compared, ...]
    exchange: Exchange | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRows:
    """Name a file of rows, and columns of it that are no inputs."""

    table: Path | None = None
    beside: tuple[str, ...] = ()


def compare_candidate(
    place: Place,
    before: Snapshot | None,
    old: RegistrySpec,
    new: RegistrySpec,
    route: str,
    *,
    asked: AskedRows,
    tell: Callable[[str], object],
) -> Promotion:
    """
    Prepare the registry with the candidate and compare its answers with those of the served model.

    `before` is the committed generation, `old` the registry as it is: they tell what is served. Raises GatewayError
    where the candidate cannot serve, or where the rows of a file do not fit it.
    """
    tell("preparing the candidate")
    resolved = place.resolve(new, before, "all")
    new = resolved.registry
    manifests = prepare_registry(new, place.cache_dir, place.limits)
    spec = _of(new, route)
    found = manifests[spec.name]
    if found.problem is not None:
        problem = found.problem
        raise GatewayError(f"the candidate is refused: {problem.message}", code=problem.code, hint=_hint(found))
    made = make(new, manifests)
    served_spec, served = _served(place, before, old, route)
    changes = steps(before, made)
    notes = [*resolved.warnings]
    compared, exchange = list[Compared](), None
    if served.problem is not None or served_spec is None:
        notes.append(f"nothing to compare with: {served.problem.message if served.problem else 'nothing is served'}")
    else:
        tell("asking both models")
        models = _Model(served_spec, served, old), _Model(spec, found, new)
        compared, exchange = _compared(place, *models, asked, notes)
    return Promotion(
        spec=spec,
        manifest=found,
        served=served,
        made=made,
        step=next((step for step in changes if step.path == route), None),
        others=tuple(step for step in changes if step.path != route),
        compared=tuple(compared),
        exchange=exchange,
        notes=tuple(notes),
    )


def _hint(found: Manifest) -> str | None:
    code = found.problem.code if found.problem is not None else ""
    if code == "pickle-refused":
        return "save it as skops; or read its imports with `gateway describe`, then promote it with --allow-pickle"
    if code == "golden-mismatch":
        return (
            "write golden rows of the candidate (gateway golden CANDIDATE --from FILE --expected COLUMN) and name them "
            "with --golden, or train it again"
        )
    return found.problem.hint if found.problem is not None else None


def _of(registry: RegistrySpec, route: str) -> RouteSpec:
    return next(spec for spec in registry.routes if spec.path == route)


def _served(place: Place, before: Snapshot | None, old: RegistrySpec, route: str) -> tuple[RouteSpec | None, Manifest]:
    """Return entry and manifest that the committed generation has for a route, else those of the registry."""
    if before is not None:
        for spec in before.registry.routes:
            if spec.path == route:
                return spec, before.manifests[spec.name]
    only = place.resolve(RegistrySpec(routes=(_of(old, route),), server=old.server), before, "new").registry
    spec = only.routes[0]
    return spec, prepare_registry(only, place.cache_dir, place.limits)[spec.name]


@dataclass(frozen=True, slots=True)
class _Model:
    """Hold one of the two models: its entry in a registry, and its manifest."""

    spec: RouteSpec
    manifest: Manifest
    registry: RegistrySpec

    def entry(self, place: Place) -> Entry | None:
        return entry_of(self.spec, self.manifest, place.cache_dir, Digests(place.cache_dir / DIGESTS))


def _compared(
    place: Place, served: _Model, candidate: _Model, asked: AskedRows, notes: list[str]
) -> tuple[list[Compared], Exchange | None]:
    table = asked.table
    old_entry, new_entry = served.entry(place), candidate.entry(place)
    if old_entry is None or new_entry is None:
        notes.append("nothing to compare with: the manifest names no artifact")
        return [], None
    kinds = [found.signature.output.kind if found.signature else "" for found in (served.manifest, candidate.manifest)]
    if kinds[0] != kinds[1]:
        notes.append(f"the answers cannot be compared: they change from {kinds[0]} to {kinds[1]}")
        return [], None
    golden = _golden(old_entry, new_entry, candidate.manifest, notes)
    if not golden and table is None:
        notes.append("no answers are compared: the route has no golden rows; --data FILE.csv gives rows")
        return [], None
    rows = str(table.absolute()) if table is not None else ""

    question = Question(
        entry=old_entry, server=served.registry.server, golden=golden, table=rows, beside=asked.beside, explain=True
    )
    old = ask(question, place.limits)
    label, others = _numbers(old)
    question = replace(question, entry=new_entry, server=candidate.registry.server, label=label, others=others)
    new = ask(question, place.limits)
    made = []
    for source, ours, theirs in (("golden rows", old.golden, new.golden), (str(table), old.table, new.table)):
        if ours is not None and theirs is not None:
            made.append(_one(source, (old, ours), (new, theirs)))
    return made, new.exchange


def _numbers(served: Answers) -> tuple[int, tuple[float, ...]]:
    """Return the label and its probabilities, or the values, by which two inputs that look exchanged are found."""
    found = served.table or served.golden
    if found is None or served.native.output.kind not in {"classification", "regression"}:
        return 0, ()
    table = found.predictions.probabilities
    if served.native.output.kind == "regression" or table is None:
        return 0, tuple(np.asarray(found.predictions.values, dtype=np.float64)[:MOST_ROWS].tolist())
    positive = positive_of(served.merged.output)
    label = served.merged.output.labels.index(positive) if positive is not None else 0
    return label, tuple(table[:MOST_ROWS, label].tolist())


def _one(source: str, old: tuple[Answers, Rows], new: tuple[Answers, Rows]) -> Compared:
    served, candidate = (Side(found.merged, rows.batch, rows.predictions) for found, rows in (old, new))
    return Compared(
        source=source,
        native=old[0].native.output,
        served=served,
        candidate=candidate,
        difference=compare_answers(served, candidate),
        beside=old[1].beside,
    )


def _golden(old: Entry, new: Entry, manifest: Manifest, notes: list[str]) -> str:
    """Return the golden rows on which both models are compared: those of the route, else the candidate's own."""
    golden = old.golden or new.golden
    if not golden or manifest.signature is None:
        return ""
    try:
        first = golden_rows.document(Path(golden))["instances"][0]
    except (GatewayError, msgspec.MsgspecError) as error:
        notes.append(f"golden rows are not compared: {error}")
        return ""
    lacking = [one.name for one in manifest.signature.inputs if one.name not in first]
    if manifest.signature.names_known and lacking:
        notes.append(f"golden rows are not compared: they have no {', '.join(lacking)}, which the candidate takes")
        return ""
    return golden
