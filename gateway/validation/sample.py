"""Generate a plausible instance of a signature that the route accepts: /routes shows it, preparing times it."""

from collections.abc import Iterator
from typing import Any

from gateway.errors import LoadError
from gateway.schema import MISSING, Column, Field, Scalar, Signature, make_column
from gateway.validation.checks import compile_field
from gateway.validation.limits import Reject, limits_of

#: Whole numbers up to here are written without a point.
_EXACT = 2**53
_WORDS = ("some text", "a", "A", "abc", "ABC", "1", "12345", "A1", "a-1", "2024-01-31", "a@example.org")


def sample(signature: Signature) -> dict[str, Scalar]:
    """Return one instance: examples first, then defaults, levels and bounds."""
    return {field.name: plausible(field) for field in signature.inputs}


def sample_row(signature: Signature) -> list[Column]:
    """Return the same instance as columns in predictor order."""
    return [make_column(field.column_type, [plausible(field)]) for field in signature.inputs]


def plausible(field: Field) -> Scalar:
    """Return the first candidate that the field accepts and that does not mean "missing"."""
    first = next(_candidates(field))
    try:
        check = compile_field(field).json
    except LoadError:
        return first
    return next((value for value in _candidates(field) if _is_taken(check, value)), first)


def _is_taken(check: Any, value: Scalar) -> bool:
    try:
        return check(value) is not MISSING
    except Reject:
        return False


def _candidates(field: Field) -> Iterator[Scalar]:
    yield from field.examples
    if field.default is not None:
        yield field.default
    yield from field.enum or ()
    if field.type == "boolean":
        yield from (True, False)
    elif field.type == "string":
        yield from (word for text in _WORDS for word in (text, _fitted(text, field)))
    else:
        yield from _numbers(field)


def _fitted(text: str, field: Field) -> str:
    """Return a text whose length the field accepts."""
    length = max(len(text), field.min_length or 0)
    return (text * (length // len(text) + 1))[: min(length, field.max_length or length)]


def _numbers(field: Field) -> Iterator[Scalar]:
    """Yield numbers, the simplest first: the middle of a range, its ends, and values just inside."""
    low = field.minimum if field.minimum is not None else field.exclusive_minimum
    high = field.maximum if field.maximum is not None else field.exclusive_maximum
    middle = (low + high) / 2 if low is not None and high is not None else None
    ends = [one for one in (middle, low, high) if one is not None] or [1]
    steps = (0, 1, -1, 0.5, -0.5, 2, -2)
    limits = limits_of(field)
    for value in (*(end + step for step in steps for end in ends), limits.low, limits.high):
        if field.type == "integer" or (float(value).is_integer() and abs(value) <= _EXACT):
            yield int(value)
        else:
            yield float(value)
