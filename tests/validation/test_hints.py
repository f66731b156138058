"""Hints: none changes a value, and one that could mean two things tells both."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, InputError
from gateway.schema import Field, Output, Signature
from gateway.validation import Validator

#: What a hint offers to be written instead: the text after a colon, or between "or".
NUMBER = re.compile(r"[+-]?\d*\.?\d+")


def fault(field: Field, value: object, *, redact: bool = False, text: bool = True) -> Fault:
    """Return the only fault of a value."""
    validator = Validator(Signature(inputs=(field,), output=Output()), strict=True, redact=redact)
    with pytest.raises(InputError) as error:
        validator.rows([{field.name: value}], text=text)
    (found,) = error.value.faults
    return found


def hint(value: object, kind: str = "number", *, redact: bool = False, text: bool = True) -> str:
    """Return the hint for a value of a numeric field."""
    return fault(Field(name="x", type=kind), value, redact=redact, text=text).hint or ""  # type: ignore[arg-type]


def offered(text: str) -> list[Fraction]:
    """Return the numbers that a hint offers."""
    return [Fraction(one) for one in NUMBER.findall(text)]


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize(
    ("value", "readings"),
    [
        ("13,6", ["13.6"]),
        ("0,300", ["0.300"]),
        ("1234,567", ["1234.567"]),
        ("-3,5", ["-3.5"]),
        (",5", ["0.5"]),
        ("1,300", ["1300", "1.3"]),
        ("-1,300", ["-1300", "-1.3"]),
        ("12,000", ["12000", "12"]),
        ("1,300,000", ["1300000"]),
        ("1,300.50", ["1300.5"]),
        ("1.300.000", ["1300000"]),
        ("1.300,50", ["1300.5"]),
        ("1 300", ["1300"]),
        ("1\u00a0300,5", ["1300.5"]),
        ("1\u202f300", ["1300"]),
        ("1'300", ["1300"]),
        ("12,34,567", []),
        ("1,2,3", []),
        ("13,6 kg", []),
        ("abc", []),
    ],
)
def test_a_hint_about_a_number_names_all_it_may_mean(kind: str, value: str, readings: list[str]) -> None:
    """Where a text has one reading the hint gives it, where it has two both, and otherwise none."""
    assert offered(hint(value, kind)) == [Fraction(one) for one in readings]
    assert offered(hint(value, kind, redact=True)) == []


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from(["", "-"]))
def test_three_digits_after_a_comma_are_never_decided(whole: int, rest: int, sign: str) -> None:
    """Whatever the digits are, `n,nnn` is told with both of its readings."""
    found = offered(hint(f"{sign}{whole},{rest:03}"))
    assert found == [Fraction(f"{sign}{whole}{rest:03}"), Fraction(f"{sign}{whole}.{rest:03}")]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_a_number_in_another_countrys_way_keeps_its_value(number: object) -> None:
    """Thousands and decimals as German, Swiss, French and English write them come back as the number that they are."""
    english = f"{number:,}"
    swap = str.maketrans(",.", ".,")
    written = [english.translate(swap), english.replace(",", "'"), english.replace(",", "\u202f").replace(".", ",")]
    for text in [english, *written]:
        if "," in text or "'" in text:
            assert offered(hint(text)) == [Fraction(str(number))], text


def test_a_fraction_for_a_whole_number_is_not_to_be_rounded() -> None:
    """A value that the field cannot take is told as such: nobody is asked to send another one."""
    told = hint("300.5", "integer")
    assert "round" not in told
    assert "type: number" in told


@pytest.mark.parametrize(
    ("value", "levels", "expected"),
    [
        ("older", ("Young", "Older"), "did you mean 'Older'?"),
        ("yES", ("yes", "Yes", "no"), "did you mean 'yes' or 'Yes'?"),
        ("Bachelor Degree", ("Bachelors Degree", "Masters Degree"), "did you mean 'Bachelors Degree'?"),
        ("grade A", ("grade B", "grade C"), "did you mean 'grade B' or 'grade C'?"),
        ("unmarried", ("married", "other"), None),
        ("male", ("female", "other"), None),
        ("128", ("1", "28", "12"), None),
        ("1.50", ("1.5", "1.55"), None),
    ],
)
def test_a_level_is_suggested_only_where_nothing_else_is_as_likely(
    value: str, levels: tuple[str, ...], expected: str | None
) -> None:
    """Levels as near as each other are both named; a number and an opposite are never offered for another."""
    assert fault(Field(name="x", type="string", enum=levels), value).hint == expected
