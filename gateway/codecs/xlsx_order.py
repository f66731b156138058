"""
Refuse sheets of XLSX in which a row or a cell stands twice, or a row behind a later one.

The parser keeps the last of them, at the place of the first: a request would be answered for fewer rows than it sent.
Spreadsheet programs call such a file damaged.
"""

import re
from typing import Final

from gateway.codecs.base import refuse

# A row with its number, and a row or a cell with its place; nothing is looked for beyond the next "<".
_ROW: Final = re.compile(rb"<(?:[\w.-]+:)?row(?=\s)[^<>]*?\sr\s*=\s*[\"']\s*([0-9]{1,12})")
_PLACE: Final = re.compile(
    rb"<(?:[\w.-]+:)?(?:row|c)(?=\s)[^<>]*?\sr\s*=\s*[\"']\s*([A-Za-z]{0,8})([0-9]{1,12})\s*[\"']"
)
#: Bytes of a row that are kept until its end has come.
_LONGEST_ROW: Final = 256 * 1024
_NEAR: Final = 32 * 1024


class Order:
    """Look at the places of rows and cells, block by block."""

    def __init__(self) -> None:
        self._rest = b""
        self._last = 0

    def feed(self, block: bytes, *, repeats: bool) -> None:
        """
        Look at the complete rows so far; raises InputError.

        `repeats` says that two attributes of the block are alike, as those of a cell that stands twice are: to look at
        every cell of every block would take a fifth of the time of reading.
        """
        data = self._rest + block
        end = max(data.rfind(b"<row"), data.rfind(b":row"), 0)
        self._check_rows(data[:end])
        # The row that the last block cut may repeat a cell of its first part in its second.
        _check_places(data if repeats else data[: min(end, len(self._rest) + _NEAR)])
        self._rest = data[end:][-_LONGEST_ROW:]

    def end(self) -> None:
        """Look at the rest; raises InputError."""
        self._check_rows(self._rest)
        _check_places(self._rest)

    def _check_rows(self, data: bytes) -> None:
        for text in _ROW.findall(data):
            if int(text) <= self._last:
                _refuse(f"row {int(text)}")
            self._last = int(text)


def _check_places(data: bytes) -> None:
    seen: set[tuple[bytes, bytes]] = set()
    for letters, number in _PLACE.findall(data):
        if (letters, number) in seen:
            _refuse(f"{'cell' if letters else 'row'} {(letters + number).decode()}")
        seen.add((letters, number))


def _refuse(what: str) -> None:
    refuse(
        "xlsx",
        f"{what} stands twice in a sheet, or behind a later one",
        expected="rows and cells in order, each once",
        hint="open and save the workbook in a spreadsheet program, and send what it makes of it",
    )
