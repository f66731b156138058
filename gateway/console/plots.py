"""The plot of a route: which counts belong to the inputs of a form, and the texts around them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from gateway.artifacts import binned_counts
from gateway.artifacts.binned_counts import BinnedCounts, levels_key
from gateway.console.number_text import number_text
from gateway.console.site import Site
from gateway.console.value_text import value_text
from gateway.errors import GatewayError, Problem
from gateway.routing.routes import Route

SCRIPT: Final = "vendor/plotly-basic.min.js"
STYLE: Final = "vendor/plotly-basic.css"
_PLACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Bar:
    """Hold one bin with rows: its bounds, its rows, and their share in percent."""

    low: float
    high: float
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one bin of all series; None where a series has no row in it."""

    low: float
    high: float
    cells: tuple[Bar | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Hold one histogram; without bars no row has these levels."""

    name: str
    rows: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold all that is drawn; `value` is None where no number was predicted, `line` is then empty."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    value: float | None
    line: str

    @property
    def rows(self) -> list["Row"]:
        """Return the table of the numbers: a row for each bin that any series has rows in."""
        by_bin = [{bar.low: bar for bar in series.bars} for series in self.series]
        highs = {bar.low: bar.high for series in self.series for bar in series.bars}
        return [Row(low, highs[low], tuple(bars.get(low) for bars in by_bin)) for low in sorted(highs)]


def plot_data(route: Route, site: Site) -> dict[str, Any] | None:
    """Return what the script has to know of the plot of a route: its texts and URLs, or why there is none."""
    plot, attached = route.spec.plot, route.manifest.attachments.get("plot")
    if plot is None or attached is None:
        return None
    problem = attached.problem
    has_plotly = site.has_asset(SCRIPT) and site.has_asset(STYLE)
    return {
        "problem": None if problem is None else f"{problem.message} [{problem.code}]; fix: {problem.hint}",
        "counts": site.page(route.name, f"plot/{attached.sha256[:16]}"),
        "plotly": {"script": site.asset(SCRIPT), "style": site.asset(STYLE)} if has_plotly else None,
        "name": f"{route.name}-plot",
        **{name: getattr(plot, name) for name in ("kind", "title", "x", "y", "line", "decimals")},
    }


def picture_of(route: Route, inputs: Mapping[str, Any], body: Mapping[str, Any]) -> Picture | None:
    """Return the plot beside an answer; None where the route has none, or where it cannot be drawn."""
    plot, signature = route.spec.plot, route.signature
    counts = None if plot is None else counts_of(route)
    if plot is None or signature is None or not isinstance(counts, BinnedCounts):
        return None
    values = {one.name: one.default if inputs.get(one.name) is None else inputs[one.name] for one in signature.inputs}
    texts = {name: "missing" if value is None else value_text(value) for name, value in values.items()}
    value = _number(body.get("prediction")) if signature.output.kind == "regression" else None
    told = texts | {"value": number_text(value, plot.decimals)}
    return Picture(
        filled(plot.title, texts),
        filled(plot.x, texts),
        filled(plot.y, texts),
        tuple(_series(counts, at, values, texts) for at in range(len(counts.series))),
        value,
        "" if value is None else filled(plot.line, told),
    )


def counts_of(route: Route) -> BinnedCounts | Problem | None:
    """Return the counts of a route, or why they cannot be drawn; None where it has none."""
    attached = route.manifest.attachments.get("plot")
    if attached is None or attached.problem is not None:
        return None if attached is None else attached.problem
    try:
        return _read(attached.path)
    except GatewayError as error:  # the copy in the cache was deleted
        return error.as_problem()


@lru_cache(maxsize=16)
def _read(path: str) -> BinnedCounts:
    # By path: a copy in the cache lies in a folder that is named by its content.
    return binned_counts.read(Path(path))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the values of its names in braces, as static/plot_counts.js does."""
    return _PLACES.sub(lambda found: found[0][0] if found[1] is None else values.get(found[1], ""), text)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _series(counts: BinnedCounts, at: int, values: Mapping[str, Any], texts: Mapping[str, str]) -> Series:
    series = counts.series[at]
    group = counts.by_levels[at].get(levels_key([values.get(name) for name in series.by]))
    bins = [] if group is None else group.bins
    rows = sum(count for _, count in bins)
    low, width = counts.start, counts.width
    bars = (Bar(low + one * width, low + (one + 1) * width, count, 100 * count / rows) for one, count in bins)
    return Series(filled(series.name, texts), rows, tuple(bars))
