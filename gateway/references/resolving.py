"""
Resolve the references of a registry: ask the store, take copies, and fill in what each route serves.

A store that is away costs nothing that serves: the copy that was taken last goes on, and a warning says so. A store
that answers that there is no such model is believed.
"""

import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from gateway.artifacts import source_files
from gateway.artifacts.mlflow_reference import parse_reference
from gateway.artifacts.resolution import Resolution
from gateway.artifacts.store import Store
from gateway.errors import GatewayError, Problem
from gateway.prepare.child_supervisor import PrepareLimits, supervised
from gateway.references.filled_route import filled
from gateway.references.store_access import URI, StoreAccess
from gateway.references.store_questions import Found, Question, decode_found
from gateway.references.store_uri import local_folders, store_uri, without_credentials
from gateway.registry.files import holds_pickle
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RegistrySpec
from gateway.system.suggest import listing

log = logging.getLogger("gateway.references")

#: Which references are asked for: all; those that are not served yet; those that may move, and the ones not served.
Ask: TypeAlias = Literal["all", "new", "moving"]
#: Starting Python and importing mlflow on a busy machine.
_START_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Hold a registry whose references are filled in, and warnings for the person that asked."""

    registry: RegistrySpec
    warnings: tuple[str, ...] = ()


def taken_by(registry: RegistrySpec | None) -> dict[str, Resolution]:
    """Return what the references of a registry were resolved to."""
    specs = registry.routes if registry is not None else ()
    found = {spec.reference: spec.resolved for spec in specs if spec.reference and spec.resolved is not None}
    return {reference: one for reference, one in found.items() if one.problem is None}


def is_resolved(registry: RegistrySpec, before: RegistrySpec | None) -> bool:
    """Say whether every reference was resolved before and its copy is here, so that no store needs to be asked."""
    taken = taken_by(before)
    return all(
        spec.reference in taken and _is_here(taken[spec.reference]) for spec in registry.routes if spec.reference
    )


def resolve(
    registry: RegistrySpec,
    before: RegistrySpec | None,
    access: StoreAccess,
    *,
    cache_dir: Path,
    limits: PrepareLimits,
    ask: Ask,
    earlier: Callable[[], Mapping[str, Resolution]] = dict,
) -> Resolved:
    """
    Return the registry with what its references name; `before` is the one that serves.

    `earlier` returns what kept generations took, the latest of each reference: asked only where the store is away and
    `before` does not name the reference, as after a rollback.
    """
    references = list(dict.fromkeys(spec.reference for spec in registry.routes if spec.reference))
    if not references:
        return Resolved(registry=registry)
    base = Path(next(spec.base for spec in registry.routes))
    one = _Resolving(
        access=access,
        base=base,
        server=registry.server,
        cache_dir=cache_dir,
        limits=limits,
        taken=taken_by(before),
        ask=ask,
        earlier=earlier,
    )
    found = one.resolutions(references)
    routes = tuple(filled(spec, found[spec.reference]) if spec.reference else spec for spec in registry.routes)
    warnings = one.warnings()
    for warning in warnings if ask != "moving" else ():  # asked every half a minute
        log.warning("reference into MLflow", extra={"warning": warning})
    return Resolved(registry=replace(registry, routes=routes), warnings=tuple(warnings))


class _Resolving:
    """Hold one attempt: whom to ask, what was taken before, and the warnings so far."""

    def __init__(
        self,
        *,
        access: StoreAccess,
        base: Path,
        server: ServerSpec,
        cache_dir: Path,
        limits: PrepareLimits,
        taken: Mapping[str, Resolution],
        ask: Ask,
        earlier: Callable[[], Mapping[str, Resolution]],
    ) -> None:
        self.access, self.base, self.cache_dir, self.limits, self.ask = access, base, cache_dir, limits, ask
        self.taken, self.earlier = taken, earlier
        self.variables, self.closed = access.told()
        self.uri = store_uri(self.variables.pop(URI, None), base)
        self.egress = server.egress_allow
        roots = server.artifact_roots
        self.store = Store(cache_dir, limits.cache_bytes, (*roots, *local_folders(self.uri, base)) if roots else ())
        self.here = {one.exact: one for one in taken.values() if _is_here(one)}
        self.away: dict[Problem, list[str]] = {}
        self.notes: list[str] = []

    def resolutions(self, references: Iterable[str]) -> dict[str, Resolution]:
        """Return what each reference names."""
        asked = {reference: self._asked_for(reference) for reference in references}
        self.cache_dir.joinpath("artifacts").mkdir(parents=True, exist_ok=True)
        # A draft of the cache: what a killed process leaves there is deleted with the next old artifacts.
        with tempfile.TemporaryDirectory(dir=self.cache_dir / "artifacts", prefix=".draft-") as scratch:
            answers = self._answers(tuple(filter(None, asked.values())), scratch)
            return {
                reference: self._resolution(reference, answers[text]) if text else self.taken[reference]
                for reference, text in asked.items()
            }

    def _asked_for(self, reference: str) -> str:
        """Return what the store is asked for: the reference, the exact one of a lost copy, or "" for nothing."""
        if self.ask == "all" or reference not in self.taken:
            return reference
        if self.ask == "moving" and parse_reference(reference).moves:
            return reference
        before = self.taken[reference]
        return "" if _is_here(before) else before.exact

    def _answers(self, references: tuple[str, ...], scratch: str) -> dict[str, Found]:
        if not references:
            return {}
        if self.closed is not None:
            return {text: Found(reference=text, problem=self.closed, is_away=True) for text in references}
        question = Question(
            uri=self.uri,
            base=str(self.base),
            scratch=scratch,
            timeout_s=self.access.timeout_s,
            references=references,
            kept=tuple(self.here),
            egress=self.egress,
            variables=self.variables,
        )
        limits = replace(self.limits, timeout_s=_START_S + self.access.timeout_s + self.limits.timeout_s)
        problem, stdout = supervised(
            "gateway.references.store_child", msgspec.json.encode(question), limits, self.cache_dir
        )
        found = {one.reference: one for one in map(decode_found, stdout.split(b"\n")[:-1])}
        lost = _lost(problem, limits)
        return {text: found.get(text) or Found(reference=text, problem=lost, is_away=True) for text in references}

    def _resolution(self, reference: str, found: Found) -> Resolution:
        before = self.taken.get(reference)
        if found.problem is not None:
            last = self.earlier().get(reference) if found.is_away and before is None else before
            if not found.is_away or last is None or not _is_here(last):
                return Resolution(reference=reference, problem=found.problem)
            self.away.setdefault(found.problem, []).append(f"{reference} ({last.label})")
            return last
        for note in found.notes:
            self._warn(reference, note)
        known = self.here.get(found.exact)
        try:
            made = replace(known, reference=reference) if known is not None else self._taken(reference, found)
        except GatewayError as error:
            return Resolution(reference=reference, problem=error.as_problem())
        if before is not None and before.exact == made.exact and before.sha256 != made.sha256:
            return Resolution(reference=reference, problem=_changed(before, made))
        is_moved = before is not None and before.exact != made.exact
        if before is not None and is_moved and self.ask == "moving" and holds_pickle(made.path, Path(made.path)):
            why = f"it names {made.label} now, which is a pickle; {before.label} goes on serving"
            self._warn(reference, why, "look at it, then take it: gateway reload")
            return before
        return made

    def _taken(self, reference: str, found: Found) -> Resolution:
        """Copy what the store handed over into the cache; the digest of the copy is the pin from now on."""
        path = Path(found.path)
        self.store.admit(path)
        sha256, _ = source_files.digest(path)
        name = path.name if path.is_file() else found.name.replace("/", "-") or found.exact.rpartition("/")[2]
        return Resolution(
            reference=reference,
            store=without_credentials(self.uri),
            exact=found.exact,
            name=found.name,
            version=found.version,
            run_id=found.run_id,
            metric=found.metric,
            value=found.value,
            path=self.store.keep(path, sha256, name).path,
            sha256=sha256,
        )

    def _warn(self, reference: str, text: str, fix: str | None = None) -> None:
        self.notes.append(f"{reference}: {text}" + (f"; fix: {fix}" if fix else ""))

    def warnings(self) -> list[str]:
        """Return what the person that asked should know; a store that is away is told once for all references."""
        return self.notes + [
            f"{problem.message}; what was taken last goes on serving: {listing(served, 'and')}; fix: {problem.hint}"
            for problem, served in self.away.items()
        ]


def _is_here(one: Resolution) -> bool:
    return Path(one.path).exists()


def _lost(problem: Problem | None, limits: PrepareLimits) -> Problem:
    """Return the problem of a question that the child did not answer."""
    if problem is not None and problem.code == "prepare-timeout":
        return Problem(
            "mlflow-timeout",
            f"the store did not hand over its models within {limits.timeout_s:g} s",
            "see whether it runs, or raise GATEWAY_PREPARE_TIMEOUT_S; then: gateway reload",
        )
    why = f": {problem.message}" if problem is not None else ""
    return Problem("mlflow-away", f"the process that asks the store ended{why}", "see the log; then: gateway reload")


def _changed(before: Resolution, made: Resolution) -> Problem:
    return Problem(
        "mlflow-changed",
        f"{made.exact} has other bytes than those that were taken: sha256 {made.sha256}, not {before.sha256}",
        "log the new model as a version or run of its own, and name that",
    )
