"""
Two states of the source side by side: CPU of the server a request and requests a second, of the ordinary path.

`python -m bench.before_after OTHER_TREE` (see README.md). Both gateways run all the time, one is driven at a time, in
turns, with one head for all requests and with a head of its own for each; medians of the rounds, how far the rounds lie
apart, and ratios within a round. The other tree is a checkout, say `git worktree add`.
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
from collections.abc import Iterator, Mapping
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


class Run(NamedTuple):
    """Hold one run: requests a second, and CPU microseconds of the worker for each."""

    rate: float
    us: float


#: (state of the source, whether each request has a head of its own) -> one run a round.
Runs: TypeAlias = Mapping[tuple[str, bool], list[Run]]


def measure(servers: Mapping[str, tuple[str, psutil.Process]], route: str, given: argparse.Namespace) -> Runs:
    """Drive both servers with both kinds of head, in turns, every other round backwards."""
    found: dict[tuple[str, bool], list[Run]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(given.rounds + 1):
            for name, vary in sorted(itertools.product(servers, (False, True)), reverse=number % 2 == 0):
                url, worker = servers[name]
                began = sum(worker.cpu_times()[:2])
                figures = drive(
                    f"{url}/{route}",
                    json.dumps(QUESTIONS[route].fields).encode(),
                    connections=given.connections,
                    seconds=given.seconds,
                    scratch=Path(scratch),
                    vary=vary,
                )
                used = sum(worker.cpu_times()[:2]) - began
                if figures.failed:
                    raise SystemExit(f"{name} {route}: {figures.failed} requests failed")
                if number:  # the first round warms up
                    run = Run(figures.rate, 1e6 * used / (figures.rate * given.seconds))
                    found.setdefault((name, vary), []).append(run)
    return found


def report(route: str, found: Runs) -> Iterator[str]:
    """Yield the medians, then how the runs of one round relate: rates, and CPU the other way round."""
    for (name, vary), runs in sorted(found.items(), reverse=True):
        rates, costs = zip(*runs, strict=True)
        yield (
            f"{route:10} {'varying' if vary else 'one    '} head, {name:6} {statistics.median(rates):7.0f} req/s "
            f"({min(rates):.0f} to {max(rates):.0f}), "
            f"{statistics.median(costs):6.1f} us a request ({min(costs):.1f} to {max(costs):.1f})"
        )
    for title, above, below in (
        ("after by before, one head", ("after", False), ("before", False)),
        ("after by before, varying heads", ("after", True), ("before", True)),
        ("varying heads by one head, before", ("before", True), ("before", False)),
        ("varying heads by one head, after", ("after", True), ("after", False)),
    ):
        pairs = list(zip(found[above], found[below], strict=True))
        rate = statistics.median(one.rate / other.rate for one, other in pairs)
        cost = statistics.median(other.us / one.us for one, other in pairs)
        yield f"{route:10} {title:34} {rate:.2f} in requests a second, {cost:.2f} in requests for the same CPU"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="a checkout of the state to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--routes", default="sentiment,diabetes")
    parser.add_argument("--log", action="store_true", help="with the access log on, into a file")
    given = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        servers = {}
        for name, tree in (("before", given.other.resolve()), ("after", ROOT)):
            folder = Path(scratch) / name
            folder.mkdir()
            servers[name] = stack.enter_context(gateway(tree, folder, access_log=given.log))
        for route in given.routes.split(","):
            for line in report(route, measure(servers, route, given)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
