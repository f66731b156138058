"""
100,000 insurance rows as one CSV upload: the gateway, FastAPI in front of an H2O server, and a plain script.

`python -m bench.csv_batch` (README.md). One upload at a time, interleaved rounds, medians; the answers are compared.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import venvs
from bench.exports import write_csv
from bench.lineup import CACHE, H2O_PORT, HOME, PEERS, PORT, ROOT, python_of
from bench.rounds import h2o_server
from bench.servers import Server, answers

Answers = dict[str, int]


class Peak:
    """Watch the memory of a server while a block runs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self.before_mb = self.most_mb = server.pss_mb()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.most_mb = max(self.most_mb, self._server.pss_mb())

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def upload(path: Path) -> tuple[float, Answers]:
    """Send the file as multipart with curl; return seconds and answers."""
    target = CACHE / "upload.json"
    command = ["curl", "-s", "-o", str(target), "-w", "%{http_code} %{time_total}", "-F", f"file=@{path};type=text/csv"]
    done = subprocess.run([*command, f"http://127.0.0.1:{PORT}/insurance"], capture_output=True, text=True, check=True)
    code, _, seconds = done.stdout.partition(" ")
    if code != "200":
        raise SystemExit(f"the upload was answered {code}: {target.read_text()[:300]}")
    found = json.loads(target.read_text())
    return float(seconds), {str(key): int(value) for key, value in found.items()}


@contextlib.contextmanager
def gateway() -> Iterator[Server]:
    """Run the gateway with two workers."""
    environ = {"GATEWAY_BIND": f"127.0.0.1:{PORT}", "GATEWAY_WORKERS": "2", "GATEWAY_HOME": str(HOME)}
    with Server(
        [sys.executable, "-m", "gateway", "serve"], environ, CACHE / "logs" / "csv-gateway.log", ROOT
    ) as server:
        server.wait(lambda: answers(f"http://127.0.0.1:{PORT}/health/ready"))
        time.sleep(1)
        yield server


@contextlib.contextmanager
def fastapi() -> Iterator[Server]:
    """Run FastAPI with two workers in front of an H2O server."""
    environ = {
        "PYTHONPATH": str(PEERS),
        "BENCH_MODELS": str(ROOT / "models"),
        "BENCH_MOJOS": str(ROOT / "tests" / "mojos"),
        "BENCH_H2O_URL": f"http://127.0.0.1:{H2O_PORT}",
    }
    command = [python_of("h2o"), "-m", "uvicorn", "batch:app", "--app-dir", str(PEERS / "h2o"), "--port", str(PORT)]
    command += ["--host", "127.0.0.1", "--workers", "2", "--no-access-log"]
    with (
        h2o_server() as backend,
        Server(command, environ, CACHE / "logs" / "csv-fastapi.log", ROOT, beside=backend) as server,
    ):
        server.wait(lambda: answers(f"http://127.0.0.1:{PORT}/health"))
        time.sleep(3)
        yield server


def script(path: Path) -> tuple[float, float, float, Answers]:
    """Run the plain script; return seconds of read and score, of the whole process, peak MB and answers."""
    began = time.monotonic()
    command = [sys.executable, "-m", "bench.csv_script", str(path), str(HOME), str(CACHE / "script.json")]
    environ = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the plain script failed: {done.stderr[-300:]}")
    about = json.loads(done.stdout.splitlines()[-1])
    found = json.loads((CACHE / "script.json").read_text())
    return about["seconds"], time.monotonic() - began, about["peak_mb"], found


def measure(
    make: Callable[[], contextlib.AbstractContextManager[Server]], path: Path
) -> tuple[float, float, float, Answers]:
    """Upload once to warm up and once measured; return seconds, memory before, peak, answers."""
    with make() as server:
        upload(path)
        with Peak(server) as peak:
            seconds, found = upload(path)
        return seconds, peak.before_mb, peak.most_mb, found


def differing(ours: Answers, theirs: Answers) -> int:
    """Return how many rows two servers answer differently."""
    return sum(1 for key, value in ours.items() if theirs.get(key) != value) + abs(len(ours) - len(theirs))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if reason := venvs.ensure("h2o"):
        raise SystemExit(f"h2o: {reason}")
    path = write_csv(options.rows)
    runs: dict[str, list[tuple[float, float, float]]] = {"gateway": [], "FastAPI + H2O server": [], "plain script": []}
    for _ in range(options.rounds):
        seconds, before, most, ours = measure(gateway, path)
        runs["gateway"].append((seconds, before, most))
        seconds, before, most, theirs = measure(fastapi, path)
        runs["FastAPI + H2O server"].append((seconds, before, most))
        seconds, whole, most, plain = script(path)
        runs["plain script"].append((seconds, whole, most))
        print({name: one[-1] for name, one in runs.items()}, file=sys.stderr)
    medians = {name: [statistics.median(column) for column in zip(*one, strict=True)] for name, one in runs.items()}
    base = medians["gateway"][0]
    size_mb = path.stat().st_size / 1e6
    print(f"| {options.rows:,} rows, {size_mb:.1f} MB | s | rows/s | gateway is faster by | memory before | peak |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (seconds, before, most) in medians.items():
        first = "" if name == "plain script" else f"{before:.0f} MB"
        rate, ratio = options.rows / seconds, seconds / base
        print(f"| {name} | {seconds:.2f} | {rate:,.0f} | {ratio:.2f}x | {first} | {most:.0f} MB |")
    print(f"\nThe plain script takes {medians['plain script'][1]:.1f} s with the start of Python.")
    print(f"Rows answered differently: {differing(ours, theirs)} by FastAPI, {differing(ours, plain)} by the script.")


if __name__ == "__main__":
    main()
