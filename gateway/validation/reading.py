"""
How a route reads texts beyond the default: numbers as other countries write them, words for missing values.

`Reading` is what the registry says under `reading`; `lenient` puts it before the checks of a field. Knows no messages.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from gateway.schema import Field
from gateway.validation.limits import Check, Empty, Reject

#: NaN, as every missing value; its identity tells that a value was sent and could not be read.
INVALID: Final = math.nan * 1.0
_NUMERIC: Final = ("number", "integer")
_BLANKS: Final = " \u00a0\u2009\u202f"
#: What separates thousands -> all characters that do; some programs write a blank that does not break.
SEPARATORS: Final = {",": ",", ".": ".", " ": _BLANKS, "'": "'\u2019"}


@dataclass(frozen=True, slots=True)
class Reading:
    """
    Hold how texts of a route are read.

    `decimal` separates decimals and `thousands` groups of three digits ("": nothing does), `missing` are words that
    mean an empty cell. The flags admit numbers in quotes in JSON, and true and false for 1 and 0. Where the last two
    are "missing", a text that is no number, and a level that the model does not know, count as missing values.
    """

    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    numbers_in_quotes: bool = False
    booleans_as_numbers: bool = False
    invalid_numbers: Literal["error", "missing"] = "error"
    unknown_levels: Literal["error", "missing"] = "error"

    @property
    def converts(self) -> bool:
        """Say whether values that cannot be read count as missing; they are counted."""
        return "missing" in (self.invalid_numbers, self.unknown_levels)

    def with_keys(self, **keys: Any) -> str:
        """Return the line of the registry that reads as this one does, with other values of some keys."""
        plain, said = asdict(PLAIN), {**asdict(self), **keys}
        pairs = [f"{name}: {_yaml(value)}" for name, value in said.items() if value != plain[name]]
        return f"reading: {{{', '.join(pairs)}}}"


PLAIN: Final = Reading()


def _yaml(value: Any) -> str:
    if value in ("error", "missing"):
        return str(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def lenient(field: Field, reading: Reading, checks: tuple[Check, Check], empty: Empty) -> tuple[Check, Check]:
    """Return the checks of a field (of JSON, of a text that is not empty) that read as `reading` says first."""
    json, text = checks
    is_numeric = field.type in _NUMERIC
    words = _words(field, reading)
    numeral = numerals(reading) if is_numeric else None
    takes_quotes = reading.numbers_in_quotes and field.type != "string"

    def read(value: str) -> Any:
        stripped = value.strip()
        if stripped in words:
            return empty()
        return text(value if numeral is None else numeral(stripped))

    def decoded(value: Any) -> Any:
        if type(value) is str:
            if value.strip() in words:
                return empty()
            if takes_quotes:
                return read(value) if value and not value.isspace() else empty()
        return json(value)

    tolerated = _tolerated(field, reading)
    return (_forgiving(decoded, tolerated), _forgiving(read, tolerated)) if tolerated else (decoded, read)


def _words(field: Field, reading: Reading) -> frozenset[str]:
    """Return the words that mean an empty cell in this field: what is declared as a value stays one."""
    declared = {str(one) for one in (*(field.enum or ()), *field.missing)}
    return frozenset(word for word in map(str.strip, reading.missing) if word not in declared)


def _tolerated(field: Field, reading: Reading) -> str:
    """Return the broken rule that makes a text of a field a missing value, where the field may be missing."""
    if not field.nullable:
        return ""
    if field.type in _NUMERIC and reading.invalid_numbers == "missing":
        return "type"
    return "enum" if field.type == "string" and reading.unknown_levels == "missing" else ""


def _forgiving(check: Check, tolerated: str) -> Check:
    def forgiven(value: Any) -> Any:
        try:
            return check(value)
        except Reject as reject:
            if reject.code == tolerated and isinstance(value, str):
                return INVALID
            raise

    return forgiven


def numerals(reading: Reading) -> Callable[[str], str] | None:
    """
    Return what writes a number with a decimal point and without separators, None where numbers are so already.

    It raises Reject for a text that has these characters in other places: 1.30 with `thousands: "."` is no number.
    """
    if reading.decimal == "." and not reading.thousands:
        return None
    separators = SEPARATORS.get(reading.thousands, "")
    decimal = re.escape(reading.decimal)
    groups = rf"[1-9][0-9]{{0,2}}(?:[{re.escape(separators)}][0-9]{{3}})+|" if separators else ""
    own = re.compile(rf"([+-]?)({groups}[0-9]+|(?={decimal}[0-9]))(?:{decimal}([0-9]*))?([eE][+-]?[0-9]+)?")
    drop = str.maketrans("", "", separators)
    special = re.compile(f"[,.{re.escape(separators)}]")

    def numeral(text: str) -> str:
        found = own.fullmatch(text)
        if found is not None:
            sign, whole, fraction, power = found.groups(default="")
            if power and not whole.isdecimal() and whole:  # 1.234e-05 of a script would be a thousand times as much
                raise Reject("type")
            return f"{sign}{whole.translate(drop) or '0'}{'.' + fraction if fraction else ''}{power}"
        if special.search(text) is None or (reading.thousands != "." and _has_one_reading(text)):
            return text
        raise Reject("type")

    return numeral


#: A number with a point that cannot separate thousands: clients of JSON and forms go on writing so.
_POINTED: Final = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_GROUPED: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")


def _has_one_reading(text: str) -> bool:
    return _POINTED.fullmatch(text) is not None and _GROUPED.fullmatch(text) is None


def pointed(reading: Reading, cells: Sequence[str]) -> Sequence[str] | None:
    """Return a whole column with decimal points; None where a cell needs a closer look."""
    joined = "\n".join(cells)
    special = SEPARATORS.get(reading.thousands, "") + ("." if reading.decimal == "," else "")
    if any(one in joined for one in special):
        return None
    if reading.decimal == ".":
        return cells
    found = joined.replace(",", ".").split("\n")
    return found if len(found) == len(cells) else None
