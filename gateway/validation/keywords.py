"""Name the limits of a field as JSON Schema does."""

from collections.abc import Mapping
from typing import Final

#: Attribute of a field -> keyword.
LIMITS: Final[Mapping[str, str]] = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
#: Keyword -> attribute of a field.
ATTRIBUTES: Final[Mapping[str, str]] = {keyword: name for name, keyword in LIMITS.items()}
