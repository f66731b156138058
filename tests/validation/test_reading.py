"""`reading`: what a route reads beyond the default, and that each key is told by the fault that it cures."""

import re
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Fault, InputError
from gateway.registry.reading import merged
from gateway.registry.reading_keys import ReadingKeys
from gateway.schema import Batch, Field, Output, Signature
from gateway.validation import Validator
from gateway.validation.checks import compile_field
from gateway.validation.limits import Reject
from gateway.validation.number_hints import number_hint
from gateway.validation.reading import PLAIN, Reading

GERMAN = Reading(decimal=",", thousands=".")
SWISS = Reading(thousands="'")
FRENCH = Reading(decimal=",", thousands=" ")
ENGLISH = Reading(thousands=",")


def validator(reading: Reading, **keywords: Any) -> Validator:
    """Return the validator of one field."""
    field = Field(name="x", **keywords)
    return Validator(Signature(inputs=(field,), output=Output()), strict=True, reading=reading)


def read(reading: Reading, value: Any, *, text: bool = True, **keywords: Any) -> Any:
    """Return the value that the model gets, or the code of the fault; row and column must agree."""
    one = validator(reading, **keywords)
    try:
        found = one.rows([{"x": value}], text=text).columns[0][0]
    except InputError as error:
        found = error.faults[0].code
    if text:
        try:
            column = one.columns(["x"], [[value]]).columns[0][0]
        except InputError as error:
            column = error.faults[0].code
        assert column == found or (column != column and found != found)
    return found


@pytest.mark.parametrize(
    ("reading", "text", "value"),
    [
        (GERMAN, "13,6", 13.6),
        (GERMAN, "1.300", 1300.0),
        (GERMAN, "1.300,50", 1300.5),
        (GERMAN, "1.234.567,5", 1234567.5),
        (GERMAN, "-1.300", -1300.0),
        (GERMAN, "1,5E+03", 1500.0),
        (GERMAN, ",5", 0.5),
        (GERMAN, " 300 ", 300.0),
        (GERMAN, "1.30", "type"),
        (GERMAN, "13.6", "type"),
        (GERMAN, "0.300", "type"),
        (GERMAN, "12.34.567", "type"),
        (GERMAN, "1.300.5", "type"),
        (GERMAN, "1,300,5", "type"),
        (GERMAN, "1234.567", "type"),
        (Reading(decimal=","), "13,6", 13.6),
        (Reading(decimal=","), "1,300", 1.3),
        (Reading(decimal=","), "13.6", 13.6),
        (Reading(decimal=","), "0.142", 0.142),
        (Reading(decimal=","), "1.300", "type"),
        (Reading(decimal=","), "1.300,5", "type"),
        (ENGLISH, "1,300", 1300.0),
        (ENGLISH, "1,300.5", 1300.5),
        (ENGLISH, "13,6", "type"),
        (ENGLISH, "1,23,456", "type"),
        (ENGLISH, "13.6", 13.6),
        (SWISS, "1'300.5", 1300.5),
        (SWISS, "1\u2019300.5", 1300.5),
        (FRENCH, "1\u202f300,5", 1300.5),
        (FRENCH, "1\u00a0300,5", 1300.5),
        (FRENCH, "1 300,5", 1300.5),
        (FRENCH, "1 30", "type"),
        (PLAIN, "13,6", "type"),
        (PLAIN, "1,300", "type"),
        *((one, text, "type") for one in (GERMAN, ENGLISH) for text in ("13,6 %", "13.6%", "€ 5", "5 kg", "1_0", "")),
        (GERMAN, "nan", "not-finite"),
    ],
)
def test_a_number_of_another_country_is_read_exactly_or_refused(reading: Reading, text: str, value: Any) -> None:
    """Groups have three digits, the decimal sign stands once; what could mean two numbers is none."""
    assert read(reading, text or "-", type="number") == value


@settings(max_examples=50)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12))
def test_a_grouped_number_keeps_its_value(number: Any) -> None:
    """What the locales of seven countries write comes back as the number that was written."""
    english = f"{number:,}"
    written = {
        ENGLISH: english,
        GERMAN: english.translate(str.maketrans(",.", ".,")),
        FRENCH: english.translate(str.maketrans(",.", "\u202f,")),
        SWISS: english.replace(",", "'"),
    }
    for reading, text in written.items():
        assert read(reading, text, type="number") == float(number), text


@settings(max_examples=50)
@given(st.from_regex(r"\A[0-9]{1,4}[.,' ][0-9]{1,4}([.,][0-9]{1,4})?\Z"), st.sampled_from([GERMAN, ENGLISH]))
def test_a_separator_is_never_dropped_from_a_wrong_place(text: str, reading: Reading) -> None:
    """Where a text is read, writing the number in the notation again gives the text, but for zeros at its end."""
    value = read(reading, text, type="number")
    if isinstance(value, str):
        return
    whole, _, fraction = text.partition(reading.decimal)
    groups = whole.split(reading.thousands)
    assert len(groups) == 1 or (1 <= len(groups[0]) <= 3 and {len(one) for one in groups[1:]} == {3})
    assert value == float(f"{''.join(groups)}.{fraction or 0}")


NA = Reading(missing=("NA", "?", "#N/A", "null"))


@pytest.mark.parametrize(
    ("keywords", "value", "found"),
    [
        ({"type": "number", "nullable": True}, "NA", None),
        ({"type": "number", "nullable": True}, " NA ", None),
        ({"type": "integer", "nullable": True}, "#N/A", None),
        ({"type": "number", "required": False, "default": 7}, "?", 7),
        ({"type": "number"}, "NA", "empty"),
        ({"type": "number", "nullable": True}, "na", "type"),
        ({"type": "string", "nullable": True}, "NA", None),
        ({"type": "string", "enum": ("NA", "EU")}, "NA", "NA"),
        ({"type": "string", "enum": ("US", "EU"), "nullable": True}, "NA", None),
        ({"type": "boolean", "nullable": True}, "null", None),
        ({"type": "string", "missing": ("NA",)}, "NA", None),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_a_missing_word_is_an_empty_cell_unless_it_is_a_level(
    keywords: dict[str, Any], value: str, found: Any, text: bool
) -> None:
    """A level that the model knows, or that the registry names, beats a missing word; other words stay what they are."""
    seen = read(NA, value, text=text, **keywords)
    assert seen != seen if found is None else seen == found


@pytest.mark.parametrize(
    ("reading", "value", "found"),
    [
        (PLAIN, "300", "type"),
        (Reading(numbers_in_quotes=True), "300", 300),
        (Reading(numbers_in_quotes=True), " 13.6 ", 13.6),
        (Reading(numbers_in_quotes=True), "", "empty"),
        (Reading(numbers_in_quotes=True), "abc", "type"),
        (Reading(numbers_in_quotes=True, decimal=","), "13,6", 13.6),
        (PLAIN, True, "type"),
        (Reading(booleans_as_numbers=True), True, 1),
        (Reading(booleans_as_numbers=True), False, 0),
        (Reading(booleans_as_numbers=True), "TRUE", "type"),
        (Reading(booleans_as_numbers=True, numbers_in_quotes=True), "TRUE", 1),
    ],
)
def test_json_is_as_strict_as_the_registry_says(reading: Reading, value: Any, found: Any) -> None:
    """Numbers in quotes, and true and false for numbers, are admitted by a key each, and only by that."""
    assert read(reading, value, text=False, type="number") == found


def test_values_that_cannot_be_read_are_missing_only_where_that_is_said_and_counted() -> None:
    """As H2O converts them: counted by field; never where the model takes no missing value."""
    fields = (
        Field(name="n", nullable=True),
        Field(name="l", type="string", enum=("a", "b"), nullable=True),
        Field(name="z", type="number"),
    )
    reading = Reading(invalid_numbers="missing", unknown_levels="missing")
    one = Validator(Signature(inputs=fields, output=Output()), strict=True, reading=reading)
    table: list[list[str]] = [["1", "x", "x", ""], ["a", "b", "c", "a"], ["1", "1", "1", "1"]]
    batches: list[Batch] = [one.columns(["n", "l", "z"], table)]
    rows = [dict(zip("nlz", row, strict=True)) for row in zip(*table, strict=True)]
    batches.append(one.rows(rows, text=True))
    for batch in batches:
        assert np.isnan(batch.columns[0]).tolist() == [False, True, True, True]
        assert batch.invalid == {"n": 2, "l": 1}
    with pytest.raises(InputError) as refused:
        one.columns(["n", "l", "z"], [["1"], ["a"], ["x"]])
    assert [fault.field for fault in refused.value.faults] == ["z"]


def fault_of(reading: Reading, value: Any, text: bool, **keywords: Any) -> Fault:
    """Return the fault of a value."""
    with pytest.raises(InputError) as error:
        validator(reading, **keywords).rows([{"x": value}], text=text)
    return error.value.faults[0]


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize(
    ("keywords", "value", "readings"),
    [
        ({"type": "number"}, "13,6", [13.6]),
        ({"type": "number"}, "1,300", [1300.0, 1.3]),
        ({"type": "integer"}, "1,300,000", [1300000]),
        ({"type": "number"}, "1.300,50", [1300.5]),
        ({"type": "number"}, "1,300.50", [1300.5]),
        ({"type": "number"}, "1'300", [1300.0]),
        ({"type": "number"}, "1\u202f300,5", [1300.5]),
        ({"type": "number"}, "TRUE", [1.0]),
        ({"type": "number", "nullable": True}, "NA", [None]),
        ({"type": "number", "nullable": True}, "nan", [None]),
        ({"type": "number", "nullable": True}, "unknown", [None]),
        ({"type": "string", "enum": ("a", "b"), "nullable": True}, "N/A", [None]),
        ({"type": "string", "enum": ("a", "b"), "nullable": True}, "zebra", [None]),
    ],
)
def test_the_line_that_a_hint_tells_cures_its_fault(
    keywords: dict[str, Any], value: str, readings: list[Any], text: bool
) -> None:
    """Pasted as it stands, each `reading: {…}` of a hint is YAML that the registry takes, and the value is then read."""
    hint = fault_of(PLAIN, value, text, **keywords).hint or ""
    lines = re.findall(r"reading: \{.*?\}", hint)
    assert len(lines) == len(readings), hint
    for line, wanted in zip(lines, readings, strict=True):
        cured = merged(ReadingKeys(), ReadingKeys(**yaml.safe_load(line)["reading"]))
        found = read(cured, value, text=text, **keywords)
        assert found != found if wanted is None else found == wanted, line


@pytest.mark.parametrize(
    "value", ["13.6%", "€ 13.60", "13.60 EUR", "13 kg", "1,23,456", "(13)", "13-", "\u221213", "Total", ' "13"']
)
def test_what_stands_beside_a_number_is_told_and_never_guessed(value: str) -> None:
    """Percent, currency, unit, an Indian grouping, an accountant's minus: a hint, and no key that would drop them."""
    hint = fault_of(PLAIN, value, True, type="number").hint
    assert hint and "reading:" not in hint


def test_a_route_changes_single_keys_of_the_server() -> None:
    """Each key of the route beats that of the server; the others stay; `none` takes the separator away."""
    server = ReadingKeys(decimal=",", thousands=".", missing=("NA",))
    assert merged(server, ReadingKeys()) == Reading(decimal=",", thousands=".", missing=("NA",))
    own = ReadingKeys(thousands="none", missing=(), numbers_in_quotes=True)
    assert merged(server, own) == Reading(decimal=",", numbers_in_quotes=True)


@pytest.mark.parametrize(("text", "reading"), [("1.234e-05", Reading(",", ".")), ("1,234e3", Reading(".", ","))])
def test_a_power_of_ten_takes_no_thousands(text: str, reading: Reading) -> None:
    """A script writes 1.234e-05; with its point left out it would be a thousand times as much."""
    check = compile_field(Field(name="x"), reading).text
    with pytest.raises(Reject):
        check(text)
    assert check("1234e-05") == 0.01234
    hint = number_hint(text, reading, redact=False, json=False)
    assert hint == "write a number with a power of ten without separators of thousands"
