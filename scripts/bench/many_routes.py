"""
What 10, 100 and 1,000 routes cost: boot, scrape, `gateway check`, a request, memory, and an edit of one model.

`python -m bench.many_routes` (README.md). All routes are lazy and share the artifacts of the five models; five of them
are asked.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.lineup import CACHE, PORT, ROOT
from bench.load import check_wrk, drive
from bench.questions import QUESTIONS
from bench.quiet import quietest
from bench.servers import Server, answers

_URL = f"http://127.0.0.1:{PORT}"
_ARTIFACTS = ("diabetes/model.ubj", "loan/model.zip", "earnings/model.skops", "sentiment/model.skops")


@dataclass(slots=True)
class Row:
    """Hold the figures of one number of routes."""

    routes: int
    check_s: float
    boot_s: float
    scrape_ms: float
    request_us: float
    rate: float
    p50_ms: float
    p99_ms: float
    edit_p99_ms: float
    adopted_s: float
    memory_mb: float


def registry(folder: Path, routes: int, *, edited: int = 0) -> Path:
    """Write a registry of so many lazy routes; `edited` changes one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["version: 1", "routes:"]
    for number in range(routes):
        artifact = ROOT / "models" / _ARTIFACTS[number % len(_ARTIFACTS)]
        lines += [f"  /m{number}:", f"    artifact: {artifact}", "    load: lazy"]
        if number == routes - 1:
            lines.append(f"    description: edit {edited}")
    path = folder / "registry.yaml"
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(path)
    return path


@contextlib.contextmanager
def serving(path: Path, home: Path) -> Iterator[Server]:
    """Serve a registry with two workers."""
    environ = {
        "GATEWAY_BIND": f"127.0.0.1:{PORT}", "GATEWAY_WORKERS": "2", "GATEWAY_HOME": str(home),
        "GATEWAY_REGISTRY": str(path), "GATEWAY_ACCESS_LOG": "false",
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway", "serve"]
    with Server(command, environ, CACHE / "logs" / "many-routes.log", ROOT) as server:
        server.wait(lambda: answers(f"{_URL}/health/ready"), 300)
        yield server


def timed(call: object) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    assert callable(call)
    call()
    return time.perf_counter() - began


def _get(path: str) -> bytes:
    with urllib.request.urlopen(_URL + path, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def _generation() -> str:
    found: str = json.loads(_get("/health"))["generation"]
    return found


def adoption_s(path: Path, routes: int) -> float:
    """Return the seconds from an edit to the first answer of the new generation, on a server at rest."""
    time.sleep(10)  # for the edits of the run before
    before, began = _generation(), time.perf_counter()
    registry(path.parent, routes, edited=1000)
    while _generation() == before:
        if time.perf_counter() - began > 60:
            raise SystemExit(f"the edit was not adopted within 60 s; see {CACHE / 'logs' / 'many-routes.log'}")
        time.sleep(0.05)
    return time.perf_counter() - began


def beside_edit(path: Path, routes: int, url: str, body: bytes, seconds: int) -> float:
    """Return the p99 of another route while one model's entry is edited once a second or so."""
    over = threading.Event()

    def edit() -> None:
        number = 1
        while not over.wait(1.5):
            registry(path.parent, routes, edited=number)
            number += 1

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        return drive(url, body, connections=8, seconds=seconds, scratch=CACHE / "wrk").p99_ms
    finally:
        over.set()
        thread.join()


def measure(routes: int, seconds: int) -> Row:
    """Measure one number of routes; a first start fills the cache, the second is measured."""
    folder = CACHE / "many" / str(routes)
    path, home = registry(folder, routes), folder / "home"
    check = [sys.executable, "-m", "gateway", "check", str(path)]
    check_s = timed(lambda: subprocess.run(check, check=True, capture_output=True, cwd=ROOT))
    with serving(path, home):
        pass
    began = time.perf_counter()
    with serving(path, home) as server:
        boot_s = time.perf_counter() - began
        time.sleep(3)
        memory_mb = server.pss_mb()
        scrape_ms = 1e3 * statistics.median(timed(lambda: _get("/metrics")) for _ in range(5))
        question = QUESTIONS["diabetes"]
        url, body = f"{_URL}/m0", json.dumps(question.fields).encode()
        drive(url, body, connections=8, seconds=1, scratch=CACHE / "wrk")
        calm = quietest(lambda: drive(url, body, connections=8, seconds=seconds, scratch=CACHE / "wrk"), server.cpu_s)
        if calm.failed:
            raise SystemExit(f"{calm.failed} requests failed with {routes} routes; see {CACHE / 'logs'}")
        edit_p99_ms = beside_edit(path, routes, url, body, max(seconds, 6))
        adopted_s = adoption_s(path, routes)
    return Row(
        routes=routes,
        check_s=check_s,
        boot_s=boot_s,
        scrape_ms=scrape_ms,
        request_us=request_us(path, home),
        rate=calm.rate,
        p50_ms=calm.p50_ms,
        p99_ms=calm.p99_ms,
        edit_p99_ms=edit_p99_ms,
        adopted_s=adopted_s,
        memory_mb=memory_mb,
    )


def request_us(path: Path, home: Path) -> float:
    """Return the CPU microseconds of one request to the first route, measured without a server."""
    command = [sys.executable, "-m", "bench.one_request", str(path), str(home), "/m0", "diabetes"]
    environ = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}", "PATH": os.environ["PATH"]}
    return float(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)


def table(rows: list[Row]) -> str:
    """Return the markdown table; memory per route is the slope from the row before."""
    lines = [
        "| routes | `gateway check` s | boot to ready s | scrape ms | CPU us a request | to the first row | req/s "
        "| p50 ms | p99 ms | p99 beside edits ms | edit adopted after s | memory MB, 2 workers "
        "| KB per idle lazy route and worker |",
        "| --- " * 13 + "|",
    ]
    for index, row in enumerate(rows):
        before = rows[index - 1] if index else None
        slope = (row.memory_mb - before.memory_mb) * 1024 / 2 / (row.routes - before.routes) if before else 0.0
        cells = [
            f"{row.routes:,}",
            f"{row.check_s:.2f}",
            f"{row.boot_s:.1f}",
            f"{row.scrape_ms:.0f}",
            f"{row.request_us:.1f}",
            f"{row.request_us / rows[0].request_us:.2f}x",
            f"{row.rate:,.0f}",
            f"{row.p50_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.edit_p99_ms:.1f}",
            f"{row.adopted_s:.1f}",
            f"{row.memory_mb:.0f}",
            f"{slope:.0f}" if before else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", default="5,10,100,1000")
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    check_wrk()
    rows = []
    for number in map(int, options.routes.split(",")):
        rows.append(measure(number, options.seconds))
        print(rows[-1], file=sys.stderr)
    print(table(rows))


if __name__ == "__main__":
    main()
