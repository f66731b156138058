"""Wording of single values: sizes as people write them, and values as messages name them."""

import re
from typing import Any, Final

#: Values longer than this are cut in messages.
_LONGEST: Final = 40
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
_UNITS: Final = {
    "b": 1,
    **{name: 1000**power for power, name in enumerate(("kb", "mb", "gb"), 1)},
    **{name: 1024**power for power, name in enumerate(("kib", "mib", "gib"), 1)},
}

#: How a value of each kind of key is written.
EXAMPLES: Final = {
    "text": "text",
    "text_or_list": "text",
    "flag": "true",
    "number": "1.5",
    "integer": "1",
    "bytes": "32MiB",
    "scalar": "1",
    "scalars": "[a, b]",
    "one_or_more": "0",
    "bounds": "[1, 4]",
    "texts": "[a, b]",
    "text_or_texts": "[a, b]",
}


def parse_size(text: str) -> int | None:
    """Return the number of bytes of `32MiB` or `1.5 GB`; None for any other text."""
    match = _SIZE.fullmatch(text)
    factor = _UNITS.get(match[2].lower()) if match else None
    return None if match is None or factor is None else int(float(match[1]) * factor)


def kind_of(data: Any) -> str:
    """Name a value as a person would."""
    match data:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "empty"
        case bool():
            return f"'{str(data).lower()}'"
        case str() if len(data) > _LONGEST:
            return f"'{data[: _LONGEST - 3]}...'"
        case _:
            return f"'{data}'"
