"""Registries of any number of routes: each with a model of its own, all made of the artifacts of four of ours."""

from dataclasses import replace
from pathlib import Path

from bench.lineup import ROOT
from gateway.artifacts import manifest
from gateway.artifacts.digests import Digests
from gateway.artifacts.store import Store
from gateway.prepare.cache_key import make_entry
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import DIGESTS, prepare_route
from gateway.registry.load import load_registry

ARTIFACTS = ("diabetes/model.ubj", "loan/model.ubj", "earnings/model.skops", "sentiment/model.skops")


def write(folder: Path, routes: int, *, edited: int = 0, load: str = "lazy", budget: str = "") -> Path:
    """Write a registry of so many routes; `edited` changes the last of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["version: 1", *([f"server: {{memory_budget: {budget}}}"] if budget else []), "routes:"]
    for number in range(routes):
        artifact = ROOT / "models" / ARTIFACTS[number % len(ARTIFACTS)]
        # The tolerance is part of what names a prepared model: so each route has its own manifest and predictor.
        lines += [f"  /m{number}:", f"    artifact: {artifact}", f"    tolerance: {0.001 + number * 1e-6:.6f}"]
        lines.append(f"    load: {load}")
        if number == routes - 1:
            lines.append(f"    description: edit {edited}")
    path = folder / "registry.yaml"
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(path)
    return path


def fill_cache(registry: Path, cache: Path) -> None:
    """Prepare one route of each artifact and write the manifests of all others as copies: 1,000 children take long."""
    prepared: dict[str, manifest.Manifest] = {}
    digests, store = Digests(cache / DIGESTS), Store(cache)
    for spec in load_registry(registry).routes:
        entry = make_entry(spec, cache, digests, store, PrepareLimits())
        if spec.sources[0] not in prepared:
            prepared[spec.sources[0]] = prepare_route(spec, cache, PrepareLimits(), digests)
        path = cache / "manifests" / f"{entry.key}.json"
        if not path.exists():
            manifest.write(path, replace(prepared[spec.sources[0]], key=entry.key))
