"""
Measure what becomes of goodput and latency between half and five times what a route can take; writes docs/overload.md.

    python scripts/bench/overload.py [--rounds 3] [--seconds 3] [--write]

Figures are medians of interleaved rounds; goodput is shown relative to the peak of the same run, because absolute
figures measure the machine.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import serving  # noqa: E402
from torture import routes  # noqa: E402
from torture.load import Request  # noqa: E402
from torture.neighbours import p99_ms, tricklers  # noqa: E402
from torture.offered import Offered, Outcome, median, quantile_ms  # noqa: E402

TIMES = (0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
CLIENTS = (8, 32, 128, 256)
PREDICT_S = 0.02
WORKERS, CONCURRENCY = 2, 2
CAPACITY = WORKERS * CONCURRENCY / PREDICT_S
HEAD = (
    "| offered | answered a second (of the peak) | refused | answered p50 / p99, ms | refused p50 / p99, ms |\n"
    "| --- | --- | --- | --- | --- |"
)


def main() -> int:
    """Measure and print; `--write` also replaces the tables in docs/overload.md."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/overload.md")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = routes.make(folder / "r")
        for route, sleep_s in (("sleep20", PREDICT_S), ("sleep2s", 2.0)):
            (registry.parent / f"{route}.stub").write_text(json.dumps({"inputs": ["x"], "sleep_s": sleep_s}))
        extra = "  /sleep20: {artifact: sleep20.stub, timeout_s: 1}\n  /sleep2s: sleep2s.stub\n"
        routes.write(registry, registry.read_text() + extra)
        (folder / "cache").mkdir()
        with serving.running(folder, folder / "cache", registry, workers=WORKERS) as server:
            text = "\n".join(report(server, wanted.rounds, wanted.seconds))
    print(text)
    if wanted.write:
        page = ROOT / "docs/overload.md"
        before, _, rest = page.read_text().partition("<!-- measured -->\n")
        _, _, after = rest.partition("<!-- /measured -->\n")
        page.write_text(f"{before}<!-- measured -->\n{text}\n<!-- /measured -->\n{after}")
    return 0


def report(server: serving.Gateway, rounds: int, seconds: float) -> Iterator[str]:
    """Yield the lines of the tables."""
    python = f"Python {platform.python_version()}, {platform.system()}"
    yield f"{rounds} rounds of {seconds:g} s, {WORKERS} workers, {python}.\n"
    yield f"**A route that takes {1e3 * PREDICT_S:g} ms in native code** (1x = {CAPACITY:g} requests a second):\n"
    open_loop = {times: list[Outcome]() for times in TIMES}
    for _ in range(rounds):
        for times, outcomes in open_loop.items():
            load = Offered(server.port, Request("/sleep20?x=1"), seconds=seconds, rate=CAPACITY * times)
            outcomes.append(load.run())
    yield from table({f"{times:g}x": outcomes for times, outcomes in open_loop.items()})
    yield "\n**A quick route, bound by HTTP** (clients that never pause):\n"
    closed = {clients: list[Outcome]() for clients in CLIENTS}
    for _ in range(rounds):
        for clients, outcomes in closed.items():
            outcomes.append(Offered(server.port, routes.REQUESTS[0], seconds=seconds, clients=clients).run())
    yield from table({f"{clients} clients": outcomes for clients, outcomes in closed.items()})
    yield "\n**Beside bad neighbours**, a quick route at four clients:\n"
    yield from beside(server, rounds, seconds)


def table(found: dict[str, list[Outcome]]) -> Iterator[str]:
    """Yield a table of medians, goodput relative to the highest."""
    good = {name: median([one.goodput for one in outcomes]) for name, outcomes in found.items()}
    peak = max(good.values())
    yield HEAD
    for name, outcomes in found.items():
        refused = median([len(one.refused) / max(sum(one.codes.values()), 1) for one in outcomes])
        yield (
            f"| {name} | {good[name]:.0f} ({good[name] / peak:.0%}) | {refused:.0%} "
            f"| {_ms(outcomes, 0.5)} / {_ms(outcomes, 0.99)} "
            f"| {_ms(outcomes, 0.5, refused=True)} / {_ms(outcomes, 0.99, refused=True)} |"
        )


def _ms(outcomes: list[Outcome], share: float, *, refused: bool = False) -> str:
    values = [quantile_ms(one.refused if refused else one.accepted, share) for one in outcomes]
    return f"{median(values):.1f}" if any(values) else "-"


def beside(server: serving.Gateway, rounds: int, seconds: float) -> Iterator[str]:
    """Yield the p99 alone and beside each neighbour, interleaved."""
    figures: dict[str, list[float]] = {"nobody": [], "50 clients on a route of 2 s": [], "200 senders of 1 byte/s": []}
    for _ in range(rounds):
        nobody, slow, trickle = figures.values()
        nobody.append(p99_ms(server.port, routes.REQUESTS[1], seconds))
        with Offered(server.port, Request("/sleep2s?x=1"), seconds=600, clients=50):
            slow.append(p99_ms(server.port, routes.REQUESTS[1], seconds))
        with tricklers(server.port, routes.REQUESTS[0], 200):
            trickle.append(p99_ms(server.port, routes.REQUESTS[1], seconds))
    alone = median(figures["nobody"])
    yield "| beside | p99, ms | of alone |\n| --- | --- | --- |"
    for name, values in figures.items():
        yield f"| {name} | {median(values):.1f} | {median(values) / alone:.2f} |"


if __name__ == "__main__":
    sys.exit(main())
