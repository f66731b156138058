"""
One model in the workers, in a process of its own and on a Ray cluster: `python -m bench.cluster`.

Three routes of one gateway with one worker, and three Ray nodes on this machine (`make cluster` has installed them).
The answers are compared first. Rounds are interleaved, figures are medians; read ratios: the machine is noisy.
"""

import argparse
import http.client
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from cluster import namespaces, overlay

import serving
from bench.route_times import ask, interleaved
from ray_cluster import rig
from serving import ROOT

SIZES = (1, 1_000)
#: The workers and the nodes run the compiled model, the process the original: both compute in single precision.
TOLERANCE = 1e-6
MODEL = ROOT / "models" / "diabetes"
#: A cluster starts a model within this time, on a machine that does nothing else.
START_S = 400.0


def bodies() -> dict[int, bytes]:
    """Return the JSON of so many golden rows."""
    rows = json.loads((MODEL / "golden.json").read_text(encoding="utf-8"))["instances"]
    many = rows * math.ceil(max(SIZES) / len(rows))
    return {size: json.dumps(many[:size]).encode() for size in SIZES}


def probabilities(answer: Any) -> np.ndarray:
    """Return the probabilities of an answer, a row each."""
    return np.array([list(one["probabilities"].values()) for one in answer["predictions"]])


def measure(port: int, routes: list[str], rounds: int, calls: int) -> None:
    """Print a line for each number of rows."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for size, body in bodies().items():
        told = {route: probabilities(ask(connection, route, body)) for route in routes}
        if not all(np.allclose(found, told["local"], rtol=0, atol=TOLERANCE) for found in told.values()):
            raise SystemExit("the routes do not answer alike")
        medians = interleaved(connection, routes, body, rounds, calls)
        line = ", ".join(f"{route} {ms:.2f} ms ({ms / medians['local']:.1f}x)" for route, ms in medians.items())
        print(f"{size:5} rows: {line}", flush=True)


def main() -> None:
    """Start nodes, serve, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "cache").mkdir()
        with rig.running(folder / "nodes", apart=not namespaces.why_not()) as running:
            kinds = {"local": "local", "process": "process", "ray": overlay.executor(running.home, running.cluster)}
            lines = [f"  /{name}: {{artifact: {MODEL}/model.ubj, executor: {kind}}}" for name, kind in kinds.items()]
            registry = folder / "registry.yaml"
            registry.write_text("\n".join(["version: 1", "routes:", *lines]) + "\n")
            server = serving.make(folder, folder / "cache", registry, workers=1)
            try:
                server.start().wait(START_S)
                measure(server.port, list(kinds), asked.rounds, asked.calls)
                server.stop()
            finally:
                server.kill()


if __name__ == "__main__":
    main()
