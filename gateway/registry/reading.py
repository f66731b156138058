"""Parse `reading` of the server and of routes, and merge the two key by key."""

import re
from dataclasses import asdict, replace
from typing import Final

from gateway.registry.checks import read_keys, section
from gateway.registry.keys import READING_KEYS
from gateway.registry.reading_keys import ReadingKeys
from gateway.registry.values import Document, Entries, Entry, texts_of
from gateway.validation.reading import Reading

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: What may separate thousands beside each decimal sign.
_OTHER: Final = {".": ",", ",": "."}


def read_reading(document: Document, entry: Entry, where: str, server: ReadingKeys) -> ReadingKeys:
    """Return the keys of one `reading`; notes what contradicts itself, alone or together with that of the server."""
    example = 'reading: {decimal: ",", missing: ["NA"]}'
    entries = section(document, entry.value, f"'reading' of {where}", example) or Entries()
    found = ReadingKeys(**read_keys(document, entries, READING_KEYS, f"'reading' of {where}"))
    _check_signs(document, entry, entries, merged(server, found), where)
    for word in (text for one in entries.all_of("missing") for text in texts_of(one.value)):
        if _NUMBER.fullmatch(word.raw.strip()):
            document.fault(
                word.span,
                "rules-contradict",
                f"the number {word.raw.strip()} cannot mean a missing value in every field",
                expected="words; a number is told for its own field, by `missing` there",
                fix="delete it",
            )
    return found


def _check_signs(document: Document, entry: Entry, entries: Entries, reading: Reading, where: str) -> None:
    if reading.decimal != reading.thousands:
        return
    own = next((entries[name].value.span for name in ("thousands", "decimal") if name in entries), entry.key)
    other = _OTHER[reading.decimal]
    document.fault(
        own,
        "rules-contradict",
        f"'{reading.decimal}' separates decimals and thousands in {where}",
        expected="two signs, or 'thousands: none'",
        fix=f'thousands: "{other}"' if "thousands" in entries else f'add `thousands: "{other}"`',
    )


def merged(server: ReadingKeys, route: ReadingKeys) -> Reading:
    """Return how a route reads: each key is that of the route, else that of the server, else the strict default."""
    said = {name: value for keys in (server, route) for name, value in asdict(keys).items() if value is not None}
    if said.get("thousands") == "none":
        said["thousands"] = ""
    return replace(Reading(), **said | ({"missing": tuple(said["missing"])} if "missing" in said else {}))
