"""Which inputs count in a model, as its page shows it: the mean size of their effects, found while preparing."""

from dataclasses import dataclass, field

from gateway.artifacts.manifest import ExplanationReport
from gateway.console.number_text import number_text
from gateway.console.why import numbers_of
from gateway.routing.routes import Route


@dataclass(frozen=True, slots=True)
class ImportanceRow:
    """Hold one input: its bar, 1 for the largest, and the mean size of its effects."""

    name: str
    share: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Hold the inputs with the largest first, and over which rows they were found; or why there is nothing to show."""

    rows: list[ImportanceRow] = field(default_factory=list)
    of: str = ""
    count: int = 0
    numbers: str = ""
    reason: str = ""
    fix: str = ""


def importance_of(route: Route) -> Importance | None:
    """Return what counts in the model of a route; None where that was not looked for."""
    report, signature = route.manifest.explanation, route.signature
    if report is None or signature is None:
        return None
    if report.reason:
        return Importance(reason=report.reason, fix=report.instead)
    titles = {one.name: one.title or one.name for one in signature.inputs}
    rows = _rows(report, titles)
    numbers = numbers_of(report.scale)
    return Importance(rows=rows, of=report.importance_of, count=report.importance_rows, numbers=numbers)


def _rows(report: ExplanationReport, titles: dict[str, str]) -> list[ImportanceRow]:
    ordered = sorted(report.importance.items(), key=lambda item: -item[1])
    most = ordered[0][1] if ordered else 0.0
    return [
        ImportanceRow(titles.get(name, name), size / most if most else 0.0, number_text(float(f"{size:.3g}")))
        for name, size in ordered
    ]
