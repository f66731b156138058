"""Check whole columns of text at once; bad cells, and only those, are judged one by one by the checks of rows."""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.schema import MISSING, Batch, Column, make_column
from gateway.validation.checks import FieldChecks
from gateway.validation.column_names import places_of
from gateway.validation.explain import Refused, field_fault
from gateway.validation.faults import MAX_FAULTS, Faults
from gateway.validation.header import HeaderReader
from gateway.validation.limits import FieldLimits, Reject
from gateway.validation.pointer import Pointer
from gateway.validation.reading import INVALID, PLAIN, pointed
from gateway.validation.rows import id_fault, is_id


@dataclass(slots=True)
class CheckedColumn:
    """Hold checked values (an array, or a list that may mix in MISSING) and the broken rule per bad row."""

    type: str
    values: Any
    bad: dict[int, str]

    def array(self, kept: npt.NDArray[np.intp] | None) -> Column:
        """Build the array of the good rows."""
        if isinstance(self.values, np.ndarray):
            return self.values if kept is None else self.values[kept]
        values = self.values if kept is None else [self.values[row] for row in kept]
        return make_column(self.type, values)


@dataclass(slots=True)
class Table:
    """Hold the checked columns of a table."""

    columns: list[CheckedColumn]
    ids: list[Any] | None
    bad_ids: dict[int, str]
    size: int
    ignored: tuple[str, ...] = ()
    invalid: Mapping[str, int] | None = None

    def good_rows(self) -> list[int]:
        """Return the indices of the rows without a fault."""
        bad = set(self.bad_ids).union(*(column.bad for column in self.columns))
        return [row for row in range(self.size) if row not in bad]

    def batch(self, kept: Sequence[int] | None = None) -> Batch:
        """Build the batch of some rows, of all when None."""
        rows = None if kept is None else np.asarray(kept, dtype=np.intp)
        ids = self.ids if self.ids is None or kept is None else [self.ids[row] for row in kept]
        if ids is not None and all(row_id is None for row_id in ids):
            ids = None
        size = self.size if kept is None else len(kept)
        return Batch([column.array(rows) for column in self.columns], size, ids, self.ignored, self.invalid)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Hold the column of each field, None for none, and what stands in its place; and the columns of no field."""

    columns: Sequence[str | None]
    absent: Sequence[Any]
    ignored: tuple[str, ...] = ()


class ColumnReader:
    """Check tables of one signature; thread-safe."""

    def __init__(
        self, fields: Sequence[FieldChecks], header: HeaderReader, *, id_fields: tuple[str, ...], redact: bool
    ) -> None:
        self._fields = tuple(fields)
        self._header = header
        self._ids = id_fields
        self._redact = redact

    def read(self, names: Sequence[str], columns: Sequence[Sequence[Any]], at: str, faults: Faults) -> Table:
        """Check every column and add the faults in the order of rows; raises InputError for a faulty header."""
        header = self._header.match(names)
        pairs = zip(self._fields, header.columns, strict=True)
        absent = [checks.absent() if name is None else None for checks, name in pairs]
        chosen = _Chosen(header.columns, absent, _named(header.ignored, names, columns))
        return self._checked(names, columns, chosen, at, faults)

    def survey(
        self, names: Sequence[str], columns: Sequence[Sequence[Any]], chosen: Sequence[str | None], faults: Faults
    ) -> Table:
        """Check the columns that were chosen for the fields, whatever is wrong with the header."""
        return self._checked(names, columns, _Chosen(chosen, [MISSING] * len(chosen)), "$", faults)

    def _checked(
        self, names: Sequence[str], columns: Sequence[Sequence[Any]], chosen: "_Chosen", at: str, faults: Faults
    ) -> Table:
        size = len(columns[0]) if columns else 0
        at_first = places_of(names)
        checked = []
        for checks, name, value in zip(self._fields, chosen.columns, chosen.absent, strict=True):
            if name is None:
                checked.append(CheckedColumn(checks.field.column_type, [value] * size, {}))
            else:
                checked.append(check_column(checks, columns[at_first[name]]))
        id_name = next((name for name in self._ids if name in at_first), None)
        ids = None if id_name is None else list(columns[at_first[id_name]])
        bad_ids = {} if ids is None else {row: "id" for row, value in enumerate(ids) if not is_id(value)}
        table = Table(checked, ids, bad_ids, size, chosen.ignored, self._invalid(checked))
        origins = [None if name is None else (name, columns[at_first[name]]) for name in chosen.columns]
        origins.append(None if id_name is None else (id_name, columns[at_first[id_name]]))
        self._write(table, origins, at, faults)
        return table

    def _invalid(self, checked: Sequence[CheckedColumn]) -> Mapping[str, int]:
        """Count the values of each field that could not be read and became missing ones."""
        lists = {
            checks.field.name: column.values
            for checks, column in zip(self._fields, checked, strict=True)
            if checks.reading.converts and isinstance(column.values, list)
        }
        counts = {name: sum(value is INVALID for value in values) for name, values in lists.items()}
        return {name: count for name, count in counts.items() if count}

    def _write(
        self, table: Table, origins: Sequence[tuple[str, Sequence[Any]] | None], at: str, faults: Faults
    ) -> None:
        """Write the faults down in the order in which a reader of rows would have met them."""
        all_bad = [*(column.bad for column in table.columns), table.bad_ids]
        total = sum(map(len, all_bad))
        cells = ((row, order) for order, bad in enumerate(all_bad) for row in bad)
        for row, order in sorted(cells) if faults.one_per_row else heapq.nsmallest(MAX_FAULTS, cells):
            origin = origins[order]
            if origin is None or not faults.wants(row):
                continue
            name, value = origin[0], origin[1][row]
            where = Pointer(f"{at}[{row}]", name)
            if order == len(self._fields):
                faults.items.append(id_fault(name, value, where, row, redact=self._redact))
            else:
                checks = self._fields[order]
                refused = Refused(checks.field, all_bad[order][row], value, where, row, False, checks.reading)
                faults.items.append(field_fault(refused, redact=self._redact, guess=faults.may_guess))
        faults.total = total


def _named(ignored: tuple[str, ...], names: Sequence[str], columns: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """Leave out columns that have neither a name nor a cell that holds something: separators at the end of lines."""
    if "" not in ignored:
        return ignored
    cells = zip(names, columns, strict=True)
    filled = sum(not name and any(cell not in ("", None) for cell in column) for name, column in cells)
    return (*filter(None, ignored), *[""] * filled)


def check_column(checks: FieldChecks, cells: Sequence[Any]) -> CheckedColumn:
    """Check all cells of a column, by array arithmetic where that is exact and by distinct values elsewhere."""
    kind = checks.field.type
    if kind in ("number", "integer") and checks.limits is not None:
        found = _numeric_column(checks, checks.limits, cells)
        if found is not None:
            return found
    return _distinct_column(checks, cells)


def _numeric_column(checks: FieldChecks, limits: FieldLimits, cells: Sequence[Any]) -> CheckedColumn | None:
    """Check a column in which every cell reads as a number; None where one does not."""
    whole = checks.field.type == "integer"
    try:
        written = "".join(cells)
        if "_" in written or not written.isascii():
            return None
        plain = cells if checks.reading is PLAIN else pointed(checks.reading, cells)
        if plain is None:
            return None
        values: Column
        if whole:
            values = np.fromiter(map(int, plain), np.int64, len(cells))
        else:
            values = np.fromiter(map(float, plain), np.float64, len(cells))
    except (ValueError, TypeError, OverflowError):
        return None
    good = (values >= limits.low) & (values <= limits.high)
    if limits.levels is not None:
        good &= np.isin(values, list(limits.levels))
    if limits.codes:
        good &= ~np.isin(values, list(limits.codes))
    return _mend(checks, cells, values, np.flatnonzero(~good))


def _mend(checks: FieldChecks, cells: Sequence[Any], values: Column, doubtful: npt.NDArray[np.intp]) -> CheckedColumn:
    """Let the exact check of rows decide the cells that the arithmetic did not pass."""
    bad: dict[int, str] = {}
    missing: list[int] = []
    for row in doubtful.tolist():
        try:
            value = checks.text(cells[row])
        except Reject as reject:
            bad[row] = reject.code
            continue
        if isinstance(value, float) and math.isnan(value):
            missing.append(row)
        else:
            values[row] = value
    if not missing:
        return CheckedColumn(checks.field.type, values, bad)
    if checks.field.type == "number":
        values[missing] = MISSING
        return CheckedColumn("number", values, bad)
    mixed = values.tolist()
    for row in missing:
        mixed[row] = MISSING
    for row in bad:
        mixed[row] = 0
    return CheckedColumn(checks.field.type, mixed, bad)


def _distinct_column(checks: FieldChecks, cells: Sequence[Any]) -> CheckedColumn:
    """Check every distinct text once; typed cells (of a spreadsheet) are checked one by one."""
    bad: dict[int, str] = {}
    seen: dict[str, Any] = {}
    refused: dict[str, str] = {}
    values: list[Any] = []
    for row, cell in enumerate(cells):
        is_text = type(cell) is str
        if is_text and cell in seen:
            values.append(seen[cell])
            continue
        code = refused.get(cell) if is_text else None
        if code is None:
            try:
                value = checks.text(cell)
                values.append(value)
                if is_text:
                    seen[cell] = value
                continue
            except Reject as reject:
                code = reject.code
                if is_text:
                    refused[cell] = code
        bad[row] = code
        values.append(MISSING)
    return CheckedColumn(checks.field.column_type, values, bad)
