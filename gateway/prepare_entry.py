"""
The child that turns one registry entry into a manifest: `python -m gateway.prepare_entry < entry.json > manifest.json`.

Everything that may crash, hang or eat memory happens here: unpickling, a JVM, native model code, golden rows.
"""

import contextlib
import io
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway import golden
from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders import get_loader, package_versions
from gateway.loaders.base import LoadOptions, Predictor
from gateway.manifest import GoldenResult, Manifest, StoredArtifact
from gateway.registry.merge import merge_signature
from gateway.registry.spec import RouteSpec
from gateway.schema import Column, Signature, make_column

#: Loaders whose predict time says nothing about the next call: they may sleep or call others.
UNBOUNDED_LOADERS = frozenset({"python", "stub"})
#: A predict up to this median may run in the event loop (architecture decision 1).
INLINE_LIMIT_S = 0.001
#: Enough calls to get past lazy initialisation; more only prolongs preparing slow models.
TIMED_CALLS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Carry one entry to the child; `golden` is the path of its self-test rows, '' for none."""

    spec: RouteSpec
    key: str
    artifact: StoredArtifact
    cache_dir: str
    golden: str = ""


def load_options(spec: RouteSpec, origin: str, cache_dir: Path) -> LoadOptions:
    """Return what the loader of this entry gets; child and worker must agree on it."""
    _, colon, entry = spec.artifact.rpartition(".py:")
    return LoadOptions(
        allow_pickle=spec.allow_pickle and spec.sha256 is not None,
        entry=entry if colon else None,
        origin=Path(origin).parent,
        cache_dir=cache_dir,
    )


def prepare(entry: Entry) -> Manifest:
    """Load, merge, time and self-test one entry; a GatewayError becomes the problem of the manifest."""
    spec = entry.spec
    blank = Manifest(key=entry.key, loader=spec.loader, artifact=entry.artifact, versions=package_versions(spec.loader))
    try:
        return _prepared(entry, blank)
    except GatewayError as error:
        return _failed(blank, error)


def _failed(blank: Manifest, error: GatewayError) -> Manifest:
    return Manifest(
        key=blank.key,
        loader=blank.loader,
        artifact=blank.artifact,
        versions=blank.versions,
        problem=error.as_problem(),
    )


def _prepared(entry: Entry, blank: Manifest) -> Manifest:
    spec = entry.spec
    options = load_options(spec, entry.artifact.origin, Path(entry.cache_dir))
    before = _resident_bytes()
    started = time.perf_counter()
    loader = get_loader(spec.loader)
    path = Path(entry.artifact.path)
    predictor = loader.load(path, options)
    load_s = time.perf_counter() - started
    signature = merge_signature(predictor.signature, spec)
    result = _self_test(entry, predictor)
    sample = _sample_columns(predictor.signature, signature, entry.golden)
    predict_s = _median_predict_s(predictor, sample)
    return Manifest(
        key=entry.key,
        loader=spec.loader,
        artifact=entry.artifact,
        signature=signature,
        versions=blank.versions,
        platform=f"{spec.loader}_{path.suffix.lstrip('.') or 'folder'}",
        load_s=load_s,
        predict_s=predict_s,
        memory_bytes=max(_resident_bytes() - before, 0),
        inline=0 < predict_s < INLINE_LIMIT_S and spec.loader not in UNBOUNDED_LOADERS,
        golden=result,
        warnings=tuple(getattr(predictor, "warnings", ())),
    )


def _self_test(entry: Entry, predictor: Predictor) -> GoldenResult | None:
    if not entry.golden:
        return None
    return golden.check(Path(entry.golden), predictor, entry.spec.tolerance)


def _sample_columns(native: Signature, merged: Signature, golden_path: str) -> list[Column] | None:
    """Return one plausible instance: the first golden row, else examples, defaults and levels of the signature."""
    if golden_path:
        return [column[:1] for column in golden.read(Path(golden_path), native).columns]
    columns = []
    for field, native_field in zip(merged.inputs, native.inputs, strict=True):
        choices: Sequence[Any] = (*field.examples, *(field.enum or ()))
        value = field.default if field.default is not None else (choices[0] if choices else None)
        if value is None:
            value = {"string": "a sample text", "boolean": True}.get(field.type, field.minimum or 0)
        columns.append(make_column(native_field.type, [value]))
    return columns


def _median_predict_s(predictor: Predictor, columns: list[Column] | None) -> float:
    """Time one instance; 0 means unknown, because the made-up instance did not suit the model."""
    if columns is None:
        return 0.0
    times = []
    try:
        for _ in range(TIMED_CALLS):
            started = time.perf_counter()
            predictor.predict(columns)
            times.append(time.perf_counter() - started)
            if sum(times) > 1.0:
                break
    except Exception:  # the first real request will tell; a guessed value is no reason to fail the route
        return 0.0
    return sorted(times)[len(times) // 2]


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _raised(error: Exception) -> GatewayError:
    kind = type(error).__name__
    if isinstance(error, MemoryError):
        return LoadError("the model needs more memory than prepare allows", code="prepare-memory")
    return ArtifactError(f"preparing raised {kind}: {error}", code="prepare-raised", hint="run: gateway describe")


def main() -> int:
    """Read an entry from stdin, write its manifest to stdout; chatter of libraries goes to stderr."""
    entry = msgspec.json.decode(sys.stdin.buffer.read(), type=Entry)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(os.fdopen(os.dup(2), "wb"))):
            manifest = prepare(entry)
    except Exception as error:  # anything a framework may raise is the entry's fault, not the gateway's
        blank = Manifest(key=entry.key, loader=entry.spec.loader, artifact=entry.artifact)
        manifest = _failed(blank, _raised(error))
    answer.write(msgspec.json.encode(manifest))
    answer.close()
    # A JVM or a native thread of the model may refuse to end; everything worth keeping has been written.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
