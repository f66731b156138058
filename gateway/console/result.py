"""The result of one prediction as a page shows it: a value or a label, and probabilities as bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.answers.json_values import json_key
from gateway.console.number_text import NOTHING, number_text
from gateway.schema import Output

#: Bars in the order of the labels up to here; of more labels, the most probable ones.
MOST_BARS: Final = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """Hold one probability."""

    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Value:
    """
    Hold one output: its text, its unit, the probabilities of its labels.

    `name` is empty for the only output; `more` counts labels without a bar.
    """

    name: str
    text: str
    unit: str = ""
    bars: tuple[Bar, ...] = ()
    more: int = 0


def values_of(output: Output, body: Mapping[str, Any]) -> list[Value]:
    """Return the outputs of a default answer (`prediction`, `probabilities`) in their order; none for other JSON."""
    prediction, shares = body["prediction"], body.get("probabilities")
    if output.kind == "classification":
        bars, more = bars_of(shares)
        return [Value("", _text(prediction, output), "", bars, more)]
    if output.kind in ("multi_label", "multi_output"):
        if isinstance(prediction, list):  # outputs without names are counted
            prediction = {str(at): value for at, value in enumerate(prediction, 1)}
        one = _multi_label if output.kind == "multi_label" else _part
        return [one(name, value, shares, output) for name, value in prediction.items()]
    if isinstance(prediction, dict | list):
        return []
    return [Value("", _text(prediction, output), output.unit or "")]


def bars_of(shares: Mapping[str, float | None] | None) -> tuple[tuple[Bar, ...], int]:
    """Return the bars of probabilities, and how many labels have none."""
    if not isinstance(shares, dict):
        return (), 0
    found = [Bar(label, share or 0.0) for label, share in shares.items()]
    if len(found) <= MOST_BARS:
        return tuple(found), 0
    return tuple(sorted(found, key=lambda bar: -bar.share)[:MOST_BARS]), len(found) - MOST_BARS


def _multi_label(name: str, value: Any, shares: Any, output: Output) -> Value:
    share = shares.get(name) if isinstance(shares, dict) else None
    bars = () if share is None else (Bar(name, share),)
    return Value(name, "yes" if value else "no", "", bars)


def _part(name: str, value: Any, shares: Any, output: Output) -> Value:
    bars, more = bars_of(shares.get(name) if isinstance(shares, dict) else None)
    return Value(name, _text(value, output), output.unit or "", bars, more)


def _text(value: Any, output: Output) -> str:
    if value is None:
        return NOTHING
    if output.kind != "classification" and isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value, output.decimals)
    if isinstance(value, list):
        return ", ".join(_text(one, output) for one in value)
    return json_key(value)
