"""
Torture a gateway under PM2 and print what its clients felt: `make setup-dev`, then `python scripts/bench/torture.py`.

Continuous load from keep-alive and one-shot clients over valid and broken edits, replaced artifacts, reloads, restarts
and kills. Prints a Markdown table; nothing is asserted here, tests/torture does that.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from serving import ROOT, until
from torture import routes
from torture.load import Load, Seen
from torture.test_edits import BROKEN
from torture.under_pm2 import Managed, managed


def row(what: str, times: int, seen: Seen, since: float, note: str = "") -> None:
    """Print one line of the table."""
    answers = sum(1 for at, _ in seen.latencies if at >= since)
    failed = sum(1 for at, _, _ in seen.failures if at >= since)
    p50, p99 = seen.quantile_ms(0.5, since), seen.quantile_ms(0.99, since)
    print(
        f"| {what} | {times} | {answers} | {failed} | {p50:.1f} | {p99:.1f} | {seen.worst_ms(since):.0f} | {note} |",
        flush=True,
    )


def during(server: Managed, what: str, times: int, act: Callable[[int], str]) -> None:
    """Run `act` so many times under load and print what the clients felt."""
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(1)
        since = time.monotonic()
        notes = [act(number) for number in range(times)]
        time.sleep(1)
    row(what, times, load.seen, since, notes[-1] if notes else "")
    for at, path, why in load.seen.failures[:3]:
        print(f"  failed at {at:.1f}: {path} {why}", file=sys.stderr)


def torture(server: Managed, rounds: int) -> None:
    """Do every cruelty in turn."""
    good = server.registry.read_text()
    folder = server.registry.parent

    def valid(number: int) -> str:
        before = server.health()
        routes.write(server.registry, good + f"  /more{number}: number.stub\n")
        return f"generation {routes.settled(server, before)['generation']}"

    def broken(number: int) -> str:
        before = server.health()
        names = list(BROKEN)
        routes.write(server.registry, good + BROKEN[names[number % len(names)]] + f"# {number}\n")
        routes.settled(server, before)
        return "old generation serves"

    def artifact(number: int) -> str:
        before = server.health()
        routes.write_number(folder, number + 1000)
        routes.settled(server, before)
        return ""

    def pm2(word: str) -> Callable[[int], str]:
        def act(_: int) -> str:
            began = time.monotonic()
            server.pm2(word, "gateway")
            until(lambda: server.health().get("ready_workers") == 2, 60)
            return f"drain + boot {time.monotonic() - began:.1f} s"

        return act

    def kill_worker(_: int) -> str:
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in server.workers() and server.health()["ready_workers"] == 2, 60)
        return ""

    def kill_arbiter(_: int) -> str:
        old = set(server.workers())
        began = time.monotonic()
        os.kill(server.arbiter, signal.SIGKILL)
        until(lambda: server.health().get("ready_workers") == 2 and not old & set(server.workers()), 60)
        return f"boot to ready {time.monotonic() - began:.1f} s"

    def nothing(_: int) -> str:
        time.sleep(5)
        return ""

    during(server, "nothing (baseline)", 1, nothing)
    during(server, "valid edits", rounds, valid)
    routes.write(server.registry, good)
    time.sleep(3)
    during(server, "broken edits", rounds, broken)
    routes.write(server.registry, good)
    time.sleep(3)
    during(server, "artifact replaced", min(rounds, 20), artifact)
    during(server, "pm2 reload", 3, pm2("reload"))
    during(server, "pm2 restart", 3, pm2("restart"))
    during(server, "kill -9 of a worker", 5, kill_worker)
    during(server, "kill -9 of the arbiter", 2, kill_arbiter)


def main() -> None:
    """Run it all in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        registry = routes.make(Path(folder) / "r")
        scripts: dict[str, dict[str, object]] = {
            "raises": {"load_raise": "no way"},
            "crashes": {"load_exit": -11},
            "hangs": {"load_sleep_s": 600},
            "eats": {"load_allocate_bytes": -1},
        }
        for name, script in scripts.items():
            (registry.parent / f"{name}.stub").write_text(json.dumps({"inputs": ["x"], **script}))
        print(f"| under load: {ROOT.name} | times | answers | failed | p50 ms | p99 ms | worst ms | |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        with managed(Path(folder) / "home", registry, prepare_timeout_s=5, prepare_memory_mb=512) as server:
            torture(server, rounds)


if __name__ == "__main__":
    main()
