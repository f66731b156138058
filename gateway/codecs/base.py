"""Decoded instances, the common result of all codecs. Knows no HTTP and no rule of a field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gateway.codecs.json_pointers import Locator
from gateway.errors import Fault, InputError


@dataclass(slots=True)
class Decoded:
    """
    Hold the instances of a body, not yet validated: each an object of fields or a list of values in order.

    `single` says that the client sent one instance and expects one answer. `text` says that numbers are written as
    text. `at` is the path of the only instance, or of the list of them; `locator` makes the paths of values that did
    not stand in rows there. `parameters` are options of the call found in the body (names that start with "_").
    `columns` are the names that all instances share where the body was a table.
    """

    instances: Sequence[Any]
    single: bool
    text: bool = False
    at: str = "$"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    locator: Locator | None = None
    columns: Sequence[str] = ()


def refuse(code: str, message: str, *, at: str = "$", expected: Any = None, hint: str | None = None) -> NoReturn:
    """Raise the one fault that makes a whole body unreadable."""
    raise InputError([Fault(at, code, message, expected, None, hint)])
