"""
Finds the number fields that are dummies: columns of True and False that `pandas.get_dummies` made of one column.

Most frameworks turn them into 1 and 0 and forget it, so only their names tell: `side_east`, `side_west`. A dummy takes
true and false as 1 and 0, which is what the training frame meant by them; of any other number they stay a fault that
names the key which admits them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from gateway.schema import Field

#: What `prefix_sep` usually is.
_SEPARATORS: Final = "_-=.:|/ "
#: Levels of columns with two values: `drop_first=True` leaves one dummy of these, without a sibling.
_OF_TWO: Final = frozenset(
    {"0", "1", "0.0", "1.0", "f", "false", "female", "m", "male", "n", "no", "off", "on", "t", "true", "y", "yes"}
)


def with_dummies(fields: Sequence[Field]) -> tuple[Field, ...]:
    """
    Return the fields, of which numbers that are dummies by name take true and false.

    `get_dummies` appends its columns: a dummy is in the run of separated names at the end, and shares what precedes a
    separator with a neighbour, or names one of two levels.
    """
    start = len(fields)
    while start and _is_candidate(fields[start - 1]):
        start -= 1
    shared = Counter(prefix for field in fields[start:] for prefix in _prefixes(field.name))
    return (*fields[:start], *(_marked(field, shared) for field in fields[start:]))


def _is_candidate(field: Field) -> bool:
    return field.type == "number" and field.enum is None and any(_prefixes(field.name))


def _prefixes(name: str) -> Iterator[str]:
    """Yield what precedes each separator, with it, where something follows."""
    for at in range(1, len(name) - 1):
        if name[at] in _SEPARATORS:
            yield name[: at + 1]


def _marked(field: Field, shared: Counter[str]) -> Field:
    has_sibling = any(shared[prefix] > 1 for prefix in _prefixes(field.name))
    is_of_two = any(field.name[len(prefix) :].lower() in _OF_TWO for prefix in _prefixes(field.name))
    return replace(field, booleans_as_numbers=True) if has_sibling or is_of_two else field
