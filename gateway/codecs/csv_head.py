"""The head of a CSV: what separates its cells, and whether a title stands above its header. Knows no rows."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.codecs.base import refuse
from gateway.codecs.table_place import LOOKED_ROWS, TablePlace, check_names, refuse_title
from gateway.validation.faults import printable

_DELIMITERS: Final = (",", ";", "\t", "|")
_QUOTED: Final = re.compile(r'"[^"]*(?:""[^"]*)*"')
_SEP_LINE: Final = re.compile(r'("?)sep=(.)\1\s*', re.IGNORECASE)
_APART: Final = re.compile(r"[\s,;|:^~]+")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class CsvHead:
    """Hold the delimiter, and whether a first line `sep=;` names it."""

    delimiter: str
    is_marked: bool = False


def read_head(text: str, place: TablePlace) -> CsvHead:
    """Return what the first lines of a CSV say; refuses a header that is none: a title, values, or one single cell."""
    lines = _LINE_END.split(text, LOOKED_ROWS + place.header)
    first = next((at for at, line in enumerate(lines) if line), 0)
    marked = _SEP_LINE.fullmatch(lines[first])
    given = marked[2] if marked else None
    if marked:
        first = next((at for at in range(first + 1, len(lines)) if lines[at].strip()), first)
    header = _record(lines, place.header - 1 if 0 < place.header <= len(lines) else first)
    if place.is_doubtful(cells := _cells(header, given)):
        records = ((at + 1, _cells(_record(lines, at), given)) for at in range(first + 1, len(lines)))
        number, _ = place.best(records)
        if number:
            refuse_title("line", cells, number)
        _check_json(text)
        _check_separator(cells, place)
        check_names(cells, place, given or _delimiter(header))
    return CsvHead(given or _delimiter(header), marked is not None)


def _check_json(text: str) -> None:
    """Refuse JSON that is said to be CSV."""
    if text.lstrip("\ufeff \r\n")[:1] in ("{", "["):
        refuse(
            "csv",
            "the body looks like JSON and was sent as CSV",
            expected="CSV with a header line",
            hint="send JSON with Content-Type: application/json, one object per line with application/x-ndjson",
        )


def _check_separator(cells: Sequence[str], place: TablePlace) -> None:
    """Refuse a header whose names are all in one cell."""
    if len(cells) == 1 and place.names_in(_APART.split(cells[0])) > 1:
        refuse(
            "header",
            f"the header is one cell: {printable(cells[0], 40)}",
            at="header",
            expected="comma, semicolon, tab or bar between the names",
            hint="separate the cells by commas, semicolons, tabs or bars, and put no whole line in quotes",
        )


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


def _cells(record: str, delimiter: str | None) -> list[str]:
    """Return the cells of a record, separated as it shows itself unless the file says how."""
    try:
        return next(csv.reader(record.splitlines(keepends=True), delimiter=delimiter or _delimiter(record)), [])
    except (ValueError, TypeError):  # `sep=` and a quote or a line end
        return []
