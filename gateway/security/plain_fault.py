"""Faults of a mapping that a person wrote, in the words of a person: msgspec speaks of objects, arrays and `$`."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.system.suggest import did_you_mean

_KINDS: Final = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a mapping",
    "str": "a text",
}
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*?)`")
_OTHER: Final = re.compile(r"Expected `(.+?)`, got `(\w+)`")
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")


def told(error: msgspec.ValidationError, known: Iterable[str]) -> str:
    """Return what is wrong and where; `known` are the keys of the mapping itself."""
    text = str(error)
    found = _PLACE.search(text)
    place = "" if found is None else re.sub(r"\[\.\.\.\]|\.\.\.", "", found[1])
    text = text if found is None else text[: found.start()]
    if (missing := _MISSING.fullmatch(text)) is not None:
        return _at(place, f"{missing[1]} is missing")
    if (unknown := _UNKNOWN.fullmatch(text)) is not None:
        guess = did_you_mean(unknown[1], known) if not place else None
        return _at(place, f"the key {unknown[1][:40]!r} is unknown" + (f"; {guess}" if guess else ""))
    if (other := _OTHER.fullmatch(text)) is not None:
        wanted = " or ".join(_KINDS.get(one.strip(), one.strip()) for one in other[1].split("|"))
        return _at(place, f"expected {wanted}, not {_KINDS.get(other[2], other[2])}")
    return _at(place, text[:1].lower() + text[1:])


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text
