"""
Measure what explained batches take from plain requests of another route: p95 beside them, and the worker's memory.

`PYTHONPATH=scripts:tests .venv/bin/python -m bench.beside_explanations [--rounds 5] [--seconds 3]`. Periods without,
with plain and with explained batches take turns; ratios are to the periods without, so the machine cancels out.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import psutil

import serving

ROWS = 5_000
KINDS = ("without", "plain batches", "explained batches")
PATIENT = {"data": [1, 106, 70, 28, 135, 34.2, 0.142, 22]}
JSON = {"Content-Type": "application/json"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    text = (serving.ROOT / "registry.yaml").read_text()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "cache").mkdir()
        with serving.running(Path(name), Path(name) / "cache", serving.absolute(text), workers=1) as server:
            server.load_explainers("diabetes")
            report(server, options.rounds, options.seconds)


def report(server: serving.Gateway, rounds: int, seconds: float) -> None:
    """Print the p95 of /earnings for each kind of neighbour, and the memory of the worker."""
    [worker] = server.workers()
    sample = server.get("/earnings/schema?sample").json
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    sent = dict.fromkeys(KINDS, 0)
    before = psutil.Process(worker).memory_info().rss
    for turn in range(rounds):
        for kind in KINDS if turn % 2 else KINDS[::-1]:
            over = threading.Event()
            neighbour = threading.Thread(target=batches, args=(server, kind, over, sent))
            neighbour.start()
            found[kind].append(p95(server, sample, seconds))
            over.set()
            neighbour.join()
    base = statistics.median(found["without"])
    print("| beside /earnings | its p95, ms | ratio | batches of 5,000 rows |", "| --- | --- | --- | --- |", sep="\n")
    for kind in KINDS:
        middle = statistics.median(found[kind])
        print(f"| {kind} | {middle * 1e3:.2f} | {middle / base:.2f} | {sent[kind]} |")
    after = psutil.Process(worker).memory_info().rss
    rows = sent["explained batches"] * ROWS
    print(f"\nMemory of the worker: {before >> 20} MB before, {after >> 20} MB after {rows:,} explained rows.")
    print(f"Same worker: {server.workers() == [worker]}. Load of the machine: {os.getloadavg()[0]:.1f}.")


def batches(server: serving.Gateway, kind: str, over: threading.Event, sent: dict[str, int]) -> None:
    """Send one batch of /diabetes after the other until the period is over."""
    if kind == "without":
        return
    path = "/diabetes" + ("?_explain=true" if kind.startswith("explained") else "")
    body = [PATIENT["data"]] * ROWS
    while not over.is_set():
        if server.post(path, body).status == 200:
            sent[kind] += 1


def p95(server: serving.Gateway, sample: object, seconds: float) -> float:
    """Return the 95th percentile of one connection that asks on and on, in seconds."""
    times, body = [], json.dumps(sample).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    ends = time.monotonic() + seconds
    while (began := time.monotonic()) < ends:
        connection.request("POST", "/earnings", body, JSON)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append(time.monotonic() - began)
        time.sleep(0.005)
    connection.close()
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
