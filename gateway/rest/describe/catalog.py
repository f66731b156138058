"""GET /routes: the catalog of all routes."""

import dataclasses
from typing import Any

from flask import Response, request

from gateway.artifacts.resolution import Resolution
from gateway.codecs.json import encode
from gateway.registry.limit_keys import RequestLimitKeys
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.describe.sample_request import WITH_KEY, SampleRequest
from gateway.rest.describe.schemas import explanation_facts, input_schema, output_schema
from gateway.rest.executor_reports import ExecutorReports
from gateway.rest.middleware.conditional import document
from gateway.rest.middleware.forwarded import public_origin, public_path
from gateway.rest.offload import Offload
from gateway.rest.predict.steps.authorise import AUTHENTICATOR
from gateway.routing.routes import Route
from gateway.validation.sample import sample


class Catalog(Endpoint):
    """Answer GET /routes from manifests; needs no loaded model."""

    def __init__(self, workers: int, executors: ExecutorReports, offload: Offload) -> None:
        self._workers = workers
        self._executors = executors
        self._offload = offload

    def get(self) -> Response:
        """List every route with schema, sample, state and limits; and the limits of what is no route."""
        generation = generation_of_request()
        strict = generation.snapshot.registry.server.strict
        base = public_origin() + public_path("")
        table = generation.table.by_name
        curl = "curl" + (WITH_KEY if AUTHENTICATOR in request.environ else "")

        def write() -> bytes:
            executors = self._executors.of(table.values())
            routes = [
                describe(route, base, curl, strict=strict, workers=self._workers) | {"executor": executors[name]}
                for name, route in table.items()
            ]
            beside = callers_limits(generation.snapshot.registry.server.limits)
            return encode({"generation": generation.id, **({"limits": beside} if beside else {}), "routes": routes})

        return document(self._offload.report(write, len(table)))


def describe(route: Route, base_url: str, curl: str = "curl", *, strict: bool, workers: int) -> dict[str, Any]:
    """Return the catalog entry of one route; `curl` is the program with the options that every request needs."""
    spec, manifest = route.spec, route.manifest
    entry: dict[str, Any] = {
        "path": spec.path,
        "name": route.name,
        "aliases": list(spec.aliases),
        "description": spec.description,
        "version": route.version,
        "loader": manifest.loader,
        "state": route.state,
        "compiled": route.model.compiler,
        "limits": {
            "timeout_s": spec.timeout_s,
            "max_concurrency": min(spec.max_concurrency, route.model.capacity) * workers,
            "max_queue": spec.max_queue * workers,
            "max_rows": spec.max_rows,
        }
        | callers_limits(spec.limits),
        "versions": manifest.versions,
    }
    if declined := route.model.compiled_lost or manifest.compile_declined:
        entry["not_compiled_because"] = declined
    if (explained := explanation_facts(manifest)) is not None:
        entry["explanation"] = explained
    if (problem := route.reason) is not None:
        entry["problem"] = {"code": problem.code, "reason": problem.message, "fix": problem.hint}
    if spec.resolved is not None:
        entry["reference"] = _reference(spec.resolved)
    if manifest.artifact is not None and (files := [file for file in manifest.artifact.files if file.sha256]):
        entry["files"] = [{"path": file.path, "sha256": file.sha256, "copied": file.is_kept} for file in files]
    if manifest.artifact is not None and manifest.artifact.parts:
        parts = manifest.artifact.parts
        entry["files"] = [{"path": part.origin, "sha256": part.sha256, "copied": True} for part in parts]
    if manifest.warnings:
        entry["warnings"] = list(manifest.warnings)
    if (signature := route.signature) is not None:
        entry["inputs"] = input_schema(signature, strict=strict)
        entry["positional"] = list(signature.positions)
        entry["output"] = output_schema(signature)
        entry["sample"] = values = sample(signature)
        entry["curl"] = SampleRequest(spec.path, route.name, values).command(base_url, curl)
    return entry


def callers_limits(limits: RequestLimitKeys) -> dict[str, Any]:
    """Return what one caller may use, as the registry writes it; nothing where that is not limited."""
    return {name: value for name, value in dataclasses.asdict(limits).items() if value is not None}


def _reference(found: Resolution) -> dict[str, Any]:
    """Return what the artifact of a route names in an MLflow store, and what it named when it was taken."""
    facts: dict[str, Any] = {
        "artifact": found.reference,
        "model": found.name,
        "version": found.version,
        "run_id": found.run_id,
        "sha256": found.sha256,
        "store": found.store,
    }
    if found.value is not None:
        facts |= {"metric": found.metric, "value": found.value}
    return {name: value for name, value in facts.items() if value != ""}
