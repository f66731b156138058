"""
Read columns of answers, such as a notebook exports them, as what golden rows expect.

By what it holds, a column is one of labels, of probabilities of one label, or of values of one output.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.schema import Output, Scalar
from gateway.system.suggest import listing

_BINARY: Final = 2
_DECIMALS: Final = re.compile(r"-?\d*\.(\d+)")
_HINT: Final = "name a column of labels, of probabilities or of values that the model answers"


@dataclass(frozen=True, slots=True)
class Expected:
    """
    Hold what is expected of each row, in the form of golden rows.

    `kind` says in words what the columns hold. `predictions` are in the names of the artifact, `told` in those of
    `output`: where the column has the labels of the route, the route's own. `decimals` is the largest number of
    decimals of any number, None where there is none.
    """

    kind: str
    predictions: list[dict[str, Any]]
    told: list[dict[str, Any]]
    output: Output
    has_labels: bool = False
    decimals: int | None = None


def expected_of(columns: Mapping[str, Sequence[Any]], native: Output, merged: Output) -> Expected:
    """
    Return what columns of answers expect; raises GatewayError for a column that holds no answers of the model.

    `native` is the output of the artifact, `merged` that of its route: it may rename labels.
    """
    for name, cells in columns.items():
        for row, cell in enumerate(cells):
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                raise _unfit(name, f"is empty in row {row}", "leave out the rows without an expected answer")
    if native.kind == "json":
        raise _unfit(next(iter(columns)), "cannot be compared: the model answers JSON values", "leave out --expected")
    if native.kind == "classification":
        return _of_classes(columns, native, merged)
    if native.kind == "regression":
        return _of_values(columns, native)
    return _of_outputs(columns, native)


def _of_classes(columns: Mapping[str, Sequence[Any]], native: Output, merged: Output) -> Expected:
    if len(columns) == 1:
        name, cells = next(iter(columns.items()))
        for output in (native, merged):
            places = _places(cells, output.labels)
            if places is not None:
                told = [{"label": output.labels[place]} for place in places]
                own = [{"label": native.labels[place]} for place in places]
                kind = f"'{name}' holds labels ({listing(output.labels, 'and')})"
                return Expected(kind, own, told, output, has_labels=True)
    found: dict[Scalar, list[float]] = {}
    for name, cells in columns.items():
        label = _label_of(name, merged, native, is_alone=len(columns) == 1)
        found[label] = _probabilities(name, cells, native)
    rows = [{"probabilities": {str(label): found[label][row] for label in found}} for row in range(_size(columns))]
    kinds = [f"'{name}' holds probabilities of {label}" for name, label in zip(columns, found, strict=True)]
    return Expected("; ".join(kinds), rows, rows, native, decimals=_decimals(columns))


def _places(cells: Sequence[Any], labels: Sequence[Scalar]) -> list[int] | None:
    """Return the place of the label of each cell, None where a cell is none of the labels."""
    by_text = {_text(label): place for place, label in enumerate(labels)}
    places = [by_text.get(_text(cell)) for cell in cells]
    return None if None in places else [place for place in places if place is not None]


def _text(value: Any) -> str:
    """Return a label as text: 1, 1.0 and "1.0" are the label 1, True and "true" are the label True."""
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    number = _number(value)
    return f"{number:.17g}" if number is not None and math.isfinite(number) else text


def _label_of(name: str, merged: Output, native: Output, *, is_alone: bool) -> Scalar:
    """Return the label (the artifact's) whose probabilities a column holds: the one that ends its name, or positive."""
    labels = native.labels
    for own, shown in zip(labels, merged.labels or labels, strict=True):
        if any(name == str(text) or re.search(rf"[._\- ]{re.escape(str(text))}$", name) for text in (own, shown)):
            return own
    positive = merged.positive
    if is_alone and positive in merged.labels:
        return labels[merged.labels.index(positive)]
    if is_alone and len(labels) == _BINARY:
        return labels[1]
    raise _unfit(
        name,
        f"is no column of labels ({listing(labels)}), and its name does not say which label its probabilities are of",
        f"name it after the label: probability_{labels[-1] if labels else 'yes'}",
    )


def _probabilities(name: str, cells: Sequence[Any], native: Output) -> list[float]:
    found = []
    for row, cell in enumerate(cells):
        number = _number(cell)
        if number is None or not 0 <= number <= 1:
            raise _unfit(
                name, f"holds {cell!r} in row {row}: no label ({listing(native.labels)}) and no probability", _HINT
            )
        found.append(number)
    if not native.probabilities:
        raise _unfit(name, "holds probabilities, and the model answers labels only", "name a column of labels")
    return found


def _of_values(columns: Mapping[str, Sequence[Any]], native: Output) -> Expected:
    if len(columns) != 1:
        raise _unfit(list(columns)[1], "is a second one, and the model answers one value", "say --expected once")
    name, cells = next(iter(columns.items()))
    rows = [{"value": _needed(name, row, cell)} for row, cell in enumerate(cells)]
    return Expected(f"'{name}' holds values", rows, rows, native, decimals=_decimals(columns))


def _of_outputs(columns: Mapping[str, Sequence[Any]], native: Output) -> Expected:
    outputs = {name: _output_of(name, native) for name in columns}
    rows: list[dict[str, Any]] = [
        {"value": {outputs[name]: _value(cells[row]) for name, cells in columns.items()}}
        for row in range(_size(columns))
    ]
    kind = "; ".join(f"'{name}' holds values of {output}" for name, output in outputs.items())
    return Expected(kind, rows, rows, native, decimals=_decimals(columns))


def _output_of(name: str, native: Output) -> str:
    for output in native.names:
        if name == output or name.endswith((f".{output}", f"_{output}")):
            return output
    raise _unfit(
        name,
        f"is named after none of the outputs ({listing(native.names)})",
        f"name it after an output: prediction.{native.names[0] if native.names else 'y0'}",
    )


def _value(cell: Any) -> Any:
    number = _number(cell)
    return cell if number is None else number


def _needed(name: str, row: int, cell: Any) -> float:
    number = _number(cell)
    if number is None or not math.isfinite(number):
        raise _unfit(name, f"holds {cell!r} in row {row}, which is no number", _HINT)
    return number


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _decimals(columns: Mapping[str, Sequence[Any]]) -> int | None:
    found = [_DECIMALS.fullmatch(str(cell).strip()) for cells in columns.values() for cell in cells]
    return max((len(match[1]) for match in found if match), default=None)


def _size(columns: Mapping[str, Sequence[Any]]) -> int:
    return len(next(iter(columns.values())))


def _unfit(name: str, why: str, hint: str) -> GatewayError:
    return GatewayError(f"column '{name}' {why}", code="expected-column", hint=hint)
