"""
Tables in JSON to rows: by column, as data frames are split, and as pandas writes them with labels.

Each reader returns rows, the locator of their values, and the names that all rows share. Knows no rule of a field.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from gateway.codecs import json_pointers
from gateway.codecs.base import refuse
from gateway.codecs.chunks import MAX_COLUMNS
from gateway.codecs.json_pointers import Locator
from gateway.errors import TooLargeError

#: Rows, the locator of their values if they are not in a list of rows, and the columns of a table.
Read: TypeAlias = tuple[list[Any], Locator | None, Sequence[str]]
#: Is called with the number of rows before they are built.
Check: TypeAlias = Callable[[int], object]
_EQUAL: Final = "lists of equal length"


def split(value: Mapping[str, Any], at: str) -> Read:
    """Read `{"columns": […], "data": [[…], …]}`; columns that are only numbered are positions."""
    rows: list[Any] = value["data"]
    columns = value.get("columns")
    for row, cells in enumerate(rows):
        if type(cells) is not list:
            refuse("json-type", "a row must be a list of values", at=f"{at}.data[{row}]", expected="list")
    if type(columns) is list and len(columns) > MAX_COLUMNS:
        raise TooLargeError(f"the table has more than {MAX_COLUMNS} columns", code="too-many-columns")
    listed = json_pointers.listed(f"{at}.data")
    if columns is None:
        return rows, listed, ()
    if type(columns) is not list or any(type(name) is not str for name in columns):
        # pandas numbers the columns of a bare array: they are positions, not names.
        is_numbered = type(columns) is list and not any(type(name) is bool for name in columns)
        if is_numbered and columns == list(range(len(columns))):
            return rows, listed, ()
        refuse("json-type", "columns must be a list of names", at=f"{at}.columns", expected="list of strings")
    if len(set(columns)) < len(columns):
        refuse("repeated", "a column stands twice", at=f"{at}.columns", expected="each column once")
    for row, cells in enumerate(rows):
        if len(cells) != len(columns):
            message = f"{len(columns)} columns are named, the row has {len(cells)} values"
            refuse("arity", message, at=f"{at}.data[{row}]", expected=len(columns))
    return [dict(zip(columns, cells, strict=True)) for cells in rows], json_pointers.split(at, columns), columns


def by_column(columns: Mapping[str, Any], at: str) -> Read:
    """Read `{"a": […], "b": […]}`, whose values may be lists of one."""
    sizes = {len(column) if type(column) is list else -1 for column in columns.values()}
    if len(sizes) > 1:
        refuse("json-type", "the columns differ in length", at=at, expected=_EQUAL)
    names = list(columns)
    cells = zip(*columns.values(), strict=True)
    rows = [dict(zip(names, map(squeeze, row), strict=True)) for row in cells]
    return rows, json_pointers.by_column(at, columns), names


def squeeze(cell: Any) -> Any:
    """Take a cell out of the inner list that column tensors of shape [n, 1] have."""
    return cell[0] if type(cell) is list and len(cell) == 1 else cell


def by_label(columns: Mapping[str, Mapping[str, Any]], at: str) -> Read:
    """Read `{"a": {"0": …, "1": …}, "b": {…}}`, which `to_json()` of pandas writes."""
    names = list(columns)
    labels = list(columns[names[0]])
    if any(column.keys() != set(labels) for column in columns.values()):
        refuse("json-type", "the columns differ in their labels", at=at, expected="the same labels in every column")
    rows = [{name: columns[name][label] for name in names} for label in labels]
    return rows, json_pointers.labelled(at, labels), names


def by_index(rows: Mapping[str, Any], at: str) -> Read:
    """Read `{"0": {"a": …, "b": …}, "1": {…}}`, which pandas writes with `orient="index"`."""
    return list(rows.values()), json_pointers.indexed(at, list(rows)), ()


def of_schema(value: Mapping[str, Any], at: str, fields: frozenset[str]) -> Read:
    """Read `{"schema": {…}, "data": [{…}, …]}`, which pandas writes with `orient="table"`, without its index."""
    keys = value["schema"].get("primaryKey") if type(value["schema"]) is dict else None
    index = {name for name in keys if type(name) is str} - fields if type(keys) is list else set()
    rows = [
        {name: cell for name, cell in row.items() if name not in index} if type(row) is dict else row
        for row in value["data"]
    ]
    return rows, json_pointers.listed(f"{at}.data"), ()
