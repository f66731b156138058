"""
Two states of the source side by side: CPU of the server a request and requests a second, of the ordinary path.

`python -m bench.before_after OTHER_TREE` (see README.md). All gateways run all the time, one is driven at a time, in
turns: before and after, with the access log off and on, with one head for all requests and with a head of its own for
each. Ratios are medians of the ratios of each round, so that a busy machine changes both sides of them. The other tree
is a checkout, say `git worktree add`.
"""

import argparse
import contextlib
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import psutil

from bench.load import check_wrk, drive
from bench.questions import QUESTIONS

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def gateway(tree: Path, folder: Path, *, access_log: bool) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the routes of this repository with one worker of the source in `tree`; yield its address and worker."""
    registry = folder / "registry.yaml"
    text = (ROOT / "registry.yaml").read_text()
    registry.write_text(text.replace("artifact: models/", f"artifact: {ROOT}/models/"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = os.environ | {
        "GATEWAY_BIND": f"127.0.0.1:{port}",
        "GATEWAY_HOME": str(folder / "home"),
        "GATEWAY_REGISTRY": str(registry),
        "GATEWAY_WORKERS": "1",
        "GATEWAY_ACCESS_LOG": str(access_log).lower(),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "gateway", "serve"], cwd=tree, env=environ, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/health/ready").read()
                break
            if process.poll() is not None:
                raise SystemExit((folder / "log").read_text()[-2000:])
            time.sleep(0.2)
        (worker,) = [child for child in psutil.Process(process.pid).children() if child.net_connections("tcp")]
        yield url, worker
    finally:
        process.terminate()
        process.wait(60)


class Round(NamedTuple):
    """Hold one measurement: requests a second, and CPU microseconds of the worker a request."""

    rate: float
    cpu_us: float


class Case(NamedTuple):
    """Name what one measurement drives."""

    tree: str
    log: str
    head: str


#: Address and worker by tree and access log.
Servers: TypeAlias = Mapping[tuple[str, str], tuple[str, psutil.Process]]
Rounds: TypeAlias = Mapping[Case, list[Round]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="a checkout of the state to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--routes", default="sentiment,diabetes")
    parser.add_argument("--logs", default="off,on", help="states of the access log; it goes into a file")
    given = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        servers: dict[tuple[str, str], tuple[str, psutil.Process]] = {}
        for tree, log in itertools.product(("before", "after"), given.logs.split(",")):
            folder = Path(scratch) / tree / log
            folder.mkdir(parents=True)
            source = ROOT if tree == "after" else given.other.resolve()
            servers[tree, log] = stack.enter_context(gateway(source, folder, access_log=log == "on"))
        for route in given.routes.split(","):
            report(route, measured(servers, route, given, Path(scratch) / "wrk"))


def measured(servers: Servers, route: str, given: argparse.Namespace, scratch: Path) -> Rounds:
    """Drive one route in rounds of all cases, every other one backwards."""
    body = json.dumps(QUESTIONS[route].fields).encode()
    cases = [Case(*server, head) for server in servers for head in ("one", "varying")]
    rounds: dict[Case, list[Round]] = {case: [] for case in cases}
    for number in range(given.rounds + 1):
        for case in cases if number % 2 else reversed(cases):
            url, worker = servers[case.tree, case.log]
            began = sum(worker.cpu_times()[:2])
            figures = drive(
                f"{url}/{route}",
                body,
                connections=given.connections,
                seconds=given.seconds,
                scratch=scratch,
                vary=case.head == "varying",
            )
            used = sum(worker.cpu_times()[:2]) - began
            if figures.failed:
                raise SystemExit(f"{case} {route}: {figures.failed} requests failed")
            if number:  # the first round warms up
                rounds[case].append(Round(figures.rate, 1e6 * used / (figures.rate * given.seconds)))
    return rounds


def report(route: str, rounds: Rounds) -> None:
    """Print the medians of each case of a route, and the ratios of those that differ in one thing."""
    print(f"| {route}: source | access log | head | req/s | (from, to) | CPU us a request | (from, to) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case, these in rounds.items():
        print(f"| {' | '.join(case)} | {' | '.join(_summary(list(figures)) for figures in zip(*these, strict=True))} |")
    print(f"\n| {route}: compared | with | req/s | CPU |\n| --- | --- | --- | --- |")
    for other, case in itertools.combinations(rounds, 2):
        if sum(ours != theirs for ours, theirs in zip(case, other, strict=True)) == 1:
            print(f"| {', '.join(case)} | {', '.join(other)} | {_ratio(rounds[case], rounds[other])} |")
    print(flush=True)


def _summary(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.0f} | {min(figures):.0f}, {max(figures):.0f}"


def _ratio(these: Sequence[Round], those: Sequence[Round]) -> str:
    pairs = list(zip(these, those, strict=True))
    rate = statistics.median(one.rate / other.rate for one, other in pairs)
    cost = statistics.median(one.cpu_us / other.cpu_us for one, other in pairs)
    return f"{rate:.2f}x | {cost:.2f}x"


if __name__ == "__main__":
    main()
