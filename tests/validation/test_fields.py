"""What a single value may be, per type, rule and kind of source."""

import math
from typing import Any

import numpy as np
import pytest

from gateway.errors import InputError, LoadError
from gateway.schema import Field, Output, Signature
from gateway.validation import Source, Validator

GOOD = object()


def check(field: Field, value: Any, *, text: bool = False, redact: bool = False) -> Any:
    """Return the checked value of a one-field instance, or its only fault."""
    validator = Validator(Signature(inputs=(field,), output=Output()), strict=True, redact=redact)
    try:
        batch = validator.rows([{field.name: value}], text=text, single=True)
    except InputError as error:
        assert error.total == 1, error.faults
        return error.faults[0]
    return batch.columns[0].tolist()[0]


def code(field: Field, value: Any, *, text: bool = False) -> str:
    """Return the code of the fault of a value, 'good' when there is none."""
    return getattr(check(field, value, text=text), "code", "good")


NUMBER = Field(name="x")
INTEGER = Field(name="x", type="integer")
RANGE = Field(name="x", minimum=0, exclusive_maximum=10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "good"),
        (1.5, "good"),
        (-0.0, "good"),
        (True, "type"),
        ("1", "type"),
        (None, "null"),
        ([], "type"),
        ({}, "type"),
        (math.nan, "not-finite"),
        (math.inf, "not-finite"),
        (10**400, "too-large"),
    ],
)
def test_json_numbers(value: Any, expected: str) -> None:
    """A JSON number is a finite number and nothing else."""
    assert code(NUMBER, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("106", 106.0),
        (" 1.5 ", 1.5),
        ("-1e-3", -0.001),
        (".5", 0.5),
        ("nan", "not-finite"),
        ("-inf", "not-finite"),
        ("Infinity", "not-finite"),
        ("1e999", "not-finite"),
        ("1_000", "type"),
        ("0x10", "type"),
        ("\u0661", "type"),
        ("3,5", "type"),
        ("abc", "type"),
        ("true", "type"),
        ("", "empty"),
        ("  ", "empty"),
        (5.0, 5.0),
        (None, "empty"),
    ],
)
def test_numbers_as_text(value: Any, expected: Any) -> None:
    """Text is a number if it is a plain decimal number; typed cells of a spreadsheet are judged like JSON."""
    found = check(NUMBER, value, text=True)
    assert getattr(found, "code", found) == expected


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (3, False, 3),
        (3.0, False, 3),
        (3.5, False, "not-integer"),
        (2**63 - 1, False, 2**63 - 1),
        (2**63, False, "too-large"),
        (1e300, False, "too-large"),
        (True, False, "type"),
        ("3", True, 3),
        ("3.0", True, 3),
        ("1e3", True, 1000),
        ("3.5", True, "not-integer"),
        ("9007199254740993", True, 9007199254740993),
        ("1" * 30, True, "too-large"),
        ("1" * 5000, True, "not-finite"),
    ],
)
def test_integers(value: Any, text: bool, expected: Any) -> None:
    """Integers are whole and fit into int64; 3.0 is whole."""
    found = check(INTEGER, value, text=text)
    assert getattr(found, "code", found) == expected
    assert not isinstance(found, float)


@pytest.mark.parametrize(
    ("field", "good", "bad", "expected"),
    [
        (Field(name="x", minimum=0), 0, -1e-300, "minimum"),
        (Field(name="x", maximum=1), 1, 1.0000000000000002, "maximum"),
        (Field(name="x", exclusive_minimum=0), 5e-324, 0, "exclusive-minimum"),
        (Field(name="x", exclusive_maximum=1), 0.9999999999999999, 1, "exclusive-maximum"),
        (Field(name="x", type="integer", exclusive_minimum=2), 3, 2, "exclusive-minimum"),
        (Field(name="x", type="integer", minimum=2**53 + 1), 2**53 + 1, 2**53, "minimum"),
        (Field(name="x", type="integer", exclusive_maximum=2**53 + 1), 2**53, 2**53 + 1, "exclusive-maximum"),
        (Field(name="x", enum=(1, 2.5)), 2.5, 2, "enum"),
        (Field(name="x", type="integer", enum=(1, 2)), 2, 3, "enum"),
        (Field(name="x", type="string", min_length=2), "ab", "a", "min-length"),
        (Field(name="x", type="string", max_length=2), "ab", "abc", "max-length"),
        (Field(name="x", type="string", pattern="^[a-z]+$"), "ab", "aB", "pattern"),
        (Field(name="x", type="string", pattern="a"), "a" * 1000, "a" * 1001, "max-length"),
        (Field(name="x", type="string"), "a", "a\0", "text"),
        (Field(name="x", type="string"), "ä", "\ud800", "text"),
        (Field(name="x", type="string"), "5", 5, "type"),
        (Field(name="x", type="string"), "a", "", "empty"),
        (Field(name="x", type="boolean"), True, 1, "type"),
        (Field(name="x", type="boolean", enum=(True,)), True, False, "enum"),
    ],
)
def test_limits(field: Field, good: Any, bad: Any, expected: str) -> None:
    """Every rule accepts its last good value and names itself for the first bad one."""
    assert code(field, good) == "good"
    assert code(field, bad) == expected


def test_levels_given_as_numbers() -> None:
    """A number stands for the level that its integer text is; "28.0" does so only in text."""
    field = Field(name="x", type="string", enum=("28", "3"))
    assert [check(field, value) for value in (28, 28.0, "28")] == ["28"] * 3
    assert [check(field, value, text=True) for value in ("28", "28.0", " 28. ")] == ["28"] * 3
    for value in (28.5, True, "28.0", 10**5000, math.nan):
        assert code(field, value) in ("enum", "type")


def test_booleans_as_text() -> None:
    """Text says true, false, 1 or 0."""
    field = Field(name="x", type="boolean")
    assert [check(field, value, text=True) for value in ("true", "FALSE", " 1", "0")] == [True, False, True, False]
    assert code(field, "yes", text=True) == "type"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (Field(name="x", minimum=10, missing=(0,)), 0, False),
        (Field(name="x", minimum=10, missing=(0,)), "0.00", True),
        (Field(name="x", missing=("NA", -9)), "NA", True),
        (Field(name="x", missing=("-9",)), -9.0, False),
        (Field(name="x", type="integer", missing=(-1,)), -1, False),
        (Field(name="x", type="string", missing=("?",)), "?", False),
        (Field(name="x", type="string", enum=("a",), missing=(-9,)), -9, False),
        (Field(name="x", type="string", enum=("a",), unknown="missing"), "b", False),
        (Field(name="x", enum=(1, 2), unknown="missing"), "3", True),
        (Field(name="x", nullable=True), None, False),
        (Field(name="x", nullable=True), "", True),
        (Field(name="x", required=False), "", True),
        (Field(name="x", type="string", nullable=True), "", False),
        (Field(name="x", type="boolean", nullable=True), None, False),
    ],
)
def test_missing_values_reach_the_model_as_nan(field: Field, value: Any, text: bool) -> None:
    """Codes, nulls, empty cells and tolerated unknown levels are NaN, before any range is looked at."""
    found = check(field, value, text=text)
    assert isinstance(found, float)
    assert math.isnan(found)


def test_defaults_fill_what_is_absent_or_empty() -> None:
    """A default stands for an absent field and an empty text, and never for a wrong value."""
    field = Field(name="x", default=7, minimum=0)
    validator = Validator(Signature(inputs=(field,), output=Output()), strict=True)
    assert validator.instance([]).columns[0].tolist() == [7.0]
    assert check(field, "", text=True) == 7.0
    assert code(field, None) == "null"
    assert code(field, -1) == "minimum"


def test_a_level_that_csv_escapes_is_known_again() -> None:
    """An answer in CSV puts an apostrophe before a level that a spreadsheet would run; other apostrophes mean nothing."""
    field = Field(name="x", type="string", enum=("=a", "-b c", "d", "'=e"))
    assert [check(field, value, text=True) for value in ("=a", "'=a", "'-b c", "'=e")] == ["=a", "=a", "-b c", "'=e"]
    assert [code(field, value, text=True) for value in ("'d", "'=x", "''=e", "'")] == ["enum"] * 4
    assert code(field, "'=a") == "enum"


def test_a_declared_empty_level_is_text() -> None:
    """An empty text is a value where the enum or minLength 0 says so."""
    assert check(Field(name="x", type="string", enum=("", "a")), "", text=True) == ""
    assert check(Field(name="x", type="string", min_length=0), "") == ""


@pytest.mark.parametrize("field", [Field(name="x", default="a"), Field(name="x", type="string", pattern="(")])
def test_impossible_rules_fail_at_load(field: Field) -> None:
    """A default that breaks its own rule, and a pattern that is none, are refused before any request."""
    with pytest.raises(LoadError):
        Validator(Signature(inputs=(field,), output=Output()), strict=True)


def test_messages() -> None:
    """A fault says what is wrong, what was expected and what was probably meant."""
    field = Field(name="age_group", type="string", enum=("Young", "Older"))
    fault = check(field, "older")
    assert (fault.at, fault.message) == ("$.age_group", "'older' is not a valid choice for age_group")
    assert (fault.expected, fault.got, fault.hint) == (["Young", "Older"], "older", "did you mean 'Older'?")
    comma = check(Field(name="x"), "3,5", text=True)
    assert comma.hint == 'use a decimal point: 3.5; or let the registry say for this route: reading: {decimal: ","}'
    quoted = (
        "in JSON a number has no quotes; or let the registry say for this route: reading: {numbers_in_quotes: true}"
    )
    assert check(Field(name="x"), " -3.5e2").hint == quoted
    assert [check(Field(name="x"), text).hint for text in ("old", "", "3" * 100_000)] == [None] * 3
    assert check(RANGE, -1).message == "-1 is below the minimum 0 for x"


@pytest.mark.parametrize("value", ["s3cret", "4711,5", -4711, 4711.5, ["s3cret"], math.nan])
@pytest.mark.parametrize("kind", ["number", "integer", "string", "boolean"])
def test_redacted_faults_hold_no_value(kind: Any, value: Any) -> None:
    """With `redact` nothing of a value shows in any part of its fault."""
    field = Field(name="x", type=kind, minimum=0, maximum=1, max_length=2)
    fault = check(field, value, redact=True)
    assert fault.got is None
    assert not any(part in repr(fault) for part in ("s3cret", "4711", "nan"))


def test_long_enums_are_cut() -> None:
    """A fault shows twenty levels and counts the rest."""
    fault = check(Field(name="x", type="string", enum=tuple(f"level{i}" for i in range(300))), "other")
    assert len(fault.expected) == 21
    assert fault.expected[-1] == "… and 280 more"


def test_column_types() -> None:
    """Columns have the dtype of their field; integers with a gap become float."""
    fields = tuple(
        Field(name=name, type=kind, nullable=True)  # type: ignore[arg-type]
        for name, kind in (("a", "number"), ("b", "integer"), ("c", "string"), ("d", "boolean"))
    )
    validator = Validator(Signature(inputs=fields, output=Output()), strict=True)
    full = {"a": 1, "b": 2, "c": "t", "d": True}
    assert [str(c.dtype) for c in validator.rows([full], text=False).columns] == ["float64", "int64", "object", "bool"]
    gaps = validator.rows([full, dict.fromkeys("abcd")], text=False).columns
    assert [str(column.dtype) for column in gaps] == ["float64", "float64", "object", "object"]
    assert all(isinstance(column, np.ndarray) and column[1] != column[1] for column in gaps)


def test_sources_are_merged_per_field() -> None:
    """JSON beats query beats form, field by field; text sources may carry unknown names."""
    fields = tuple(Field(name=name) for name in "abc")
    validator = Validator(Signature(inputs=fields, output=Output()), strict=True)
    sources = [
        Source("form", {"a": "31", "b": "32", "c": "33", "other": "x"}),
        Source("query", {"a": "21", "b": "22"}),
        Source("json", {"a": 11}),
    ]
    assert [column.tolist() for column in validator.instance(sources).columns] == [[11.0], [22.0], [33.0]]
