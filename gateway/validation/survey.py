"""Survey what was sent: which column each field has, and every fault, counted by column and rule. Refuses nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import Fault
from gateway.validation.faults import Faults
from gateway.validation.header import Look
from gateway.validation.unknown_names import Strangers
from gateway.validation.validator import Row, Validator

#: Faults that a survey shows, each with the search for what was meant.
MAX_SHOWN: Final = 20
#: "optional" is a field without a column that may have none; "position" is a value of a bare list.
Match: TypeAlias = Literal["exact", "alias", "near", "missing", "optional", "position"]
#: A column as it was sent (the field where it is not known), and the code of the rule that it breaks.
Kind: TypeAlias = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """Name the column that was found for a field, None where there is none."""

    field: str
    column: str | None
    match: Match


@dataclass(slots=True)
class Survey:
    """Count the faults of some rows; `first` are the first of them, `bad_rows` the rows that have one."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    first: list[Fault] = field(default_factory=list)
    bad_rows: int = 0

    @property
    def total(self) -> int:
        """Return the number of all faults."""
        return self.kinds.total()


class _CountedFaults(Faults):
    """Write down every fault of some rows."""

    @property
    def may_guess(self) -> bool:
        """Say whether the next fault is one of those that are shown."""
        return len(self.items) < MAX_SHOWN

    def wants(self, row: int | None) -> bool:
        """Count a fault, and want it."""
        self.total += 1
        return True


def column_matches(validator: Validator, look: Look) -> list[ColumnMatch]:
    """Tell for each field which column of a header it has."""
    near = _meant(look)
    found: list[ColumnMatch] = []
    for one, name in zip(validator.signature.inputs, look.columns, strict=True):
        if name is not None:
            found.append(ColumnMatch(one.name, name, "exact" if name == one.name else "alias"))
        elif one.name in near:
            found.append(ColumnMatch(one.name, near[one.name], "near"))
        else:
            found.append(ColumnMatch(one.name, None, "missing" if one.name in look.needed else "optional"))
    return found


def survey_columns(validator: Validator, look: Look, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Survey:
    """Check the cells of a table, those of a misspelt column as if it had the name of its field."""
    near = _meant(look)
    fields = validator.signature.inputs
    chosen = [name or near.get(one.name) for one, name in zip(fields, look.columns, strict=True)]
    faults = _CountedFaults()
    table = validator.column_reader.survey(names, columns, chosen, faults)
    kinds: Counter[Kind] = Counter()
    for name, column in zip(chosen, table.columns, strict=True):
        kinds.update((name, code) for code in column.bad.values())
    kinds.update((None, code) for code in table.bad_ids.values())
    return Survey(kinds, faults.items[:MAX_SHOWN], table.size - len(table.good_rows()))


def survey_rows(validator: Validator, rows: Sequence[Row], *, text: bool, at: str, look: Look | None) -> Survey:
    """Check rows in JSON; `look` is that of their header, where they are the rows of a table."""
    faults = _CountedFaults()
    strangers = Strangers(None if look is None else look.ignored)
    _, _, kept = validator.read_rows(rows, text, at, False, faults, strangers=strangers)
    return Survey(counted(faults.items), faults.items[:MAX_SHOWN], len(rows) - len(kept))


def counted(faults: Sequence[Fault]) -> Counter[Kind]:
    """Count faults by field and rule."""
    return Counter((fault.field, fault.code) for fault in faults)


def _meant(look: Look) -> dict[str, str]:
    """Return the misspelt column of each field that one column alone may mean."""
    meant: dict[str, list[str]] = {}
    for near in look.near:
        if len(near.fields) == 1:
            meant.setdefault(next(iter(near.fields)), []).append(near.name)
    return {name: columns[0] for name, columns in meant.items() if len(columns) == 1}
