"""
The entry of a route whose model runs in a process of its own: its environment, its kept files, and how it is started.

Runs in the parent, like the rest of the cache key: uv is asked here, and no code of the model.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.artifacts import code_folders, code_listing, source_files
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import StoredArtifact
from gateway.artifacts.remote import ChildSpec
from gateway.artifacts.resolution import must_be_unaltered
from gateway.artifacts.store import Store
from gateway.environments import kept
from gateway.environments.building import Plan
from gateway.environments.environment import Environment, digest
from gateway.environments.wanted import Wanted, environment_for, to_build
from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.prepare import server_files
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.registry.spec import RegistrySpec, RouteSpec

#: Calls at once that a process takes, at least: those of all workers together; each of them has its own limit.
_LEAST_CALLS: Final = 64
_CALLS_OF_A_WORKER: Final = 8
#: Registry keywords of an input that say what a model without a signature takes.
_INPUT_KEYS: Final = ("type", "default", "nullable", "required")
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def wanted_of(spec: RouteSpec) -> Wanted:
    """Return the environment that an entry asks for; paths are relative to the registry."""
    keys, base = spec.executor, Path(spec.base)
    python = keys.python or ""
    return Wanted(
        python=str(base / python) if os.sep in python and not python.startswith("~") else python,
        requirements=base / keys.requirements if keys.requirements else None,
        environment=base / keys.environment if keys.environment else None,
    )


def is_built(spec: RouteSpec, cache_dir: Path) -> bool:
    """Say whether preparing this route would build no environment; raises GatewayError."""
    plan = to_build(wanted_of(spec), cache_dir)
    return plan is None or plan.found() is not None


def environments_to_build(registry: RegistrySpec, cache_dir: Path) -> dict[str, tuple[Plan, list[str]]]:
    """Return what is to be built for a registry, by its key, with the routes that need it; faulty ones are left out."""
    found: dict[str, tuple[Plan, list[str]]] = {}
    for spec in registry.routes:
        if spec.executor.kind == "process":
            with contextlib.suppress(GatewayError):
                plan = to_build(wanted_of(spec), cache_dir)
                if plan is not None and plan.found() is None:
                    found.setdefault(plan.key, (plan, []))[1].append(spec.path)
    return found


def keep_model(spec: RouteSpec, store: Store, digests: Digests) -> StoredArtifact:
    """Locate, verify and store an artifact with the files that its route lists; raises ArtifactError."""
    base = Path(spec.base)
    place = source_files.locate(base, spec.places[0])
    code = code_listing.entry_file(place) if code_listing.is_code_folder(place) else None
    path = code or place
    listed = code_listing.listed(base, path, spec.files) | (code_listing.listed(base, place, ()) if code else set())
    # A folder of MLflow is kept whole.
    files = {one: digests.digest(one) for one in listed if not one.is_relative_to(path)}
    for one in (path, *files):
        store.admit(one)
    sha256 = digests.digest(path)
    # The pin of code covers what it reads, as that of every Python route; that of a model is of its bytes alone.
    of_code = files if code is not None or path.suffix == ".py" else {}
    pinned = code_folders.pin_of(path, sha256, of_code)
    source_files.verify(place, pinned, spec.pins[0], is_reference=bool(spec.reference))
    if spec.resolved is not None:
        must_be_unaltered(spec.resolved, sha256)
    return code_folders.keep(store, _root_of(base, path, files), path, sha256, files)


def _root_of(base: Path, path: Path, files: Iterable[Path]) -> Path:
    """Return a folder that holds all of them: a model may lie elsewhere than the files that its route lists."""
    root = code_folders.root_of(base, path)
    while not all(one.is_relative_to(root) for one in files):
        root = root.parent
    return root


def child_of(
    spec: RouteSpec, stored: StoredArtifact, cache_dir: Path, limits: PrepareLimits, store: Store
) -> tuple[ChildSpec, tuple[str, ...]]:
    """Return how the process of a model is started, its environment being built, and warnings about that."""
    environment = _environment(spec, cache_dir, limits, store)
    told = _told(spec, stored)
    network = ["--network"] if spec.executor.network else []
    decides = [environment.key, environment.python, told, network, server_files.code_digest(), limits.memory_bytes]
    name = digest(decides)
    folder = server_files.keep(cache_dir, name, told)
    start, spec_file = str(server_files.start_file(folder)), str(folder / server_files.SPEC)
    child = ChildSpec(
        name=name,
        argv=(environment.python, "-I", "-B", start, "--spec", spec_file, "--socket", "{socket}", *network),
        environ=_environ(environment, folder),
        working_folder=str(_working_folder(stored, folder)),
        instances=spec.executor.instances,
        memory_bytes=limits.memory_bytes,
    )
    return child, environment.warnings


def _environment(spec: RouteSpec, cache_dir: Path, limits: PrepareLimits, store: Store) -> Environment:
    """Return the environment of a route; one that was built and does not fit into the cache is deleted again."""
    wanted = wanted_of(spec)
    if is_built(spec, cache_dir):
        return environment_for(wanted, cache_dir, limits.environment_s)
    store.must_fit()  # a cache that is full is told before minutes of building
    found = environment_for(wanted, cache_dir, limits.environment_s)
    try:
        store.must_fit()
    except ArtifactError as error:
        kept.delete_built(found)
        raise LoadError(
            f"the environment of {spec.executor.requirements} takes {found.size_bytes // 2**20:,} MB: {error.message}",
            code=str(error.code),
            hint=error.hint,
        ) from error
    return found


def _told(spec: RouteSpec, stored: StoredArtifact) -> dict[str, Any]:
    """Return what the server is told (gateway/child/spec.py)."""
    path = Path(stored.path)
    kept = _kept_files(stored)
    return {
        "model": spec.name,
        "artifact": str(path),
        "loader": "auto" if spec.loader == "process" else spec.loader,
        "entry": source_files.split_entry(spec.places[0])[1] or None,
        "folders": sorted({str(one.parent) for one in (path, *kept)}, key=len),
        "main_modules": [str(one) for one in kept if one.suffix == ".py"],
        "inputs": [_input(name, keywords) for name, keywords in spec.inputs.items()],
        "levels": {name: list(keywords["enum"]) for name, keywords in spec.inputs.items() if "enum" in keywords},
        "max_concurrency": max(_LEAST_CALLS, _CALLS_OF_A_WORKER * spec.max_concurrency),
        "requirements": spec.executor.requirements or "",
        "allow_code": spec.allow_code,
    }


def _kept_files(stored: StoredArtifact) -> list[Path]:
    """Return the copies of the files that the route lists, in the order of their names."""
    base = Path(os.path.dirname(stored.origin))  # noqa: PTH120 - as it was stored
    places = [Path(stored.path).parent / os.path.relpath(one.path, base) for one in stored.files if one.is_kept]
    return [Path(os.path.normpath(place)) for place in places]


def _input(name: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, **{key: keywords[key] for key in _INPUT_KEYS if keywords.get(key) is not None}}


def _environ(environment: Environment, folder: Path) -> dict[str, str]:
    """Return the whole environment of the process: nothing of the gateway's, and a home of its own."""
    path = [str(Path(environment.python).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    own = {"HOME": str(folder / server_files.HOME), "LANG": "C.UTF-8", "PATH": os.pathsep.join(path)}
    return {**own, **dict.fromkeys(_THREADS, "1"), "PYTHONFAULTHANDLER": "1"}


def _working_folder(stored: StoredArtifact, folder: Path) -> Path:
    """Return where relative names start: at the kept code, or in a folder of the process alone."""
    path = Path(stored.path)
    return path.parent if stored.files or path.suffix == ".py" else folder / server_files.HOME
