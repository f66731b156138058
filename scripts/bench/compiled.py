"""
Measure what compiling gains, and write the tables into docs/compilation.md.

`python scripts/bench/compiled.py [--dry-run]`. Times are CPU time of the calling thread, so a busy machine disturbs
them little; original and compiled model take turns, and the median round counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gateway.artifacts import golden_rows
from gateway.artifacts.manifest import Manifest
from gateway.compilers import compiler_versions
from gateway.generations import snapshot
from gateway.loaders import get_loader, package_versions
from gateway.loaders.base import LoadOptions
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.runtimes import load_compiled

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "compilation.md"
BEGIN, END = "<!-- measured: scripts/bench/compiled.py -->", "<!-- end -->"
ROUNDS, BATCH = 9, 10_000

#: What a worker does before it serves, without its server: import the gateway, load every model of the generation.
WORKER = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
import gateway.rest.app, gateway.process.worker
from gateway.generations import snapshot
from gateway.executors.thread_pool import NativePool
from gateway.routing.model import Model
from gateway.registry.load_options import load_options
home = Path(sys.argv[1])
found, pool = snapshot.committed(home / "state"), NativePool(4)
models = [Model(m, load_options(s, m.artifact, home / "cache"), pool)
          for s in found.registry.routes for m in [found.manifests[s.name]]]
for model in models: pool.spawn(model.load)
while any(model.state in ("IDLE", "LOADING") for model in models): time.sleep(0.005)
assert all(model.state == "READY" for model in models)
pss = [line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:")]
print(json.dumps([int(pss[0]) / 1024, time.process_time(), time.perf_counter() - began]))
"""


def timed(predictor: Any, columns: Sequence[Any], calls: int) -> float:
    """Return the CPU seconds of one call."""
    began = time.thread_time()
    for _ in range(calls):
        predictor.predict(columns)
    return (time.thread_time() - began) / calls


def compared(name: str, manifest: Manifest, cache: Path) -> list[str]:
    """Return one row of the table."""
    artifact, record = manifest.artifact, manifest.compiled
    assert artifact is not None and record is not None
    original = get_loader(manifest.loader).load(Path(artifact.path), LoadOptions(cache_dir=cache))
    compiled = load_compiled(Path(record.path), record.sha256)
    rows = golden_rows.read(ROOT / "models" / name / "golden.json", original.signature).columns
    one = [column[:1] for column in rows]
    many = [np.tile(column[:6], BATCH // 6 + 1)[:BATCH] for column in rows]
    singles, batches = [], []
    for predictor in (original, compiled):
        timed(predictor, one, 400)  # Java compiles what it runs after a few hundred rows
    for _ in range(ROUNDS):
        singles.append((timed(original, one, 20), timed(compiled, one, 500)))
        batches.append((timed(original, many, 1), timed(compiled, many, 1)))
    single = [median(times) for times in zip(*singles, strict=True)]
    batch = [median(times) for times in zip(*batches, strict=True)]
    return [
        name,
        manifest.loader,
        record.runtime,
        *(f"{1e6 * seconds:,.0f}" for seconds in single),
        f"{single[0] / single[1]:,.1f}x",
        *(f"{1e3 * seconds:,.1f}" for seconds in batch),
        f"{batch[0] / batch[1]:,.1f}x",
        f"{record.rows_proven:,}",
        f"{record.max_difference:.0e}",
    ]


def worker(home: Path) -> tuple[float, float, float]:
    """Return PSS in MB, CPU seconds and wall seconds of a process that loads everything; the best of three."""
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(home)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return min(run[0] for run in runs), min(run[1] for run in runs), min(run[2] for run in runs)


def tables(home: Path) -> str:
    """Return the tables as Markdown."""
    registry = load_registry(ROOT / "registry.yaml")
    manifests = prepare_registry(registry, home / "cache", PrepareLimits())
    rows = [compared(name, found, home / "cache") for name, found in manifests.items() if found.compiled is not None]
    head = ["model", "loader", "runtime", "one row, original (us)", "compiled model (us)", "gain"]
    head += [f"{BATCH:,} rows, original (ms)", "compiled model (ms)", "gain", "rows proven", "largest difference"]
    lines = [_line(head), _line(["---"] * len(head)), *map(_line, rows), ""]
    lines += [_line(["a worker with the five routes", "PSS (MB)", "CPU to loaded (s)", "wall (s)"]), _line(["---"] * 4)]
    for what, found in (("with compiled models", manifests), ("originals only", _without_compiled(manifests))):
        snapshot.commit(home / "state", snapshot.make(registry, found))
        pss, cpu, wall = worker(home)
        lines.append(_line([what, f"{pss:.0f}", f"{cpu:.1f}", f"{wall:.1f}"]))
    versions = (
        package_versions("sklearn") | package_versions("xgboost") | package_versions("h2o_mojo") | compiler_versions()
    )
    named = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return "\n".join([*lines, "", f"{platform.machine()}, Python {platform.python_version()}, {named}."])


def _without_compiled(manifests: dict[str, Manifest]) -> dict[str, Manifest]:
    return {name: replace(found, compiled=None, key=f"{found.key}-original") for name, found in manifests.items()}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="print the tables, leave the page alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = tables(Path(folder))
    if arguments.dry_run:
        print(found)
        return
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
