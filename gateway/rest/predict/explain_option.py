"""The option that asks for explanations: `_explain=true`, `_explain=5`, `Prefer: explain`. Knows no route."""

from typing import Any, Final

from gateway.answers.explanations import Explain
from gateway.codecs.json_shapes import kind_of
from gateway.errors import Fault, OptionError

#: Digits of a number of fields; no table has more columns.
_MOST_DIGITS: Final = 9


def explain_option(value: Any, at: str) -> Explain | None:
    """Read the option that asks for explanations, wherever it stood; raises OptionError."""
    if value is True or value == "true":
        return Explain()
    if value is None or value is False or value == "false":
        return None
    number = _number(value)
    if number:
        return Explain(number)
    name = at.rpartition(".")[2]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    sent = repr(value[:40]) if isinstance(value, str) else str(value)[:40] if is_number else kind_of(value)
    message = f"{name} is true, false or how many fields to name, from 1; not {sent}"
    raise OptionError([Fault(at, "option", message, ["true", "false", "a whole number from 1"])])


def _number(value: Any) -> int | None:
    """Return a whole number that is not negative; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value if type(value) is int and value >= 0 else None


def preferred_explain(header: str) -> Explain | None:
    """Read `explain` or `explain=5` of a header `Prefer`; what cannot be read is ignored, as RFC 7240 has it."""
    for part in header.split(","):
        name, _, value = part.partition(";")[0].partition("=")
        if name.strip().lower() == "explain":
            text = value.strip().strip('"').lower()
            number = _number(text)
            return Explain(number, preferred=True) if number or text in ("", "true") else None
    return None
