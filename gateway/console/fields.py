"""Fields of a signature as controls of a form: which control, what the script has to know, the rules in words."""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from gateway.console.number_text import number_text
from gateway.console.ranges import range_of
from gateway.console.value_text import number_of, value_text
from gateway.schema import Field, Scalar
from gateway.validation.keywords import LIMITS
from gateway.validation.sample import plausible

Control: TypeAlias = Literal["number", "integer", "text", "select", "boolean"]
#: Keywords that go to the script as they are -> their names there.
_KEYWORDS: Final = {
    "required": "required",
    "nullable": "nullable",
    "default": "default",
    "unit": "unit",
    "title": "title",
    "description": "description",
    **LIMITS,
    "unknown": "unknown",
}

#: Numbers as HTML has them: `+5`, `5.` and ` 5` are some for people and the route.
_SHOWN: Final = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
#: Characters of a text that needs no more than a line.
_SHORT_TEXT: Final = 100


def control_of(field: Field) -> Control:
    """Return the kind of control of a field."""
    if field.enum is not None:
        return "select"
    if field.type == "string":
        return "text"
    return field.type


def described(field: Field) -> dict[str, Any]:
    """Return a field as the script gets it; values are typed as JSON has them."""
    shown: dict[str, Any] = {"name": field.name, "control": control_of(field), "type": field.type}
    shown |= {name: getattr(field, keyword) for keyword, name in _KEYWORDS.items()}
    shown["integer"] = field.type == "integer"
    shown["levels"] = _levels(field)
    shown["range"] = found = range_of(field)
    shown["step"] = None if found is None else found["step"]
    for name in ("examples", "aliases", "missing"):
        shown[name] = list(getattr(field, name))
    return shown


def _levels(field: Field) -> list[dict[str, Any]] | None:
    if control_of(field) == "boolean":
        return [{"value": one, "text": value_text(one)} for one in (True, False)]
    return None if field.enum is None else [{"value": one, "text": value_text(one)} for one in field.enum]


def level_texts(field: Field) -> list[str]:
    """Return the texts of the levels of a field, none where it has no levels."""
    return [level["text"] for level in _levels(field) or ()]


def typed(field: Field, text: str) -> Scalar | None:
    """Return the JSON value that the text of a control stands for; None where only the route can read the text."""
    control = control_of(field)
    if control in ("number", "integer"):
        return number_of(text)
    if control == "text":
        # A form sends line ends as CR LF, the script as LF: both are the same text.
        return text.replace("\r\n", "\n") or None
    levels = (True, False) if control == "boolean" else field.enum or ()
    return next((level for level in levels if value_text(level) == text), None)


def help_of(field: Field) -> str:
    """Return the rules of a field in words."""
    parts = [*_range_words(field), *_length_words(field)]
    if field.default is not None:
        parts.append(f"default {value_text(field.default)}")
    elif not field.required and not field.nullable:
        parts.append("optional")
    if field.missing:
        parts.append(f"{', '.join(map(value_text, field.missing))} means missing")
    if field.enum is not None and field.unknown == "missing":
        parts.append("any other value counts as missing")
    if field.unused:
        parts.append("has no influence on the answer")
    return " · ".join(parts)


def _range_words(field: Field) -> list[str]:
    low, high = field.minimum, field.maximum
    whole = ["whole number"] if field.type == "integer" and field.enum is None else []
    if low is not None and high is not None:
        return [*whole, f"{number_text(low)} to {number_text(high)}"]
    words = [
        ("at least", low),
        ("above", field.exclusive_minimum),
        ("at most", high),
        ("below", field.exclusive_maximum),
    ]
    return whole + [f"{word} {number_text(limit)}" for word, limit in words if limit is not None]


def _length_words(field: Field) -> list[str]:
    words = []
    if field.max_length is not None:
        least = f"{number_text(field.min_length)} to " if field.min_length else "up to "
        words.append(f"{least}{number_text(field.max_length)} characters")
    elif field.min_length is not None and field.min_length > 1:
        words.append(f"at least {number_text(field.min_length)} characters")
    if field.pattern is not None:
        words.append(f"pattern {field.pattern}")
    return words


@dataclass(slots=True)
class FieldView:
    """Hold what the template shows of one field: its place in the form, the text of its control, its faults."""

    id: str
    field: Field
    text: str
    faults: list[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name."""
        return self.field.name

    @property
    def control(self) -> Control:
        """Return the kind of control."""
        return control_of(self.field)

    @property
    def help(self) -> str:
        """Return the rules in words."""
        return help_of(self.field)

    @property
    def range(self) -> dict[str, Any] | None:
        """Return where a slider may go."""
        return range_of(self.field)

    @property
    def levels(self) -> list[str]:
        """Return the texts of the levels."""
        return level_texts(self.field)

    @property
    def is_strange(self) -> bool:
        """Say whether the text is none of the levels, and not empty."""
        return self.control in ("select", "boolean") and self.text not in ("", *self.levels)

    @property
    def is_number(self) -> bool:
        """Say whether a number box can show the text: it shows nothing at all for others."""
        return not self.text or (_SHOWN.fullmatch(self.text) is not None and number_of(self.text) is not None)

    @property
    def rows(self) -> int:
        """Return the lines of a text area."""
        longest = self.field.max_length
        return 1 if longest is not None and longest <= _SHORT_TEXT else 4

    @property
    def may_be_empty(self) -> bool:
        """Say whether a select offers to choose nothing."""
        return self.field.nullable or self.field.default is not None or not self.field.required or not self.text

    @property
    def empty_word(self) -> str:
        """Return what choosing nothing means."""
        if self.field.nullable:
            return "missing"
        return "choose…" if self.field.required else "not given"

    @property
    def described_by(self) -> str:
        """Return the ids of the elements that describe the control."""
        return f"{self.id}-help {self.id}-fault" if self.faults else f"{self.id}-help"


def views(fields: tuple[Field, ...], texts: Mapping[str, str], faults: Mapping[str, list[str]]) -> list[FieldView]:
    """Return the fields of a form with the texts that were sent, under a name or an alias; none is replaced."""
    return [
        FieldView(f"f{at}", one, _text_of(one, texts), list(faults.get(one.name, ()))) for at, one in enumerate(fields)
    ]


def _text_of(field: Field, texts: Mapping[str, str]) -> str:
    """Return what was sent for a field; where nothing was, the default that the route takes."""
    return next((texts[name] for name in (field.name, *field.aliases) if name in texts), value_text(field.default))


def first_texts(fields: tuple[Field, ...]) -> dict[str, str]:
    """Return what a form shows before anybody wrote into it: an instance that the route accepts."""
    return {field.name: value_text(_finite(plausible(field))) for field in fields}


def _finite(value: Scalar) -> Scalar | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
