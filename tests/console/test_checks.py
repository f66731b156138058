"""What the script refuses before sending, the server refuses too, and in the same words; what it takes is sent exactly."""

import json
from pathlib import Path
from typing import Any

import pytest

from console.modules import call, needs_node
from gateway.console.fields import described
from gateway.schema import Field
from gateway.validation.checks import compile_field
from gateway.validation.explain import Refused, field_fault
from gateway.validation.limits import Reject

NUMBERS = [
    "0",
    "600",
    "601",
    "-0.5",
    "1e2",
    "0.10",
    ".5",
    "+7",
    "007",
    "5.",
    "12345678901234567890",
    "1e400",
    "abc",
    "1,5",
    "0x10",
    "٣",
    "3.0",
    " 4 ",
    "",
    "1_0",
    "nan",
]
TEXTS = ["", " ", "a", "abcd", "🙂🙂🙂", "N/A", "it's\n\"\\"]
LEVELS = ["", "red", "Red", "mars", "1", "2", "true", "false", "1.0"]
FIELDS: list[tuple[Field, list[str]]] = [
    (Field(name="x", minimum=0, maximum=600), NUMBERS),
    (Field(name="x", minimum=0.5, maximum=600, missing=(0, -9)), [*NUMBERS, "-9"]),
    (Field(name="x", exclusive_minimum=0, exclusive_maximum=600, nullable=True), NUMBERS),
    (Field(name="x", type="integer", minimum=0, maximum=600), NUMBERS),
    (Field(name="x", type="integer", required=False, default=3), NUMBERS),
    (Field(name="x", type="integer", required=False), NUMBERS),
    (Field(name="x", type="string", min_length=2, max_length=3), TEXTS),
    (Field(name="x", type="string", min_length=0, nullable=True, missing=("N/A",)), TEXTS),
    (Field(name="x", type="string", nullable=True), TEXTS),
    (Field(name="x", type="string", enum=("red", "1", "2")), LEVELS),
    (Field(name="x", type="string", enum=("red", "1"), unknown="missing", nullable=True), LEVELS),
    (Field(name="x", enum=(1, 2.5)), LEVELS),
    (Field(name="x", type="boolean"), LEVELS),
]

#: Digits of a whole number that the server names as such.
_LONG = 19


def _server(field: Field, read: dict[str, Any]) -> str:
    """Return the message with which the server refuses what would be sent; nothing where it takes it."""
    checks = compile_field(field)
    is_sent = read["value"] is not None or field.nullable
    value = json.loads(read["token"]) if is_sent else None
    try:
        checks.json(value) if is_sent else checks.absent()
    except Reject as reject:
        return field_fault(Refused(field, reject.code, value, "$.x", None, json=True), redact=False).message
    return ""


@needs_node
def test_local_faults_are_the_servers(tmp_path: Path) -> None:
    calls = [["read", described(field), text] for field, texts in FIELDS for text in [*texts, None]]
    found = iter(call("checks.js", calls, tmp_path))
    for field, texts in FIELDS:
        for text in [*texts, None]:
            read = next(found)
            told = _server(field, read)
            # Texts of numbers are told as they were typed: where there is one, the number itself is the same.
            assert bool(read["fault"]) <= bool(told) or read["token"] == "null", (field, text, read)
            if field.enum and field.type == "number":  # a word among them is no choice to people, and no number to JSON
                continue
            if read["fault"] and told and str(json.loads(read["token"])) == read["text"] and len(read["text"]) < _LONG:
                assert read["fault"].partition(" – ")[0] == told, (field, text, read)


@needs_node
@pytest.mark.parametrize("text", ["0.10", "1e2", "12345678901234567890", "-0", "1E-7"])
def test_a_number_is_sent_as_it_was_typed(text: str, tmp_path: Path) -> None:
    (read,) = call("checks.js", [["read", described(Field(name="x")), text]], tmp_path)
    assert read["token"] == text


@needs_node
def test_what_json_writes_otherwise_keeps_its_value(tmp_path: Path) -> None:
    texts = {
        "+7": 7,
        "007": 7,
        ".5": 0.5,
        "5.": 5,
        " 4 ": 4,
        "-.5e+3": -500,
        "-00.5": -0.5,
        "5.e1": 50,
        "+0": 0,
        "000": 0,
    }
    texts["+12345678901234567891"] = 12345678901234567891
    found = call("checks.js", [["read", described(Field(name="x")), text] for text in texts], tmp_path)
    assert [json.loads(read["token"]) for read in found] == list(texts.values())


@needs_node
def test_a_level_is_sent_with_all_its_digits(tmp_path: Path) -> None:
    """Whole numbers beyond 2^53 are one number for a script, and still the levels that they are."""
    levels = (9007199254740993, 9007199254740992, 2.5, 1e22)
    field = described(Field(name="x", type="number", enum=levels))
    found = call("checks.js", [["read", field, level["text"]] for level in field["levels"]], tmp_path)
    assert [json.loads(read["token"]) for read in found] == list(levels)
