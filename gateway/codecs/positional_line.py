"""One line of comma-separated values ("1,106,70") as a list of texts. Knows nothing of fields."""

import re

from gateway.codecs.base import refuse

# Both run in linear time: neither can match the same characters in two ways.
_BLANKS = re.compile(r"[ \t]*")
_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"')


def parse_line(line: str, *, at: str = "$.data") -> list[str]:
    """Split a line at its commas; blanks around values and double quotes as in CSV are understood."""
    line = line.strip("\r\n")
    if "\n" in line or "\r" in line:
        hint = 'send several instances as {"data": [[…], […]]} or as text/csv'
        refuse("positional", "a line of values must not contain a line break", at=at, hint=hint)
    if not line.strip():
        refuse("positional", "the line of values is empty", at=at, expected='values such as "1,106,70"')
    if '"' not in line:
        return [value.strip() for value in line.split(",")]
    return _parse_quoted(line, at)


def _parse_quoted(line: str, at: str) -> list[str]:
    values: list[str] = []
    position = -1
    while position < len(line):
        position = _skip_blanks(line, position + 1)
        if line.startswith('"', position):
            quoted = _QUOTED.match(line, position)
            if quoted is None:
                hint = 'double a quote inside a quoted value: "say ""hi"""'
                refuse("positional", f"the quote at character {position + 1} is not closed", at=at, hint=hint)
            values.append(quoted[1].replace('""', '"'))
            position = _skip_blanks(line, quoted.end())
            if position < len(line) and line[position] != ",":
                message = f"a comma is missing after the quoted value (character {position + 1})"
                refuse("positional", message, at=at, expected="a comma or the end")
        else:
            end = line.find(",", position)
            end = len(line) if end < 0 else end
            values.append(line[position:end].rstrip())
            position = end
    return values


def _skip_blanks(line: str, position: int) -> int:
    blanks = _BLANKS.match(line, position)
    return position if blanks is None else blanks.end()
