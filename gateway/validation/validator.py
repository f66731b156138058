"""The validator of a route: check instances, rows or columns, return a `Batch` or raise every fault. Knows no HTTP."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gateway.errors import Fault, InputError
from gateway.schema import Batch, Column, Signature, make_column
from gateway.validation.checks import compile_field
from gateway.validation.column_names import NameRule
from gateway.validation.columns import ColumnReader
from gateway.validation.faults import Faults
from gateway.validation.header import HeaderReader
from gateway.validation.limits import Check, Reject
from gateway.validation.pointer import Pointer
from gateway.validation.reading import INVALID, PLAIN, Reading
from gateway.validation.rows import RowReader, Source, is_id
from gateway.validation.unknown_names import Strangers

Row: TypeAlias = Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True, slots=True)
class Partial:
    """
    Hold the good rows of a batch whose bad rows are skipped.

    `kept` are the indices of the rows in `batch`, ascending; `faults` has the first fault of every other row;
    `total` counts all faults.
    """

    batch: Batch
    kept: Sequence[int]
    faults: tuple[Fault, ...]
    total: int


class Validator:
    """
    Check the inputs of one route against its signature.

    Compiled once per route; thread-safe and stateless. All methods raise only InputError, with the first 100 faults and
    the number of all, for any values. `strict` makes unknown names in JSON faults, `redact` keeps
    values out of faults, `id_fields` are names under which a row id may come, `optional` the fields whose columns a
    table may leave out (None: those that a row may leave out), `reading` how texts are read. Patterns are tried on at
    most maxLength (or 1,000) characters, in linear time.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        strict: bool,
        id_fields: tuple[str, ...] = (),
        optional: frozenset[str] | None = None,
        redact: bool = False,
        reading: Reading = PLAIN,
    ) -> None:
        self.signature = signature
        fields = [compile_field(field, reading) for field in signature.inputs]
        self._converts = reading.converts
        rule = NameRule(signature.inputs, id_fields, signature.dropped)
        self._rule = rule
        self._dropped = rule.dropped
        self._reader = RowReader(fields, signature, strict=strict, id_fields=id_fields, redact=redact, rule=rule)
        self.header = HeaderReader(fields, rule, optional=optional, redact=redact)
        self.column_reader = ColumnReader(fields, self.header, id_fields=id_fields, redact=redact)
        self._types = [field.column_type for field in signature.inputs]
        self._all_numbers = all(kind == "number" for kind in self._types)
        self._ids = id_fields
        self._names = frozenset(signature.names)
        self._width = len(fields)
        self._strict = strict
        self._others = frozenset(name for checks in fields for name in checks.names[1:])
        self._json_plan = [(checks.field.name, checks.json) for checks in fields]
        self._text_plan = [(checks.field.name, checks.text) for checks in fields]
        self._json_positions = _by_position(signature, self._json_plan)
        self._text_positions = _by_position(signature, self._text_plan)

    def instance(self, sources: Sequence[Source]) -> Batch:
        """Check one instance whose fields may come from several sources; JSON beats query beats form, per field."""
        given = [source for source in sources if source.values]
        if len(given) == 1 and not given[0].repeated:
            quick = self._quick(given[0].values, given[0].kind != "json", None)
            if quick is not None:
                return self._batch([quick[0]], [quick[1]])
        order = {"json": 0, "query": 1, "form": 2}
        given = sorted(given or sources[:1], key=lambda source: order[source.kind])
        faults = Faults()
        strangers = Strangers()
        values, row_id = self._reader.read(given, None, faults, strangers)
        if faults.total:
            raise InputError(faults.items, total=faults.total)
        return self._batch([values], [row_id], strangers.names())

    def rows(
        self, rows: Sequence[Row], *, text: bool, at: str = "$", single: bool = False, table: Sequence[str] = ()
    ) -> Batch:
        """
        Check many instances, each an object of fields or a list in positional order.

        Values are decoded JSON, or text (and typed cells) with `text`. With `single`, `at` is the path of the only
        row and not of a list. `table` are the names that all rows share, where they are the rows of a table: its header
        is then checked once, as that of any table.
        """
        faults = Faults()
        strangers = self._strangers(table)
        values, ids, _ = self.read_rows(rows, text, at, single, faults, strangers=strangers)
        if faults.total:
            raise InputError(faults.items, total=faults.total)
        return self._batch(values, ids, strangers.names())

    def good_rows(self, rows: Sequence[Row], *, text: bool, at: str = "$", table: Sequence[str] = ()) -> Partial:
        """Check many instances and keep the good ones; raises only for a faulty header, where they have one."""
        faults = Faults(one_per_row=True)
        strangers = self._strangers(table)
        values, ids, kept = self.read_rows(rows, text, at, False, faults, strangers=strangers)
        return Partial(self._batch(values, ids, strangers.names()), kept, tuple(faults.items), faults.total)

    def columns(self, names: Sequence[str], columns: Sequence[Sequence[Any]], *, at: str = "$") -> Batch:
        """
        Check a table of text given by columns of equal length; agrees with `rows(text=True)` and is much faster.

        One thing differs: a column that is absent, or there twice, is one fault of the header and not one per row.
        """
        faults = Faults()
        table = self.column_reader.read(names, columns, at, faults)
        if faults.total:
            raise InputError(faults.items, total=faults.total)
        return table.batch()

    def good_columns(self, names: Sequence[str], columns: Sequence[Sequence[Any]], *, at: str = "$") -> Partial:
        """Check a table by columns and keep the good rows; raises InputError only for faults of the header."""
        faults = Faults(one_per_row=True)
        table = self.column_reader.read(names, columns, at, faults)
        kept = table.good_rows()
        return Partial(table.batch(kept), kept, tuple(faults.items), faults.total)

    def _strangers(self, table: Sequence[str]) -> Strangers:
        return Strangers(self.header.match(table, each=True).ignored if table else None)

    def read_rows(
        self, rows: Sequence[Row], text: bool, at: str, single: bool, faults: Faults, *, strangers: Strangers
    ) -> tuple[list[list[Any]], list[Any], list[int]]:
        """Return values and ids of the good rows, and which rows these are; adds the faults of all others."""
        good: list[list[Any]] = []
        ids: list[Any] = []
        kept: list[int] = []
        for index, row in enumerate(rows):
            quick = self._quick(row, text, strangers)
            if quick is None:
                before = faults.total
                where = at if single else Pointer(f"{at}[{index}]")
                quick = self._slow(row, text, where, None if single else index, faults, strangers=strangers)
                if quick is None or faults.total > before:
                    continue
            good.append(quick[0])
            ids.append(quick[1])
            kept.append(index)
        return good, ids, kept

    def _quick(self, row: Any, text: bool, strangers: Strangers | None) -> tuple[list[Any], Any] | None:
        """Fast path: check a row without anything unusual; None sends the row to the slow path."""
        try:
            if type(row) is list:
                positions = self._text_positions if text else self._json_positions
                if positions is None or len(row) != len(positions):
                    return None
                return [check(row[index]) for index, check in positions], None
            row_id, expected = self._quick_id(row) if self._ids else (None, self._width)
            if (
                len(row) != expected
                and len(row) - len(self._dropped.intersection(row)) != expected
                and (strangers is None or not self._may_hold_more(row, text, strangers))
            ):
                return None
            return [check(row[name]) for name, check in (self._text_plan if text else self._json_plan)], row_id
        except (KeyError, TypeError, Reject):
            return None

    def _may_hold_more(self, row: Mapping[str, Any], text: bool, strangers: Strangers) -> bool:
        """Say whether the extra names of a row are ignored; rows with the same names are checked once."""
        if strangers.header is None and self._strict and not text:
            return False
        if self._others and not self._others.isdisjoint(row):
            return False
        if strangers.header is not None:
            return True
        names = tuple(row)
        if names not in strangers.seen:
            checked = self._rule.check(names, names, 0)
            if checked.near or not self._names.issubset(names):
                return False
            strangers.note(names)
            strangers.add(name for name in checked.ignored if not name.startswith("_"))
        return True

    def _quick_id(self, row: Any) -> tuple[Any, int]:
        """Return the row id and how many members a row with it has; KeyError when there is more to look at."""
        present = [name for name in self._ids if name in row]
        if not present:
            return None, self._width
        row_id = row[present[0]]
        if len(present) > 1 or not is_id(row_id):
            raise KeyError(present[0])
        return row_id, self._width + (present[0] not in self._names)

    def _slow(
        self, row: Any, text: bool, path: str, index: int | None, faults: Faults, *, strangers: Strangers
    ) -> tuple[list[Any], Any] | None:
        if isinstance(row, Mapping):
            source: Source | None = Source("form" if text else "json", row, path=path)
        elif isinstance(row, list | tuple):
            source = self._reader.positional(row, path, index, faults, text)
        else:
            self._reader.not_a_row(row, path, index, faults)
            return None
        return None if source is None else self._reader.read([source], index, faults, strangers)

    def _batch(self, rows: list[list[Any]], ids: list[Any], ignored: Sequence[str] = ()) -> Batch:
        if self._all_numbers and rows:
            # Column-major: a predictor that stacks the columns again copies contiguous memory.
            columns: list[Column] = list(np.array(rows, dtype=np.float64, order="F").T)
        else:
            by_field = zip(*rows, strict=True) if rows else [()] * len(self._types)
            columns = [make_column(kind, values) for kind, values in zip(self._types, by_field, strict=True)]
        known = self._ids and any(row_id is not None for row_id in ids)
        invalid = self._invalid(rows) if self._converts else None
        return Batch(columns, len(rows), ids if known else None, ignored, invalid)

    def _invalid(self, rows: list[list[Any]]) -> dict[str, int]:
        """Count the values of each field that could not be read and became missing ones."""
        names = self.signature.names
        found = Counter(name for row in rows for name, value in zip(names, row, strict=True) if value is INVALID)
        return {name: found[name] for name in names if name in found}


def _by_position(signature: Signature, plan: list[tuple[str, Check]]) -> list[tuple[int, Check]] | None:
    """Return for each field its place in a positional list, or None where lists do not cover every field."""
    places = {name: index for index, name in enumerate(signature.positions)}
    if len(places) != len(plan) or any(name not in places for name, _ in plan):
        return None
    return [(places[name], check) for name, check in plan]
