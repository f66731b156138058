"""The figures as markdown: medians, ratios to the gateway, and every case that the gateway loses."""

import statistics
from collections.abc import Callable, Mapping

from bench.lineup import LINEUP
from bench.questions import ROUTES
from bench.rounds import Outcome, Sample

Outcomes = Mapping[str, Outcome]
#: Rounds in which other work took more of the machine than this, even at the second try, count only if all did.
CALM = 0.15
#: The row that ratios refer to: configured like its peers, which write no line per request either.
REFERENCE = "gateway, access log off"


def median(samples: list[Sample], of: Callable[[Sample], float]) -> float:
    """Return the median of one figure over the rounds that others hardly disturbed, over all where none was such."""
    calm = [sample for sample in samples if max(sample.many.others, sample.single.others) <= CALM]
    return statistics.median(of(sample) for sample in calm or samples)


def table(outcomes: Outcomes, route: str) -> str:
    """Return the table of one route."""
    lines = [
        f"### {route}",
        "",
        "| server | req/s | p50 ms | p99 ms | c=1 p50 ms | c=1 p99 ms | memory MB | gateway is faster by |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    reference = outcomes[REFERENCE].samples.get(route, []) if REFERENCE in outcomes else []
    base = median(reference, lambda one: one.many.rate) if reference else 0.0
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
    rate = median(samples, lambda one: one.many.rate)
    figures = (
        median(samples, lambda one: one.many.p50_ms),
        median(samples, lambda one: one.many.p99_ms),
        median(samples, lambda one: one.single.p50_ms),
        median(samples, lambda one: one.single.p99_ms),
    )
    failed = sum(one.many.failed + one.single.failed for one in samples)
    mark = f" ({failed} failed)" if failed else ""
    cells = " | ".join(f"{value:.2f}" for value in figures)
    ratio = f"{base / rate:.2f}x" if base else ""
    return f"{rate:,.0f}{mark} | {cells} | {median(samples, lambda one: one.memory_mb):.0f} | {ratio}"


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


_FIGURES: tuple[tuple[str, Callable[[Sample], float], bool], ...] = (
    ("req/s", lambda one: one.many.rate, True),
    ("p50", lambda one: one.many.p50_ms, False),
    ("p99", lambda one: one.many.p99_ms, False),
    ("c=1 p50", lambda one: one.single.p50_ms, False),
    ("c=1 p99", lambda one: one.single.p99_ms, False),
    ("memory", lambda one: one.memory_mb, False),
)


def _better(ours: list[Sample], theirs: list[Sample]) -> list[str]:
    found = []
    for name, of, more_is_better in _FIGURES:
        mine, other = median(ours, of), median(theirs, of)
        if (other > mine) is more_is_better and other != mine:
            found.append(f"has the better {name}: {other:,.4g} against {mine:,.4g}")
    return found
