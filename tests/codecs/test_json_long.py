"""JSON bodies that are long and wrong: told as well as short ones, in one pass and little memory."""

import tracemalloc

import pytest

from gateway.codecs.json import parse
from gateway.errors import Fault, InputError

LONG = b"[" + b"1," * 50_000


def fault_of(body: bytes) -> Fault:
    """Return the one fault of a body."""
    with pytest.raises(InputError) as refused:
        parse(body)
    (fault,) = refused.value.faults
    return fault


@pytest.mark.parametrize(
    ("end", "code", "words", "hint"),
    [
        (b"NaN]", "json-literal", "NaN is not JSON (line 1, column 100002)", "send null"),
        (b"-Infinity]", "json-literal", "-Infinity is not JSON", "send null"),
        (b"True]", "json-literal", "True is not JSON", "write true"),
        (b"'a']", "json", "(line 1, column 100002)", "use double quotes"),
        (b"1,]", "json", "trailing comma", "remove the comma"),
        (b"1", "json", "truncated", "was the body cut off?"),
        (b'"a', "json", "truncated", "was the body cut off?"),
        (b"1] 2", "json", "trailing characters", "several instances go into an array"),
        (b'"\\q"]', "json", "invalid escape", "write a backslash as"),
        (b"1e999]", "json-number", "too large", None),
        (b"9" * 100_000 + b"]", "json-number", "too large", None),
        (b"[" * 100_000, "json-depth", "nested too deeply", "an object of scalars"),
        (b'\n\n{"a": \xff}]', "encoding", "not UTF-8", "save it as UTF-8"),
    ],
)
def test_a_long_body_is_told_what_is_wrong(end: bytes, code: str, words: str, hint: str | None) -> None:
    """The fault at the end of a long body has the code, the place and the hint that it has in a short one."""
    fault = fault_of(LONG + end)
    assert fault.code == code
    assert words in fault.message
    assert (fault.hint is None) if hint is None else (hint in str(fault.hint))


@pytest.mark.parametrize("body", [b'{"a":"' + b"x" * 4_000_000, b'["' + b"\\" * 4_000_000, b'["' * 2_000_000])
def test_a_cut_text_takes_no_more_memory_than_the_body(body: bytes) -> None:
    """A body that ends inside a text is refused within a few copies of it; it took a hundred bytes a character."""
    tracemalloc.start()
    try:
        assert fault_of(body).code == "json"
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
    finally:
        tracemalloc.stop()
