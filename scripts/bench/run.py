"""
Measure the gateway and its peers side by side: `make bench`, or `PYTHONPATH=scripts python -m bench.run` (README.md).

Interleaved rounds, medians; writes every figure to .gateway-bench/figures.json and the tables to stdout.
"""

import argparse
import dataclasses
import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench import exports, report, venvs
from bench.lineup import CACHE, LINEUP, ROOT, Peer
from bench.load import check_wrk
from bench.questions import ROUTES
from bench.rounds import Outcome, Plan, run_peer


def main() -> None:
    """Measure and print."""
    # So that a stop from outside ends the servers too; the default would leave them.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options = _options()
    check_wrk()
    peers = [peer for peer in LINEUP if not options.only or peer.name in options.only]
    if unknown := set(options.only) - {peer.name for peer in LINEUP}:
        raise SystemExit(f"unknown: {', '.join(unknown)}\nexpected some of: {'; '.join(peer.name for peer in LINEUP)}")
    wanted = tuple(options.routes.split(","))
    outcomes = read(options.json) if options.keep else {}
    for peer in peers:
        outcomes[peer.name] = Outcome(outcomes[peer.name].samples if peer.name in outcomes else {})
    provide(peers, outcomes, wanted)
    plan = Plan(options.seconds, max(options.seconds // 2, 1))
    started = time.monotonic()
    for number in range(1, options.rounds + 1):
        for peer in peers if number % 2 else reversed(peers):
            print(f"round {number}, {peer.name} ({time.monotonic() - started:.0f} s)", file=sys.stderr)
            run_peer(peer, plan, outcomes[peer.name], wanted)
            write(options.json, outcomes)
    print(text(outcomes, options.rounds, plan, wanted))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each run with 8 connections; half of it with 1")
    parser.add_argument("--only", default=[], type=lambda text: text.split(";"), help="names of peers, with ; between")
    parser.add_argument("--routes", default=",".join(ROUTES))
    parser.add_argument("--json", type=Path, default=CACHE / "figures.json", help="where every figure goes")
    parser.add_argument("--keep", action="store_true", help="add to what --json holds")
    return parser.parse_args()


def provide(peers: list[Peer], outcomes: dict[str, Outcome], wanted: tuple[str, ...]) -> None:
    """Make virtualenvs and exports; what cannot be made is the reason of its peers."""
    problems = {name: venvs.ensure(name) for name in {peer.venv for peer in peers if peer.venv}}
    environ = dict(os.environ, PYTHONPATH=f"{ROOT / 'scripts'}:{ROOT}")
    done = subprocess.run(
        [sys.executable, "-m", "bench.exports"], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the registry could not be prepared: {done.stderr[-500:]}")
    no_onnx = json.loads(done.stdout.splitlines()[-1])
    exports.write_mlserver(workers=2)
    for peer in peers:
        reasons = outcomes[peer.name].reasons
        if problems.get(peer.venv or ""):
            reasons |= dict.fromkeys(peer.routes, problems[peer.venv or ""])
        elif peer.name == "MLflow":
            for route in set(peer.routes).intersection(wanted):
                exports.save_mlflow(route)
        elif peer.environ.get("BENCH_COMPILED") == "0":
            reasons |= no_onnx


def machine() -> str:
    """Say on what was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({model}), Python {platform.python_version()}"
    )


def text(outcomes: dict[str, Outcome], rounds: int, plan: Plan, wanted: tuple[str, ...]) -> str:
    """Return the report."""
    load = os.getloadavg()[0]
    parts = [
        f"{machine()}; load average at the end {load:.1f}. {rounds} interleaved rounds, medians; "
        f"wrk -t1, {plan.seconds} s with 8 connections and {plan.single_seconds} s with 1, keep-alive.",
        *(report.table(outcomes, route) for route in wanted),
        "### Where the gateway loses",
        "\n".join(report.losses(outcomes)) or "- nowhere in this run",
        "### How each was configured",
        "\n".join(f"- **{peer.name}**{_version(peer)}: {peer.note}" for peer in LINEUP if peer.name in outcomes),
    ]
    return "\n\n".join(parts)


_PACKAGES = {
    "fastapi": ("fastapi", "uvicorn"), "fastapi-onnx": ("fastapi", "uvicorn", "onnxruntime"),
    "flask-restful": ("flask-restful", "gunicorn"), "mlserver": ("mlserver",), "bentoml": ("bentoml",),
    "litserve": ("litserve",), "mlflow": ("mlflow",), "ray": ("ray",), "h2o": ("h2o",),
}  # fmt: skip


def _version(peer: Peer) -> str:
    if peer.venv is None:
        return ""
    return " (" + ", ".join(f"{name} {venvs.version_of(peer.venv, name)}" for name in _PACKAGES[peer.venv]) + ")"


def write(path: Path, outcomes: dict[str, Outcome]) -> None:
    """Write every figure so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {name: dataclasses.asdict(outcome) for name, outcome in outcomes.items()}
    path.write_text(json.dumps(content, indent=1))


def read(path: Path) -> dict[str, Outcome]:
    """Return the figures of an earlier run."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Outcome])


if __name__ == "__main__":
    main()
