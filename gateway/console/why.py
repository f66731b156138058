"""Why a model answers so, as a page shows it: signed bars by input, the scale in words, tokens in their text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.console.marked_text import Piece, marked
from gateway.console.number_text import NOTHING, number_text, percent_text, signed_text
from gateway.console.value_text import value_text
from gateway.explanation import ExplanationScale
from gateway.routing.routes import Route
from gateway.schema import Field

#: The option of the request, and the name of the switch.
EXPLAIN: Final = "_explain"
#: Inputs with a bar of their own; the others are one bar together.
MOST_ROWS: Final = 10
#: Characters of a value that stand beside the name of its input.
_MOST_VALUE: Final = 40
_FOR: Final = "Bars to the right speak for {of}, bars to the left against it."
_UP: Final = "Bars to the right raise the answer, bars to the left lower it."
#: Scale -> what the bars say, and what the numbers are.
_WORDS: Final[Mapping[ExplanationScale, tuple[str, str]]] = {
    "log-odds": (_FOR, "The numbers are log-odds: +0.69 doubles the odds, -0.69 halves them."),
    "log": (_UP, "The numbers are logarithms: +0.69 doubles the answer, -0.69 halves it."),
    "value": (_UP, "The numbers are in the unit of the answer: start and inputs add up to it."),
    "margin": (_FOR, "The numbers are points: the label that has the most of them is answered."),
    "probability": (_FOR, "The numbers are probabilities: +0.1 is ten percentage points more."),
    "path-length": (_UP, "The numbers are steps of the trees: the fewer it takes to set a row apart, the rarer it is."),
}


@dataclass(frozen=True, slots=True)
class WhyWords:
    """Hold what a page says of the explanations of one route."""

    scale: str
    lead: str
    numbers: str


@dataclass(frozen=True, slots=True)
class WhyRow:
    """Hold one bar: `size` is its length, 100 for the largest."""

    name: str
    value: str
    part: str
    sign: str
    size: float


@dataclass(frozen=True, slots=True)
class WhyView:
    """Hold the explanation of one answer."""

    of: str
    start: str
    total: str
    rows: list[WhyRow]
    texts: list[tuple[str, list[Piece]]]


def words_of(route: Route) -> WhyWords | None:
    """Return the words of a route whose answers have explanations; None for others, and where a field has that name."""
    report, signature = route.manifest.explanation, route.signature
    if report is None or report.reason or signature is None:
        return None
    if any(EXPLAIN in (field.name, *field.aliases) for field in signature.inputs):
        return None
    return WhyWords(report.scale, _WORDS[report.scale][0], numbers_of(report.scale))


def numbers_of(scale: ExplanationScale) -> str:
    """Return in words what the numbers of a scale are."""
    return _WORDS[scale][1]


def why_view(explanation: Mapping[str, Any], fields: tuple[Field, ...], read: Mapping[str, Any]) -> WhyView:
    """Return what a page shows; `read` are the inputs as the model got them."""
    parts: Mapping[str, float] = explanation["contributions"]
    by_name = {field.name: field for field in fields}
    shown = [(_title(by_name[name]), _value(by_name[name], read.get(name)), part) for name, part in parts.items()]
    rows, rest = shown[:MOST_ROWS], shown[MOST_ROWS:]
    others = sum(part for _, _, part in rest) + explanation.get("others", 0.0)
    if rest or "others" in explanation:
        rows.append(("all other inputs", "", others))
    most = max((abs(part) for _, _, part in rows), default=0.0) or 1.0
    tokens = explanation.get("tokens", {})
    of = explanation["of"]
    return WhyView(
        "" if of is None else value_text(of),
        _level(explanation["base"], explanation["scale"]),
        _level(explanation["margin"], explanation["scale"]),
        [_row(name, value, part, most) for name, value, part in rows],
        [(_title(by_name[name]), marked(str(read.get(name) or ""), found)) for name, found in tokens.items()],
    )


def _row(name: str, value: str, part: float, most: float) -> WhyRow:
    sign = "plus" if part > 0 else "minus"
    return WhyRow(name, value, signed_text(part), sign, round(100 * abs(part) / most, 2))


def _level(value: float | None, scale: str) -> str:
    """Return a base value or a margin; log-odds as the probability that they are, too."""
    if value is None:
        return NOTHING
    text = number_text(float(f"{value:.4g}"))
    if scale != "log-odds":
        return text
    return f"{text} = {percent_text(1 / (1 + math.exp(-max(min(value, 700.0), -700.0))))}"


def _title(field: Field) -> str:
    return field.title or field.name


def _value(field: Field, value: Any) -> str:
    if value is None:
        return "missing"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = number_text(value) if is_number else value_text(value)
    text = text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}…"
    return f"{text} {field.unit}" if field.unit else text
