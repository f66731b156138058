"""
What a request costs over HTTP, in CPU time of the server: the gateway beside a bare callable with the same model.

`python -m bench.http_cost` (see README.md). CPU of all processes of a server by the requests that it answered, so that
neither the client nor other work on the machine counts; medians of interleaved rounds. The callable runs in the
gateway's worker, and in gunicorn's own as gunicorn ships them.
"""

import argparse
import dataclasses
import statistics
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from bench.lineup import CACHE, LINEUP, Peer, gunicorn
from bench.load import check_wrk, drive
from bench.questions import QUESTIONS
from bench.report import REFERENCE
from bench.rounds import Outcome, running
from bench.run import provide
from bench.servers import Server

_GATEWAY = next(peer for peer in LINEUP if peer.name == REFERENCE)
_BARE = next(peer for peer in LINEUP if peer.name.startswith("bare"))
_THREADS = ("--worker-class", "gthread", "--threads", "8", "--keep-alive", "15")
PEERS = (
    _GATEWAY,
    dataclasses.replace(_BARE, name="bare callable, our worker"),
    dataclasses.replace(
        _BARE,
        name="bare callable, gunicorn's gevent worker",
        command=gunicorn(None, "bare", "--worker-class", "gevent", "--keep-alive", "15"),
    ),
    dataclasses.replace(
        _BARE, name="bare callable, gunicorn's gthread worker", command=gunicorn(None, "bare", *_THREADS)
    ),
)


class Cost(NamedTuple):
    """Hold one run: CPU microseconds of the server a request, and requests a second."""

    us: float
    rate: float


Costs: TypeAlias = Mapping[str, Mapping[str, list[Cost]]]


def cost(peer: Peer, server: Server, route: str, connections: int, seconds: int) -> Cost:
    """Drive one route for some seconds."""
    body = peer.dialect.encode(QUESTIONS[route])
    before = server.cpu_s()
    figures = drive(peer.url(route), body, connections=connections, seconds=seconds, scratch=CACHE / "wrk")
    answered = figures.rate * seconds
    if figures.failed or not answered:
        raise SystemExit(f"{peer.name} {route}: {figures.failed} of {answered:.0f} requests failed")
    return Cost((server.cpu_s() - before) / answered * 1e6, figures.rate)


def measure(routes: tuple[str, ...], connections: int, rounds: int, seconds: int) -> Costs:
    """Measure every server in every round; server -> route -> one cost a round."""
    provide(list(PEERS), {peer.name: Outcome() for peer in PEERS}, routes)
    found: dict[str, dict[str, list[Cost]]] = {peer.name: {route: [] for route in routes} for peer in PEERS}
    for number in range(rounds):
        for peer in PEERS if number % 2 else reversed(PEERS):
            with running(peer, routes) as server:
                for route in routes:
                    cost(peer, server, route, connections, 1)  # warms it
                    found[peer.name][route].append(cost(peer, server, route, connections, seconds))
    return found


def table(costs: Costs, routes: tuple[str, ...]) -> str:
    """Return the medians as markdown, each with its ratio to the gateway's."""
    lines = [
        f"| us of server CPU a request (requests a second) | {' | '.join(routes)} |",
        "| --- |" + " --- |" * len(routes),
    ]
    for name, found in costs.items():
        cells = []
        for route in routes:
            us, rate = (statistics.median(one[place] for one in found[route]) for place in (0, 1))
            ours = statistics.median(one.rate for one in costs[REFERENCE][route])
            ratio = "" if name == REFERENCE else f", gateway {ours / rate:.2f}x"
            cells.append(f"{us:.0f} ({rate:,.0f}{ratio})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", default="earnings,diabetes,sentiment,loan")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    check_wrk()
    routes = tuple(options.routes.split(","))
    print(table(measure(routes, options.connections, options.rounds, options.seconds), routes))


if __name__ == "__main__":
    main()
