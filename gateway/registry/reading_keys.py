"""Keys of `reading`: how texts of requests are read, for the server or for one route."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from gateway.registry.key_definition import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingKeys:
    """Hold a `reading`; keys that are None say nothing: those of the server hold, then the strict defaults."""

    decimal: Annotated[
        Literal[".", ","] | None, Key("what separates decimals in texts; a point that can mean nothing else still does")
    ] = None
    thousands: Annotated[
        Literal["none", ",", ".", " ", "'"] | None,
        Key("what separates groups of three digits in texts; a blank also stands for those that do not break"),
    ] = None
    missing: Annotated[
        tuple[str, ...] | None,
        Key("words that mean an empty cell, unless they are levels of the field", "text_or_texts"),
    ] = None
    numbers_in_quotes: Annotated[
        bool | None, Key("whether a text in JSON may be a number, or true or false, as it may in a form")
    ] = None
    booleans_as_numbers: Annotated[bool | None, Key("whether true and false are 1 and 0 for numbers")] = None
    invalid_numbers: Annotated[
        Literal["error", "missing"] | None, Key("what a text that is no number becomes, where the value may be missing")
    ] = None
    unknown_levels: Annotated[
        Literal["error", "missing"] | None, Key("what a level outside `enum` becomes, where the value may be missing")
    ] = None


#: Says nothing: the strict defaults hold.
STRICT: Final = ReadingKeys()
