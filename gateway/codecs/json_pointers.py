"""
JSON paths of faults in the format that the client sent.

Validation sees rows in a list, whereas a client may have sent columns, nested lists or bare values. A `Locator` knows
the difference. It is asked for faults only.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Fault, InputError
from gateway.validation.pointer import Step, below, step_of

#: Faults of a name and not of a value: where all rows share their names, one fault stands for all of them.
_OF_NAMES: Final = frozenset({"required", "unknown-field", "alias", "repeated", "no-input"})


@dataclass(frozen=True, slots=True)
class Locator:
    """
    Make the path of a value in the format of the client from its row and its step below the row.

    `cell` makes the path of one value; `name` that of a name alone, set where all rows share their names.
    """

    cell: Callable[[int, Step], str]
    name: Callable[[Step], str] | None = None

    def rebased(self, error: InputError) -> InputError:
        """Return an error about rows with the paths that the client knows."""
        if self.name is not None:
            names = [fault for fault in error.faults if fault.code in _OF_NAMES and not fault.row]
            if names:
                faults = [dataclasses.replace(one, at=self.name(step_of(one.at)), row=None) for one in names]
                return InputError(faults, hint=error.hint)
        faults = [fault if fault.row is None else self.at_row(fault, fault.row) for fault in error.faults]
        return InputError(faults, total=error.total, hint=error.hint)

    def at_row(self, fault: Fault, row: int) -> Fault:
        """Return a fault as one of row `row` of the whole batch."""
        return dataclasses.replace(fault, at=self.cell(row, step_of(fault.at)), row=row)


def listed(at: str) -> Locator:
    """Return the locator of rows in a list."""
    return Locator(lambda row, step: below(f"{at}[{row}]", step))


def bare(at: str) -> Locator:
    """Return the locator of bare values in a list, which are rows of one cell."""
    return Locator(lambda row, _: f"{at}[{row}]")


def alone(at: str) -> Locator:
    """Return the locator of the only row, which stands in no list; a bare value is its only cell."""
    return Locator(lambda _, step: at if step == 0 else below(at, step))


def records(at: str, rows: Sequence[Mapping[str, Any]]) -> Locator:
    """Return the locator of objects whose values may be lists of one."""

    def cell(row: int, step: Step) -> str:
        inner = _inner(rows[row].get(step)) if isinstance(step, str) else ""
        return below(f"{at}[{row}]", step) + inner

    return Locator(cell)


def keyed(at: str, names: Sequence[str]) -> Locator:
    """Return the locator of objects that were read as rows of values in this order."""
    return Locator(lambda row, step: below(f"{at}[{row}]", names[step] if isinstance(step, int) else step))


def split(at: str, names: Sequence[str]) -> Locator:
    """Return the locator of `{"columns": […], "data": [[…], …]}`."""
    positions: dict[Step, str] = {name: f"[{position}]" for position, name in enumerate(names)}
    return Locator(
        lambda row, step: f"{at}.data[{row}]{positions.get(step, '')}",
        lambda step: f"{at}.columns{positions.get(step, '')}",
    )


def by_column(at: str, columns: Mapping[str, Sequence[Any]]) -> Locator:
    """Return the locator of `{"a": […], "b": […]}`, whose values may be lists of one."""

    def cell(row: int, step: Step) -> str:
        if not isinstance(step, str) or step not in columns:
            return at
        return f"{below(at, step)}[{row}]{_inner(columns[step][row])}"

    return Locator(cell, lambda step: below(at, step))


def labelled(at: str, labels: Sequence[str]) -> Locator:
    """Return the locator of `{"a": {"0": …}, "b": {"0": …}}`, with the labels of the rows."""

    def cell(row: int, step: Step) -> str:
        return below(below(at, step), labels[row]) if isinstance(step, str) else at

    return Locator(cell, lambda step: below(at, step))


def indexed(at: str, labels: Sequence[str]) -> Locator:
    """Return the locator of `{"0": {"a": …}, "1": {"a": …}}`, with the labels of the rows."""
    return Locator(lambda row, step: below(below(at, labels[row]), step))


def _inner(value: Any) -> str:
    return "[0]" if type(value) is list and len(value) == 1 else ""
