"""What is said of a text that does not match the pattern of its key: code, expected form, and how to write it."""

from collections.abc import Mapping
from typing import Final

_A_RATE: Final = "a count, and a second, minute or hour: 100/s, 600/min, 1000/h (rows of a day: `daily`)"
PATTERNS: Final[Mapping[str, tuple[str, str, str]]] = {
    "name": ("bad-name", "a lower-case letter or digit, then letters, digits, '.', '_' or '-'", "name: my-model"),
    "accept_version": ("bad-version", "a version such as 1.3.2", 'accept_version: "1.3.2"'),
    "allow_types": ("bad-type", "package, modules and class", "write each as `gateway inspect` prints it"),
    "requests": ("bad-rate", _A_RATE, "requests: 100/s"),
    "rows": ("bad-rate", _A_RATE, "rows: 1000/s"),
    "sha256": ("bad-sha256", "64 hexadecimal digits", "take what `gateway describe` prints as sha256"),
}
