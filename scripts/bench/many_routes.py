"""
What 5 to 1,000 routes cost: boot, scrape, `gateway check`, a request, memory, and an edit of one model.

`python -m bench.many_routes` (README.md). Every route is lazy and has a model of its own (route_registries.py); the
first, diabetes, is asked. What is compared is measured in turns, and figures are medians.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.lineup import CACHE, PORT, ROOT
from bench.load import Figures, check_wrk, drive
from bench.questions import QUESTIONS
from bench.quiet import NOISE, wait_for_calm, watched
from bench.route_registries import fill_cache, write
from bench.run import machine
from bench.servers import Server, answers

_URL = f"http://127.0.0.1:{PORT}"
_BODY = json.dumps(QUESTIONS["diabetes"].fields).encode()


@dataclass(slots=True)
class Row:
    """Hold the figures of one number of routes."""

    routes: int
    check_s: float = 0.0
    check_cpu_s: float = 0.0
    boot_s: float = 0.0
    boot_cpu_s: float = 0.0
    first_scrape_ms: float = 0.0
    scrape_ms: float = 0.0
    request_us: list[float] = field(default_factory=list)
    pairs: list[tuple[Figures, Figures]] = field(default_factory=list)
    adopted_s: float = 0.0
    memory_mb: float = 0.0

    def median(self, of: Callable[[Figures, Figures], float]) -> float:
        """Return the median over the pairs that nobody disturbed, over all where there is none."""
        calm = [pair for pair in self.pairs if is_calm(pair)]
        return statistics.median(of(*pair) for pair in calm or self.pairs)


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


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _get(path: str) -> bytes:
    with urllib.request.urlopen(_URL + path, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def _generation() -> str:
    found: str = json.loads(_get("/health"))["generation"]
    return found


def adoption_s(path: Path, routes: int, edited: int) -> float:
    """Return the seconds from an edit to the first answer of the new generation, on a server at rest."""
    before, began = _generation(), time.perf_counter()
    write(path.parent, routes, edited=edited)
    while _generation() == before:
        if time.perf_counter() - began > 60:
            raise SystemExit(f"the edit was not adopted within 60 s; see {CACHE / 'logs' / 'many-routes.log'}")
        time.sleep(0.05)
    return time.perf_counter() - began


def _drive(server: Server, seconds: int) -> Figures:
    """Drive the first route with 8 connections."""
    run = partial(drive, f"{_URL}/m0", _BODY, connections=8, seconds=seconds, scratch=CACHE / "wrk")
    found = watched(run, server.cpu_s)
    if found.failed:
        raise SystemExit(f"{found.failed} requests failed; see {CACHE / 'logs' / 'many-routes.log'}")
    return found


def beside_edits(row: Row, server: Server, path: Path, seconds: int, pairs: int) -> None:
    """
    Measure the first route in turns: alone, and in a window in which the entry of another one is edited.

    Pairs that others disturbed are measured again, so many times at most as there are pairs.
    """
    _drive(server, 1)  # loads it
    for number in range(1, 2 * pairs + 1):
        wait_for_calm()
        alone = _drive(server, seconds)
        edit = threading.Timer(seconds / 4, partial(write, path.parent, row.routes, edited=number))
        edit.start()
        row.pairs.append((alone, _drive(server, seconds)))
        edit.join()
        if sum(map(is_calm, row.pairs)) >= pairs:
            break


def is_calm(pair: tuple[Figures, Figures]) -> bool:
    """Say whether both runs of a pair had the machine to themselves."""
    return all(run.others <= NOISE for run in pair)


def place(routes: int) -> tuple[Path, Path]:
    """Return registry and home of a number of routes; the cache is filled by the first call."""
    folder = CACHE / "many" / str(routes)
    path, home = write(folder, routes), folder / "home"
    fill_cache(path, home / "cache")
    return path, home


def measure(routes: int, seconds: int, rounds: int) -> Row:
    """Measure one number of routes; a first start commits, the second is measured."""
    path, home = place(routes)
    row = Row(routes)
    check = [sys.executable, "-m", "gateway", "check", str(path)]
    run_check = partial(subprocess.run, check, check=True, capture_output=True, cwd=ROOT)
    cpu_before = _children_cpu_s()
    row.check_s = statistics.median(timed(run_check) for _ in range(3))
    row.check_cpu_s = (_children_cpu_s() - cpu_before) / 3
    with serving(path, home):
        pass
    wait_for_calm()
    began = time.perf_counter()
    with serving(path, home) as server:
        row.boot_s, row.boot_cpu_s = time.perf_counter() - began, server.cpu_s()
        time.sleep(3)
        row.memory_mb = server.pss_mb()
        scrapes = [1e3 * timed(lambda: _get("/metrics")) for _ in range(9)]
        row.first_scrape_ms, row.scrape_ms = scrapes[0], statistics.median(scrapes[3:])
        beside_edits(row, server, path, seconds, rounds)
        row.adopted_s = statistics.median(adoption_s(path, routes, 1000 + number) for number in range(3))
    return row


def request_us(routes: int) -> float:
    """Return the CPU microseconds of one request to the first route, measured without a server."""
    path, home = place(routes)
    command = [sys.executable, "-m", "bench.one_request", str(path), str(home), "/m0", "diabetes"]
    environ = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}", "PATH": os.environ["PATH"]}
    return float(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)


_COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("routes", lambda row: f"{row.routes:,}"),
    ("`gateway check` s (of CPU)", lambda row: f"{row.check_s:.2f} ({row.check_cpu_s:.2f})"),
    ("boot to ready s (of CPU)", lambda row: f"{row.boot_s:.1f} ({row.boot_cpu_s:.1f})"),
    ("first scrape ms", lambda row: f"{row.first_scrape_ms:.0f}"),
    ("scrape ms", lambda row: f"{row.scrape_ms:.0f}"),
    ("CPU us a request", lambda row: f"{statistics.median(row.request_us):.1f}"),
    ("req/s", lambda row: f"{row.median(lambda alone, beside: alone.rate):,.0f}"),
    ("p99 ms", lambda row: f"{row.median(lambda alone, beside: alone.p99_ms):.2f}"),
    ("p99 beside an edit ms", lambda row: f"{row.median(lambda alone, beside: beside.p99_ms):.2f}"),
    ("ratio, median of pairs", lambda row: f"{row.median(lambda alone, beside: beside.p99_ms / alone.p99_ms):.2f}x"),
    ("pairs (undisturbed)", lambda row: f"{len(row.pairs)} ({sum(map(is_calm, row.pairs))})"),
    (
        "machine taken by others",
        lambda row: f"{row.median(lambda alone, beside: (alone.others + beside.others) / 2):.0%}",
    ),
    ("edit adopted after s", lambda row: f"{row.adopted_s:.1f}"),
    ("memory MB, 2 workers", lambda row: f"{row.memory_mb:.0f}"),
)


def table(rows: list[Row]) -> str:
    """Return the markdown table; memory per route is the slope from the first row."""
    names = [name for name, _ in _COLUMNS]
    lines = [
        f"| {' | '.join(names)} | KB per idle lazy route and worker | CPU a request, to the first row |",
        "| --- " * (len(names) + 2) + "|",
    ]
    first = rows[0]
    for row in rows:
        more = row.routes - first.routes
        slope = f"{(row.memory_mb - first.memory_mb) * 1024 / 2 / more:.0f}" if more else ""
        ratio = statistics.median(a / b for a, b in zip(row.request_us, first.request_us, strict=True))
        lines.append(f"| {' | '.join(of(row) for _, of in _COLUMNS)} | {slope} | {ratio:.2f}x |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", default="5,10,100,1000")
    parser.add_argument("--seconds", type=int, default=6, help="of each run; an edit happens in every other one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    check_wrk()
    rows = []
    for number in map(int, options.routes.split(",")):
        rows.append(measure(number, options.seconds, options.rounds))
        print(rows[-1], file=sys.stderr)
    for _ in range(options.rounds):
        for row in rows:
            row.request_us.append(request_us(row.routes))
    if options.write:
        into_docs(f"{machine()}.\n\n{table(rows)}")
    print(table(rows))


def into_docs(text: str) -> None:
    """Put the figures between their marks in docs/benchmarks.md; all else there stays."""
    path = ROOT / "docs" / "benchmarks.md"
    first, last = "<!-- measured: many routes -->\n", "<!-- end measured -->"
    head, _, rest = path.read_text().partition(first)
    path.write_text(f"{head}{first}{text}\n{last}{rest.partition(last)[2]}")


if __name__ == "__main__":
    main()
