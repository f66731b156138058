"""What is said of a text that does not match the pattern of its key: code, expected form, and how to write it."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.security.limits import RATE_PATTERN

_A_RATE: Final = "a count, and a second, minute or hour: 100/s, 600/min, 1000/h (rows of a day: `daily`)"
PATTERNS: Final[Mapping[str, tuple[str, str, str]]] = {
    "name": ("bad-name", "a lower-case letter or digit, then letters, digits, '.', '_' or '-'", "name: my-model"),
    "accept_version": ("bad-version", "a version such as 1.3.2", 'accept_version: "1.3.2"'),
    "allow_types": ("bad-type", "package, modules and class", "write each as `gateway inspect` prints it"),
    "requests": ("bad-rate", _A_RATE, "requests: 100/s"),
    "rows": ("bad-rate", _A_RATE, "rows: 1000/s"),
    "sha256": ("bad-sha256", "64 hexadecimal digits", "take what `gateway describe` prints as sha256"),
}
#: Rates as people write them: a count, and the first letter of a unit, a second where there is none.
_LIKE_A_RATE: Final = re.compile(
    r"\s*([0-9][0-9_,]*)\s*(?:/|a|an|per)?\s*(s|sec|seconds?|m|mins?|minutes?|h|hours?)?\s*", re.I
)
_UNITS: Final = {"s": "s", "m": "min", "h": "h"}


def fix_of(name: str, text: str) -> str:
    """Return how a key is written, with what `text` probably means where that can be told."""
    found = _LIKE_A_RATE.fullmatch(text) if PATTERNS[name][0] == "bad-rate" else None
    if found is not None:
        count = found[1].replace("_", "").replace(",", "")
        meant = f"{count}/{_UNITS[(found[2] or 's')[0].lower()]}"
        if re.fullmatch(RATE_PATTERN, meant):
            return f"{name}: {meant}"
    return PATTERNS[name][2]
