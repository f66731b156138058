"""
Reads JSON that every reader understands alike: what is checked here is what a library in C++ reads out of the file.

Readers differ in names that stand twice, in names written with escapes, and in numbers that JSON does not have.
"""

import json
import re
from typing import Any, Final

#: Every text, with the colon behind it where it is a name.
_TEXTS: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)


def decode(data: bytes) -> Any:
    """Return the value of a whole file in UTF-8; raises ValueError or RecursionError."""
    found = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    if b"\\u" in data:
        odd = next((one[1] for one in _TEXTS.finditer(data) if one[2] is not None and b"\\u" in one[1]), None)
        if odd is not None:
            # XGBoost keeps the escape as it stands, and so reads another name.
            raise ValueError(f"the name {odd.decode('utf-8')[:40]!r} is written with escapes")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)[:40]!r} stands twice")
    return found
