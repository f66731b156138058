"""Why a body is not the JSON it should be: position, expectation, hint. Runs only when decoding failed."""

import codecs
import json
import re
from typing import Any, NoReturn

from gateway.codecs.base import refuse
from gateway.codecs.json_size import count

_NESTING = "the JSON is nested too deeply"
#: Strings are skipped, so that a word inside a text is not taken for a literal.
#: Possessive: a text without an end would be walked back character by character, and cost 100 bytes for each.
_LITERALS = re.compile(r'"(?:[^"\\]++|\\.)*+"|(-?\b(?:NaN|Infinity|inf|nan|True|False|None|undefined)\b)')
_WORD = re.compile(r"-?\b(?:NaN|Infinity|inf|nan|True|False|None|undefined)\b")
_LITERAL_HINTS = {
    "True": "write true",
    "False": "write false",
    "None": "write null",
    "undefined": "write null, or leave the field out",
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
#: Bodies up to this size are parsed again by the standard library, whose messages are the most precise.
_SHORT = 64 * 1024
#: Bytes around the fault that are looked at in a longer body.
_AROUND = 200
_POSITION = re.compile(r"(?:JSON is malformed: )?(.*?) \(byte (\d+)\)")
_WIDE_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def explain_body(body: bytes, problem: Exception) -> NoReturn:
    """Raise the fault with the reason why `body` could not be decoded; `problem` is the error of the decoder."""
    if not body.strip():
        refuse("empty-body", "the body is empty", expected="JSON", hint='send an object of fields, or {"data": […]}')
    if body.startswith(_WIDE_BOMS) or b"\0" in body[:4]:
        refuse("encoding", "the body is not UTF-8", expected="UTF-8", hint="save it as UTF-8 (it looks like UTF-16/32)")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the body is not UTF-8: byte {error.start} (0x{body[error.start]:02x}) is invalid"
        refuse("encoding", message, expected="UTF-8", hint="save it as UTF-8 (it looks like Latin-1 or Windows-1252)")
    if isinstance(problem, RecursionError):
        refuse("json-depth", _NESTING, hint="an instance is an object of scalars")
    if len(body) > _SHORT:
        _explain_long(body, problem)
    literal = _literal(text)
    try:
        json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        _explain_syntax(text, error, literal)
    except RecursionError:
        refuse("json-depth", _NESTING, hint="an instance is an object of scalars")
    except ValueError:
        refuse("json-number", "a number of the JSON has too many digits", expected="a 64-bit number")
    if literal is not None:
        _refuse_literal(literal[1], _place(text, literal.start()))
    if "out of range" in str(problem):
        refuse("json-number", "a number of the JSON is too large", expected="a 64-bit number")
    if _SURROGATE.search(text):
        refuse("json", "a text of the JSON holds half a surrogate pair (\\uD8xx)", expected="whole characters")
    refuse("json", f"the body is not valid JSON: {problem}", expected="JSON (RFC 8259)")


def _explain_long(body: bytes, problem: Exception) -> NoReturn:
    """Describe the error of the decoder, with the bytes around its position."""
    if "out of range" in str(problem):
        refuse("json-number", "a number of the JSON is too large", expected="a 64-bit number")
    said = _POSITION.fullmatch(str(problem))
    if said is None:
        hint = "the end is missing: was the body cut off?" if "truncated" in str(problem) else None
        refuse("json", f"the body is not valid JSON: {problem}", expected="JSON (RFC 8259)", hint=hint)
    position = int(said[2])
    before = body[max(0, position - _AROUND) : position].decode("utf-8", "replace")
    text = before + body[position : position + _AROUND].decode("utf-8", "replace")
    line = count(body[:position], b"\n") + 1
    column = len(body[body.rfind(b"\n", 0, position) + 1 : position].decode("utf-8", "replace")) + 1
    place = f"line {line}, column {column}"
    literal = _WORD.match(text, max(0, len(before) - 1)) or _WORD.match(text, len(before))
    if literal is not None:
        _refuse_literal(literal[0], place)
    error = json.JSONDecodeError(_SAME.get(said[1], ""), text + " …", len(before))
    message = f"the body is not valid JSON: {said[1]} ({place})"
    refuse("json", message, expected="JSON (RFC 8259)", hint=_syntax_hint(error.doc, error))


def _literal(text: str) -> re.Match[str] | None:
    """Find the first literal of another language outside strings."""
    return next((found for found in _LITERALS.finditer(text) if found[1]), None)


def _refuse_literal(word: str, place: str) -> NoReturn:
    hint = _LITERAL_HINTS.get(word, "send null for a missing value")
    refuse("json-literal", f"{word} is not JSON ({place})", expected="JSON", hint=hint)


def _explain_syntax(text: str, error: json.JSONDecodeError, literal: re.Match[str] | None) -> NoReturn:
    if literal is not None and literal.start() <= error.pos <= literal.end():
        _refuse_literal(literal[1], _place(text, literal.start()))
    message = f"the body is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]} ({_place(text, error.pos)})"
    refuse("json", message, expected="JSON (RFC 8259)", hint=_syntax_hint(text, error))


#: The text before and after the position of a syntax error (marked by a NUL) shows the likely cause.
_HINTS = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        (r"\0(//|/\*|#)", "JSON has no comments"),
        (r"\0'", "use double quotes"),
        (r",\0[}\]]|\0,\s*[}\]]", "remove the comma before the closing bracket"),
        (r",\0,", "remove one of the two commas"),
        (r"\0\Z", "the end is missing: was the body cut off?"),
        (r"\0[A-Za-z_]\w*\s*:", "put the names of fields in double quotes"),
        (r"\0[A-Za-z_][\w.]*=", "form data needs Content-Type: application/x-www-form-urlencoded"),
        (r"\A\0[A-Za-z_\"][^\r\n{}:]*[,;\t]", "a table needs Content-Type: text/csv"),
        (r"\0[+.0-9]", "a number starts with '-' or a digit, and with 0 only before a point"),
        (r"[\w\"}\]]\0\"", "a comma is missing before it"),
    )
)
_MESSAGE_HINTS = {
    "Invalid control character at": "write line breaks inside a text as \\n",
    "Extra data": "send one JSON value; several instances go into an array, or into lines of application/x-ndjson",
    "Invalid \\escape": "write a backslash as \\\\",
}


#: The decoder's words -> those of the standard library.
_SAME = {"trailing characters": "Extra data", "invalid escape character in string": "Invalid \\escape"}


def _syntax_hint(text: str, error: json.JSONDecodeError) -> str | None:
    known = _MESSAGE_HINTS.get(error.msg)
    if known is not None:
        return known
    before = text[max(0, error.pos - 50) : error.pos].rstrip()[-1:]
    around = f"{before}\0{text[error.pos : error.pos + 50].lstrip()}"
    return next((hint for pattern, hint in _HINTS if pattern.search(around)), None)


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def reject_duplicates(body: bytes) -> None:
    """Raise a fault if an object of a valid JSON body names a key twice."""

    def pairs(items: list[tuple[str, Any]]) -> None:
        found = dict(items)
        if len(found) < len(items):
            seen: set[str] = set()
            name = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            refuse(
                "duplicate-key",
                f"the key {json.dumps(name[:80])} stands twice in one object",
                expected="each key once",
                hint="keep one of them: readers of JSON disagree on which counts",
            )

    try:
        # Huge integers are read as text: only the keys matter here.
        json.loads(body, object_pairs_hook=pairs, parse_int=str)
    except RecursionError:
        refuse("json-depth", _NESTING, hint="an instance is an object of scalars")
