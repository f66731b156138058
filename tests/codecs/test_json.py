"""JSON bodies: dialects, what is refused and why, and JSON out."""

import codecs
import json as stdlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.json import encode, parse
from gateway.codecs.json_codec import JsonCodec
from gateway.errors import Fault, InputError
from gateway.schema import Field, Output, Signature

CODEC = JsonCodec.of(Signature(inputs=tuple(Field(name=name) for name in "abc"), output=Output()), id_fields=("ID",))
TEXT = JsonCodec.of(Signature(inputs=(Field(name="query", type="string"),), output=Output()))


def fault(body: bytes, codec: JsonCodec = CODEC) -> Fault:
    """Return the fault of a body."""
    with pytest.raises(InputError) as error:
        codec.decode(body)
    assert error.value.total == 1
    return error.value.faults[0]


@pytest.mark.parametrize(
    ("body", "instances", "single", "text", "at"),
    [
        (b'{"a": 1}', [{"a": 1}], True, False, "$"),
        (b"{}", [{}], True, False, "$"),
        (codecs.BOM_UTF8 + b'{"a": 1}\r\n', [{"a": 1}], True, False, "$"),
        (b'[{"a": 1}]', [{"a": 1}], False, False, "$"),
        (b"[[1, 2, 3], [4, 5, 6]]", [[1, 2, 3], [4, 5, 6]], False, False, "$"),
        (b'{"data": "1, 2,3"}', [["1", "2", "3"]], True, True, "$.data"),
        (b'{"data": [1, 2, 3]}', [[1, 2, 3]], True, False, "$.data"),
        (b'{"data": [[1, 2, 3]]}', [[1, 2, 3]], False, False, "$.data"),
        (b'{"instances": [{"a": 1}]}', [{"a": 1}], False, False, "$.instances"),
        (b'{"instances": [[1, 2, 3]]}', [[1, 2, 3]], False, False, "$.instances"),
    ],
)
def test_dialects(body: bytes, instances: list[Any], single: bool, text: bool, at: str) -> None:
    """Every documented shape of a body gives its instances and remembers where they stood."""
    found = CODEC.decode(body)
    assert (found.instances, found.single, found.text, found.at) == (instances, single, text, at)


def test_options_are_parameters() -> None:
    """Names that start with an underscore are options of the call, in every dialect of an object."""
    assert CODEC.decode(b'{"a": 1, "_explain": true}').parameters == {"_explain": True}
    assert CODEC.decode(b'{"instances": [{"a": 1}], "_on_error": "skip"}').parameters == {"_on_error": "skip"}


def test_one_text_field_takes_its_text_whole() -> None:
    """Where the only input is text, commas belong to it and instances may be bare texts."""
    assert TEXT.decode(b'{"data": "well, that was fun"}').instances == [["well, that was fun"]]
    assert TEXT.decode(b'{"instances": ["a", "b"]}').instances == [["a"], ["b"]]


def test_declared_fields_beat_dialect_words() -> None:
    """A route with a field called data or instances reads that field."""
    signature = Signature(inputs=(Field(name="data"), Field(name="x", aliases=("instances",))), output=Output())
    codec = JsonCodec.of(signature)
    for body in (b'{"data": 1, "x": 2}', b'{"data": 1, "instances": [2]}'):
        assert codec.decode(body).instances == [stdlib.loads(body)]


@pytest.mark.parametrize(
    ("body", "code", "says", "hint"),
    [
        (b"", "empty-body", "empty", '{"data"'),
        (b" \r\n", "empty-body", "empty", '{"data"'),
        (b"{'a': 1}", "json", "line 1, column 2", "double quotes"),
        (b'{"a": 1,}', "json", "column", "comma"),
        (b"[1, 2,]", "json", "column", "comma"),
        (b"[1,,2]", "json", "column 4", "two commas"),
        (b'{"a": NaN}', "json-literal", "NaN is not JSON (line 1, column 7)", "null"),
        (b'{"t": "NaN",\n "a": -Infinity}', "json-literal", "-Infinity is not JSON (line 2, column 7)", "null"),
        (b'{"a": True}', "json-literal", "True", "write true"),
        (b'{"a": None}', "json-literal", "None", "write null"),
        (b'{"a": 1', "json", "column 8", "cut off"),
        (b'{"a": 1} {"a": 2}', "json", "extra data", "array"),
        (b'{"a": 1 "b": 2}', "json", "','", "comma is missing"),
        (b"{a: 1}", "json", "double quotes", "names of fields"),
        (b'{"a": 1 // one\n}', "json", "column 9", "no comments"),
        (b'{"a": .5}', "json", "column 7", "digit"),
        (b'{"a": 01}', "json", "column", "0 only before a point"),
        (b'{"a": "x\ny"}', "json", "control character", "\\n"),
        (b'{"a": "\\x"}', "json", "escape", "backslash"),
        (b"a=1&b=2", "json", "column 1", "x-www-form-urlencoded"),
        (b'{"a": "\xe4"}', "encoding", "byte 7 (0xe4)", "Latin-1"),
        ('{"a": 1}'.encode("utf-16"), "encoding", "UTF-8", "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "encoding", "UTF-8", "UTF-16"),
        ('{"a": 1}'.encode("utf-32"), "encoding", "UTF-8", "UTF-16/32"),
        (b'{"a": "\\ud800"}', "json", "surrogate", None),
        (b'{"a": 1e400}', "json-number", "too large", None),
        (b'{"a": ' + b"1" * 5000 + b"}", "json-number", "too many digits", None),
        (b"[" * 100_000, "json-depth", "deeply", None),
        (b'{"a":' * 100_000, "json-depth", "deeply", None),
        (b'{"a": 1, "a": 1}', "duplicate-key", '"a"', "keep one"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate-key", '"a"', "keep one"),
        (b'[{"a": 1}, {"b": ":", "b": 2}]', "duplicate-key", '"b"', "keep one"),
        (b'{"instances": [{"a": 1, "a": 2}]}', "duplicate-key", '"a"', "keep one"),
        (b'{"a": {"x": 1, "x": 2}}', "duplicate-key", '"x"', "keep one"),
        (b"5", "json-type", "a number alone", None),
        (b'"text"', "json-type", "a text alone", None),
        (b"null", "json-type", "null alone", None),
        (b"[]", "empty-batch", "no instances", None),
        (b'{"data": []}', "empty-batch", "no instances", None),
        (b'{"instances": []}', "empty-batch", "no instances", None),
        (b"[1, 2, 3]", "json-type", "a number", '{"data"'),
        (b'[{"a": 1}, [1]]', "mixed-batch", "a list follows an object", None),
        (b'{"data": 5}', "json-type", "a number", None),
        (b'{"data": [1], "x": 2}', "unknown-field", '"x"', 'send {"data":[1]}'),
        (b'{"data": ""}', "positional", "empty", None),
        (b'{"data": "1,2\\n3,4"}', "positional", "line break", "text/csv"),
    ],
)
def test_what_is_refused_and_why(body: bytes, code: str, says: str, hint: str | None) -> None:
    """A body that is no instance is one fault: what, where, and how to repair it."""
    found = fault(body)
    assert found.code == code
    assert says in found.message
    assert hint is None or hint in (found.hint or "")
    assert hint is not None or not found.hint or "instance" in found.hint


def test_places_of_bad_elements() -> None:
    """The fault of a batch points at the element."""
    assert fault(b'{"instances": [[1], {"a": 1}]}').at == "$.instances[1]"
    assert fault(b"[null]").at == "$[0]"


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=5)
    ),
    max_leaves=12,
)


def without_nonfinite(value: Any) -> Any:
    """Replace NaN and infinities by None."""
    if isinstance(value, dict):
        return {key: without_nonfinite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nonfinite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(VALUES)
def test_encoding_equals_the_standard_library(value: Any) -> None:
    """What is encoded reads as what the standard library writes, to the last bit, with null for NaN and infinity."""
    expected = stdlib.dumps(without_nonfinite(value))
    found = stdlib.loads(encode(value), parse_constant=pytest.fail)
    assert stdlib.dumps(found) == expected


def test_numpy_is_encoded_as_plain_json() -> None:
    """Scalars and arrays of numpy are numbers, booleans and lists, NaN among them null."""
    value = {"f": np.float64(0.1), "n": np.float32("nan"), "i": np.int64(3), "b": np.bool_(True), "a": np.arange(2.0)}
    assert encode(value) == b'{"f":0.1,"n":null,"i":3,"b":true,"a":[0.0,1.0]}'


def test_lone_surrogates_are_escaped() -> None:
    """A text that no encoding can carry does not stop an answer."""
    assert stdlib.loads(encode({"x": ["\ud800", math.nan, np.float64(1)]})) == {"x": ["\ud800", None, 1.0]}


@given(VALUES)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    """Decoding finds what encoding wrote, and sees no duplicate keys where there are none."""
    plain = without_nonfinite(value)
    assert repr(parse(encode(plain))) == repr(plain)


WORDS = [
    "true",
    "null",
    "NaN",
    "Infinity",
    '"a":',
    '"data":',
    '"instances":',
    "\\u0061",
    "\\ud800",
    "1e999",
    '"x"',
    "[[",
]
FRAGMENTS = st.sampled_from([*"{}[],:\"\\ 019-+.eE\n\ufeffä'\0", *WORDS, "//", "{}"])


@given(
    st.one_of(
        st.binary(max_size=40),
        st.lists(FRAGMENTS, max_size=25).map(lambda parts: "".join(parts).encode()),
        VALUES.map(encode),
        VALUES.map(lambda value: encode({"data": value})),
        VALUES.map(lambda value: encode({"instances": value})),
    )
)
def test_arbitrary_bodies_raise_nothing_but_input_errors(body: bytes) -> None:
    """Whatever the bytes are, they are instances or an InputError that can be written as JSON."""
    for codec in (CODEC, TEXT):
        try:
            decoded = codec.decode(body)
        except InputError as error:
            for found in error.faults:
                f"{found.at}{found.message}{found.hint}".encode()
        else:
            assert decoded.instances
            assert all(isinstance(row, list | dict) for row in decoded.instances)
            assert not decoded.single or len(decoded.instances) == 1


PAIRS = st.lists(
    st.tuples(st.text(st.sampled_from('ab:"é'), max_size=3), st.sampled_from(["1", '"x:y"', '"\\":"', "{}"])),
    max_size=6,
)


@given(PAIRS, PAIRS)
def test_duplicate_keys_are_found_exactly(first: list[tuple[str, str]], second: list[tuple[str, str]]) -> None:
    """A batch is refused for a duplicate key if and only if an object has one."""
    objects = [
        "{" + ",".join(f"{stdlib.dumps(key)}:{value}" for key, value in pairs) + "}" for pairs in (first, second)
    ]
    doubled = any(len(dict(pairs)) < len(pairs) for pairs in (first, second))
    try:
        parse(f"[{','.join(objects)}]".encode())
    except InputError as error:
        assert doubled
        assert error.faults[0].code == "duplicate-key"
    else:
        assert not doubled
