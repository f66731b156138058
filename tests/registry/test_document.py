"""YAML as the registry reads it: positions, plain scalars without surprises, bounds on size and depth."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RegistryError
from gateway.registry.document import parse, read
from gateway.registry.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-7", -7),
        ("+3", 3),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("< 1 Year", "< 1 Year"),
        (".", "."),
        ("-", "-"),
    ],
)
def test_plain_scalars_mean_what_they_look_like(text: str, value: Any) -> None:
    """Only true, false, null and decimal numbers are more than text."""
    found = resolve(text)
    assert (type(found), found) == (type(value), value)


@given(st.one_of(st.integers(-(10**17), 10**17), st.floats(allow_nan=False, allow_infinity=False), st.booleans()))
def test_what_python_prints_is_read_back(value: Any) -> None:
    """A number or boolean survives being written into a registry."""
    assert resolve(str(value)) == value


def test_quotes_make_text() -> None:
    """A quoted scalar, a block and an explicit !!str are text whatever they hold."""
    root = parse(b"a: '1'\nb: |\n  2\nc: !!str 3\nd: \"true\"\ne: ''\n", "x").root
    assert root.plain == {"a": "1", "b": "2\n", "c": "3", "d": "true", "e": ""}


def test_keys_are_text() -> None:
    """A key such as no, 1 or null is the text that stands there."""
    assert parse(b"no: 1\n1: 2\nnull: 3\n", "x").root.plain == {"no": 1, "1": 2, "null": 3}


def test_values_know_their_place() -> None:
    """Lines and columns count characters, also behind a byte order mark and wide text."""
    root = parse("\ufeffé: 1\nroutes:\n  日本: [a, bcd]\n".encode(), "x").root
    item = root.data["routes"].value.data["日本"].value.data[1]
    assert (item.span.line, item.span.column, item.span.length) == (2, 10, 3)
    assert root.data["é"].key.column == 0


def test_aliases_stand_for_their_anchor() -> None:
    """An alias is the value of its anchor."""
    assert parse(b"a: &x {b: 1}\nc: *x\n", "x").root.plain == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a: 1\n---\nb: 2\n", "yaml-syntax"),
        (b"a: *x\n", "yaml-syntax"),
        (b"a: 'x\n", "yaml-syntax"),
        (b"[" * 100_000, "too-deep"),
        (b"a: " + b"{a: " * 100_000, "too-deep"),
        (b"- " * 100_000, "too-deep"),
        ("a: 1".encode("utf-16"), "not-utf8"),
        (b"a: \x00\n", "bad-character"),
        (b"", "empty-registry"),
        (b"---\n", "not-a-mapping"),
    ],
)
def test_hostile_or_broken_bytes_are_one_fault(data: bytes, code: str) -> None:
    """Whatever the bytes are, the answer is a report and never a traceback or a full stack."""
    with pytest.raises(RegistryError) as caught:
        document = parse(data, "x")
        if not isinstance(document.root.data, dict):
            document.fault(None, "not-a-mapping", "no mapping")
        document.finish()
    assert f"[{code}]" in caught.value.text


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_reported(data: bytes) -> None:
    """No input makes the reader raise anything but RegistryError."""
    try:
        parse(data, "x").finish()
    except RegistryError as error:
        assert error.text


@given(st.text(alphabet=" \n-:[]{}&*!|>'\"#?,ab1\t", max_size=80))
def test_any_yaml_like_text_parses_or_is_reported(text: str) -> None:
    """Text made of YAML's own characters finds no hole either."""
    try:
        parse(text.encode(), "x").finish()
    except RegistryError as error:
        assert error.text


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    """A path that is no file is said so."""
    with pytest.raises(RegistryError, match="1 fault"):
        read(tmp_path)
