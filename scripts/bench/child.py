"""
Round trips to the server of a model's own environment beside the bare predict: `python -m bench.child`.

Through the gateway's own client over a Unix socket, one connection; rounds are interleaved, figures are medians. Read
ratios: the machine is noisy. CPU is that of both processes, and counts no waiting for a core.

A process that waits for its next request finds other caches than one that predicts without a pause: `paused` is the
bare predict in this process after a pause as long as a bare predict, what a process of its own can reach at best.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gateway.artifacts.remote_tensors import RemoteTensors, tensors_of
from gateway.executors.oip_client import OipClient
from gateway.executors.process import OPTIONS
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Predictions, Predictor, make_column
from gateway.system.server_address import address_of

FILES = Path(__file__).resolve().parents[2] / "gateway" / "child"
SIZES = (1, 64, 1_000)
#: Aims above the bare predict.
AIMS_US = {1: 200, 1_000: 400}


def train(path: Path) -> None:
    """Write a pipeline with numbers, holes and levels."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": draw.normal(size=500) for i in range(6)})
    frame["region"] = pd.Series(draw.choice(["east", "north", "west"], 500), dtype=object)
    frame["degree"] = pd.Series(draw.choice(["none", "master"], 500), dtype=object)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    steps = make_column_transformer(
        (numbers, [f"n{i}" for i in range(6)]), (OneHotEncoder(handle_unknown="ignore"), ["region", "degree"])
    )
    joblib.dump(make_pipeline(steps, LogisticRegression()).fit(frame, frame.n0 > 0), path)


def rows(predictor: Predictor, size: int) -> list[Column]:
    """Return columns that fit a model."""
    draw = np.random.default_rng(1)
    return [
        make_column(
            one.column_type, draw.choice(one.enum, size).tolist() if one.enum else draw.normal(size=size).tolist()
        )
        for one in predictor.signature.inputs
    ]


def cpu_us(pid: int) -> float:
    """Return the CPU time of this process and of another."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return time.process_time() * 1e6 + sum(int(task.read_text().split()[0]) for task in tasks) / 1e3


def median_us(call: Callable[[], Any], calls: int, pause_s: float = 0.0) -> float:
    """Return the median time of a call, each after a pause."""
    taken = []
    for _ in range(calls):
        if pause_s:
            time.sleep(pause_s)
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def serve(folder: Path, artifact: Path) -> "subprocess.Popen[bytes]":
    """Start the server."""
    shutil.copytree(FILES, folder / "child", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "spec.json").write_text(json.dumps({"model": "bench", "artifact": str(artifact)}))
    command = [sys.executable, "-I", "-B", str(folder / "child" / "serve.py"), "--spec", str(folder / "spec.json")]
    return subprocess.Popen([*command, "--socket", str(folder / "s")], stdin=subprocess.PIPE)


def ask(client: OipClient, columns: list[Column], tensors: RemoteTensors) -> Predictions:
    """Predict through the socket."""
    return client.predict(columns, tensors, time.monotonic() + 30)


def measure(name: str, artifact: Path, loader: str, rounds: int, calls: int) -> None:
    """Print a line for each number of rows."""
    local = get_loader(loader).load(artifact, LoadOptions(allow_pickle=True))
    tensors = tensors_of(local.signature)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        process = serve(folder, artifact)
        try:
            client = OipClient([address_of(str(folder / "s"))], "bench", OPTIONS)
            while client.ready(time.monotonic() + 60):
                time.sleep(0.05)
            for size in SIZES:
                columns = rows(local, size)
                ways: list[Callable[[], Any]] = [
                    partial(local.predict, columns),
                    partial(ask, client, columns, tensors),
                ]
                times: tuple[list[float], list[float]] = ([], [])
                paused: list[float] = []
                cpus: tuple[list[float], list[float]] = ([], [])
                for _ in range(rounds):
                    for way, taken, cpu in zip(ways, times, cpus, strict=True):
                        start = cpu_us(process.pid)
                        taken.append(median_us(way, calls))
                        cpu.append((cpu_us(process.pid) - start) / calls)
                    paused.append(median_us(ways[0], calls, pause_s=times[0][-1] / 1e6))
                low, high = map(statistics.median, times)
                rest = statistics.median(paused)
                low_cpu, high_cpu = map(statistics.median, cpus)
                print(
                    f"{name:10} {size:5} rows: bare {low:.0f} us, paused {rest:.0f} us, over the socket {high:.0f} us:"
                )
                print(
                    f"    {high - low:.0f} us above bare ({high / low:.2f}x, aim {AIMS_US.get(size, '-')}), "
                    f"{high - rest:.0f} us above paused; CPU {low_cpu:.0f} and {high_cpu:.0f} us"
                )
        finally:
            process.kill()
            process.wait(30)


def main() -> None:
    """Measure a function of Python's, a booster and a pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=100)
    asked = parser.parse_args()
    root = FILES.parents[1]
    with tempfile.TemporaryDirectory() as text:
        pipeline = Path(text) / "pipeline.joblib"
        train(pipeline)
        measure("booster", root / "models" / "diabetes" / "model.ubj", "xgboost", asked.rounds, asked.calls)
        measure("pipeline", pipeline, "sklearn", asked.rounds, asked.calls)


if __name__ == "__main__":
    main()
