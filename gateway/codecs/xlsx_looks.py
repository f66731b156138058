"""What a workbook shows and its cells do not say: hidden sheets and merged cells. Both are told, never guessed."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from gateway.codecs.base import refuse
from gateway.codecs.table_place import TablePlace
from gateway.validation.faults import visible

#: Row and column of the first and of the last cell, from 0.
Range: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
_LETTERS: Final = 26


def check_visible(names: Sequence[str], shown: Sequence[bool]) -> None:
    """Refuse to choose a hidden first sheet where its author sees another one."""
    if not shown or shown[0] or True not in shown:
        return
    number = shown.index(True) + 1
    refuse(
        "header",
        f"the first sheet {visible(names[0])} is hidden, the first one to be seen is {visible(names[number - 1])}",
        at="_sheet",
        expected="the sheet to read",
        hint=f"add ?_sheet={number} to the address, or the field _sheet={number} to the form; the hidden one is 1",
    )


def check_merged(ranges: Sequence[Range], header: int, last: int, names: Sequence[str], place: TablePlace) -> None:
    """
    Refuse merged cells between row `header` and the row `last` (from 1) in a column of the route.

    A spreadsheet shows one value for all of them, in the file all but the first are empty: a model would take gaps.
    """
    known = {column for column, name in enumerate(names) if not place.known or name in place.known}
    for (top, left), (bottom, right) in ranges:
        rows = range(max(top, header), min(bottom + 1, last))
        columns = range(left, min(right, len(names)) + 1)
        if (len(rows) > 1 or (rows and right > left)) and not known.isdisjoint(columns):
            cells = f"{_letters(left)}{top + 1}:{_letters(right)}{bottom + 1}"
            refuse(
                "xlsx",
                f"the cells {cells} of the sheet are merged, and only the first of them holds the value",
                expected="one cell for each value",
                hint="unmerge them, and write the value into each cell",
            )


def _letters(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, _LETTERS)
        text = chr(ord("A") + rest) + text
    return text
