"""Percent-encoded texts: the query of a request and the fields of a form. Knows no route."""

from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.errors import Fault, InputError
from gateway.rest.errors import RequestError
from gateway.validation import Source

#: A form is one instance, and takes up to forty times its size to be taken apart.
MAX_FORM_BYTES: Final = 2 * 1024 * 1024
MAX_FIELDS: Final = 10_000


def encoded_form(body: bytes) -> Source:
    """Read a form; raises RequestError 413 for a long one, InputError."""
    if len(body) > MAX_FORM_BYTES:
        raise RequestError(
            f"a form has at most {MAX_FORM_BYTES} bytes, this one has {len(body)}",
            code="form-too-large",
            hint="send the instance as application/json",
        )
    return encoded_texts("form", body)


def encoded_texts(kind: Any, encoded: bytes) -> Source:
    """Read a query or a form; a name that stands twice is noted. Raises InputError."""
    if not encoded:
        return Source(kind, {})
    if encoded.count(b"&") >= MAX_FIELDS:
        raise InputError([Fault(kind, "too-many-fields", f"the {kind} has more than {MAX_FIELDS} fields")])
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError([Fault(kind, "bad-encoding", f"the {kind} is not percent-encoded UTF-8: {error}")]) from error
    values: dict[str, Any] = {}
    repeated = set()
    for name, value in pairs:
        if name in values:
            repeated.add(name)
        else:
            values[name] = value
    return Source(kind, values, frozenset(repeated))
