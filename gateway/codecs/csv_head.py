"""The head of a CSV: what separates its cells, and whether a title stands above its header. Knows no rows."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.codecs.table_place import LOOKED_ROWS, TablePlace, refuse_title

_DELIMITERS: Final = (",", ";", "\t", "|")
_QUOTED: Final = re.compile(r'"[^"]*(?:""[^"]*)*"')
_SEP_LINE: Final = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class CsvHead:
    """Hold the delimiter, and whether a first line `sep=;` names it."""

    delimiter: str
    is_marked: bool = False


def read_head(text: str, place: TablePlace) -> CsvHead:
    """Return what the first lines of a CSV say; refuses a header that is a title while another line is the header."""
    lines = _LINE_END.split(text, LOOKED_ROWS + place.header)
    first = next((at for at, line in enumerate(lines) if line), 0)
    marked = _SEP_LINE.fullmatch(lines[first])
    if marked:
        return CsvHead(marked[1], True)
    header = _record(lines, place.header - 1 if 0 < place.header <= len(lines) else first)
    if place.is_doubtful(cells := _cells(header)):
        records = ((at + 1, _cells(_record(lines, at))) for at in range(first + 1, len(lines)))
        number, _ = place.best(records)
        if number:
            refuse_title("line", cells, number)
    return CsvHead(_delimiter(header))


def _record(lines: Sequence[str], at: int) -> str:
    """Return a line, with those that a quoted line break makes a part of it."""
    for end in range(at + 1, min(at + LOOKED_ROWS, len(lines)) + 1):
        text = "\n".join(lines[at:end])
        if text.count('"') % 2 == 0:
            return text
    return lines[at]


def _delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count) if any(one in bare for one in _DELIMITERS) else ","


def _cells(record: str) -> list[str]:
    """Return the cells of a record, separated as it shows itself."""
    return next(csv.reader(record.splitlines(keepends=True), delimiter=_delimiter(record)), [])
