"""Lines of comma-separated values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.positional_line import parse_line
from gateway.errors import InputError


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("1,106,70", ["1", "106", "70"]),
        (" 1 ,\t106 , 70 \r\n", ["1", "106", "70"]),
        ("1,,", ["1", "", ""]),
        ('"a, b" , "say ""hi""",c', ["a, b", 'say "hi"', "c"]),
        ('"",5" pipe', ["", '5" pipe']),
    ],
)
def test_lines_of_values(line: str, values: list[str]) -> None:
    """A line splits at commas outside quotes, blanks around values do not count."""
    assert parse_line(line) == values


@pytest.mark.parametrize("line", ['"a', '"a" b', '"a"b,c', '1,"', " "])
def test_lines_that_cannot_be_split(line: str) -> None:
    """Open quotes and text behind a quote are faults."""
    with pytest.raises(InputError):
        parse_line(line)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1))
def test_quoted_lines_come_back(values: list[str]) -> None:
    """Every list of texts survives quoting and splitting."""
    line = ",".join('"{}"'.format(value.replace('"', '""')) for value in values)
    assert parse_line(line) == values
