"""Shapes of JSON objects and lists: which one a value has for a route with certain fields. Knows no bytes."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from gateway.codecs import json_tables
from gateway.codecs.base import refuse
from gateway.codecs.json_tables import Check, Read
from gateway.errors import InputError

__all__ = ["DIALECTS", "Read", "framed", "inside", "kind_of", "options_of", "rows_of", "table"]

DIALECTS: Final = 'an object of fields, {"data": […]}, {"instances": […]}, or an array of objects or lists'
#: Rows that are looked at in one call, which holds the interpreter.
_ROWS: Final = 50_000
_KINDS: Final = {
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def kind_of(value: Any) -> str:
    """Return what a decoded value is, in words."""
    return _KINDS.get(type(value), "null")


def options_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the call."""
    return {name: value for name, value in body.items() if name.startswith("_")}


def framed(value: Mapping[str, Any], at: str, fields: frozenset[str]) -> Read | None:
    """Read a data frame with its names beside its rows, or with a schema; None for anything else."""
    if type(value.get("data")) is not list or "data" in fields:
        return None
    if "schema" in value and "schema" not in fields:
        return json_tables.of_schema(value, at, fields)
    return json_tables.split(value, at) if "columns" in value and "columns" not in fields else None


def table(value: Mapping[str, Any], at: str, fields: frozenset[str], check: Check) -> Read | None:
    """Read columns, or rows by label, that hold at least one field; None for anything else."""
    kinds = set(map(type, value.values()))
    if kinds == {list} and not fields.isdisjoint(value):
        check(len(next(iter(value.values()))))
        return json_tables.by_column(value, at)
    if kinds != {dict}:
        return None
    first = next(iter(value.values()))
    if not fields.isdisjoint(value):
        check(len(first))
        return json_tables.by_label(value, at)
    # One object below one word may be wrapped and no row with a label: {"payload": {…}} is not guessed at.
    labels_rows = len(value) > 1 or next(iter(value)).isdigit()
    return json_tables.by_index(value, at) if labels_rows and not fields.isdisjoint(first) else None


def rows_of(rows: list[Any], at: str, hint: str | None) -> list[Any]:
    """Check that a batch is not empty and of one kind; `hint` is what to send instead of bare values."""
    kinds: set[type] = set()
    for start in range(0, len(rows), _ROWS):
        kinds.update(map(type, rows[start : start + _ROWS]))
    if kinds in ({dict}, {list}):
        return rows
    if not rows:
        refuse("empty-batch", "the batch has no instances", at=at, expected="at least one instance")
    first = type(rows[0])
    if first not in (dict, list):
        refuse("json-type", f"{kind_of(rows[0])} is not an instance", at=f"{at}[0]", expected=DIALECTS, hint=hint)
    index = next(index for index, row in enumerate(rows) if type(row) is not first)
    message = f"a batch holds objects or lists, not both: {kind_of(rows[index])} follows {kind_of(rows[0])}"
    return refuse("mixed-batch", message, at=f"{at}[{index}]", expected=kind_of(rows[0]))


def inside(at: str, error: InputError) -> InputError:
    """Return an error about JSON that stood in a text, as one at the place of that text."""
    return InputError([dataclasses.replace(fault, at=at) for fault in error.faults], total=error.total, hint=error.hint)
