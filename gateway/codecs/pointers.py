"""
Where a value stood in what the client sent: from its row and its name there to a true JSON path.

Validation sees rows in a list; a client may have sent columns, nested lists or bare values. Needed for faults only.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Fault, InputError
from gateway.validation.faults import member

#: Faults of a name and not of a value: where all rows share their names, one fault tells it for all.
_OF_NAMES: Final = frozenset({"required", "unknown-field", "alias", "repeated", "no-input"})


@dataclass(frozen=True, slots=True)
class Places:
    """
    Tell where the values of a batch stood.

    `cell` makes a path of a row and of the rest of a path below it (`.age`, `[3]`, or nothing for the row itself);
    `name` makes one of the rest alone, set where all rows share their names.
    """

    cell: Callable[[int, str], str]
    name: Callable[[str], str] | None = None

    def told(self, error: InputError, at: str) -> InputError:
        """Return an error about the rows of a list at `at` with the paths that the client knows."""
        if self.name is not None:
            names = [fault for fault in error.faults if fault.code in _OF_NAMES and not fault.row]
            if names:
                faults = [dataclasses.replace(one, at=self.name(_rest(one, at)), row=None) for one in names]
                return InputError(faults, hint=error.hint)
        return InputError([placed(fault, at, self) for fault in error.faults], total=error.total, hint=error.hint)


def placed(fault: Fault, at: str, places: Places | None = None, row: int | None = None) -> Fault:
    """Return the fault of a list at `at` as one of row `row` of the whole batch (its own when None)."""
    if fault.row is None or not fault.at.startswith(f"{at}[{fault.row}]"):
        return fault
    number = fault.row if row is None else row
    rest = _rest(fault, at)
    where = f"{at}[{number}]{rest}" if places is None else places.cell(number, rest)
    return dataclasses.replace(fault, at=where, row=number)


def _rest(fault: Fault, at: str) -> str:
    """Return what follows the row in the path of a fault; the name, in the path of a fault of a header."""
    return fault.at[len("header" if fault.row is None else f"{at}[{fault.row}]") :]


def bare(at: str) -> Places:
    """Return the places of bare values in a list, which are rows of one cell."""
    return Places(lambda row, _: f"{at}[{row}]")


def alone(at: str) -> Places:
    """Return the places of the only row, which stands in no list; that of its only cell where it is a bare value."""
    return Places(lambda _, rest: at if rest.startswith("[0]") else f"{at}{rest}")


def records(at: str, rows: Sequence[Mapping[str, Any]]) -> Places:
    """Return the places of objects whose values may be lists of one."""
    return Places(lambda row, rest: f"{at}[{row}]{rest}{_inner(_by_rest(rows[row]).get(rest))}")


def split(at: str, names: Sequence[str]) -> Places:
    """Return the places of `{"columns": […], "data": [[…], …]}`."""
    known = {member("", name): f"[{position}]" for position, name in enumerate(names)}
    return Places(
        lambda row, rest: f"{at}.data[{row}]{known.get(rest, '')}", lambda rest: f"{at}.columns{known.get(rest, '')}"
    )


def by_column(at: str, columns: Mapping[str, Sequence[Any]]) -> Places:
    """Return the places of `{"a": […], "b": […]}`, whose values may be lists of one."""
    known = _by_rest(columns)

    def cell(row: int, rest: str) -> str:
        return f"{at}{rest}[{row}]{_inner(known[rest][row])}" if rest in known else at

    return Places(cell, lambda rest: f"{at}{rest}")


def _by_rest(values: Mapping[str, Any]) -> dict[str, Any]:
    return {member("", name): value for name, value in values.items()}


def _inner(value: Any) -> str:
    return "[0]" if type(value) is list and len(value) == 1 else ""
