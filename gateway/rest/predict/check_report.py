"""The report about a body that is checked, chunk by chunk: columns, rows, faults, first rows. Knows no HTTP."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.codecs.chunks import Chunk
from gateway.errors import Fault, InputError
from gateway.registry.contract import Contract
from gateway.rest.errors import fault_json
from gateway.rest.predict.chunk_validation import UniqueIds, json_key, rebased
from gateway.validation.faults import printable, shown
from gateway.validation.header import Look
from gateway.validation.survey import (
    MAX_SHOWN,
    ColumnMatch,
    Kind,
    Survey,
    column_matches,
    counted,
    survey_columns,
    survey_rows,
)

FIRST_ROWS: Final = 5
#: Names of a body that are told, and characters of a cell.
_MAX_NAMES, _MAX_CELL = 200, 200
#: Rows in JSON whose names make the columns.
_NAMED_ROWS: Final = 1_000


class CheckReport:
    """Gather what is known of one body; used by one request. `unique_ids` refuses a second row with one id."""

    def __init__(self, contract: Contract, id_fields: Sequence[str], *, unique_ids: bool, shows_values: bool) -> None:
        self._validator = contract.validator
        self._order = contract.codec.order
        self._id_fields = id_fields
        self._ids = UniqueIds() if unique_ids and id_fields else None
        self._shows_values = shows_values
        self._look: Look | None = None
        self._matches: list[ColumnMatch] = []
        self._ignored: Sequence[str] = ()
        self._id_name: str | None = None
        self._names: Sequence[str] = ()
        self._first_rows: list[list[Any]] = []
        self._kinds: Counter[Kind] = Counter()
        self._faults: list[Fault] = []
        self._examples: dict[Kind, Fault] = {}
        self.rows = self._bad_rows = 0

    def add(self, chunk: Chunk) -> None:
        """Check the rows of the next chunk; runs in a native thread."""
        if self._look is None:
            self._begin(chunk)
        if chunk.instances is None:
            survey = survey_columns(self._validator, self._known, chunk.names, chunk.columns)
        else:
            table = self._known if chunk.shared else None
            survey = survey_rows(self._validator, chunk.instances, text=chunk.text, at=chunk.at, look=table)
        found = [*chunk.faults, *(rebased(fault, chunk) for fault in survey.first)]
        self._note(sorted(found, key=lambda fault: fault.row or 0), survey.kinds + counted(chunk.faults))
        self._bad_rows += survey.bad_rows + len({fault.row for fault in chunk.faults})
        self._check_ids(chunk)
        self.rows += chunk.size

    def refuse(self, error: InputError, rows: int = 1) -> None:
        """Note the faults of an instance, or those that left no row to look at."""
        self._note(error.faults, counted(error.faults))
        self._bad_rows, self.rows = rows, rows

    def begin(self, names: Sequence[str], values: Sequence[Any]) -> None:
        """Take the names and values of one instance."""
        self._take_names(names, is_table=False)
        self._show([values])

    def json(self) -> dict[str, Any]:
        """Return the report as its members stand in the answer."""
        return {
            "ok": not self._kinds,
            "columns": [_match_json(one) for one in self._matches],
            "extra": list(self._ignored[:_MAX_NAMES]),
            "extra_total": len(self._ignored),
            "id": self._id_name,
            "total_errors": self._kinds.total(),
            "bad_rows": self._bad_rows,
            "kinds": [self._kind_json(kind, count) for kind, count in self._kinds.most_common()],
            "errors": [fault_json(fault) for fault in self._faults],
            "first_rows": {"columns": list(self._names[:_MAX_NAMES]), "rows": self._first_rows},
        }

    @property
    def _known(self) -> Look:
        assert self._look is not None  # noqa: S101 - `_begin` comes first
        return self._look

    def _begin(self, chunk: Chunk) -> None:
        """Match the columns of the first chunk; those of JSON are the names of its first rows."""
        if chunk.instances is None:
            self._take_names(chunk.names, is_table=True)
            self._show(list(zip(*(column[:FIRST_ROWS] for column in chunk.columns), strict=True)))
            return
        first = chunk.instances[:_NAMED_ROWS]
        names = chunk.shared or list(dict.fromkeys(name for row in first if isinstance(row, dict) for name in row))
        if not names and any(isinstance(row, list | tuple) for row in first):
            names = self._order
            self._look = self._validator.header.look(names)
            self._names = names
            self._matches = [ColumnMatch(name, None, "position") for name in names]
            self._show([row for row in first[:FIRST_ROWS] if isinstance(row, list | tuple)])
            return
        self._take_names(names, is_table=bool(chunk.shared))
        self._show([_values_of(row, names) for row in first[:FIRST_ROWS]])

    def _take_names(self, names: Sequence[str], *, is_table: bool) -> None:
        self._names = names
        self._look = look = self._validator.header.look(names)
        self._matches = column_matches(self._validator, look)
        options = () if is_table else {name for name in names if name.startswith("_")}
        self._ignored = [name for name in look.ignored if name not in options]
        self._id_name = next((name for name in self._id_fields if name in names), None)
        if is_table:
            self._note(look.faults, counted(look.faults))

    def _note(self, faults: Sequence[Fault], kinds: Counter[Kind]) -> None:
        self._kinds.update(kinds)
        self._faults += faults[: MAX_SHOWN - len(self._faults)]
        for fault in faults:
            self._examples.setdefault((fault.field, fault.code), fault)

    def _check_ids(self, chunk: Chunk) -> None:
        """Note rows whose id is missing or that of an earlier row, where the answer is an object by id."""
        if self._ids is None or self._id_name is None:
            return
        keys = _keys_of(chunk, self._id_name)
        refused = list(self._ids.faults(range(len(keys)), keys, chunk.start).values())
        self._note(refused, counted(refused))
        self._bad_rows += len(refused)

    def _show(self, rows: Sequence[Sequence[Any]]) -> None:
        if self._shows_values:
            self._first_rows = [[_cell(value) for value in row[:_MAX_NAMES]] for row in rows]

    def _kind_json(self, kind: Kind, count: int) -> dict[str, Any]:
        column, code = kind
        told: dict[str, Any] = {"code": code, "column": column, "count": count}
        example = self._example(kind)
        if example is not None:
            told["example"] = fault_json(example)
        return told

    def _example(self, kind: Kind) -> Fault | None:
        """Return the first fault of a kind, which names the field and not the column that was sent."""
        column, code = kind
        field = next((one.field for one in self._matches if one.column is not None and one.column == column), column)
        return self._examples.get((field, code)) or self._examples.get((column, code))


def _match_json(match: ColumnMatch) -> dict[str, Any]:
    return {"field": match.field, "column": match.column, "match": match.match}


def _values_of(row: Any, names: Sequence[str]) -> list[Any]:
    return [row.get(name) for name in names] if isinstance(row, Mapping) else [row]


def _keys_of(chunk: Chunk, name: str) -> list[str | None]:
    if chunk.instances is None:
        values: Sequence[Any] = chunk.columns[chunk.names.index(name)]
    else:
        values = [row.get(name) if isinstance(row, dict) else None for row in chunk.instances]
    return [None if value is None else json_key(value) for value in values]


def _cell(value: Any) -> Any:
    return printable(value, _MAX_CELL) if isinstance(value, str) else shown(value)


__all__ = ["FIRST_ROWS", "CheckReport", "Survey"]
