"""
Measure what asking another process costs: the client over a Unix socket and over TCP loopback, against a call in place.

`python scripts/bench/executors.py`. The model is a sum of eight columns, so a figure is overhead; the servers are
processes of their own (the test server of tests/executors). The ways take turns, and the median round counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from gateway.artifacts.remote_tensors import RemoteTensors, tensors_of
from gateway.executors.client_options import ClientOptions
from gateway.executors.oip_client import OipClient
from gateway.executors.thread_pool import NativePool
from gateway.schema import Column, Field, Output, Signature
from gateway.system.server_address import address_of

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, CALLS = 9, 100
SIZES = (1, 64, 1_000)
SIGNATURE = Signature(inputs=tuple(Field(name=f"c{place}") for place in range(8)), output=Output())
TENSORS: RemoteTensors = tensors_of(SIGNATURE)

_SERVER = """
import sys, time
sys.path.insert(0, {tests!r})
from executors.v2_server import V2Server
place = sys.argv[1]
V2Server(int(place) if place.isdigit() else place)
print("ready", flush=True)
time.sleep(3600)
"""


@contextmanager
def server(place: str) -> Iterator[None]:
    """Run the test server in a process of its own."""
    code = _SERVER.format(tests=str(ROOT / "tests"))
    child = subprocess.Popen([sys.executable, "-c", code, place], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield
    finally:
        child.kill()
        child.wait()


def timed(call: Callable[[], object]) -> float:
    """Return the median time of one call, in microseconds."""
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times) * 1e6


def ways(unix: str, port: int) -> dict[str, Callable[[Sequence[Column]], object]]:
    """Return each way to predict by its name."""
    pool = NativePool(2)

    def asking(place: str, *, binary: bool) -> Callable[[Sequence[Column]], object]:
        client = OipClient([address_of(place)], "m", ClientOptions(binary=binary))
        return lambda columns: client.predict(columns, TENSORS, time.monotonic() + 5)

    socket = asking(unix, binary=True)

    def threaded(call: Callable[[Sequence[Column]], object]) -> Callable[[Sequence[Column]], object]:
        return lambda columns: pool.call(lambda: call(columns), time.monotonic() + 5)

    def in_place(columns: Sequence[Column]) -> object:
        return np.sum(columns, axis=0)

    return {
        "in place": in_place,
        "native thread": threaded(in_place),
        "Unix socket, binary": socket,
        "Unix socket, binary, in a native thread": threaded(socket),
        "TCP loopback, binary": asking(f"http://127.0.0.1:{port}", binary=True),
        "TCP loopback, JSON": asking(f"http://127.0.0.1:{port}", binary=False),
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8790)
    port = parser.parse_args().port
    batches = {size: [np.random.default_rng(size).normal(size=size) for _ in range(8)] for size in SIZES}
    with tempfile.TemporaryDirectory() as folder, server(f"{folder}/s"), server(str(port)):
        calls = ways(f"{folder}/s", port)
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                for size, columns in batches.items():
                    found.setdefault((name, size), []).append(timed(partial(call, columns)))
    print(f"| way | {' | '.join(f'{size:,} rows' for size in SIZES)} |")
    print(f"| --- |{' ---: |' * len(SIZES)}")
    for name in calls:
        print(f"| {name} | {' | '.join(f'{median(found[name, size]):.0f} us' for size in SIZES)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
