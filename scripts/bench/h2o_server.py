"""
One model of H2O in its binary format behind an H2O server, beside its MOJO: `python -m bench.h2o_server`.

Three routes of one gateway with one worker: the server, the MOJO read by H2O's own scorer, the MOJO compiled. The
answers are compared first. Rounds are interleaved, figures are medians; read ratios: the machine is noisy.
"""

import argparse
import http.client
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import h2o
import numpy as np
from h2o.estimators import H2OGradientBoostingEstimator

import serving
from bench.route_times import ask, interleaved
from gateway.h2o_server.java_server import USER, start_java
from gateway.h2o_server.rest_client import RestClient
from h2o_server.h2o_models import FEATURES, ROWS, cell, make_table, server_jar, wait_for

SIZES = (1, 100, 1_000)
NUMBERS = ("age", "size")
ROUTES = {
    "server": "{artifact: model.bin, executor: {kind: h2o_server, memory: 1GiB}, timeout_s: 60}",
    "mojo": "{artifact: model.zip, compile: 'off'}",
    "compiled": "{artifact: model.zip, compile: require}",
}


def train(folder: Path) -> None:
    """Train a model with H2O's own client, and save it in both formats."""
    table = make_table()
    scratch = folder / "java"
    scratch.mkdir()
    java = start_java(server_jar(), 2**30, scratch)
    try:
        wait_for(RestClient(java.port, java.password))
        h2o.connect(url=f"http://127.0.0.1:{java.port}", auth=(USER, java.password), verbose=False)
        kinds = {name: "numeric" if name in NUMBERS else "enum" for name in (*FEATURES, "bought")}
        rows = folder / "rows.csv"
        cells = [map(cell, table[name]) for name in kinds]
        rows.write_text("\n".join(map(",".join, zip(*cells, strict=True))) + "\n")
        frame = h2o.upload_file(str(rows), header=-1, col_names=list(kinds), col_types=kinds)
        model = H2OGradientBoostingEstimator(ntrees=50, max_depth=5, seed=1)
        model.train(x=list(FEATURES), y="bought", training_frame=frame)
        Path(h2o.download_model(model, path=str(folder))).rename(folder / "model.bin")
        Path(model.download_mojo(path=str(folder))).rename(folder / "model.zip")
    finally:
        with suppress(Exception):
            h2o.connection().close()
        java.end()


def bodies() -> dict[int, bytes]:
    """Return the JSON of so many rows."""
    table = make_table()
    rows = [dict(zip(FEATURES, row, strict=True)) for row in zip(*(table[name] for name in FEATURES), strict=True)]
    many = rows * (max(SIZES) // ROWS + 1)
    return {size: json.dumps(many[:size]).encode() for size in SIZES}


def difference(connection: http.client.HTTPConnection, body: bytes) -> float:
    """Return the largest difference of a probability between the server and the MOJO."""
    told = {}
    for route in ROUTES:
        answers = ask(connection, route, body)["predictions"]
        told[route] = np.array([list(one["probabilities"].values()) for one in answers])
    return float(max(np.abs(told["server"] - told[route]).max() for route in ("mojo", "compiled")))


def measure(gateway: serving.Gateway, rounds: int, calls: int) -> None:
    """Print a line for each number of rows."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    sent = bodies()
    print(f"largest difference of a probability on {max(SIZES)} rows: {difference(connection, sent[max(SIZES)]):.1e}")
    for size, body in sent.items():
        medians = interleaved(connection, list(ROUTES), body, rounds, calls)
        told = ", ".join(f"{route} {ms:.2f} ms" for route, ms in medians.items())
        ratios = ", ".join(f"{medians['server'] / medians[route]:.1f}x the {route}" for route in ("mojo", "compiled"))
        print(f"{size:5} rows: {told}; the server takes {ratios}")
    memory = {path: one["executor"].get("memory_mb") for path, one in gateway.health()["routes"].items()}
    print(f"memory of the H2O server, Java included: {memory['/server']} MB")


def main() -> None:
    """Train, serve, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        train(folder)
        cache = folder / "cache"
        cache.mkdir()
        lines = [f"  /{name}: {entry}" for name, entry in ROUTES.items()]
        (folder / "registry.yaml").write_text("\n".join(["version: 1", "routes:", *lines]) + "\n")
        settings = {"workers": 1, "GATEWAY_PREPARE_TIMEOUT_S": 300}
        with serving.running(folder, cache, folder / "registry.yaml", **settings) as gateway:
            measure(gateway, asked.rounds, asked.calls)


if __name__ == "__main__":
    main()
