"""
Looks for a compiled model of a loaded predictor: lower, write, load back, prove, time. Runs while preparing.

What is timed and proven is the compiled model that was read back from its file: the same bytes and code that a worker
runs.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from gateway.compilers import compilers_for
from gateway.compilers.base import Compiler, Declined
from gateway.compilers.proof.nearby import nearby
from gateway.compilers.proof.proof import Proof, prove
from gateway.compilers.proof.rows import everything, generated
from gateway.runtimes import load_compiled, storage
from gateway.runtimes.base import Draft
from gateway.schema import Column, Predictor, Signature

#: Seconds for all comparisons of one model; slow originals are then proven on fewer rows, golden ones first.
PROOF_BUDGET_S = 20.0
#: Calls that are timed; the compiled model's are microseconds, so more of them cost nothing.
_CALLS, _TWIN_CALLS = 15, 300
#: Of a slow predict fewer calls tell enough: so many, once they took so long together.
_FEWEST_CALLS, _ENOUGH_S = 5, 0.1
#: Rows of the batch that is timed, and the most a single row may take for one; longer ones would only delay preparing.
_BATCH_ROWS, _BATCH_LIMIT_S = 512, 0.002
#: A compiled model may take this many times as long for one row if it takes a fraction of the time for a batch.
_SLOWER_ROW, _FASTER_BATCH = 1.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hold a proven compiled model: where it lies and what was measured. Times are seconds for one row."""

    compiler: str
    runtime: str
    path: Path
    sha256: str
    predictor: Predictor
    proof: Proof
    predict_s: float
    original_s: float
    batch_gain: float
    uses: tuple[str, ...]

    @property
    def gain(self) -> float:
        """Return how many times faster one row is; `batch_gain` says it for a row of a batch, 0 where not measured."""
        return self.original_s / self.predict_s if self.predict_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Bring together what a search needs: `row` is one instance to time, `golden` the self-test rows or nothing."""

    loader: str
    original: Predictor
    merged: Signature
    path: Path
    row: Sequence[Column]
    golden: Sequence[Column] = ()
    tolerance: float | None = None
    budget_s: float = PROOF_BUDGET_S


def find_compiled(job: Job) -> Found:
    """Return the first compiled model that is equal and faster; raises Declined with the reasons of all compilers."""
    reasons = []
    for compiler in compilers_for(job.loader):
        try:
            return _attempt(compiler, job)
        except Declined as reason:
            reasons.append(str(reason))
        except Exception as error:  # a model may be anything; the original still serves it
            reasons.append(f"the compiler {compiler.name} raised {type(error).__name__}: {error}")
        storage.discard(job.path)
    raise Declined("; ".join(reasons))


def _attempt(compiler: Compiler, job: Job) -> Found:
    draft = compiler.lower(job.original)
    sha256 = storage.write(job.path, draft)
    compiled = load_compiled(job.path, sha256)
    deadline = time.monotonic() + job.budget_s
    proof = Proof()
    prove(job.original, compiled, _batches(job, draft, proof), tolerance=job.tolerance, deadline=deadline, proof=proof)
    proof.require_enough()
    original_s, predict_s = _timed(job.original, job.row, _CALLS), _timed(compiled, job.row, _TWIN_CALLS)
    batch_gain = _batch_gain(job, compiled) if original_s < _BATCH_LIMIT_S else 0.0
    if original_s <= predict_s and not (batch_gain >= _FASTER_BATCH and predict_s <= _SLOWER_ROW * original_s):
        raise Declined(
            f"the compiled model is no faster ({1e6 * predict_s:.0f} us, the original {1e6 * original_s:.0f} us)"
        )
    return Found(
        compiler=compiler.name,
        runtime=draft.runtime,
        path=job.path,
        sha256=sha256,
        predictor=compiled,
        proof=proof,
        predict_s=predict_s,
        original_s=original_s,
        batch_gain=batch_gain,
        uses=draft.uses,
    )


def _batches(job: Job, draft: Draft, proof: Proof) -> Iterator[Sequence[Column]]:
    """Golden rows first, then the rows that the compiler thinks most telling, then the whole signature."""
    native = job.original.signature
    if job.golden:
        yield job.golden
    yield from draft.rows
    whole = everything(native, job.merged)
    if whole is not None:
        yield whole
        proof.exhaustive = True
    yield from generated(native, job.merged, job.golden)
    yield from nearby(native, job.merged, proof, job.golden)


def _batch_gain(job: Job, compiled: Predictor) -> float:
    """Return how many times faster a row of a batch is."""
    batch = [np.repeat(column, _BATCH_ROWS) for column in job.row]
    return _timed(job.original, batch, _CALLS) / _timed(compiled, batch, _CALLS)


def _timed(predictor: Predictor, row: Sequence[Column], calls: int) -> float:
    """Return the median of some calls; the proof has warmed the predictor up."""
    predictor.predict(row)
    times: list[float] = []
    while len(times) < calls and not (len(times) >= _FEWEST_CALLS and sum(times) > _ENOUGH_S):
        started = time.perf_counter()
        predictor.predict(row)
        times.append(time.perf_counter() - started)
    return median(times)
