"""
Word the faults of a table that is a file: codecs speak to clients, whose requests have bodies, headers and addresses.

A text of a codec that names any of these has its line here: tests/prepare/test_table_file.py looks at all of them.
"""

import re
from typing import Final

from gateway.errors import GatewayError

#: What a codec says -> what is to be said of a file. The first lines are whole fixes, the last ones single words.
_SAID: Final = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r", or name the charset: Content-Type: .*", ""),
        (r" and was sent as CSV", ", and its name ends as that of a CSV"),
        (r"send JSON with Content-Type: .*", "write one JSON object per line into a file that ends in .ndjson"),
        (r"form data needs Content-Type: .*", "write each line as a JSON object, or name a table *.csv"),
        (r"a table needs Content-Type: .*", "a table is named *.csv"),
        (r"add \?_header=(\d+) to the address.*", r"delete the lines above line \1"),
        (r"add \?\S+ to the address.*", "save that sheet, with its header in the first row, as a file of its own"),
        (r"several instances go into an array, or into .*", "each instance has a line of its own"),
        (r"send several instances as .*", "write each instance into a line of its own"),
        (r"send it in parts, or raise max_rows of the route", "take a sample of the rows"),
        (r"send it in parts", "take a sample of the rows"),
        (r"send it again", "try again"),
        (r"\bthe charset\b", "the encoding"),
        (r"\bsend\b", "write"),
        (r"\bthe (body|request)\b", "the file"),
    )
)


def said_of_file(text: str) -> str:
    """Return what a codec says of a body, said of a file."""
    for pattern, said in _SAID:
        text = pattern.sub(said, text)
    return text


def unreadable(name: str, message: str, hint: str | None) -> GatewayError:
    """Return the error of a file that cannot be read as a table, from what a codec says of it."""
    fix = hint or "save it again as CSV, NDJSON, XLSX or Parquet, as its name ends"
    return GatewayError(f"{name}: {said_of_file(message)}", code="table-unreadable", hint=said_of_file(fix))
