"""Examples of a route as whole instances, for buttons that fill its form."""

from dataclasses import dataclass
from typing import Final

from gateway.schema import Field, Scalar
from gateway.validation.sample import plausible

#: Buttons of a form.
MOST: Final = 6
#: Characters of a text on a button.
_LONG: Final = 40


@dataclass(frozen=True, slots=True)
class Example:
    """Hold one instance and the text of its button."""

    title: str
    values: dict[str, Scalar]


def examples_of(fields: tuple[Field, ...]) -> list[Example]:
    """
    Return the examples of the registry: the first of each field together, then the second, and so on.

    A field with fewer examples keeps its last one.
    """
    count = min(MOST, max((len(one.examples) for one in fields), default=0))
    return [_example(fields, at, count) for at in range(count)]


def example_option(fields: tuple[Field, ...]) -> str:
    """Return the name under which a button sends the number of its example: one that no input has."""
    taken = {name for field in fields for name in (field.name, *field.aliases)}
    option = "_example"
    while option in taken:
        option = f"_{option}"
    return option


def _example(fields: tuple[Field, ...], at: int, count: int) -> Example:
    values = {
        one.name: one.examples[min(at, len(one.examples) - 1)] if one.examples else plausible(one) for one in fields
    }
    text = str(next(iter(values.values()))) if len(values) == 1 else ""
    short = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
    return Example(short or ("Fill in the example" if count == 1 else f"Example {at + 1}"), values)
