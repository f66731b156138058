"""The words of every fault: from a broken rule and a value to message, expectation and hint. Decides nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Fault
from gateway.schema import Field
from gateway.system.suggest import likely, listing
from gateway.validation.faults import printable, quoted, shown
from gateway.validation.number_hints import cure, number_hint, whole_hint
from gateway.validation.reading import PLAIN, Reading

_NOUNS = {"number": "a number", "integer": "a whole number", "string": "a text", "boolean": "true or false"}
#: Levels shown in a message; a field with hundreds of levels has a schema to look at.
_MAX_LEVELS = 20
_MAX_GUESSED = 64
_MAX_CANDIDATES = 1_000
#: What R, pandas, spreadsheets and databases write for a missing value; none is one before the registry says so.
_MISSING_WORDS = frozenset(
    {"na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "nat", "null", "none", "nil", "?", "-", "--", ".", "\\n"}
)
#: The registry's key for a number that is true or false.
_BOOLEAN = "the registry: inputs: {{'{0}': {{type: boolean}}}}"


@dataclass(frozen=True, slots=True)
class Refused:
    """
    Hold a refused value: the field, the broken rule, and the path.

    `json` says that it was decoded JSON, where numbers have no quotes; `reading` is how the route reads texts.
    """

    field: Field
    code: str
    value: Any
    at: str
    row: int | None
    json: bool
    reading: Reading = PLAIN


def field_fault(refused: Refused, *, redact: bool, guess: bool = True) -> Fault:
    """Write the fault of a field; `redact` keeps the value out of it, `guess` looks for the level that was meant."""
    field, code, value = refused.field, refused.code, refused.value
    subject = f"the value of {field.name}" if redact else quoted(value)
    message = _MESSAGES[code](field, subject, "" if redact else f" for {field.name}")
    if code == "empty" and isinstance(value, str) and value.strip():
        message = f"{subject} is a word for a missing value, and {field.name} must not be missing"
    got = None if redact or code in ("required", "empty") else shown(value)
    hint = _hint(refused, redact=redact) if guess or code != "enum" else None
    return Fault(refused.at, code, message, _expected(field, code), got, hint, field.name, refused.row)


_MESSAGES: dict[str, Callable[[Field, str, str], str]] = {
    "required": lambda f, v, of: f"{f.name} is required",
    "empty": lambda f, v, of: f"{f.name} must not be empty",
    "null": lambda f, v, of: f"{f.name} must not be null",
    "type": lambda f, v, of: f"{v} is not {_NOUNS[f.type]}{of}",
    "not-finite": lambda f, v, of: f"{v} is not a finite number{of}",
    "not-integer": lambda f, v, of: f"{v} is not a whole number{of}",
    "too-large": lambda f, v, of: f"{v} is out of the range of numbers{of}",
    "minimum": lambda f, v, of: f"{v} is below the minimum {_number(f.minimum)}{of}",
    "maximum": lambda f, v, of: f"{v} is above the maximum {_number(f.maximum)}{of}",
    "exclusive-minimum": lambda f, v, of: f"{v} is not greater than {_number(f.exclusive_minimum)}{of}",
    "exclusive-maximum": lambda f, v, of: f"{v} is not less than {_number(f.exclusive_maximum)}{of}",
    "enum": lambda f, v, of: f"{v} is not a valid choice{of}",
    "min-length": lambda f, v, of: f"{v} is shorter than {f.min_length} characters{of}",
    "max-length": lambda f, v, of: f"{v} is too long{of}",
    "pattern": lambda f, v, of: f"{v} does not have the expected form{of}",
    "text": lambda f, v, of: f"{v} holds a NUL character or half a surrogate pair{of}",
    "repeated": lambda f, v, of: f"{f.name} is given more than once",
    "alias": lambda f, v, of: f"{f.name} is given under two names",
}


def _number(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, float) and not value.is_integer() else str(value).removesuffix(".0")


def _expected(field: Field, code: str) -> Any:
    if field.enum is not None and code not in ("repeated", "alias"):
        levels = list(field.enum[:_MAX_LEVELS])
        more = len(field.enum) - len(levels)
        return [*levels, f"… and {more} more"] if more else levels
    expected: dict[str, Any] = {
        "minimum": f">= {_number(field.minimum)}",
        "exclusive-minimum": f"> {_number(field.exclusive_minimum)}",
        "maximum": f"<= {_number(field.maximum)}",
        "exclusive-maximum": f"< {_number(field.exclusive_maximum)}",
        "min-length": f"at least {field.min_length} characters",
        "max-length": f"at most {field.max_length} characters" if field.max_length else "a shorter text",
        "pattern": field.pattern,
        "repeated": "one value",
        "alias": "one of the names",
    }
    return expected.get(code, field.type)


def _hint(refused: Refused, *, redact: bool) -> str | None:
    field, code = refused.field, refused.code
    if code == "enum":
        return level_hint(refused.value, field.enum or ()) or _level_cure(refused, redact=redact)
    if code == "null" and not field.required:
        return "leave the field out"
    if code == "not-finite":
        return _gap_hint(refused, redact=redact) if field.nullable else None
    if code == "empty" and isinstance(refused.value, str) and refused.value.strip():
        return _no_gap(field)
    if code == "not-integer":
        return whole_hint(refused.value, refused.reading, redact=redact) or _fraction_hint(field)
    if code == "alias":
        return "keep one of " + ", ".join((field.name, *field.aliases))
    return _type_hint(refused, redact=redact) if code == "type" else None


def _fraction_hint(field: Field) -> str:
    if field.enum is not None:
        return "send one of the levels"
    if field.whole:
        return "only whole numbers are taken: the model itself reads this input as one, and would cut a fraction off"
    return "only whole numbers are taken; `type: number` for this field in the registry admits fractions"


def _type_hint(refused: Refused, *, redact: bool) -> str | None:
    field, value = refused.field, refused.value
    if isinstance(value, list):
        return "send the value without brackets; columns of several rows need a list for every field"
    if field.type in ("number", "integer"):
        name = printable(field.name)
        if isinstance(value, bool) or (isinstance(value, str) and value.strip().casefold() in ("true", "false")):
            if field.booleans_as_numbers:
                return f"in JSON true and false have no quotes{cure(refused.reading, numbers_in_quotes=True)}"
            keys = {"numbers_in_quotes": True} if refused.json and isinstance(value, str) else {}
            cured = cure(refused.reading, **keys, booleans_as_numbers=True)
            return f"true and false are no numbers here: send 1 or 0, or admit them by {_BOOLEAN.format(name)}{cured}"
        if isinstance(value, str) and len(value) <= _MAX_GUESSED:
            return _missing_hint(refused, redact=redact) or _number_hint(refused, redact=redact)
    if field.type == "string" and isinstance(value, int | float):
        return "put the text in double quotes"
    if field.type == "boolean":
        quoted_json = refused.json and isinstance(value, str) and value.strip().casefold() in ("true", "false")
        return "send true or false" + (cure(refused.reading, numbers_in_quotes=True) if quoted_json else "")
    return None


def _number_hint(refused: Refused, *, redact: bool) -> str | None:
    told = number_hint(refused.value, refused.reading, redact=redact, json=refused.json)
    if told is None and refused.field.nullable:
        cured = cure(refused.reading, invalid_numbers="missing")
        return f"send a number, or nothing where it is missing{cured}"
    return told


def _missing_hint(refused: Refused, *, redact: bool) -> str | None:
    """Tell how to send a missing value instead of the word that some program writes for it."""
    if refused.value.strip().casefold() not in _MISSING_WORDS:
        return None
    if refused.field.nullable or refused.field.default is not None:
        return _gap_hint(refused, redact=redact)
    return _no_gap(refused.field)


def _no_gap(field: Field) -> str:
    return f"the model takes no missing values: leave the row out, or give {field.name} a default"


def _gap_hint(refused: Refused, *, redact: bool) -> str:
    told = "send null (JSON) or nothing (text) for a missing value"
    if redact or not isinstance(refused.value, str):
        return told
    words = tuple(dict.fromkeys((*refused.reading.missing, refused.value.strip())))
    return told + cure(refused.reading, missing=words)


def _level_cure(refused: Refused, *, redact: bool) -> str | None:
    """Tell what in the registry makes a word, or every unknown level, a missing value."""
    field, value = refused.field, refused.value
    if not isinstance(value, str) or len(value) > _MAX_GUESSED:
        return None
    if value.strip().casefold() in _MISSING_WORDS:
        return _missing_hint(refused, redact=redact)
    if field.type != "string" or not field.nullable:
        return None
    return f"send one of the levels{cure(refused.reading, unknown_levels='missing')}"


def level_hint(value: Any, levels: Sequence[Any]) -> str | None:
    """Suggest the level that was probably meant, all where several are as likely; never another number."""
    word = str(shown(value)).strip()
    if not isinstance(value, str) or len(word) > _MAX_GUESSED or _is_number(word):
        return None
    meant = [one for one in likely(word, map(str, levels[:_MAX_CANDIDATES])) if not _is_opposite(word, one)]
    quotes = [f"'{one}'" for one in meant]
    return f"did you mean {listing(quotes)}?" if quotes else None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_opposite(word: str, level: str) -> bool:
    """Say whether the two words differ by a prefix: "unmarried" is not a misspelt "married"."""
    short, long = sorted((word.casefold(), level.casefold()), key=len)
    return short != long and long.endswith(short)
