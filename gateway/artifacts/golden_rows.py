"""
Golden rows: published inputs and predictions of an artifact, and how its predictions are compared with them.

The format (version 1): {"version": 1, "instances": [{field: value}], "predictions": [{"label": l, "probabilities":
{label: p}} | {"value": v}]}. Names and labels are the artifact's own, null means missing.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gateway.errors import LoadError
from gateway.schema import ABSOLUTE, MISSING, RELATIVE, Batch, Output, Predictions, Signature, make_column
from gateway.system import files

VERSION = 1
#: Golden rows are a few hundred; this suffices for a million.
MOST_BYTES = 256 * 2**20
#: Where msgspec found a byte that is no JSON, and what Python's json writes there.
_PLACE = re.compile(r"\(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"(?:NaN|Infinity|nan|inf)\b")
_STATEMENTS = frozenset({"label", "value", "probabilities"})


def refuse_long(path: Path) -> None:
    """Raise LoadError for a file of more than MOST_BYTES before it is read."""
    found = files.stat_of(path)
    if found is not None and found.st_size > MOST_BYTES:
        raise broken(path, f"{found.st_size:,} bytes, at most {MOST_BYTES:,} are read")


def document(path: Path) -> dict[str, Any]:
    """Return the content of a file of golden rows; raises LoadError."""
    try:
        # Editors of Windows put a mark in front of UTF-8.
        data = files.read(path, MOST_BYTES).removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise broken(path, str(error.strerror)) from error
    try:
        document = msgspec.json.decode(data)
    except RecursionError as error:
        raise broken(path, "its values are nested too deeply") from error
    except msgspec.DecodeError as error:
        raise broken(path, _explained(data, str(error))) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise broken(path, 'expected {"version": 1, "instances": [...], "predictions": [...]}')
    instances, predictions = document.get("instances"), document.get("predictions")
    if not isinstance(instances, list) or not isinstance(predictions, list) or not instances:
        raise broken(path, "instances and predictions must be lists and not empty")
    if len(instances) != len(predictions):
        raise broken(path, f"{len(instances)} instances, but {len(predictions)} predictions")
    for row, expected in enumerate(predictions):
        # A row without an expected value would accept every answer.
        if not isinstance(expected, dict) or not _STATEMENTS & expected.keys():
            raise broken(path, f"prediction {row} states none of {', '.join(sorted(_STATEMENTS))}")
    return document


def _explained(data: bytes, why: str) -> str:
    """Return what a decoder says, with what such a byte comes from where that is known."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        return "it looks like UTF-16: save it as UTF-8"
    place = _PLACE.search(why)
    found = _NO_NUMBER.match(data, int(place[1])) if place else None
    return f"{found[0].decode()} is not JSON, a missing value is null (byte {place[1]})" if place and found else why


def broken(path: Path, why: str) -> LoadError:
    """Return the error of golden rows that say no such thing."""
    return LoadError(f"golden rows {path} cannot be used: {why}", code="golden-broken", hint="see docs/golden.md")


def read(path: Path, signature: Signature, most: int | None = None) -> Batch:
    """
    Return the instances as columns in the order of `signature` (the artifact's own); raises LoadError.

    `most` takes the first ones only.
    """
    instances = document(path)["instances"][:most]
    columns = []
    for position, field in enumerate(signature.inputs):
        try:
            cells = [_cell(row, field.name, position, signature.names_known) for row in instances]
            values = [MISSING if value is None else value for value in cells]
            columns.append(make_column(field.column_type, values))
        except (AttributeError, TypeError, ValueError) as error:
            raise broken(path, f"field {field.name!r}: {error}") from error
    return Batch(columns, len(instances))


def _cell(row: dict[str, Any], name: str, position: int, names_known: bool) -> Any:
    """Return one value; an artifact without names takes the values in order, under any names."""
    return row.get(name) if names_known else [*row.values(), *[None] * (position + 1)][position]


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold one value that a golden row states: its name, the expected and the found one, and whether they are equal."""

    name: str
    expected: Any
    found: Any
    is_equal: bool
    difference: float = 0.0


def compare(
    expected: Mapping[str, Any], found: Predictions, row: int, output: Output, tolerance: float | None = None
) -> Iterator[Compared]:
    """
    Yield every value that a golden row states beside what was predicted.

    `tolerance` replaces the absolute part of the allowed difference. What states nothing that can be compared differs:
    it would accept every answer.
    """
    pairs = _pairs(expected, found, row, output)
    if not pairs:
        yield Compared("the expected answer", dict(expected), "nothing that it could be compared with", False)
    for name, want, got in pairs:
        if isinstance(want, float) and isinstance(got, float):
            difference = abs(want - got)
            is_equal = difference <= (ABSOLUTE if tolerance is None else tolerance) + RELATIVE * abs(want)
            yield Compared(name, want, got, is_equal, difference)
        else:
            yield Compared(name, want, got, str(want) == str(got))


def _pairs(expected: Mapping[str, Any], found: Predictions, row: int, output: Output) -> list[tuple[str, Any, Any]]:
    """Return (what, expected, got) for each value that the golden row states."""
    pairs: list[tuple[str, Any, Any]] = []
    if "label" in expected:
        pairs.append(("label", expected["label"], output.labels[int(found.values[row])]))
    if "value" in expected:
        value = found.values[row]
        wanted = expected["value"]
        if isinstance(wanted, dict) and output.kind != "json":
            places = {name: place for place, name in enumerate(output.names)}
            for name, want in wanted.items():
                pairs += _leaves(
                    f"value of {name!r}", want, value[places[name]] if name in places else "no such output"
                )
        elif isinstance(wanted, list):
            pairs += _leaves("value", wanted, value)
        elif isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            pairs.append(("value", float(wanted), float(value)))
        else:
            pairs.append(("value", wanted, value))
    if output.parts and expected.get("probabilities") is not None:
        pairs += _part_pairs(expected["probabilities"], found, row, output)
    elif expected.get("probabilities") is not None and found.probabilities is None:
        pairs.append(("probabilities", expected["probabilities"], "none"))
    elif expected.get("probabilities") is not None and found.probabilities is not None:
        by_label = {str(label): i for i, label in enumerate(output.labels or output.names)}
        for label, want in expected["probabilities"].items():
            column = by_label.get(str(label))
            got = float(found.probabilities[row, column]) if column is not None else f"no class {label!r}"
            pairs.append((f"probability of {label!r}", float(want), got))
    return pairs


def _leaves(name: str, want: Any, got: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the values of a list one by one; numbers are compared as such, all others as they are written."""
    if isinstance(want, list) and isinstance(got, list | tuple | np.ndarray):
        if len(want) != len(got):
            yield f"length of {name}", len(want), len(got)
        for place, (one, other) in enumerate(zip(want, got, strict=False)):
            yield from _leaves(f"{name}[{place}]", one, other)
    elif isinstance(want, (int, float)) and isinstance(got, (int, float, np.number)) and not isinstance(want, bool):
        yield name, float(want), float(got)
    else:
        yield name, want, got


def _part_pairs(
    expected: dict[str, dict[str, float]], found: Predictions, row: int, output: Output
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the probabilities of several outputs: expected are output -> label -> probability."""
    places = {name: place for place, name in enumerate(output.names)}
    for name, by_label in expected.items():
        table = found.each[places[name]] if name in places and found.each else None
        keys = [str(label) for label in output.parts[places[name]].labels] if table is not None else []
        for label, want in by_label.items():
            got = float(table[row, keys.index(label)]) if table is not None and label in keys else "none"
            yield f"probability of {label!r} of {name!r}", float(want), got
