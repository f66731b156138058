"""
Measure how worker classes keep connections and predicts apart: `python scripts/bench/connections/run.py`.

Prints a markdown table of medians over interleaved rounds; keeps it and every figure under build/bench-connections.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

from scenarios import (
    FOREIGN,
    LUA,
    Figures,
    measure_beside,
    measure_hup,
    measure_load,
    measure_stop,
    measure_unevenness,
)
from server import VARIANTS, Server, Variant

from artifacts import BUILD, JAR, MOJO, ONNX, ROW

HERE = Path(__file__).resolve().parent
PORT = 18210
THREE_DIGITS = 100


def measure(variant: Variant, port: int) -> Figures:
    """Run the variant's scenarios on a fresh server."""
    server = Server(variant, port)
    pooled = variant.dispatch == "pool"
    try:
        server.wait_ready()
        if not variant.full:
            out = measure_load(server, ("noop", "onnx", "onnx-pool"), (8,))
            about_accept = "BENCH_ACCEPT" in variant.extra
            return out | (
                measure_unevenness(server) if about_accept else measure_beside(server, "4 on /spin", "/spin", 4)
            )
        routes = ("noop", "onnx", "onnx-pool", "mojo", "mojo-inline") if pooled else ("noop", "onnx", "mojo")
        out = measure_load(server, routes, (8, 1))
        out["PSS MB a worker"] = server.weigh_mb()
        out |= measure_beside(server, "200 trickling", "trickle", 200)
        out |= measure_beside(server, "400 trickling", "trickle", 400)
        out |= measure_beside(server, "50 on /slow", "/slow", 50)
        out |= measure_beside(server, "4 on /spin", "/spin", 4)
        out["PSS MB a worker, after the neighbours"] = server.weigh_mb()
        out |= measure_unevenness(server)
        return out | measure_hup(server) | measure_stop(server)
    finally:
        server.stop()


def summarise(rounds: list[Figures]) -> Figures:
    """Return the median of every figure; words are joined when they differ."""
    out: Figures = {}
    for key in dict.fromkeys(key for one in rounds for key in one):
        values = [one[key] for one in rounds if key in one]
        numbers = [value for value in values if isinstance(value, float | int)]
        answered = [value for value in numbers if not math.isnan(value)]
        if numbers:
            out[key] = statistics.median(answered) if 2 * len(answered) > len(numbers) else math.nan
        else:
            out[key] = "/".join(dict.fromkeys(str(value) for value in values))
    return out


def show(value: float | str | None) -> str:
    """Return a cell; "none" where nothing was answered."""
    if value is None or isinstance(value, str):
        return value or ""
    if math.isnan(value):
        return "none"
    return f"{value:,.0f}" if value == int(value) or value >= THREE_DIGITS else f"{value:.2f}"


def table(medians: dict[str, Figures]) -> str:
    """Return a markdown table, one column a variant."""
    keys = dict.fromkeys(key for figures in medians.values() for key in figures)
    lines = ["| figure | " + " | ".join(medians) + " |", "| --- |" + " --- |" * len(medians)]
    lines += [f"| {key} | " + " | ".join(show(figures.get(key)) for figures in medians.values()) + " |" for key in keys]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, measure, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", default=",".join(v.key for v in VARIANTS), help="keys of the variants, comma-separated"
    )
    parser.add_argument("--raw", type=Path, default=BUILD / "raw.json")
    arguments = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    if not all(path.exists() for path in (ONNX, MOJO, JAR)):
        subprocess.run([sys.executable, str(HERE / "train.py")], check=True)
    LUA.write_text(
        f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[{json.dumps(ROW)}]]\n"
    )
    chosen = [v for v in VARIANTS if v.key in arguments.only.split(",")]
    raw: dict[str, list[Figures]] = {v.key: [] for v in chosen}
    for number in range(arguments.rounds):
        for place, variant in enumerate(chosen):
            began = time.monotonic()
            raw[variant.key].append(measure(variant, PORT + place))
            arguments.raw.write_text(json.dumps(raw, indent=1))
            print(f"round {number + 1} {variant.key}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    foreign = statistics.median(FOREIGN)
    print(f"CPU used by others in the seconds kept: median {foreign:.2f} s of 2", file=sys.stderr)
    text = table({key: summarise(rounds) for key, rounds in raw.items()})
    arguments.raw.with_suffix(".md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
