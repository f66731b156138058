"""Golden rows as a table: inputs, what was published with the model, and what it answers now."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.artifacts import golden_rows
from gateway.artifacts.golden_rows import Compared
from gateway.artifacts.manifest import Manifest
from gateway.console.number_text import number_text
from gateway.errors import GatewayError
from gateway.registry.attached_files import GOLDEN
from gateway.routing.routes import Route

#: Rows that a page shows and asks again.
MOST_ROWS: Final = 50
#: Values of one row that are shown: a label and its probabilities are hundreds for some models.
MOST_VALUES: Final = 12
#: Characters of the line that stands for the inputs of a row.
_LONG: Final = 60
#: A name of `golden_rows.compare` that quotes a label or an output.
_QUOTED: Final = re.compile(r"(?:probability|value) of '(.*)'(?:\[\d+\])*", re.DOTALL)
#: End of the text of a value that differs.
DIFFERS: Final = " (differs)"


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """Hold one row; `now` and `is_equal` are None until it was asked again."""

    inputs: Mapping[str, Any]
    expected: Sequence[str]
    now: Sequence[str] | None = None
    is_equal: bool | None = None

    @property
    def summary(self) -> str:
        """Return the inputs in one line."""
        text = ", ".join(f"{name} {_text(value)}" for name, value in self.inputs.items())
        return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"

    @property
    def values(self) -> list[tuple[str, str]]:
        """Return the names and texts of the inputs."""
        return [(name, _text(value)) for name, value in self.inputs.items()]


@dataclass(frozen=True, slots=True)
class GoldenTable:
    """Hold the rows that are shown, how many there are in all, and the largest difference where they were asked."""

    rows: Sequence[GoldenRow]
    total: int
    difference: float | None = None

    @property
    def equal(self) -> int:
        """Return how many rows are equal."""
        return sum(1 for row in self.rows if row.is_equal)

    @property
    def summary(self) -> str:
        """Return the result of asking again in one sentence."""
        total = len(self.rows)
        if self.equal < total:
            return f"{number_text(total - self.equal)} of {number_text(total)} rows answer otherwise than published."
        worst = f" The largest difference is {number_text(self.difference)}." if self.difference else ""
        rows = "The row answers" if total == 1 else f"All {number_text(total)} rows answer"
        return f"{rows} as published.{worst}"

    def as_json(self) -> dict[str, Any]:
        """Return what the script of the page shows of rows that were asked again."""
        rows = [{"now": row.now, "equal": row.is_equal} for row in self.rows]
        return {"summary": self.summary, "equal": self.equal == len(rows), "rows": rows}


def golden_path(manifest: Manifest) -> Path | None:
    """Return the copy of the golden rows that a generation holds, None where it has none to show."""
    kept = manifest.attachments.get(GOLDEN)
    return Path(kept.path) if kept is not None and kept.path and manifest.golden is not None else None


def golden_table(route: Route) -> GoldenTable | None:
    """Return the golden rows of a route as they were published; None where there are none, or they cannot be read."""
    path = golden_path(route.manifest)
    try:
        document = golden_rows.document(path) if path is not None else None
    except GatewayError:
        return None
    if document is None:
        return None
    pairs = list(zip(document["instances"], document["predictions"], strict=True))
    rows = [GoldenRow(inputs, _folded(list(_stated(expected)))) for inputs, expected in pairs[:MOST_ROWS]]
    return GoldenTable(rows, len(pairs))


def compared_table(shown: GoldenTable, compared: Sequence[Sequence[Compared]]) -> GoldenTable:
    """Return the table with what the model answers now; a value that differs is shown first."""
    rows = [
        GoldenRow(row.inputs, row.expected, _folded([_now(one) for one in values]), all(one.is_equal for one in values))
        for row, values in zip(shown.rows, compared, strict=True)
    ]
    worst = max((one.difference for values in compared for one in values), default=0.0)
    return GoldenTable(rows, shown.total, worst)


def _now(one: Compared) -> str:
    return _line(one.name, one.found) + ("" if one.is_equal else DIFFERS)


def _stated(expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a golden row states, in the order and the words of `golden_rows.compare`."""
    if "label" in expected:
        yield _line("label", expected["label"])
    if "value" in expected:
        yield from _leaves("value", expected["value"])
    for name, share in (expected.get("probabilities") or {}).items():
        if isinstance(share, dict):
            yield from (_line(f"probability of {label!r} of {name!r}", one) for label, one in share.items())
        else:
            yield _line(f"probability of {name!r}", share)


def _leaves(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(f"value of {key!r}", one)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _leaves(f"{name}[{place}]", one)
    else:
        yield _line(name, value)


def _line(name: str, value: Any) -> str:
    text = _text(value)
    quoted = _QUOTED.fullmatch(name)
    if quoted:
        name = quoted[1].replace("' of '", " of ")
    return text if name in ("label", "value") else f"{name}: {text}"


def _folded(lines: Sequence[str]) -> list[str]:
    if len(lines) <= MOST_VALUES:
        return list(lines)
    first, others = lines[: MOST_VALUES - 1], lines[MOST_VALUES - 1 :]
    shown = [*first, *[line for line in others if line.endswith(DIFFERS)][:MOST_VALUES]]
    return [*shown, f"and {number_text(len(lines) - len(shown))} more"]


def _text(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) or hasattr(value, "dtype"):
        try:
            return number_text(float(value)) if math.isfinite(float(value)) else "missing"
        except (TypeError, ValueError):
            return str(value)
    return str(value)
