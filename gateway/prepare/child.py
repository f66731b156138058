"""
The prepare child: turns one registry entry into a manifest (`python -m gateway.prepare.child < entry.json > reports`).

Everything that may crash, hang or exhaust memory happens here: unpickling, a JVM, native model code, golden rows. It
sends a report, one line of JSON, before the compilers begin: the original is known even if they end this process.
"""

import contextlib
import io
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from gateway.artifacts import golden_rows
from gateway.artifacts.manifest import INLINE_LIMIT_S, GoldenResult, Manifest
from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders import get_loader, package_versions
from gateway.loaders.base import LoadOptions
from gateway.loaders.one_hot import with_one_hot
from gateway.loaders.table import row_of
from gateway.loaders.warm_up import warm_up
from gateway.prepare import golden, sandbox
from gateway.prepare.acceptance import accept
from gateway.prepare.answer_shape import check_shape
from gateway.prepare.compilation import search_compiled
from gateway.prepare.entry import Entry, Report, compiled_path
from gateway.prepare.explanation import report_explanation
from gateway.prepare.remote import UNEXPLAINED, closing, decline_compiling, is_remote, predictor_of, remote_of
from gateway.prepare.sandbox_rules import lock
from gateway.prepare.trial_predict import check_trial
from gateway.prepare.trial_row import trial_row
from gateway.registry.load_options import load_options
from gateway.registry.merge import merge_signature
from gateway.schema import Column, Predictor, Signature
from gateway.system import descendants
from gateway.system.absent_packages import absent
from gateway.system.memory import resident_bytes
from gateway.system.parent_death import die_with_parent

#: Enough calls to finish lazy initialisation; more would only slow down preparing.
TIMED_CALLS = 15
#: What scikit-learn imports for its own tests where it finds it, a tenth of the time of importing it.
TEST_TOOLS = ("pytest",)


def prepare(entry: Entry, tell: Callable[[Report], object]) -> Manifest:
    """Load, merge, time, self-test and compile one entry; a GatewayError becomes the problem of the manifest."""
    spec = entry.spec
    blank = Manifest(key=entry.key, loader=spec.loader, artifact=entry.artifact, versions=package_versions(spec.loader))
    try:
        return _prepared(entry, blank, tell)
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


def _prepared(entry: Entry, blank: Manifest, tell: Callable[[Report], object]) -> Manifest:
    spec = entry.spec
    options = load_options(spec, entry.artifact, Path(entry.cache_dir))
    started = time.perf_counter()
    # All models of a kind share the framework; only memory from here on belongs to this model.
    before = resident_bytes()
    predictor = _loaded(entry, options, lambda error: _end_with(_failed(blank, error), tell))
    blank = replace(blank, load_s=time.perf_counter() - started, memory_bytes=max(resident_bytes() - before, 0))
    with closing(predictor):
        return _tested(entry, blank, predictor, tell)


def _tested(entry: Entry, loaded: Manifest, predictor: Predictor, tell: Callable[[Report], object]) -> Manifest:
    """Return the manifest of a loaded model; `loaded` says what loading it took."""
    spec = entry.spec
    signature = merge_signature(predictor.signature, spec)
    result = _self_test(entry, predictor)
    rows = golden_rows.read(Path(entry.golden), predictor.signature).columns if entry.golden else ()
    notes = _checked(entry, predictor, signature, rows)
    sample = trial_row(spec, predictor.signature, signature, entry.golden)
    if sample is not None:
        warm_up(spec.loader, predictor, sample)
    predict_s = _median_predict_s(predictor, sample) if sample is not None else 0.0
    found = replace(
        loaded,
        signature=signature,
        versions=dict(getattr(predictor, "versions", ())) or loaded.versions,
        platform=_platform(entry, predictor),
        predict_s=predict_s,
        inline=0 < predict_s < INLINE_LIMIT_S and not row_of(spec.loader).has_effects and not is_remote(spec),
        golden=result,
        warnings=notes,
        remote=remote_of(predictor, spec),
    )
    if is_remote(spec):
        return replace(found, compile_declined=decline_compiling(spec), explanation=UNEXPLAINED)
    tell(Report(manifest=found, is_final=False, is_compiled=False, resident_bytes=resident_bytes()))
    compiled, declined = search_compiled(
        spec, predictor, signature, path=compiled_path(entry), row=sample or (), golden=rows
    )
    found = replace(found, compiled=compiled, compile_declined=declined)
    tell(Report(manifest=found, is_final=False, resident_bytes=resident_bytes()))
    return replace(found, explanation=report_explanation(spec, predictor, signature, rows, sample or ()))


def _loaded(entry: Entry, options: LoadOptions, end: Callable[[GatewayError], None]) -> Predictor:
    """Return the predictor of the artifact, or of the server that has the model; `end` ends one that acts."""
    path = Path(entry.artifact.path)
    if is_remote(entry.spec):
        return predictor_of(entry)
    with absent((*row_of(entry.spec.loader).needless, *TEST_TOOLS)):
        loader = get_loader(entry.spec.loader)
    lock(entry.spec.loader, path, compiled_path(entry).parent, end)
    predictor = loader.load(path, options)
    check: Callable[[], None] | None = getattr(predictor, "check_once", None)
    if check is not None:  # what takes too long for each worker; the bytes are those that workers load
        check()
    return with_one_hot(predictor, options.one_hot)


def _platform(entry: Entry, predictor: Predictor) -> str:
    """Return what V2 metadata tell: the loader with the ending of the file, or what the server elsewhere tells."""
    told: str = getattr(predictor, "platform", "")
    return told or f"{entry.spec.loader}_{Path(entry.artifact.path).suffix.lstrip('.') or 'folder'}"


def _checked(entry: Entry, predictor: Predictor, signature: Signature, rows: Sequence[Column]) -> tuple[str, ...]:
    """Return the warnings under which a loaded model may serve; raises LoadError if it may not serve."""
    if not row_of(entry.spec.loader).has_effects:
        check_shape(predictor, signature, rows)
    found = check_trial(predictor, signature, rows)
    skew = getattr(predictor, "skew", None)
    installed = [f"{name} {version}" for name, version in package_versions(entry.spec.loader).items()]
    written = {one.rpartition(" ")[0] for one in skew.written} if skew is not None else set()
    here = [one for one in installed if one.rpartition(" ")[0].removesuffix("-cpu") in written]
    accepted = accept(skew, accepted=entry.spec.accept_version, golden_rows=len(rows[0]) if rows else 0, installed=here)
    return (*entry.notes, *getattr(predictor, "warnings", ()), *accepted, *found)


def _end_with(found: Manifest, tell: Callable[[Report], object]) -> None:
    tell(Report(manifest=found))
    os._exit(0)


def _self_test(entry: Entry, predictor: Predictor) -> GoldenResult | None:
    if not entry.golden or entry.spec.trial == "off":
        return None
    return golden.check(Path(entry.golden), predictor, entry.spec.tolerance)


def _median_predict_s(predictor: Predictor, columns: Sequence[Column]) -> float:
    """Return the median time of one predict; 0 means unknown, because the model refused the made-up instance."""
    times = []
    try:
        for _ in range(TIMED_CALLS):
            started = time.perf_counter()
            predictor.predict(columns)
            times.append(time.perf_counter() - started)
            if sum(times) > 1.0:
                break
    except Exception:  # the first real request measures it; a made-up value is no reason to fail the route
        return 0.0
    return sorted(times)[len(times) // 2]


def _raised(error: Exception, artifacts: Sequence[str]) -> GatewayError:
    kind = type(error).__name__
    if isinstance(error, MemoryError):
        return LoadError("the model needs more memory than prepare allows", code="prepare-memory")
    return ArtifactError(
        f"preparing raised {kind}: {error}",
        code="prepare-raised",
        hint=f"run: gateway describe {shlex.join(artifacts)}",
    )


def main() -> int:
    """Read an entry from stdin, write reports to stdout, the last one final; output of libraries goes to stderr."""
    if len(sys.argv) > 1:
        # The parent enforces the limits: without it a hanging model would run forever.
        die_with_parent(signal.SIGKILL, int(sys.argv[1]))
    # Detached descendants stay below this process, where they can be found.
    descendants.adopt_orphans()
    entry = msgspec.json.Decoder(Entry).decode(sys.stdin.buffer.readline())
    if row_of(entry.spec.loader).is_offline and not is_remote(entry.spec):
        sandbox.cut_network()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(report: Report) -> None:
        answer.write(msgspec.json.encode(report) + b"\n")
        answer.flush()

    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(os.fdopen(os.dup(2), "wb"))):
            manifest = prepare(entry, tell)
    except Exception as error:  # whatever a framework raises is a fault of the entry, not of the gateway
        blank = Manifest(key=entry.key, loader=entry.spec.loader, artifact=entry.artifact)
        manifest = _failed(blank, _raised(error, [source.origin for source in entry.artifact.sources]))
    sandbox.release()
    tell(Report(manifest=manifest))
    # A JVM or a native thread of the model may refuse to end; all results have been written.
    sys.stderr.flush()
    descendants.end(lambda: descendants.tree(os.getpid()), grace_s=0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
