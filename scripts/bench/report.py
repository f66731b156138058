"""The figures as markdown: medians, ratios to the gateway, and every case that the gateway loses."""

import statistics
from collections.abc import Callable, Mapping

from bench.lineup import LINEUP
from bench.load import Figures
from bench.questions import ROUTES
from bench.rounds import Outcome, Sample

Outcomes = Mapping[str, Outcome]
#: Rounds in which other work took more of the machine than this, even at the second try, count only if all did.
CALM = 0.15
#: The row that ratios refer to: configured like its peers, which write no line per request either.
REFERENCE = "gateway, access log off"


def median(runs: list[Figures], of: Callable[[Figures], float]) -> float:
    """Return the median of one figure over the runs that others hardly disturbed, over all where none was such."""
    calm = [run for run in runs if run.others <= CALM]
    return statistics.median(of(run) for run in calm or runs)


def rate_of(samples: list[Sample]) -> float:
    """Return requests a second with 8 connections."""
    return median([one.many for one in samples], lambda run: run.rate)


def memory_of(samples: list[Sample]) -> float:
    """Return the memory of all processes after the load."""
    return statistics.median(one.memory_mb for one in samples)


def table(outcomes: Outcomes, route: str) -> str:
    """Return the table of one route."""
    lines = [
        f"### {route}",
        "",
        "| server | req/s | p50 ms | p99 ms | c=1 p50 ms | c=1 p99 ms | memory MB | gateway is faster by |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    reference = outcomes[REFERENCE].samples.get(route, []) if REFERENCE in outcomes else []
    base = rate_of(reference) if reference else 0.0
    for peer in LINEUP:
        outcome = outcomes.get(peer.name)
        if outcome is None or route not in peer.routes:
            continue
        samples = outcome.samples.get(route)
        if samples:
            lines.append(f"| {peer.name} | {_row(samples, base)} |")
        elif route in outcome.reasons:
            lines.append(f"| {peer.name} | not measured: {outcome.reasons[route].replace('|', '/')} | | | | | | |")
    return "\n".join(lines)


def _row(samples: list[Sample], base: float) -> str:
    rate = rate_of(samples)
    figures = [of(samples) for _, of, _ in _FIGURES[1:5]]
    failed = sum(one.many.failed + one.single.failed for one in samples)
    mark = f" ({failed} failed)" if failed else ""
    cells = " | ".join(f"{value:.2f}" for value in figures)
    ratio = f"{base / rate:.2f}x" if base else ""
    return f"{rate:,.0f}{mark} | {cells} | {memory_of(samples):.0f} | {ratio}{_doubt(samples)}"


def losses(outcomes: Outcomes) -> list[str]:
    """Return one line for each figure of each peer that is better than the gateway's."""
    found = []
    for route in ROUTES:
        ours = outcomes[REFERENCE].samples.get(route) if REFERENCE in outcomes else None
        if not ours:
            continue
        for peer in LINEUP:
            theirs = outcomes[peer.name].samples.get(route) if peer.name in outcomes else None
            if theirs and not peer.name.startswith("gateway"):
                found += [f"- {route}: {peer.name} {text}" for text in _better(ours, theirs)]
    return found


def _doubt(samples: list[Sample]) -> str:
    """Mark a row that no round measured without other work beside it."""
    return "" if any(one.many.others <= CALM for one in samples) else " (disturbed)"


def _many(of: Callable[[Figures], float]) -> Callable[[list[Sample]], float]:
    return lambda samples: median([one.many for one in samples], of)


def _single(of: Callable[[Figures], float]) -> Callable[[list[Sample]], float]:
    return lambda samples: median([one.single for one in samples], of)


#: Name, how to compute it, and whether more is better.
_FIGURES: tuple[tuple[str, Callable[[list[Sample]], float], bool], ...] = (
    ("req/s", rate_of, True),
    ("p50", _many(lambda run: run.p50_ms), False),
    ("p99", _many(lambda run: run.p99_ms), False),
    ("c=1 p50", _single(lambda run: run.p50_ms), False),
    ("c=1 p99", _single(lambda run: run.p99_ms), False),
    ("memory", memory_of, False),
)


def _better(ours: list[Sample], theirs: list[Sample]) -> list[str]:
    found = []
    for name, of, more_is_better in _FIGURES:
        mine, other = of(ours), of(theirs)
        if (other > mine) is more_is_better and other != mine:
            found.append(f"has the better {name}: {other:,.4g} against {mine:,.4g}")
    return found
