"""Exposition for Prometheus: render counters and histograms from the counter files, and the state of the moment."""

from operator import itemgetter
from pathlib import Path
from threading import Lock

from gateway.metrics.current_state import CurrentState, render_state
from gateway.metrics.instruments import INSTRUMENTS, NO_ROUTE
from gateway.metrics.reader import Reader, Series
from gateway.metrics.text_format import header, prefix

Labels = tuple[tuple[str, str], ...]


def render(directory: Path, current: CurrentState, *, openmetrics: bool = False) -> bytes:
    """Return the metrics in Prometheus text format 0.0.4 or OpenMetrics 1.0.0. Thread-safe."""
    with _LOCK:
        page = _PAGES.get(directory) or _PAGES.setdefault(directory, _Page(directory))
        counted = page.render(frozenset((*current.routes, NO_ROUTE)), openmetrics=openmetrics)
    return (counted + render_state(current, openmetrics=openmetrics) + ("# EOF\n" if openmetrics else "")).encode()


class _Child:
    """Cache the lines of one counter or histogram, and render them again only when a number changed."""

    __slots__ = ("_last", "_pick", "_prefixes", "_text", "cumulative", "ids", "route")

    def __init__(self, series: list[tuple[int, Series]]) -> None:
        order = sorted(series, key=lambda pair: float(dict(pair[1].labels).get("le", "inf")))
        self.cumulative = any(one.sample.endswith("_bucket") for _, one in order)
        if self.cumulative:  # the sum goes last, the count is the last bucket
            order.sort(key=lambda pair: pair[1].sample.endswith("_sum"))
        self.ids = [number for number, _ in order]
        self.route = dict(order[0][1].labels)["route"]
        self._prefixes = [prefix(one.sample, one.labels) for _, one in order]
        if self.cumulative:
            total = order[-1][1]
            self._prefixes.insert(-1, prefix(total.family + "_count", total.labels))
        self._pick = itemgetter(
            *self.ids, self.ids[0]
        )  # one extra id, so that the result is a tuple even for a single one
        self._last: tuple[float | None, ...] = ()
        self._text = ""

    def text(self, totals: list[float | None]) -> str:
        """Return the lines; nothing while a number is missing."""
        numbers = self._pick(totals)
        if numbers != self._last:
            self._last, self._text = numbers, self._lines(numbers[:-1])
        return self._text

    def _lines(self, numbers: tuple[float | None, ...]) -> str:
        if None in numbers:
            return ""
        values = [number or 0.0 for number in numbers]
        if self.cumulative:
            for i in range(1, len(values) - 1):
                values[i] += values[i - 1]
            values.insert(-1, values[-2])
        return "".join([f"{start}{value!r}\n" for start, value in zip(self._prefixes, values, strict=True)])


class _Page:
    """Cache the rendered children of all families of one directory."""

    def __init__(self, directory: Path) -> None:
        self._reader = Reader(directory)
        self._known = 0
        self._children: dict[str, dict[Labels, _Child]] = {}

    def render(self, routes: frozenset[str], *, openmetrics: bool) -> str:
        totals = self._reader.totals()
        if len(self._reader.series) != self._known:
            self._group()
        parts: list[str] = []
        for instrument in INSTRUMENTS:
            children = self._children.get(instrument.name, {}).values()
            lines = [child.text(totals) for child in children if child.route in routes]
            parts.append(header(instrument.name, instrument.kind, instrument.documentation, openmetrics=openmetrics))
            parts += lines
        return "".join(parts)

    def _group(self) -> None:
        """Assign new series to their children; a route that wakes up costs its own series only."""
        series = self._reader.series
        groups: dict[tuple[str, Labels], list[int]] = {}
        for number in range(self._known, len(series)):
            labels = tuple(pair for pair in series[number].labels if pair[0] != "le")
            groups.setdefault((series[number].family, labels), []).append(number)
        for (name, labels), numbers in groups.items():
            family = self._children.setdefault(name, {})
            older = family[labels].ids if labels in family else []  # a histogram was read while it was being created
            family[labels] = _Child([(number, series[number]) for number in (*older, *numbers)])
        self._known = len(series)


_LOCK = Lock()
_PAGES: dict[Path, _Page] = {}
